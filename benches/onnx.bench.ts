// A small network as a policy, an MLP 14-64-64-7: computed beside the loop by `onnxPolicy`, and by onnxruntime-node in an
// `InferenceThread` that a function asks. From question to answer, at 1 kHz, in alternating rounds.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AnyPolicy,
  Franka,
  FrankaSimulator,
  InferenceThread,
  type JointVector,
  onnxPolicy,
  type RobotState,
  Session,
} from 'kilohertz';
import { writeModel } from '../__test__/fixtures/onnx-models.ts';
import { keep, median, once, percentile, type Row, show } from './rows.ts';

const ROUNDS = once ? 1 : 6;
const DURATION_S = once ? 0.3 : 5;
const BAR = 0.5;
/** Answers are waited for this long, so that nearly all count with the time that they took. */
const DEADLINE_S = 0.8e-3;

/** Weights that are the same in each run, small enough that the arm hardly moves. */
const weights = (rows: number, columns: number): number[] =>
  Array.from({ length: rows * columns }, (_, at) => 0.02 * Math.sin(at));

const folder = mkdtempSync(join(tmpdir(), 'kilohertz-onnx-'));
const file = writeModel(folder, 'mlp', {
  inputs: [{ name: 'observation', shape: [1, 14] }],
  outputs: [{ name: 'action', shape: [1, 7] }],
  nodes: [
    { op: 'MatMul', inputs: ['observation', 'w1'], outputs: ['a1'] },
    { op: 'Tanh', inputs: ['a1'], outputs: ['h1'] },
    { op: 'MatMul', inputs: ['h1', 'w2'], outputs: ['a2'] },
    { op: 'Tanh', inputs: ['a2'], outputs: ['h2'] },
    { op: 'MatMul', inputs: ['h2', 'w3'], outputs: ['action'] },
  ],
  constants: [
    { name: 'w1', shape: [14, 64], numbers: weights(14, 64) },
    { name: 'w2', shape: [64, 64], numbers: weights(64, 64) },
    { name: 'w3', shape: [64, 7], numbers: weights(64, 7) },
  ],
});
const thread = new InferenceThread<typeof import('./onnx-model.ts')>(
  new URL('./onnx-model.ts', import.meta.url),
);
await thread.start();
const inThread = async ({ q, dq }: RobotState): Promise<JointVector> => {
  const answer = await thread.run('infer', file, Float32Array.from([...q, ...dq]));
  return Array.from(answer) as unknown as JointVector;
};
const policies: Readonly<Record<string, AnyPolicy<RobotState, JointVector>>> = {
  onnxPolicy: onnxPolicy(file, {
    inputs: { observation: ['q', 'dq'] },
    outputs: { action: 'action' },
  }),
  InferenceThread: inThread,
};

const simulator = await FrankaSimulator.start();
const robot = await Franka.connect(simulator.address);
const rows: Row[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [policy, asked] of Object.entries(policies)) {
    const session = new Session(robot, asked, {
      warmupS: 0.1,
      recordTicks: 20_000,
      deadlineS: DEADLINE_S,
    });
    const stats = await session.run({ durationS: DURATION_S });
    const inTime = session.takeRecords().filter(({ kind }) => kind === 'fresh');
    const answers = inTime.map(({ askedS, answeredS }) => 1e6 * (answeredS - askedS));
    // A late answer took at least so long.
    answers.push(...new Array<number>(stats.lateActions).fill(1e6 * DEADLINE_S));
    rows.push({
      round,
      policy,
      p50Us: percentile(answers, 0.5),
      p99Us: percentile(answers, 0.99),
      late: stats.lateActions,
      ticks: stats.iterations,
    });
  }
}
await robot.close();
await simulator.stop();
await thread.stop();
rmSync(folder, { recursive: true });

/** The median of a column over the rounds. */
function of(policy: string, column: string): number {
  const mine = rows.filter((row) => row['policy'] === policy);
  return median(mine.map((row) => Number(row[column])));
}

show(
  'question to answer of a small network [us]; medians over the rounds',
  Object.keys(policies).map((policy) => {
    const columns = ['p50Us', 'p99Us', 'late', 'ticks'];
    const figures = columns.map((column) => [column, Number(of(policy, column).toFixed(1))]);
    return { policy, ...Object.fromEntries(figures) };
  }),
);
show(
  'onnxPolicy as a multiple of onnxruntime-node in an InferenceThread',
  ['p50Us', 'p99Us'].map((column) => {
    const ratio = of('onnxPolicy', column) / of('InferenceThread', column);
    const verdict = ratio <= BAR ? 'reached' : 'MISSED';
    return { column, ratio: Number(ratio.toFixed(2)), bar: `<= ${BAR}`, verdict };
  }),
);
keep('onnx', rows);
