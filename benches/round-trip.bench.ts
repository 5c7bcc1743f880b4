// From the arrival of the arm's state to the command, at 1 kHz, with a policy in JavaScript: on the
// main thread, in a worker, in a worker that spins; idle, and with the main thread blocked for
// 300 ms once a second. Alternating rounds; medians over them.

import { Franka, FrankaSimulator, Session, workerPolicy } from 'kilohertz';
import swing from './policies.ts';
import { block, keep, median, once, percentile, type Row, show } from './rows.ts';

const ROUNDS = once ? 1 : 5;
const DURATION_S = once ? 0.3 : 4;
const BLOCK_MS = 300;

const module = new URL('./policies.ts', import.meta.url);
type Module = typeof import('./policies.ts');
const policies = {
  'main thread': swing,
  worker: workerPolicy<Module>(module),
  'worker, spinning': workerPolicy<Module>(module, { spin: true }),
};

const simulator = await FrankaSimulator.start();
const robot = await Franka.connect(simulator.address);
const rows: Row[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [policy, run] of Object.entries(policies)) {
    for (const blocked of [false, true]) {
      const session = new Session(robot, run, { warmupS: 0.1, recordTicks: 20_000 });
      const blocks = blocked ? setInterval(() => block(BLOCK_MS), 1000) : undefined;
      const stats = await session.run({ durationS: DURATION_S });
      clearInterval(blocks);
      const inTime = session.takeRecords().filter(({ kind }) => kind === 'fresh');
      const responses = inTime.map(({ timeS, sentS }) => 1e6 * (sentS - timeS));
      rows.push({
        round,
        policy,
        main: blocked ? 'blocked' : 'idle',
        p50Us: percentile(responses, 0.5),
        p99Us: percentile(responses, 0.99),
        late: stats.lateActions,
        ticks: stats.iterations,
      });
    }
  }
}
await robot.close();
await simulator.stop();

const medians = Object.keys(policies).flatMap((policy) =>
  ['idle', 'blocked'].map((main) => {
    const mine = rows.filter((row) => row['policy'] === policy && row['main'] === main);
    const of = (name: string): number => median(mine.map((row) => Number(row[name])));
    const us = (name: string): number => Number(of(name).toFixed(1));
    return {
      policy,
      main,
      p50Us: us('p50Us'),
      p99Us: us('p99Us'),
      late: of('late'),
      ticks: of('ticks'),
    };
  }),
);
show('state to command, of those in time; medians over the rounds', medians);
keep('round-trip', rows);
