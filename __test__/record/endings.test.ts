import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { FrankaSimulator, type RecordedCycle, repairRecording, replay } from '../../index.ts';
import { WALL } from '../fixtures/arms.ts';
import { program } from '../fixtures/programs.ts';
import { folderFor } from '../fixtures/recordings.ts';

interface Left {
  readonly cycles: readonly RecordedCycle[];
  readonly isWhole: boolean | undefined;
  readonly path: string;
  /** How many commands the arm had received. */
  readonly received: number;
}

/** Records a session of another process, which ends in one way. Returns what is in the file. */
async function left(t: ExecutionContext, way: string, signal?: NodeJS.Signals): Promise<Left> {
  const path = join(folderFor(t), 'run.mcap');
  await using simulator = await FrankaSimulator.start(WALL);
  const child = program('arm', simulator.address, way, path);
  await child.printed('driving');
  if (signal) child.process.kill(signal);
  await child.ended;
  const recording = replay(path);
  const cycles: RecordedCycle[] = [];
  for await (const cycle of recording) cycles.push(cycle);
  const received = simulator.counters().commandsReceived;
  return { cycles, isWhole: recording.isWhole, path, received };
}

for (const [way, signal] of [
  ['driving', 'SIGINT'],
  ['driving', 'SIGTERM'],
  ['run', 'SIGHUP'],
  ['driving', 'SIGQUIT'],
  ['driving', 'SIGABRT'],
  ['exit', undefined],
  ['exitWhileBlocked', undefined],
  ['throws', undefined],
] as const) {
  const how = signal ?? 'itself';
  test(`a recording is whole, up to the rest, when ${how} ends the program (${way})`, async (t) => {
    const { cycles, isWhole, received } = await left(t, way, signal);
    t.true(isWhole);
    t.true(cycles.length > 100, `${cycles.length}`);
    t.is(cycles.at(-1)?.kind, 'rest');
    t.true(cycles.length >= received, `${cycles.length} of ${received}`);
  });
}

test('a recording of a process that was killed lacks its end alone, and can be repaired', async (t) => {
  const { cycles, isWhole, path, received } = await left(t, 'driving', 'SIGKILL');
  t.false(isWhole);
  // A quarter of a second may be lost; a loaded machine may run the writing thread late.
  t.true(cycles.length >= received - 1_000, `${cycles.length} of ${received}`);
  t.true(cycles.every(({ tick }, nth) => tick === nth));
  const repaired = await repairRecording(path);
  t.is(repaired.cycles, cycles.length);
  const whole = replay(path);
  for await (const _ of whole);
  t.true(whole.isWhole);
});
