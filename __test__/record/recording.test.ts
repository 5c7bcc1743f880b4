import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import {
  type JointVector,
  KilohertzError,
  type RecordedCycle,
  type RecordedEntry,
  type RobotState,
  replay,
  run,
  Session,
  type SessionOptions,
  workerPolicy,
} from '../../index.ts';
import { setUp, WALL } from '../fixtures/arms.ts';
import { folderFor, smallDisk } from '../fixtures/recordings.ts';
import { block, until, warningsDuring } from '../fixtures/waiting.ts';

const STANDING: JointVector = [0, 0, 0, 0, 0, 0, 0];
const FAST: JointVector = [9, 0, 0, 0, 0, 0, 0];
const STILL = { warmupS: 0, realtime: false } as const satisfies SessionOptions;

function ascending(a: number | undefined, b: number | undefined): number {
  return (a ?? Number.NaN) - (b ?? Number.NaN);
}

/** Keeps what a policy was asked and what it answered. */
class Swinging {
  readonly asked = new Map<number, { q: number[]; answer: number[] }>();
  #start: number[] | undefined;

  readonly policy = (state: RobotState, { tick, timeS }: { tick: number; timeS: number }) => {
    this.#start ??= Array.from(state.q_d);
    const [first = 0, ...others] = this.#start;
    const answer = [first + 0.05 * (1 - Math.cos(2 * Math.PI * timeS)), ...others];
    this.asked.set(tick, { q: Array.from(state.q), answer });
    return answer as unknown as JointVector;
  };
}

async function read(path: string): Promise<RecordedEntry[]> {
  const entries: RecordedEntry[] = [];
  for await (const entry of replay(path).entries()) entries.push(entry);
  return entries;
}

async function cyclesOf(path: string): Promise<RecordedCycle[]> {
  return (await read(path)).filter((entry) => entry.type === 'cycle');
}

test('each cycle of a session is in its file, with state, command and answer as they were', async (t) => {
  const path = join(folderFor(t), 'run.mcap');
  await using setup = await setUp('jointPosition');
  const swinging = new Swinging();
  const session = new Session(setup.arm, swinging.policy, {
    ...STILL,
    record: path,
    recordTicks: 5_000,
  });
  const stats = await session.run({ durationS: 1 });
  const recording = replay(path);
  const { run } = recording;
  const cycles = await cyclesOf(path);
  const records = session.takeRecords();
  t.is(cycles.length, stats.iterations);
  t.is(records.length, stats.iterations);
  t.is(stats.unrecordedCycles, 0);
  let answers = 0;
  for (const [tick, cycle] of cycles.entries()) {
    t.is(cycle.tick, tick);
    t.deepEqual(Array.from(cycle.command), Array.from(records[tick]?.action ?? []));
    t.true(cycle.kind === records[tick]?.kind);
    // In lockstep nothing is measured.
    const { behindS, tookS, gaveS, judgedS } = cycle.phases;
    t.deepEqual([behindS, tookS, gaveS, judgedS], [undefined, undefined, undefined, undefined]);
    if (!cycle.answer) continue;
    answers += 1;
    const asked = swinging.asked.get(cycle.answer.tick);
    t.deepEqual(
      cycle.answer.actions.map((action) => Array.from(action)),
      [asked?.answer],
    );
    t.deepEqual(Array.from(cycles[cycle.answer.tick]?.state.q ?? []), asked?.q);
  }
  const missed = cycles.reduce((sum, { missedMs }) => sum + missedMs, 0);
  t.is(missed, stats.missedTicks);
  t.true(answers > 0.9 * stats.iterations, `${answers} of ${stats.iterations}`);
  const { options, robot, versions, periodS } = await run;
  t.is(periodS, 1e-3);
  t.like(options, { recordTicks: 5_000 });
  t.like(robot, { kind: 'franka', control: 'jointPosition' });
  t.like(versions, { node: process.versions.node });
  t.like(session.recording, { path, cycles: cycles.length, lostCycles: 0, error: undefined });
  t.is(session.recording?.bytes, statSync(path).size);
});

const POLICIES = new URL('../fixtures/policies.ts', import.meta.url);
const PLACES = {
  'the main thread': () => () => STANDING,
  'a worker': () =>
    workerPolicy<typeof import('../fixtures/policies.ts'), 'swing'>(POLICIES, {
      export: 'swing',
      args: [0],
    }),
} as const;

