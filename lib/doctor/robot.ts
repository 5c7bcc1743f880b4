import { isKilohertzError } from '../errors/errors.ts';
import { Franka } from '../franka/franka.ts';
import type { RobotMode } from '../native/contract.ts';
import type { RobotState } from '../native/robot-state.ts';
import { Check, type DoctorFinding } from './findings.ts';
import type { Machine, Printed } from './machine.ts';

/** How many packets are sent. */
const PINGS = 200;
/** The longest round trip that is no reason to worry, and the longest with which an arm can be driven [ms]. */
const ROUND_TRIP_MS = { good: 0.3, unfit: 1 } as const;

/** What a mode of the arm means for somebody who wants to drive it. */
const MODES: Readonly<Record<RobotMode, { readonly found: string; readonly mend?: string }>> = {
  Idle: { found: 'its brakes are open, it waits for a motion' },
  Move: {
    found: 'something moves it',
    mend: 'end the other program, or what runs in Desk',
  },
  Guiding: { found: 'a person guides it', mend: 'let go of the guiding button' },
  Reflex: {
    found: 'a reflex has stopped it',
    mend: 'remove the cause, then kilohertz recover --robot ADDRESS',
  },
  UserStopped: { found: 'the user stop is pressed', mend: 'release the user stop' },
  AutomaticErrorRecovery: { found: 'it recovers from an error', mend: 'wait, then look again' },
  Other: {
    found: 'it is in none of the known modes, as with closed brakes',
    mend: 'in Desk: unlock the joints, switch to execution, activate FCI',
  },
};

/** Looks at the way to the arm, and at what the arm says of itself. Nothing moves. */
export async function robotFindings(
  machine: Machine,
  address: string,
  host: string,
  signal: AbortSignal | undefined,
): Promise<DoctorFinding[]> {
  const way = await roundTrip(machine, host);
  const check = new Check(
    'fci',
    'connection to the arm (FCI)',
    'Without FCI the arm takes no commands of this computer.',
  );
  try {
    await using arm = await Franka.connect(address, signal ? { signal } : {});
    const { generation, serverVersion, foreignDatagrams } = arm;
    const state = await arm.state();
    const strangers =
      foreignDatagrams > 0 ? `; ${foreignDatagrams} datagrams came from other hosts` : '';
    const found = `${generation.toUpperCase()}, FCI version ${serverVersion}${strangers}`;
    const fci =
      foreignDatagrams > 0
        ? check.usable(found, 'a network of its own for the arm: one cable, no switch')
        : check.good(found);
    return [way, fci, mode(state), errors(state), load(state), endEffector(state)];
  } catch (error) {
    if (signal?.aborted || !isKilohertzError(error)) throw error;
    const mend = 'in Desk: unlock the joints, activate FCI; then see docs/real-arm.md';
    return [way, check.unfit(`${error.code}: ${error.message}`, mend)];
  }
}

async function roundTrip(machine: Machine, host: string): Promise<DoctorFinding> {
  const check = new Check(
    'round-trip',
    'round trip and loss',
    'The way there, the answer and the way back share one millisecond. A lost packet is a lost command.',
  );
  const told =
    (await pinged(machine, host, '0.01', PINGS)) ??
    (await pinged(machine, host, '0.2', PINGS / 10));
  if (!told) return check.unknown('ping is not installed', 'sudo apt install iputils-ping');
  const loss = Number(/([\d.]+)% packet loss/.exec(told.text)?.[1] ?? Number.NaN);
  const times = /=\s*([\d.]+)\/([\d.]+)\/([\d.]+)/.exec(told.text)?.slice(1).map(Number) ?? [];
  const [, mean = Number.NaN, longest = Number.NaN] = times;
  if (Number.isNaN(loss)) return check.unknown(`ping says: ${told.text.split('\n')[0]}`);
  const cable = 'one cable to the control box, no switch, no USB adapter, no Wi-Fi';
  if (loss > 0) return check.unfit(`${loss} % of the packets got lost`, cable);
  const found = `${mean} ms, at most ${longest} ms; no packet of ${PINGS} was lost`;
  if (longest <= ROUND_TRIP_MS.good) return check.good(found);
  const mend = `${cable}; see the findings on coalescing and energy-efficient Ethernet`;
  return longest < ROUND_TRIP_MS.unfit ? check.usable(found, mend) : check.unfit(found, mend);
}

/** Pings; undefined if that is not possible, as with too short a pause for some versions of ping. */
async function pinged(
  machine: Machine,
  host: string,
  pauseS: string,
  count: number,
): Promise<Printed | undefined> {
  const words = ['-n', '-q', '-i', pauseS, '-c', String(count), host];
  const told = await machine.run('ping', ...words);
  return told && (told.isFine || told.text.includes('packet loss')) ? told : undefined;
}

function mode({ robot_mode }: RobotState): DoctorFinding {
  const check = new Check(
    'mode',
    'mode and brakes',
    'Only an arm in the mode Idle begins a motion.',
  );
  const { found, mend } = MODES[robot_mode];
  const text = `${robot_mode}: ${found}`;
  return mend === undefined ? check.good(text) : check.unfit(text, mend);
}

function errors({ current_errors, last_motion_errors }: RobotState): DoctorFinding {
  const check = new Check('errors', 'errors of the arm', 'An arm with an error refuses to move.');
  const last = last_motion_errors.join(', ');
  if (current_errors.length > 0) {
    const mend = 'remove the cause, then kilohertz recover --robot ADDRESS';
    return check.unfit(current_errors.join(', '), mend);
  }
  return check.good(last === '' ? 'none' : `none; the last motion ended with ${last}`);
}

function load({ m_load, F_x_Cload }: RobotState): DoctorFinding {
  const check = new Check(
    'load',
    'load that the arm knows of',
    'A wrong load causes wrong torques in torque control, and false collisions in every other mode.',
  );
  const at = Array.from(F_x_Cload, (value) => value.toFixed(3)).join(', ');
  return check.good(
    m_load === 0
      ? 'none: set it with setLoad if it carries one'
      : `${m_load.toFixed(3)} kg at ${at} m`,
  );
}

function endEffector({ m_ee, F_T_EE }: RobotState): DoctorFinding {
  const check = new Check(
    'end-effector',
    'end effector that the arm knows of',
    'It is set in Desk. If it is wrong, the arm takes its weight for a collision.',
  );
  const at = Array.from(F_T_EE.slice(12, 15), (value) => value.toFixed(3)).join(', ');
  return check.good(
    m_ee === 0
      ? 'none: set it in Desk if one is mounted'
      : `${m_ee.toFixed(3)} kg, frame at ${at} m`,
  );
}
