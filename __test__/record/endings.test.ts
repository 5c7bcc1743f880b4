import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import {
  FrankaSimulator,
  type RecordedCycle,
  type RecordedEnd,
  repairRecording,
  replay,
} from '../../index.ts';
import { WALL } from '../fixtures/arms.ts';
import { program } from '../fixtures/programs.ts';
import { folderFor } from '../fixtures/recordings.ts';

interface Left {
  readonly cycles: readonly RecordedCycle[];
  readonly isWhole: boolean | undefined;
  readonly end: RecordedEnd | undefined;
  readonly path: string;
  /** How many commands the arm had received. */
  readonly received: number;
}

/** Records a session of another process, which ends in one way. Returns what is in the file. */
async function left(
  t: ExecutionContext,
  way: string,
  signal?: NodeJS.Signals,
  name: 'arm' | 'workers' = 'arm',
): Promise<Left> {
  const path = join(folderFor(t), 'run.mcap');
  await using simulator = await FrankaSimulator.start(WALL);
  const words = name === 'arm' ? [path] : ['1', path];
  const child = program(name, simulator.address, way, ...words);
  await child.printed('driving');
  if (signal) child.process.kill(signal);
  await child.ended;
  const recording = replay(path);
  const cycles: RecordedCycle[] = [];
  for await (const cycle of recording) cycles.push(cycle);
  const received = simulator.counters().commandsReceived;
  return { cycles, isWhole: recording.isWhole, end: await recording.end(), path, received };
}

/** The code and the message of what a signal has ended. */
const byA = (signal: NodeJS.Signals): readonly [string, string] => [
  'SESSION_INTERRUPTED',
  `the session was ended by ${signal}, and is at rest (docs/errors.md#session_interrupted)`,
];
const asked = (message: string): readonly [undefined, string] => [undefined, message];
const INTERRUPT = 'Ctrl+C was pressed, which ends a run without durationS';

for (const [way, signal, end] of [
  ['driving', 'SIGINT', byA('SIGINT')],
  ['run', 'SIGINT', asked(INTERRUPT)],
  ['driving', 'SIGTERM', byA('SIGTERM')],
  ['blocked', 'SIGTERM', byA('SIGTERM')],
  ['run', 'SIGHUP', byA('SIGHUP')],
  ['driving', 'SIGQUIT', byA('SIGQUIT')],
  ['driving', 'SIGABRT', byA('SIGABRT')],
  ['aborts', undefined, byA('SIGABRT')],
  ['exit', undefined, asked('the program ended with exit code 7')],
  ['exitWhileBlocked', undefined, asked('the program ended with exit code 7')],
  ['throws', undefined, asked('the program ended with exit code 1')],
] as const) {
  const how = signal ?? 'itself';
  test(`a recording is whole, up to the rest and why it ended, when ${how} ends the program (${way})`, async (t) => {
    const { cycles, isWhole, received, end: told } = await left(t, way, signal);
    t.true(isWhole);
    t.true(cycles.length > 100, `${cycles.length}`);
    t.is(cycles.at(-1)?.kind, 'rest');
    t.true(cycles.length >= received, `${cycles.length} of ${received}`);
    t.deepEqual([told?.code, told?.message], [...end]);
    t.is(told?.tick, cycles.at(-1)?.tick);
  });
}

for (const way of ['terminate', 'exit', 'throws']) {
  test(`a recording is whole, and says that its thread was ended (${way})`, async (t) => {
    const { cycles, isWhole, end } = await left(t, way, undefined, 'workers');
    t.true(isWhole);
    t.is(cycles.at(-1)?.kind, 'rest');
    t.deepEqual([end?.code, end?.message], [undefined, 'the thread of the session was ended']);
  });
}

test('a recording of a process that was killed lacks its end alone, and can be repaired', async (t) => {
  const { cycles, isWhole, end, path, received } = await left(t, 'driving', 'SIGKILL');
  t.false(isWhole);
  t.is(end, undefined, 'nobody could tell why it ended');
  // A quarter of a second may be lost; a loaded machine may run the writing thread late.
  t.true(cycles.length >= received - 1_000, `${cycles.length} of ${received}`);
  t.true(cycles.every(({ tick }, nth) => tick === nth));
  const repaired = await repairRecording(path);
  t.is(repaired.cycles, cycles.length);
  const whole = replay(path);
  for await (const _ of whole);
  t.true(whole.isWhole);
  t.is(await whole.end(), undefined);
});