for (const [place, policyIn] of Object.entries(PLACES)) {
  test(`the file has when each step of a cycle was done, with a policy in ${place}`, async (t) => {
    const path = join(folderFor(t), 'run.mcap');
    await using setup = await setUp('jointVelocity', WALL);
    const options = { ...STILL, record: path, recordTicks: 10_000 };
    const session = new Session(setup.arm, policyIn(), options);
    await session.run({ durationS: 1 });
    const cycles = await cyclesOf(path);
    const records = session.takeRecords();
    const [first, ...others] = cycles;
    t.is(first?.phases.behindS, undefined, 'the first cycle is when it is');
    t.true(others.every(({ phases: { behindS = -1 } }) => behindS >= 0));
    let timed = 0;
    for (const { tick, phases, answer } of cycles) {
      const { timeS = 0, tookS: took = 0, gaveS: gave = 0 } = records[tick] ?? {};
      const { askedS, tookS, gaveS, answeredS, judgedS, decidedS, sentS } = phases;
      if (tookS === undefined || gaveS === undefined) {
        t.true(Number.isNaN(took), `${tick}`);
        continue;
      }
      timed += 1;
      t.true(Math.abs(tookS - (took - timeS)) < 1e-6, `${tick}: ${tookS}`);
      t.true(Math.abs(gaveS - (gave - timeS)) < 1e-6, `${tick}: ${gaveS}`);
      const own = answer?.tick === tick ? [askedS] : [];
      // The policy's thread reads the clock by itself, and may do so a little after its answer is here.
      for (const steps of [
        [...own, tookS, gaveS, judgedS],
        [answeredS, judgedS, decidedS, sentS],
      ]) {
        t.false(steps.includes(undefined), `${tick}`);
        t.deepEqual(steps.toSorted(ascending), steps, `${tick}`);
      }
    }
    t.true(timed > 20, `${timed} of ${cycles.length}`);
  });
}

test('no cycle is lost while the event loop is blocked', async (t) => {
  const path = join(folderFor(t), 'run.mcap');
  await using setup = await setUp('jointVelocity', WALL);
  const session = new Session(setup.arm, () => STANDING, {
    ...STILL,
    record: path,
  });
  const running = session.run({ durationS: 1.5 });
  await until(() => session.stepCount > 100, '100 cycles');
  block(700);
  const stats = await running;
  const cycles = await cyclesOf(path);
  t.true(stats.heldCommands + stats.restCommands > 0);
  t.is(cycles.length, stats.iterations);
  t.is(stats.unrecordedCycles, 0);
  const missed = cycles.reduce((sum, { missedMs }) => sum + missedMs, 0);
  t.is(missed, stats.missedTicks);
  t.true(cycles.some(({ notes }) => notes.some(({ name }) => name === 'held')));
});

test('what is logged and the episodes are in the file, each with its own time', async (t) => {
  const path = join(folderFor(t), 'run.mcap');
  await using setup = await setUp('jointPosition');
  const session = new Session(setup.arm, new Swinging().policy, { ...STILL, record: path });
  t.false(session.log('before/the/start', 1));
  await session.start();
  const first = session.episode({ task: 'swing' });
  t.true(session.log('force', [1, 2, 3], { timeS: 0.25 }));
  session.log('note', 'a word');
  session.log('camera/wrist', {
    width: 2,
    height: 1,
    encoding: 'rgb8',
    data: new Uint8Array(6).fill(7),
  });
  session.log('camera/file', { format: 'png', data: new Uint8Array([1, 2]) });
  session.log('bytes', new Uint8Array([9]));
  session.log('float32', new Float32Array([0.5]));
  const second = session.episode({ task: 'swing again' });
  t.true(first.isOver);
  second.end('success');
  second.end('failure');
  const third = session.episode();
  await session.stop();
  third.end('failure');
  t.false(session.log('after/the/end', 1));
  const entries = await read(path);
  const samples = entries.filter((entry) => entry.type === 'sample');
  t.deepEqual(
    samples.map(({ channel }) => channel),
    ['force', 'note', 'camera/wrist', 'camera/file', 'bytes', 'float32'],
  );
  const [force, note, wrist, file, bytes, single] = samples;
  t.is(force?.timeS, 0.25);
  t.deepEqual(force?.value, { kind: 'numbers', numbers: Float64Array.of(1, 2, 3) });
  t.like(note?.value, { kind: 'bytes', mediaType: 'text/plain; charset=utf-8' });
  t.like(wrist?.value, { kind: 'pixels', width: 2, height: 1, encoding: 'rgb8' });
  t.like(file?.value, { kind: 'image', format: 'png' });
  t.like(bytes?.value, { kind: 'bytes', mediaType: '' });
  t.deepEqual(single?.value, { kind: 'numbers', numbers: Float64Array.of(0.5) });
  const marks = entries.filter((entry) => entry.type === 'episode');
  t.deepEqual(
    marks.map(({ index, task, ended: how }) => [index, task, how]),
    [
      [0, 'swing', undefined],
      [0, 'swing', 'unknown'],
      [1, 'swing again', undefined],
      [1, 'swing again', 'success'],
      [2, '', undefined],
    ],
  );
  t.is(session.recording?.values, samples.length + marks.length);
});

