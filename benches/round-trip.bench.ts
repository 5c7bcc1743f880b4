// The round trip of a policy in JavaScript, from its question to its answer, and from the arrival of the arm's
// state to the command, at 1 kHz: on the main thread, in a worker, in a worker that spins, in a process;
// idle, and with the main thread blocked for 300 ms once a second. Alternating rounds; medians over them.

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
import swing from './policies.ts';
import { block, keep, median, once, percentile, type Row, show } from './rows.ts';

const ROUNDS = once ? 1 : 5;
const DURATION_S = once ? 0.3 : 4;
const BLOCK_MS = 300;

const module = new URL('./policies.ts', import.meta.url);
type Module = typeof import('./policies.ts');
const python = new URL('./policies.py', import.meta.url);
const policies: Readonly<Record<string, AnyPolicy<RobotState, JointVector>>> = {
  'main thread': swing,
  worker: workerPolicy<Module>(module),
  'worker, spinning': workerPolicy<Module>(module, { spin: true }),
  'process, Node': processPolicy<Module>(module),
  'process, Python': processPolicy(python, { export: 'swing' }),
};

const simulator = await FrankaSimulator.start();
const robot = await Franka.connect(simulator.address);
const rows: Row[] = [];
/** The floor: a native policy, which moves the arm there and back; its answer is there when it is asked. */
const home = (await robot.state()).q_d.slice();
const away = home.map((rad, joint) => rad + (joint === 0 ? 0.1 : 0));
for (let round = 0; round < ROUNDS; round += 1) {
  for (const place of [away, home]) {
    const stats = await robot.moveTo(place);
    rows.push({
      round,
      policy: 'native, the floor',
      main: 'idle',
      answerP50Us: Number.NaN,
      answerP99Us: Number.NaN,
      commandP50Us: 1e6 * stats.p50ExecutionS,
      commandP99Us: 1e6 * stats.p99ExecutionS,
      late: stats.lateActions,
      ticks: stats.iterations,
    });
  }
  for (const [policy, run] of Object.entries(policies)) {
    for (const main of ['idle', 'blocked']) {
      const session = new Session(robot, run, { warmupS: 0.1, recordTicks: 20_000 });
      const blocks = main === 'blocked' ? setInterval(() => block(BLOCK_MS), 1000) : undefined;
      const stats = await session.run({ durationS: DURATION_S });
      clearInterval(blocks);
      const inTime = session.takeRecords().filter(({ kind }) => kind === 'fresh');
      const answers = inTime.map(({ askedS, answeredS }) => 1e6 * (answeredS - askedS));
      const commands = inTime.map(({ timeS, sentS }) => 1e6 * (sentS - timeS));
      rows.push({
        round,
        policy,
        main,
        answerP50Us: percentile(answers, 0.5),
        answerP99Us: percentile(answers, 0.99),
        commandP50Us: percentile(commands, 0.5),
        commandP99Us: percentile(commands, 0.99),
        late: stats.lateActions,
        ticks: stats.iterations,
      });
    }
  }
}
await robot.close();
await simulator.stop();

/** The median of a column over the rounds. */
function of(policy: string, main: string, column: string): number {
  const mine = rows.filter((row) => row['policy'] === policy && row['main'] === main);
  return Number(median(mine.map((row) => Number(row[column]))).toFixed(1));
}

const columns = ['answerP50Us', 'answerP99Us', 'commandP50Us', 'commandP99Us', 'late', 'ticks'];
show(
  'question to answer, and state to command, of those in time [us]; medians over the rounds',
  [...Object.keys(policies), 'native, the floor'].flatMap((policy) =>
    (policy in policies ? ['idle', 'blocked'] : ['idle']).map((main) => ({
      policy,
      main,
      ...Object.fromEntries(columns.map((column) => [column, of(policy, main, column)])),
    })),
  ),
);

const p50 = (policy: string): number => of(policy, 'idle', 'answerP50Us');
const p99 = (main: string): number => of('worker', main, 'answerP99Us');
const late = (main: string): number => of('worker', main, 'late');
/** What is measured, beside what it is measured by. */
const BARS: readonly { what: string; figure: number; beside: number; atMost: number }[] = [
  {
    what: 'worker p50, main thread p50',
    figure: p50('worker'),
    beside: p50('main thread'),
    atMost: 0.75,
  },
  { what: 'worker p99 blocked, idle', figure: p99('blocked'), beside: p99('idle'), atMost: 1.5 },
  { what: 'worker, spinning p50, 5 us', figure: p50('worker, spinning'), beside: 5, atMost: 1 },
  { what: 'worker late blocked, idle', figure: late('blocked'), beside: late('idle'), atMost: 1 },
];
show(
  'question to answer, as a multiple of what stands beside it',
  BARS.map(({ what, figure, beside, atMost }) => ({
    what,
    figure,
    beside,
    bar: `<= ${atMost}x`,
    // Nothing is measured by a few cycles.
    held: once ? '' : figure <= atMost * beside ? 'yes' : 'NO',
  })),
);
keep('round-trip', rows);
