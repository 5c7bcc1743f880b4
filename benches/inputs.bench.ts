// An image of 640 x 480 in RGB, 30 times a second, beside a policy in a Python process at 1 kHz that looks at each of them.
// Rounds in which it is given to the policy once, and not again, alternate with them.

import { setInterval } from 'node:timers';
import { Franka, FrankaSimulator, processPolicy, Session, shaped } from 'kilohertz';
import { venv } from '../__test__/fixtures/python.ts';
import { keep, median, once, percentile, type Row, show } from './rows.ts';

const ROUNDS = once ? 1 : 8;
const DURATION_S = once ? 0.5 : 5;
const SHAPE = [480, 640, 3] as const;

const simulator = await FrankaSimulator.start();
const robot = await Franka.connect(simulator.address);
const python = await venv();
const image = shaped(new Uint8Array(480 * 640 * 3), SHAPE);

/** Makes images until the function that it returns is called, and gives each to `use`. */
function camera(use: () => void): () => void {
  let nth = 0;
  const timer = setInterval(() => {
    nth += 1;
    image.fill(nth);
    use();
  }, 1e3 / 30);
  return () => clearInterval(timer);
}

const PLACES = ['once', 'at 30 Hz'] as const;
const rows: Row[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  // Which one is first alternates too.
  for (const inputs of round % 2 === 0 ? PLACES : PLACES.toReversed()) {
    const policy = processPolicy(new URL('./policies.py', import.meta.url), {
      export: 'swing_and_look',
      args: [],
      python,
    });
    const session = new Session(robot, policy, { warmupS: 0.2, recordTicks: 20_000 });
    const tookUs: number[] = [];
    const give = (): void => {
      const begun = performance.now();
      policy.set({ image });
      tookUs.push(1e3 * (performance.now() - begun));
    };
    let stop = (): void => {};
    session.once('start', () => {
      // The camera is there in both, and the policy looks at an image in both.
      give();
      stop = camera(inputs === 'at 30 Hz' ? give : () => {});
    });
    const stats = await session.run({ durationS: DURATION_S });
    stop();
    const inTime = session.takeRecords().filter(({ kind }) => kind === 'fresh');
    const answers = inTime.map(({ askedS, answeredS }) => 1e6 * (answeredS - askedS));
    const { set = 0, overwritten = 0 } = policy.inputStats['image'] ?? {};
    rows.push({
      round,
      inputs,
      p50Us: percentile(answers, 0.5),
      p99Us: percentile(answers, 0.99),
      p999Us: percentile(answers, 0.999),
      late: stats.lateActions,
      ticks: stats.iterations,
      images: set,
      overwritten,
      setUs: tookUs.length > 0 ? median(tookUs) : 0,
    });
  }
}
await robot.close();
await simulator.stop();

function column(inputs: string, name: string): number[] {
  return rows.filter((row) => row['inputs'] === inputs).map((row) => Number(row[name]));
}

function late(inputs: string): number {
  return column(inputs, 'late').reduce((sum, one) => sum + one, 0);
}

show(
  'an image of 640 x 480 x 3 at 30 Hz beside a Python policy at 1 kHz, question to answer [us]; medians over the rounds',
  PLACES.map((inputs) => {
    const columns = ['p50Us', 'p99Us', 'p999Us', 'setUs', 'images', 'overwritten', 'ticks'];
    const figures = columns.map((name) => [name, Number(median(column(inputs, name)).toFixed(1))]);
    return { inputs, ...Object.fromEntries(figures), lateInAll: late(inputs) };
  }),
);
const [at30Hz, held] = [median(column('at 30 Hz', 'late')), median(column('once', 'late'))];
const verdict = at30Hz <= held ? 'reached' : 'MISSED';
show('late answers of a round; medians over the rounds', [
  { at30Hz, once: held, bar: 'no more than once', verdict },
]);
keep('inputs', rows);