test('a value that cannot be recorded is refused by name', async (t) => {
  const path = join(folderFor(t), 'run.mcap');
  await using setup = await setUp('jointPosition');
  const session = new Session(setup.arm, new Swinging().policy, { ...STILL, record: path });
  await session.start();
  const log = (channel: unknown, value: unknown, options?: unknown) => () =>
    session.log(channel as string, value as number, options as object);
  t.throws(log(1, 1), { code: 'OPTION_CHANNEL' });
  t.throws(log('', 1), { code: 'OPTION_CHANNEL' });
  t.throws(log('../x y', 1), { code: 'RECORD_INVALID_ARGUMENT' });
  t.throws(log('kilohertz/cycle', 1), { code: 'RECORD_INVALID_ARGUMENT' });
  t.throws(log('x', undefined), { code: 'OPTION_VALUE' });
  t.throws(log('x', { data: 1 }), { code: 'OPTION_VALUE_DATA' });
  const data = new Uint8Array(5);
  t.throws(log('x', { data, width: 2, height: 1, encoding: 'bgr' }), {
    code: 'OPTION_VALUE_ENCODING',
  });
  t.throws(log('x', { data, width: 2, height: 1, encoding: 'rgb8' }), {
    code: 'RECORD_INVALID_ARGUMENT',
  });
  t.throws(log('x', ['a']), { code: 'OPTION_VALUE' });
  t.throws(log('x', { length: 1e9 }), { code: 'OPTION_VALUE' });
  t.throws(log('x', { format: 'png', width: 1, data }), { code: 'OPTION_UNKNOWN' });
  const gone = new Float64Array(3);
  structuredClone(gone.buffer, { transfer: [gone.buffer] });
  t.throws(log('x', gone), { code: 'OPTION_VALUE' });
  t.throws(log('x', 1, { timeS: Number.NaN }), { code: 'OPTION_TIME_S' });
  t.throws(() => session.episode({ task: 1 as never }), { code: 'OPTION_TASK' });
  t.throws(() => session.episode().end('good' as never), { code: 'OPTION_OUTCOME' });
  await session.stop();
  t.throws(() => session.episode(), { code: 'SESSION_STOPPED' });
});

test('a recording has a bounded number of channels, and the arm goes on', async (t) => {
  const path = join(folderFor(t), 'run.mcap');
  await using setup = await setUp('jointPosition');
  const session = new Session(setup.arm, new Swinging().policy, { ...STILL, record: path });
  await session.start();
  for (let nth = 0; nth < 10_000; nth += 1) session.log(`object/${nth}`, nth);
  const error = t.throws(() => session.log('object/10000', 1), { code: 'RECORD_INVALID_ARGUMENT' });
  t.regex(error.message, /10000 channels/);
  session.log('object/0', 2);
  await session.stop();
  t.is(session.recording?.values, 10_001);
  t.is(session.recording?.error, undefined);
});

test('an aborted run keeps its newest cycles too', async (t) => {
  const path = join(folderFor(t), 'aborted.mcap');
  await using setup = await setUp('jointPosition');
  const session = new Session(setup.arm, new Swinging().policy, STILL);
  const abort = new AbortController();
  session.once('start', () => abort.abort());
  const error = await t.throwsAsync(session.run({ signal: abort.signal }), { code: 'ABORT_ERR' });
  await (error as KilohertzError).save(path);
  t.true((await cyclesOf(path)).length > 0);
});

