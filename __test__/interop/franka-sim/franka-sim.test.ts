// Our FR3 against franka-sim, an FCI server with MuJoCo behind it: a session there and on our
// simulator ends in the same pose.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import ava, { type ExecutionContext } from 'ava';
import {
  Franka,
  type FrankaControl,
  FrankaSimulator,
  type RobotError,
  type RobotState,
  Session,
} from '../../../index.ts';
import { AMPLITUDE, distance, reaching } from '../../fixtures/arms.ts';
import { type Stranger, stranger } from '../../fixtures/strangers.ts';
import { until } from '../../fixtures/waiting.ts';

const here: string = import.meta.dirname;
const { test, python }: Stranger = await stranger(here);
/** Where franka-sim's arm starts [rad]. */
const START = [0, 0, 0, -1.57, 0, 1.57, 0.785];
/**
 * How far apart the two may end [rad]. Torques leave each where friction holds it against the
 * policy's stiffness, 5 mrad at most.
 */
const TOLERANCE = { jointPosition: 2e-3, jointVelocity: 3e-3, torque: 1e-2 };
/** How long the way takes [s]. */
const OVER_S = 1.5;
/** How long the arm then has to come to rest [s]. */
const SETTLING_S = 1;
const PATIENT = { warmupS: 0, deadlineS: 0.9e-3 };

let folder: string;
let server: ChildProcess;
let address: string;
let log = '';

ava.before('franka-sim starts', async () => {
  if (!python) return;
  folder = await mkdtemp(join(tmpdir(), 'kilohertz-franka-sim-'));
  // It sends its states from no address in particular: at any other loopback address they would come
  // from elsewhere than its answers do, and be nobody's.
  const host = '127.0.0.1';
  const port = await freePort();
  address = `${host}:${port}`;
  server = spawn(python, [join(here, 'serve.py'), host, String(port), folder]);
  for (const stream of [server.stdout, server.stderr]) {
    stream?.on('data', (bytes: Buffer) => {
      log += bytes.toString();
    });
  }
  await using arm = await connected('jointVelocity');
  await arm.state();
});

ava.after.always('franka-sim ends', async () => {
  if (server?.exitCode === null) {
    const exit = once(server, 'exit');
    server.stdin?.end();
    await exit;
  }
  if (folder) await rm(folder, { recursive: true });
});

/** A port that nobody listens at. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A connection to franka-sim, which takes a while to start and to be ready for its next client. */
async function connected(control: FrankaControl): Promise<Franka> {
  const limit = performance.now() + 60_000;
  for (;;) {
    try {
      return await Franka.connect(address, { control });
    } catch (error) {
      if (server.exitCode !== null || performance.now() > limit) {
        throw new Error(`franka-sim does not answer:\n${log}`, { cause: error });
      }
      await sleep(50);
    }
  }
}

type Fields = Readonly<Record<string, unknown>>;
/** How far fields may be apart, or why they are not compared: franka-sim does not fill them, or fills them otherwise. */
type Rules = Readonly<Record<string, number | string>>;

const ANY_TIME: Rules = {
  time: 'each arm has a clock of its own',
  tau_J: 'franka-sim tells torques without gravity',
  dtau_J: 'franka-sim tells none',
  O_ddP_O: 'franka-sim tells no gravity',
};
/** Of a motion on franka-sim, which goes by the wall clock: what a busy machine does not shake. */
const MOVING: Rules = {
  ...ANY_TIME,
  control_command_success_rate: 'commands get lost',
  dq: 'commands get lost, and velocities shake',
  dtheta: 'commands get lost, and velocities shake',
  dq_d: 'commands get lost, and velocities shake',
  ddq_d: 'commands get lost, and velocities shake',
  O_dP_EE_d: 'franka-sim tells it in Cartesian motions only',
  O_dP_EE_c: 'franka-sim tells it in Cartesian motions only',
  O_ddP_EE_c: 'franka-sim tells it in Cartesian motions only',
  delbow_c: 'franka-sim tells it in Cartesian motions only',
  ddelbow_c: 'franka-sim tells it in Cartesian motions only',
};
const MIDWAY: Readonly<Record<'jointPosition' | 'jointVelocity' | 'torque', Rules>> = {
  jointPosition: { ...MOVING, tau_J_d: 'franka-sim tells none of its own controller' },
  jointVelocity: { ...MOVING, tau_J_d: 'franka-sim tells none of its own controller' },
  torque: { ...MOVING, q_d: 'franka-sim leaves it where the motion began', tau_J_d: 5 },
};
/** Poses of the end effector, which in franka-sim is joint 7, this far behind the flange [m]. */
const POSES: ReadonlySet<string> = new Set(['O_T_EE', 'O_T_EE_d', 'O_T_EE_c']);
const FLANGE_M = 0.107;

/** A field of franka-sim as it is at the flange. */
function atTheFlange(name: string, value: unknown): unknown {
  if (!POSES.has(name)) return value;
  return (value as number[]).map((entry, slot, pose) =>
    slot < 12 ? entry : entry + FLANGE_M * (pose[slot - 4] ?? 0),
  );
}

