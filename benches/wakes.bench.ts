// What a wake costs a policy, at 1 kHz, from its question to its answer: with idle states left alone, held off, and with
// cores kept busy; with and without a realtime priority of its own, also beside two and four busy processes. Beside
// policies in processes, a bare echo over a shared futex with a process of the same kind.
// Alternating rounds; medians over them, sums of the late answers.

import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import {
  type AnyPolicy,
  Franka,
  FrankaSimulator,
  type JointVector,
  processPolicy,
  type RobotState,
  Session,
  workerPolicy,
} from 'kilohertz';
import { NativeEcho } from './echo-addon.ts';
import swing from './policies.ts';
import { keep, median, once, percentile, type Row, show } from './rows.ts';

const ROUNDS = once ? 1 : 5;
const DURATION_S = once ? 0.3 : 2;
/** Of the rounds beside busy processes: 4,000 questions. */
const BUSY_S = once ? 0.3 : 4;

const module = new URL('./policies.ts', import.meta.url);
type Module = typeof import('./policies.ts');
const python = new URL('./policies.py', import.meta.url);
const policies: Readonly<Record<string, AnyPolicy<RobotState, JointVector>>> = {
  'main thread': swing,
  'worker, ordinary': workerPolicy<Module>(module, { priority: null }),
  worker: workerPolicy<Module>(module),
  'worker, spinning': workerPolicy<Module>(module, { spin: true }),
  'process, Node': processPolicy<Module>(module),
  'process, Python': processPolicy(python, { export: 'swing' }),
};
const AWAKE = [false, 'idleStates', 'threads'] as const;

const simulator = await FrankaSimulator.start();
const robot = await Franka.connect(simulator.address);
const rows: Row[] = [];

async function round(
  number: number,
  policy: string,
  keepAwake: (typeof AWAKE)[number],
  busy: number,
  durationS: number,
): Promise<void> {
  const run = policies[policy] ?? swing;
  const realtime = { keepAwake };
  const session = new Session(robot, run, { warmupS: 0.1, recordTicks: 20_000, realtime });
  const stats = await session.run({ durationS });
  const inTime = session.takeRecords().filter(({ kind }) => kind === 'fresh');
  const answers = inTime.map(({ askedS, answeredS }) => 1e6 * (answeredS - askedS));
  const { idleLatencyUs, policyPriority } = session.realtime ?? {};
  rows.push({
    round: number,
    policy,
    keepAwake: String(keepAwake),
    busy,
    answerP50Us: percentile(answers, 0.5),
    answerP99Us: percentile(answers, 0.99),
    late: stats.lateActions,
    ticks: stats.iterations,
    heldOff: String(idleLatencyUs?.granted === true),
    priority: policyPriority?.granted ? (policyPriority.asked ?? 0) : 0,
  });
}

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const ECHOES: Readonly<Record<string, readonly string[]>> = {
  'echo, Node': [process.execPath, ...process.execArgv, here('./echo.ts'), '3'],
  'echo, Python': ['python3', here('./echo.py'), '3', here('../lib/offload/python')],
};

/** A bare echo at 1 kHz, as often as a round of a policy asks. */
function echo(number: number, which: string, keepAwake: boolean): void {
  const [program = '', ...args] = ECHOES[which] ?? [];
  const asking = new NativeEcho();
  const child = spawn(program, args, {
    stdio: ['ignore', 'inherit', 'inherit', asking.memory ?? 'ignore'],
  });
  // The first is answered when the child is there.
  const warm = asking.measure(once ? 1 : 100, child.pid ?? 0, keepAwake);
  const took = asking.measure(DURATION_S * 1e3, child.pid ?? 0, keepAwake);
  child.kill('SIGKILL');
  const answers = [...(took.length > 0 ? took : warm)].map((s) => 1e6 * s);
  rows.push({
    round: number,
    policy: which,
    keepAwake: String(keepAwake && 'idleStates'),
    busy: 0,
    answerP50Us: percentile(answers, 0.5),
    answerP99Us: percentile(answers, 0.99),
    late: 0,
    ticks: answers.length,
    heldOff: String(keepAwake),
    priority: 40,
  });
}

