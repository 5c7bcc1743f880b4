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
  type LimitOptions,
  type RobotError,
  type RobotState,
  Session,
} from '../../../index.ts';
import { AMPLITUDE, distance, type Reaching, reaching } from '../../fixtures/arms.ts';
import { type Stranger, stranger } from '../../fixtures/strangers.ts';
import { until } from '../../fixtures/waiting.ts';

const programs: string = import.meta.dirname;
const { test, python }: Stranger = await stranger(programs);
/** Where franka-sim's arm starts [rad]. */
const START = [0, 0, 0, -1.57, 0, 1.57, 0.785];
/**
 * How far apart the two may end [rad, m]. Velocities of the end effector let it turn a little on franka-sim, whose
 * controller holds no pose. Torques leave each arm where friction holds it against the
 * policy's stiffness, 5 mrad at most.
 */
const TOLERANCE = {
  jointPosition: 2e-3,
  jointVelocity: 3e-3,
  torque: 1e-2,
  cartesianVelocity: 1e-2,
};
/** How far the end effector goes up [m]. */
const RISE_M = 0.02;
/** How long the way takes [s]. */
const OVER_S = 1.5;
/** How long the arm then has to come to rest [s]. */
const SETTLING_S = 1;
/** For how long an arm is driven again that a stall of the machine has stopped [s]. */
const DRIVEN_AGAIN_S = 240;
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
  server = spawn(python, [join(programs, 'serve.py'), host, String(port), folder]);
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

