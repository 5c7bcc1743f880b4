// The same policy twice, in a worker and on the main thread, while the main thread is blocked for 300 ms in
// every second.

import {
  type AnyPolicy,
  Franka,
  FrankaSimulator,
  type JointVector,
  type RobotState,
  Session,
  workerPolicy,
} from 'kilohertz';
import { makePolicy } from './policy.ts';
import { table } from './terminal.ts';

const DURATION_S = 3;
const BLOCK_MS = 300;
const AMPLITUDE = 0.3;

/** Keeps the whole thread busy, as a long synchronous call would. */
function block(): void {
  const end = performance.now() + BLOCK_MS;
  while (performance.now() < end);
}

/** Cycles while the main thread was blocked, and those of them in which the policy had no part. */
interface Blocked {
  cycles: number;
  without: number;
}

async function drive(robot: Franka, policy: AnyPolicy<RobotState, JointVector>): Promise<Blocked> {
  const session = new Session(robot, policy, { recordTicks: 2_000 * DURATION_S });
  const blocks: [number, number][] = [];
  session.once('start', () => {
    const timer = setInterval(() => {
      const from = session.stepCount;
      block();
      blocks.push([from, session.stepCount]);
    }, 1_000);
    session.once('stop', () => clearInterval(timer));
  });
  await session.run({ durationS: DURATION_S + 0.5 });
  const during = session
    .takeRecords()
    .filter(({ tick }) => blocks.some(([from, to]) => tick > from && tick < to));
  const without = during.filter(({ kind }) => kind === 'held' || kind === 'rest').length;
  return { cycles: during.length, without };
}

await using simulator = await FrankaSimulator.start();
await using robot = await Franka.connect(simulator.address);
const url = new URL('./policy.js', import.meta.url);
const inWorker = await drive(
  robot,
  workerPolicy<typeof import('./policy.ts'), 'makePolicy'>(url, {
    export: 'makePolicy',
    args: [AMPLITUDE],
  }),
);
const onMain = await drive(robot, makePolicy(AMPLITUDE));

const told = ({ cycles, without }: Blocked): string => `${without} of ${cycles} cycles`;
console.log(
  `  The main thread was blocked for ${BLOCK_MS} ms in every second. Without the policy were meanwhile:`,
);
console.log(
  table([
    ['policy in a worker', told(inWorker)],
    ['policy on the main thread', told(onMain)],
  ]),
);
if (inWorker.without > inWorker.cycles / 2) {
  console.error('  NOT SOUND: the worker had no part in most cycles. Is the machine busy?');
  process.exitCode = 1;
}