for (let number = 0; number < ROUNDS; number += 1) {
  for (const keepAwake of [false, true]) {
    for (const which of Object.keys(ECHOES)) echo(number, which, keepAwake);
  }
  for (const keepAwake of AWAKE) {
    for (const policy of Object.keys(policies)) {
      await round(number, policy, keepAwake, 0, DURATION_S);
    }
  }
}
for (const busy of [2, 4]) {
  const others: ChildProcess[] = Array.from({ length: busy }, () =>
    spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }),
  );
  for (let number = 0; number < ROUNDS; number += 1) {
    for (const policy of ['worker, ordinary', 'worker']) {
      await round(number, policy, 'idleStates', busy, BUSY_S);
    }
  }
  for (const other of others) other.kill('SIGKILL');
}
await robot.close();
await simulator.stop();

function mine(policy: string, keepAwake: string, busy: number): Row[] {
  return rows.filter(
    (row) => row['policy'] === policy && row['keepAwake'] === keepAwake && row['busy'] === busy,
  );
}

function of(policy: string, keepAwake: string, column: string): number {
  return Number(median(mine(policy, keepAwake, 0).map((row) => Number(row[column]))).toFixed(1));
}

function lateBeside(policy: string, busy: number): number {
  return mine(policy, 'idleStates', busy).reduce((sum, row) => sum + Number(row['late']), 0);
}

show(
  'question to answer, of those in time [us]; medians over the rounds',
  [...Object.keys(policies), ...Object.keys(ECHOES)].map((policy) => ({
    policy,
    ...Object.fromEntries(
      AWAKE.filter((keepAwake) => mine(policy, String(keepAwake), 0).length > 0).flatMap(
        (keepAwake) => {
          const name = keepAwake === false ? 'left alone' : keepAwake;
          const p50 = of(policy, String(keepAwake), 'answerP50Us');
          const p99 = of(policy, String(keepAwake), 'answerP99Us');
          return [[name, `${p50} / ${p99}`]];
        },
      ),
    ),
  })),
);
show(
  `late answers of a worker beside busy processes, in ${ROUNDS} rounds of ${1000 * BUSY_S}`,
  [2, 4].map((busy) => ({
    busy,
    ordinary: lateBeside('worker, ordinary', busy),
    priority: lateBeside('worker', busy),
  })),
);

const p50 = (policy: string, keepAwake: string): number => of(policy, keepAwake, 'answerP50Us');
/** What is measured, beside what it is measured by. */
const BARS: readonly { what: string; figure: number; beside: number; atMost: number }[] = [
  ...['main thread', 'worker'].map((policy) => ({
    what: `${policy}: cores kept busy, left alone`,
    figure: p50(policy, 'threads'),
    beside: p50(policy, 'false'),
    atMost: 0.5,
  })),
  ...['false', 'idleStates'].map((keepAwake) => ({
    what: `worker, main thread (${keepAwake === 'false' ? 'left alone' : 'held off'})`,
    figure: p50('worker', keepAwake),
    beside: p50('main thread', keepAwake),
    atMost: 0.75,
  })),
  ...['Node', 'Python'].map((kind) => ({
    what: `process, echo of ${kind}`,
    figure: p50(`process, ${kind}`, 'idleStates'),
    beside: p50(`echo, ${kind}`, 'idleStates'),
    atMost: 1.5,
  })),
  {
    what: 'worker spinning, parked',
    figure: p50('worker, spinning', 'idleStates'),
    beside: p50('worker', 'idleStates'),
    atMost: 0.5,
  },
  {
    what: 'worker spinning, 6 us',
    figure: p50('worker, spinning', 'idleStates'),
    beside: 6,
    atMost: 1,
  },
  ...[2, 4].map((busy) => ({
    what: `late beside ${busy} busy: with priority, without`,
    figure: lateBeside('worker', busy),
    beside: lateBeside('worker, ordinary', busy),
    atMost: 0.2,
  })),
];
show(
  'as a multiple of what stands beside it',
  BARS.map(({ what, figure, beside, atMost }) => ({
    what,
    figure,
    beside,
    bar: `<= ${atMost}x`,
    // Nothing is measured by a few cycles.
    held: once ? '' : figure <= atMost * beside ? 'yes' : 'NO',
  })),
);
keep('wakes', rows);
