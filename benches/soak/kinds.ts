// What a soak does in a round: sessions of all kinds. `soak.ts` repeats it.

import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AnyPolicy,
  Franka,
  FrankaHand,
  isKilohertzError,
  type JointVector,
  processPolicy,
  type RobotState,
  replay,
  run,
  Session,
  workerPolicy,
} from 'kilohertz';
import swing from '../policies.ts';
import { makeThrowing } from './policies.ts';
import { children } from './samples.ts';

const RUN_S = 0.5;

const module = new URL('../policies.ts', import.meta.url);
const python = new URL('../policies.py', import.meta.url);
const ending = new URL('./policies.ts', import.meta.url);
type Ending = typeof import('./policies.ts');
type Policy = AnyPolicy<RobotState, JointVector>;

/** What a round is given. */
export interface Given {
  /** Of the simulated arm. */
  readonly address: string;
  /** Where recordings are written. */
  readonly folder: string;
  /** Resets the arm's connections. */
  readonly reset: () => Promise<void>;
}

const inNode = (): Policy => processPolicy<typeof import('../policies.ts')>(module);
const inPython = (): Policy => processPolicy(python, { export: 'swing' });

/** A session that is recorded, and whose recording is read. */
async function recorded(arm: Franka, file: string, policy: Policy): Promise<void> {
  const session = new Session(arm, policy, { warmupS: 0, record: file });
  await session.run({ durationS: RUN_S });
  let cycles = 0;
  for await (const _ of replay(file)) cycles += 1;
  const kept = session.recording?.cycles ?? 0;
  if (cycles === 0 || cycles !== kept) {
    throw new Error(`${file}: ${cycles} cycles were read of ${kept} that were recorded`);
  }
  rmSync(file);
}

/** Fails if work does not end with this code. */
async function endsWith(code: string, work: Promise<unknown>): Promise<void> {
  const told = await work.then(
    () => 'no error',
    (error: unknown) => (isKilohertzError(error) ? error.code : String(error)),
  );
  if (told !== code) throw new Error(`a session ended with ${told}; expected ${code}`);
}

/** Runs a session until `end`, which is called while it runs, ends it with this code. */
async function endedBy(
  code: string,
  arm: Franka,
  policy: Policy,
  end: () => unknown,
): Promise<void> {
  const session = new Session(arm, policy, { warmupS: 0 });
  const started = once(session, 'start');
  const ending = endsWith(code, session.run({ durationS: 60 }));
  await Promise.race([started, ending]);
  await sleep(100);
  await end();
  await ending;
}

/** Kills the process of the policy while it is asked. */
async function killed(arm: Franka, policy: Policy): Promise<void> {
  const others = new Set(children().map(({ pid }) => pid));
  await endedBy('POLICY_CRASHED', arm, policy, () => {
    for (const { pid } of children()) if (!others.has(pid)) process.kill(pid, 'SIGKILL');
  });
}

/** Moves without a policy, also back to where all began. */
async function moves(arm: Franka): Promise<void> {
  const options = { speed: 1, settleS: 30 };
  await arm.moveTo([0, 0, 0, 0, 0, 0, 0.2], { ...options, relative: true });
  await arm.home(options);
}

/** The hand opens and closes while a session drives the arm. */
async function handBeside(arm: Franka, address: string): Promise<void> {
  await using hand = await FrankaHand.connect(address);
  await using session = new Session(arm, swing, { warmupS: 0 });
  await session.start();
  await hand.move(0.04);
  await hand.move(0.06);
  await session.stop();
}

/** A robot written in JavaScript. */
async function ownRobot(): Promise<void> {
  let position = 1;
  const cart = {
    observe: () => position,
    act: (velocity: number) => {
      position += velocity * 1e-3;
    },
    reset: () => {
      position = 1;
    },
  };
  const policy = (seen: number): number => -seen;
  await run(cart, policy, { rateHz: 1000, warmupS: 0, durationS: RUN_S });
}

async function stopped(arm: Franka): Promise<void> {
  const session = new Session(arm, inNode(), { warmupS: 0 });
  await session.start();
  await sleep(100);
  await session.stop();
  session.checkHealth();
}

const BRIEF = { warmupS: 0, durationS: 60 };
const inWorker = (): Policy => workerPolicy<typeof import('../policies.ts')>(module);
const exiting = (): Policy =>
  workerPolicy<Ending, 'makeExiting'>(ending, { export: 'makeExiting', args: [] });

/** Each kind of a session, in the order of a round. */
export const KINDS: Readonly<Record<string, (arm: Franka, given: Given) => Promise<void>>> = {
  function: (arm, { folder }) => recorded(arm, join(folder, 'function.mcap'), swing),
  worker: (arm, { folder }) => recorded(arm, join(folder, 'worker.mcap'), inWorker()),
  node: (arm, { folder }) => recorded(arm, join(folder, 'node.mcap'), inNode()),
  python: (arm, { folder }) => recorded(arm, join(folder, 'python.mcap'), inPython()),
  hand: (arm, { address }) => handBeside(arm, address),
  javascript: ownRobot,
  stopped,
  aborted: (arm) =>
    endsWith('ABORT_ERR', run(arm, swing, { ...BRIEF, signal: AbortSignal.timeout(200) })),
  threw: (arm) => endsWith('POLICY_THREW', run(arm, makeThrowing(), BRIEF)),
  exited: (arm) => endsWith('POLICY_CRASHED', run(arm, exiting(), BRIEF)),
  killedNode: (arm) => killed(arm, inNode()),
  killedPython: (arm) => killed(arm, inPython()),
  moves,
  lost: (arm, { reset }) => endedBy('FRANKA_CONNECTION_LOST', arm, swing, reset),
};

/** Runs one session of each of these kinds, each with a connection of its own. */
export async function round(kinds: readonly string[], given: Given): Promise<void> {
  for (const kind of kinds) {
    await using arm = await Franka.connect(given.address);
    await KINDS[kind]?.(arm, given);
  }
}