test('an error carries the newest cycles, which can be saved and read like a recording', async (t) => {
  const path = join(folderFor(t), 'error.mcap');
  await using setup = await setUp('jointPosition');
  const swinging = new Swinging();
  const failing = (state: RobotState, tick: { tick: number; timeS: number }) => {
    if (tick.tick === 700) throw new Error('the model is gone');
    return swinging.policy(state, tick);
  };
  const options = { ...STILL, blackBox: { seconds: 0.5 } };
  const session = new Session(setup.arm, failing, options);
  const error = await t.throwsAsync(session.run(), {
    instanceOf: KilohertzError,
    code: 'POLICY_THREW',
  });
  await error.save(path);
  const cycles = await cyclesOf(path);
  t.true(cycles.length >= 500 && cycles.length < 560, `${cycles.length}`);
  t.is(cycles.at(-1)?.tick, session.stats.iterations - 1);
  t.is(cycles.at(-1)?.kind, 'rest');
  const at = cycles.find(({ tick }) => tick === 600);
  const exact = swinging.asked.get(600)?.q ?? [];
  t.deepEqual(Array.from(at?.state.q ?? []), exact.map(Math.fround));
  const again = await t.throwsAsync(error.save(path), { code: 'RECORD_IO' });
  t.regex(again.message, /not overwritten/);
  t.is(error.blackBox, undefined);
});

test('where a folder is named, the newest cycles are there when the session has ended with an error', async (t) => {
  const into = folderFor(t);
  await using setup = await setUp('jointVelocity');
  const session = new Session(setup.arm, () => FAST, {
    ...STILL,
    blackBox: { folder: into },
  });
  const error = await t.throwsAsync(session.run(), {
    instanceOf: KilohertzError,
    code: 'ACTION_LIMIT',
  });
  const [name = ''] = readdirSync(into);
  t.is(error.blackBox, join(into, name));
  const cycles = await cyclesOf(join(into, name));
  t.true(cycles.some(({ notes }) => notes.some(({ level }) => level === 'warning')));
  const well = new Session(setup.arm, () => STANDING, {
    ...STILL,
    blackBox: { folder: into },
  });
  await well.run({ durationS: 0.1 });
  t.is(readdirSync(into).length, 1);
});

test('sessions that are over do not pile up until garbage is collected for another reason', async (t) => {
  await using setup = await setUp('jointVelocity');
  let gone = 0;
  const registry = new FinalizationRegistry(() => {
    gone += 1;
  });
  for (let nth = 0; nth < 40; nth += 1) {
    const session = new Session(setup.arm, () => STANDING, STILL);
    registry.register(session, nth);
    await session.start();
    await session.stop();
  }
  // Each holds 20 MB, of which V8 was told. Without that all 40 are there after the last one.
  t.true(gone >= 20, `${gone}`);
});

test('an error whose cycles were not kept says so', async (t) => {
  await using setup = await setUp('jointVelocity');
  const failing = (): never => {
    throw new Error('no');
  };
  const session = new Session(setup.arm, failing, { ...STILL, blackBox: false });
  const error = await t.throwsAsync(session.run(), { instanceOf: KilohertzError });
  await t.throwsAsync(error.save(join(folderFor(t), 'x.mcap')), { code: 'SESSION_NOT_KEPT' });
});

test('each start has a file of its own in a folder', async (t) => {
  const into = folderFor(t);
  await using setup = await setUp('jointPosition');
  for (let round = 0; round < 3; round += 1) {
    const record = { folder: into, name: 'pick-{n}.mcap' };
    await new Session(setup.arm, new Swinging().policy, { ...STILL, record }).run({
      durationS: 0.05,
    });
  }
  t.deepEqual(readdirSync(into).sort(), ['pick-1.mcap', 'pick-2.mcap', 'pick-3.mcap']);
});

