// Our FR3 against franka-sim, an FCI server with MuJoCo behind it: a session there and on our
// simulator ends in the same pose.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import {
  Franka,
  type FrankaControl,
  FrankaSimulator,
  type RobotError,
  Session,
} from '../../index.ts';
import { AMPLITUDE, distance, reaching } from '../fixtures/arms.ts';
import { environment } from '../fixtures/python.ts';
import { until } from '../fixtures/waiting.ts';

const here: string = import.meta.dirname;
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

test.before('franka-sim starts', async (t) => {
  const python = await environment('franka-sim', join(here, 'franka-sim.txt'), t);
  folder = await mkdtemp(join(tmpdir(), 'kilohertz-franka-sim-'));
  // It sends its states from no address in particular: at any other loopback address they would come
  // from elsewhere than its answers do, and be nobody's.
  const host = '127.0.0.1';
  const port = await freePort();
  address = `${host}:${port}`;
  server = spawn(python, [join(here, 'franka_sim.py'), host, String(port), folder]);
  for (const stream of [server.stdout, server.stderr]) {
    stream?.on('data', (bytes: Buffer) => {
      log += bytes.toString();
    });
  }
  await using arm = await connected('jointVelocity');
  await arm.state();
});

test.after.always('franka-sim ends', async () => {
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

/** Where the joints are at the end of a session that reaches out, and where they should be. */
async function reached(arm: Franka): Promise<{ q: number[]; target: readonly number[] }> {
  // Driven by velocities, franka-sim's arm holds no position: the policy does.
  const seen = arm.control === 'jointPosition' ? 'q_d' : 'q';
  const start = Array.from((await arm.state())[seen]);
  const { policy, target, elapsedS } = reaching(arm.control, start, OVER_S, seen);
  // Torques answer to velocities, which a stalled machine's arm has others of all at once.
  const limits = arm.control === 'torque' ? ({ torqueRate: 'clamp' } as const) : {};
  const session = new Session(arm, policy, { ...PATIENT, limits });
  const running = session.run();
  await until(() => elapsedS() > OVER_S + SETTLING_S || !session.isRunning, 'the arm is there');
  await session.stop();
  await running;
  return { q: Array.from((await arm.state()).q), target };
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
    await using simulator = await FrankaSimulator.start({ lockstep: true, q: from });
    await using ours = await Franka.connect(simulator.address, { control });
    const here = await reached(ours);
    for (const { q, target } of [there, here]) {
      t.true(distance(q, target) < TOLERANCE[control], `${q} instead of ${target}`);
    }
    const apart = distance(there.q, here.q);
    t.true(apart < TOLERANCE[control], `${apart} rad apart: ${there.q} and ${here.q}`);
  });
}
