// An image of 640 x 480 in RGB, 30 times a second, beside a policy in a Python process at 1 kHz that looks at each of them.
// Rounds with and without the image alternate.

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

/** Sets images until the function that it returns is called. Adds to `tookUs` how long each call took [us]. */
function camera(set: (values: { image: typeof image }) => void, tookUs: number[]): () => void {
  const timer = setInterval(() => {
    image.fill(tookUs.length);
    const begun = performance.now();
    set({ image });
    tookUs.push(1e3 * (performance.now() - begun));
  }, 1e3 / 30);
  return () => clearInterval(timer);
}

const PLACES = ['without', 'with'] as const;
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
    let stop = (): void => {};
    session.once('start', () => {
      if (inputs === 'with') stop = camera(policy.set, tookUs);
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
    return { inputs, ...Object.fromEntries(figures), late: late(inputs) };
  }),
);
const verdict = late('with') <= late('without') ? 'reached' : 'MISSED';
show('late answers in all rounds', [
  { with: late('with'), without: late('without'), bar: 'no more than without', verdict },
]);
keep('inputs', rows);