test('a place that cannot be written is refused before anything moves', async (t) => {
  const into = folderFor(t);
  const file = join(into, 'file');
  writeFileSync(file, 'mine');
  await using setup = await setUp('jointPosition');
  const begin = (options: SessionOptions): Promise<unknown> =>
    new Session(setup.arm, new Swinging().policy, { ...STILL, ...options }).run({ durationS: 1 });
  const places: readonly [SessionOptions, RegExp][] = [
    [{ record: join(into, 'missing', 'run.mcap') }, /folder that exists/],
    [{ record: join(file, 'run.mcap') }, /name a file, in a folder/],
    [{ record: into }, /not overwritten|name a file/],
    [{ record: file }, /not overwritten/],
    [{ blackBox: { folder: file } }, /name a file, in a folder/],
    [{ blackBox: { folder: join(into, 'missing') } }, /folder that exists/],
  ];
  for (const [options, expected] of places) {
    const error = await t.throwsAsync(
      begin(options),
      { code: 'RECORD_IO' },
      JSON.stringify(options),
    );
    t.regex(error.message, expected);
  }
  t.is(setup.simulator.counters().commandsReceived, 0);
  // The arm is as free as before.
  await begin({});
});

test('a disk that becomes full ends the recording by name, and the arm goes on', async (t) => {
  const place = smallDisk(t, 400);
  if (place === undefined) return t.pass();
  const path = join(place, 'run.mcap');
  await using setup = await setUp('jointPosition');
  const session = new Session(setup.arm, new Swinging().policy, { ...STILL, record: path });
  const told: KilohertzError[] = [];
  session.on('recordingFailed', (error) => told.push(error));
  let stats = session.stats;
  const warnings = await warningsDuring(async () => {
    stats = await session.run({ durationS: 4 });
  });
  t.true(stats.iterations > 3_900);
  t.false(warnings.some((warning) => warning instanceof KilohertzError));
  t.deepEqual(
    told.map(({ code }) => code),
    ['RECORD_IO'],
  );
  t.regex(told[0]?.message ?? '', /free space there/);
  const report = session.recording;
  t.is(report?.error?.code, 'RECORD_IO');
  // How many are in the file depends on how much the writer had to write at once: on a busy machine it is more.
  t.is((report?.cycles ?? 0) + (report?.lostCycles ?? 0), stats.iterations);
  t.is((await cyclesOf(path)).length, report?.cycles ?? 0);
});

test('a recording that fails while nobody listens becomes a warning of the process, once', async (t) => {
  const place = smallDisk(t, 400);
  if (place === undefined) return t.pass();
  await using setup = await setUp('jointPosition');
  const record = join(place, 'run.mcap');
  const options = { ...STILL, durationS: 4, record };
  const warnings = await warningsDuring(async () => {
    const stats = await run(setup.arm, new Swinging().policy, options);
    t.true(stats.iterations > 3_900);
  });
  const told = warnings.filter((warning) => warning instanceof KilohertzError);
  t.deepEqual(
    told.map(({ code }) => code),
    ['RECORD_IO'],
  );
  t.like(told[0], { path: record });
});

test('options of recordings are checked', async (t) => {
  await using setup = await setUp('jointPosition');
  const make = (options: object) => () => new Session(setup.arm, new Swinging().policy, options);
  t.throws(make({ record: 1 }), {
    message: /record is 1; expected an object, or the path of a file/,
  });
  t.throws(make({ record: {} }), { code: 'OPTION_RECORD_FOLDER' });
  t.throws(make({ record: 'a\0b' }), { code: 'OPTION_RECORD' });
  t.throws(make({ record: 'a\ud800.mcap' }), { code: 'OPTION_RECORD' });
  t.throws(make({ record: { folder: '.', name: '../x' } }), { code: 'OPTION_RECORD_NAME' });
  t.throws(make({ record: { folder: '.', name: null } }), { code: 'OPTION_RECORD_NAME' });
  // As that of jsdom, in which browsers are simulated.
  const foreign = { href: 'file:///tmp/run.mcap', [Symbol.toStringTag]: 'URL' };
  t.notThrows(make({ record: foreign }));
  t.throws(make({ record: { ...foreign, href: 'ws://elsewhere/' } }), { code: 'OPTION_RECORD' });
  t.throws(make({ blackBox: null }), { message: /blackBox is null; expected an object, or false/ });
  t.throws(make({ blackBox: { seconds: 0 } }), { code: 'OPTION_BLACK_BOX_SECONDS' });
  t.throws(make({ blackBox: { folder: 1 } }), { code: 'OPTION_BLACK_BOX_FOLDER' });
  t.throws(make({ blackBox: 1 }), { message: /blackBox is 1; expected an object, or false/ });
});
