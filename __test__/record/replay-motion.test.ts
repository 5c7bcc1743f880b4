import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import {
  Franka,
  FrankaSimulator,
  type JointVector,
  KilohertzError,
  repairRecording,
  replay,
  replayMotion,
  run,
  Session,
  type SessionStats,
} from '../../index.ts';
import { setUp } from '../fixtures/arms.ts';
import { CART, folderFor } from '../fixtures/recordings.ts';
import { until } from '../fixtures/waiting.ts';

/** Records a motion of three joints, with states that get lost. Returns the file. */
async function recorded(t: ExecutionContext): Promise<string> {
  const record = join(folderFor(t), 'run.mcap');
  await using setup = await setUp('jointPosition');
  let start: number[] | undefined;
  const session = new Session(
    setup.arm,
    (state, { timeS }) => {
      start ??= Array.from(state.q_d);
      const way = 1 - Math.cos(Math.PI * Math.min(timeS, 1));
      return start.map(
        (q, joint) => q + (joint % 3 === 0 ? 0.08 * way : 0),
      ) as unknown as JointVector;
    },
    { warmupS: 0, record },
  );
  for (const atCycle of [400, 700, 1_000]) {
    setup.simulator.inject({ kind: 'dropStates', count: 8, atCycle });
  }
  await session.run({ durationS: 1.6 });
  return record;
}

/** The last recorded joints, and how many milliseconds are missing. */
async function summary(path: string): Promise<{ q: number[]; missed: number }> {
  let q: number[] = [];
  let missed = 0;
  for await (const { state, missedMs } of replay(path)) {
    q = Array.from(state.q);
    missed += missedMs;
  }
  return { q, missed };
}

function violations(stats: SessionStats): number {
  const { positionViolations, velocityViolations, accelerationViolations } = stats;
  const { jerkViolations, distanceViolations, clampedCommands, badChunks } = stats;
  return (
    positionViolations +
    velocityViolations +
    accelerationViolations +
    jerkViolations +
    distanceViolations +
    clampedCommands +
    badChunks
  );
}

test('a recorded motion is gone again, across its gaps, and ends where it ended', async (t) => {
  const path = await recorded(t);
  const { q, missed } = await summary(path);
  t.true(missed >= 20, `${missed}`);
  for (const speed of [1, 0.5]) {
    await using simulator = await FrankaSimulator.start({ lockstep: true });
    await using robot = await Franka.connect(simulator.address, { control: 'jointPosition' });
    const stats = await replayMotion(path, { robot, speed, approachSpeed: 0.5 });
    const { q: ended } = await robot.state();
    for (const [joint, expected] of q.entries()) {
      const off = Math.abs((ended[joint] ?? Number.NaN) - expected);
      t.true(off < 1e-3, `speed ${speed}, joint ${joint + 1}: ${off} rad`);
    }
    t.is(violations(stats), 0, `speed ${speed}: ${stats.firstViolation}`);
    t.is(simulator.counters().reflexes, 0);
  }
});

test('the way is the recorded one, at the recorded pace', async (t) => {
  const path = await recorded(t);
  const again = join(folderFor(t), 'again.mcap');
  await using simulator = await FrankaSimulator.start({ lockstep: true });
  await using robot = await Franka.connect(simulator.address, { control: 'jointPosition' });
  await replayMotion(path, { robot, approachSpeed: 0.5, record: again });
  const then: { s: number; q: number }[] = [];
  for await (const { robotTimeS, state } of replay(path))
    then.push({ s: robotTimeS, q: state.q[0] ?? 0 });
  let most = 0;
  for await (const { robotTimeS, state } of replay(again)) {
    // Speeding up takes half a second, in which half as much of the way is gone.
    const wanted = robotTimeS - 0.25;
    if (wanted < 0.3 || wanted > 1.2) continue;
    const at = then.find(({ s }) => s >= wanted);
    most = Math.max(most, Math.abs((at?.q ?? Number.NaN) - (state.q[0] ?? 0)));
  }
  t.true(most < 5e-3, `${most} rad`);
});

test('a file for the motion that cannot be made is refused before the arm moves, as by a session', async (t) => {
  await using setup = await setUp('jointPosition');
  const robot = setup.arm;
  const path = await recorded(t);
  const folder = folderFor(t);
  const taken = join(folder, 'taken.mcap');
  writeFileSync(taken, 'mine');
  const places: readonly [string, RegExp][] = [
    [taken, /taken\.mcap cannot be created: .*file .*exists.*; .+ not overwritten/i],
    [join(folder, 'missing', 'run.mcap'), /cannot be created: .+ a folder that exists/],
    [join(taken, 'run.mcap'), /cannot be created: .+ name a file, in a folder/],
    [folder, /not overwritten/],
  ];
  for (const [record, words] of places) {
    for (const begin of [
      () => replayMotion(path, { robot, record }),
      () => run(robot, ({ q_d }) => [...q_d] as unknown as JointVector, { record }),
    ]) {
      const error = await t.throwsAsync(begin(), { instanceOf: KilohertzError, code: 'RECORD_IO' });
      t.regex(error.message, words);
      t.like(error, { path: record });
    }
  }
  await t.throwsAsync(replayMotion(path, { robot, record: 1 as never }), {
    message: /record is 1/,
  });
  t.is(setup.simulator.counters().motionsStarted, 0);
  t.is(readFileSync(taken, 'utf8'), 'mine');
  // One that is refused for another reason leaves no file behind.
  const record = join(folder, 'run.mcap');
  setup.simulator.inject({ kind: 'reflex' });
  await until(async () => (await robot.state()).robot_mode === 'Reflex', 'a reflex');
  await t.throwsAsync(replayMotion(path, { robot, record }), { instanceOf: KilohertzError });
  t.deepEqual(readdirSync(folder), ['taken.mcap']);
});

test('what is no recording of an arm, and an arm that cannot follow, are refused before anything moves', async (t) => {
  await using setup = await setUp('jointPosition');
  const robot = setup.arm;
  await t.throwsAsync(replayMotion(CART, { robot }), { code: 'OPTION_FILE' });
  await t.throwsAsync(replayMotion('missing.mcap', { robot }), { code: 'RECORD_IO' });
  const path = await recorded(t);
  await t.throwsAsync(replayMotion(path, { robot, fromS: 90 }), { code: 'OPTION_FILE' });
  const backwards = replayMotion(path, { robot, fromS: 9, toS: 1 });
  t.regex((await t.throwsAsync(backwards, { code: 'OPTION_TO_S' })).message, /toS is 1.+fromS/);
  const pipe = join(folderFor(t), 'pipe');
  execFileSync('mkfifo', [pipe]);
  const noFile = await t.throwsAsync(replayMotion(pipe, { robot }), { code: 'RECORD_IO' });
  t.regex(noFile.message, /regular file/);
  await t.throwsAsync(repairRecording(pipe), { code: 'RECORD_IO' });
  await t.throwsAsync(replayMotion(path, { robot, speed: 3 }), { code: 'OPTION_SPEED' });
  await t.throwsAsync(replayMotion(path, { robot: {} as Franka }), { code: 'OPTION_ROBOT' });
  await t.throwsAsync(replayMotion(path, undefined as never), { message: /options object/ });
  t.is(setup.simulator.counters().motionsStarted, 0);
  await using other = await setUp('jointVelocity');
  await t.throwsAsync(replayMotion(path, { robot: other.arm }), { code: 'OPTION_ROBOT' });
});