/** Every field of both states is the same, within `tolerance` or what the rules say of it. */
function areAlike(
  t: ExecutionContext,
  there: Fields,
  ours: Fields,
  rules: Rules,
  tolerance: number,
): void {
  t.deepEqual(Object.keys(there), Object.keys(ours));
  for (const [name, own] of Object.entries(ours)) {
    const rule = rules[name] ?? tolerance;
    if (typeof rule === 'string') continue;
    const value = atTheFlange(name, there[name]);
    const [one = [], other = []] = [value, own].map((each) => [each].flat());
    t.is(one.length, other.length, name);
    if (one.every((entry) => typeof entry === 'number')) {
      const off = distance(one, other as number[]);
      t.true(off <= rule, `${name}: ${value} there, ${own} here`);
    } else t.deepEqual(value, own, name);
  }
}

interface Reached {
  readonly q: number[];
  readonly target: readonly number[];
  /** The state in the middle of the way. */
  readonly midway: Fields;
}

/** Where the joints are at the end of a session that reaches out, and where they should be. */
async function reached(arm: Franka): Promise<Reached> {
  // Driven by velocities, franka-sim's arm holds no position: the policy does.
  const seen = arm.control === 'jointPosition' ? 'q_d' : 'q';
  const start = Array.from((await arm.state())[seen]);
  const { policy, target, elapsedS } = reaching(arm.control, start, OVER_S, seen);
  let midway: Fields = {};
  const watched = (state: RobotState): number[] => {
    if (elapsedS() < OVER_S / 2) midway = state.toJSON();
    return policy(state);
  };
  // Torques answer to velocities, which a stalled machine's arm has others of all at once.
  const limits = arm.control === 'torque' ? ({ torqueRate: 'clamp' } as const) : {};
  const session = new Session(arm, watched, { ...PATIENT, limits });
  const running = session.run();
  await until(() => elapsedS() > OVER_S + SETTLING_S || !session.isRunning, 'the arm is there');
  await session.stop();
  await running;
  return { q: Array.from((await arm.state()).q), target, midway };
}

/**
 * The same on franka-sim. To it, what a stalled machine did not command in time is a jump: it stops its
 * arm, which is driven again then, twice at the most.
 */
async function reachedThere(control: FrankaControl): ReturnType<typeof reached> {
  for (let left = 2; ; left -= 1) {
    await using theirs = await connected(control);
    try {
      return await reached(theirs);
    } catch (error) {
      if (left === 0 || (error as RobotError).code !== 'FRANKA_REFLEX') throw error;
      await theirs.recover();
      await sleep(1e3 * SETTLING_S);
    }
  }
}

test('franka-sim is recognised, and its state is read', async (t) => {
  await using arm = await connected('jointVelocity');
  t.is(arm.generation, 'fr3');
  t.is(arm.serverVersion, 10);
  const state = await arm.state();
  t.is(state.robot_mode, 'Idle');
  t.true(distance(state.q, START) < 0.02, `${state.q}`);
  // It knows no flange: its end effector is its last joint.
  t.true(distance(state.O_T_EE, arm.model.pose('joint7', state.q)) < 1e-4, `${state.O_T_EE}`);
  t.true((await arm.state()).time > state.time);
});

for (const control of ['jointPosition', 'jointVelocity', 'torque'] as const) {
  test(`a session by ${control} ends in the same pose on franka-sim and on our simulator`, async (t) => {
    const there = await reachedThere(control);
    const from = there.target.map((q, joint) => q - (AMPLITUDE[joint] ?? 0));
    await using simulator = await FrankaSimulator.start({ lockstep: true, hand: false, q: from });
    await using ours = await Franka.connect(simulator.address, { control });
    const here = await reached(ours);
    for (const { q, target } of [there, here]) {
      t.true(distance(q, target) < TOLERANCE[control], `${q} instead of ${target}`);
    }
    const apart = distance(there.q, here.q);
    t.true(apart < TOLERANCE[control], `${apart} rad apart: ${there.q} and ${here.q}`);
    areAlike(t, there.midway, here.midway, MIDWAY[control], 0.03);
  });
}

test('a state of franka-sim and one of our simulator are alike, field by field', async (t) => {
  await using theirs = await connected('jointVelocity');
  const there = (await theirs.state()).toJSON();
  const options = { hand: false, q: there['q'] as number[] };
  await using simulator = await FrankaSimulator.start(options);
  await using ours = await Franka.connect(simulator.address);
  areAlike(t, there, (await ours.state()).toJSON(), ANY_TIME, 1e-3);

  const ball = [0.002, 0, 0, 0, 0.002, 0, 0, 0, 0.002] as const;
  const ahead = { xyz: [0.01, 0.02, 0.1], quat: [0, 0, 0, 1] } as const;
  for (const arm of [theirs, ours]) {
    await arm.setLoad({ m_load: 0.5, F_x_Cload: [0.01, 0, 0.05], I_load: ball });
    await arm.setEE(ahead);
    await arm.setK(ahead);
  }
  areAlike(t, (await theirs.state()).toJSON(), (await ours.state()).toJSON(), ANY_TIME, 1e-3);
});