type Driven = keyof typeof TOLERANCE;
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
  O_dP_EE_d: 'franka-sim tells it of commanded velocities only',
  O_ddP_EE_c: 'franka-sim tells none',
  delbow_c: 'franka-sim tells none',
  ddelbow_c: 'franka-sim tells none',
};
const OF_JOINTS: Rules = { ...MOVING, O_dP_EE_c: 'franka-sim tells it in Cartesian motions only' };
const OWN_TORQUES: Rules = { tau_J_d: 'franka-sim tells none of its own controller' };
const NO_JOINTS: Rules = { q_d: 'franka-sim leaves it where the motion began' };
const MIDWAY: Readonly<Record<Driven, Rules>> = {
  jointPosition: { ...OF_JOINTS, ...OWN_TORQUES },
  jointVelocity: {
    ...OF_JOINTS,
    ...OWN_TORQUES,
    q_d: 'franka-sim adds up what is commanded, and its arm holds no position',
  },
  torque: { ...OF_JOINTS, ...NO_JOINTS, tau_J_d: 5 },
  cartesianVelocity: {
    ...MOVING,
    ...NO_JOINTS,
    ...OWN_TORQUES,
    O_T_EE_d: 'franka-sim leaves it where the motion began',
    O_T_EE_c: 'franka-sim leaves it where the motion began',
    O_dP_EE_d: 0.015,
    O_dP_EE_c: 0.015,
  },
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

/**
 * The states of two arms half way: franka-sim's, and that of ours where it passed the same place, whenever that was. A
 * busy machine stalls franka-sim.
 */
function halfWay(theirs: Ended, ours: Ended): [Fields, Fields] {
  const there = theirs.way[0].at(-1) ?? theirs.end;
  const [first = ours.end, ...rest] = ours.way.flat();
  const off = ({ q }: RobotState): number => distance(q, there.q);
  const nearest = rest.reduce((best, state) => (off(state) < off(best) ? state : best), first);
  return [there.toJSON(), nearest.toJSON()];
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

/** A policy, the seconds of the arm's time since its first cycle, and how far a state is from where it is to end. */
interface Motion extends Pick<Reaching, 'policy' | 'elapsedS'> {
  readonly off: (state: RobotState) => number;
}

interface Ended {
  /** The states of the first half of the way, and of the rest. */
  readonly way: readonly [RobotState[], RobotState[]];
  readonly end: RobotState;
}

/**
 * What is commanded here answers to what is measured, and that changes all at once where the machine has stalled. And
 * from a pose of franka-sim, which is not that of a flange, joints follow that are not its own.
 */
const LIMITS: Partial<Record<FrankaControl, LimitOptions>> = {
  jointVelocity: { acceleration: 'clamp', jerk: 'clamp' },
  torque: { torqueRate: 'clamp' },
  cartesianVelocity: { acceleration: 'clamp', jerk: 'clamp', maxDistanceRad: 1 },
};

/** What the arm's states are while a session carries out a motion, and when it rests. */
async function carriedOut(arm: Franka, { policy, elapsedS, off }: Motion): Promise<Ended> {
  const within = TOLERANCE[arm.control as Driven] / 2;
  const way: [RobotState[], RobotState[]] = [[], []];
  let isThere = false;
  const watched = (state: RobotState): number[] => {
    way[elapsedS() < OVER_S / 2 ? 0 : 1].push(state.copy());
    // What a busy machine has delayed may take longer.
    const waited = elapsedS() - OVER_S - SETTLING_S;
    isThere ||= waited > 10 || (waited > 0 && off(state) < within);
    return policy(state);
  };
  const session = new Session(arm, watched, { ...PATIENT, limits: LIMITS[arm.control] ?? {} });
  const running = session.run();
  await until(() => isThere || !session.isRunning, 'the arm is there');
  await session.stop();
  await running;
  return { way, end: await arm.state() };
}

interface Reached extends Ended {
  readonly target: readonly number[];
}

/** A session that reaches out, and where the joints should then be. */
async function reached(arm: Franka): Promise<Reached> {
  // Driven by velocities, franka-sim's arm holds no position: the policy does.
  const seen = arm.control === 'jointPosition' ? 'q_d' : 'q';
  const start = Array.from((await arm.state())[seen]);
  const motion = reaching(arm.control, start, OVER_S, seen);
  const off = ({ q }: RobotState): number => distance(q, motion.target);
  return { target: motion.target, ...(await carriedOut(arm, { ...motion, off })) };
}

/** A session that raises the end effector, straight up, and where it should then be. */
async function raised(arm: Franka): Promise<Reached> {
  const start = Array.from((await arm.state()).O_T_EE_c);
  const lifted = (way: number): number[] =>
    start.map((entry, slot) => (slot === 14 ? entry + RISE_M * way : entry));
  let firstS: number | undefined;
  let elapsedS = 0;
  const policy = (state: RobotState): number[] => {
    firstS ??= state.time;
    elapsedS = state.time - firstS;
    const share = Math.min(1, elapsedS / OVER_S);
    const wanted = lifted((1 - Math.cos(Math.PI * share)) / 2);
    const speed = (((Math.PI / OVER_S) * Math.sin(Math.PI * share)) / 2) * RISE_M;
    const [x = 0, y = 0, z = 0] = [12, 13, 14].map(
      (slot) => 2 * ((wanted[slot] ?? 0) - (state.O_T_EE[slot] ?? 0)),
    );
    return [x, y, z + speed, 0, 0, 0];
  };
  const target = lifted(1);
  const off = ({ O_T_EE }: RobotState): number => distance(O_T_EE, target);
  return { target, ...(await carriedOut(arm, { policy, elapsedS: () => elapsedS, off })) };
}

/**
 * A session on franka-sim. To it, what a stalled machine did not command in time is a jump: it stops its
 * arm, which is driven again then.
 */
async function there<Result>(
  t: ExecutionContext,
  control: FrankaControl,
  session: (arm: Franka) => Promise<Result>,
): Promise<Result> {
  t.timeout((DRIVEN_AGAIN_S + 60) * 1e3);
  const limit = performance.now() + DRIVEN_AGAIN_S * 1e3;
  for (;;) {
    await using theirs = await connected(control);
    try {
      return await session(theirs);
    } catch (error) {
      const isStall = (error as RobotError).code === 'FRANKA_REFLEX';
      if (!isStall || performance.now() > limit) throw error;
      await theirs.recover();
      await sleep(1e3 * SETTLING_S);
    }
  }
}

/** The same session on our simulator, from the pose in which it began on franka-sim. */
async function here<Result>(
  control: FrankaControl,
  q: readonly number[],
  session: (arm: Franka) => Promise<Result>,
): Promise<Result> {
  await using simulator = await FrankaSimulator.start({ lockstep: true, hand: false, q: [...q] });
  await using ours = await Franka.connect(simulator.address, { control });
  return await session(ours);
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

// Not by poses: to franka-sim each one that a busy machine did not command in time is a jump, and ends the motion.
test('a session by cartesianVelocity raises the end effector on franka-sim as on our simulator', async (t) => {
  const control = 'cartesianVelocity';
  let from: number[] = [];
  const theirs = await there(t, control, async (arm) => {
    from = Array.from((await arm.state()).q);
    return await raised(arm);
  });
  const ours = await here(control, from, raised);
  for (const { end, target } of [theirs, ours]) {
    t.true(distance(end.O_T_EE, target) < TOLERANCE[control], `${end.O_T_EE} instead of ${target}`);
  }
  areAlike(t, ...halfWay(theirs, ours), MIDWAY[control], 0.02);
});

for (const control of ['jointPosition', 'jointVelocity', 'torque'] as const) {
  test(`a session by ${control} ends in the same pose on franka-sim and on our simulator`, async (t) => {
    const theirs = await there(t, control, reached);
    const from = theirs.target.map((q, joint) => q - (AMPLITUDE[joint] ?? 0));
    const ours = await here(control, from, reached);
    for (const { end, target } of [theirs, ours]) {
      t.true(distance(end.q, target) < TOLERANCE[control], `${end.q} instead of ${target}`);
    }
    const apart = distance(theirs.end.q, ours.end.q);
    t.true(apart < TOLERANCE[control], `${apart} rad: ${theirs.end.q} and ${ours.end.q}`);
    areAlike(t, ...halfWay(theirs, ours), MIDWAY[control], 0.02);
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
