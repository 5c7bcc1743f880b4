import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import {
  AbortError,
  isKilohertzError,
  type KilohertzError,
  type OptionErrorCode,
  type OptionTypeError,
  type RecordedCycle,
  type RecordedEntry,
  RobotState,
  replay,
} from '../../index.ts';
import { ARM, CART, cutOff, damaged, Folder, unreadable } from '../fixtures/recordings.ts';
import { rejection } from '../fixtures/waiting.ts';

async function all<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of iterable) found.push(item);
  return found;
}

test('a replay gives every cycle of the run once and in order, and says where one was missed or lost', async (t) => {
  const run = replay(ARM);
  t.is(run.isWhole, undefined);
  const cycles = await all(run);
  t.true(run.isWhole);
  const ticks = Array.from({ length: 400 }, (_, tick) => tick);
  t.deepEqual(
    cycles.map(({ tick }) => tick),
    ticks.filter((tick) => tick < 200 || tick > 202),
  );
  const told = cycles.filter(
    ({ missedMs, lostBefore, notes }) => missedMs + lostBefore + notes.length > 0,
  );
  t.deepEqual(
    told.map(({ tick, missedMs, lostBefore }) => [tick, missedMs, lostBefore]),
    [
      [203, 3, 0],
      [310, 0, 1],
    ],
  );
  t.like(told[0], {
    kind: 'held',
    notes: [{ level: 'warning', name: 'held', text: 'the policy was late' }],
  });
});

test('a cycle has the state of an arm, the command, the answer and its times', async (t) => {
  const cycles = await all(replay(pathToFileURL(ARM)));
  const { state, ...cycle } = cycles[3] as RecordedCycle;
  t.true(state instanceof RobotState);
  t.is(state.time, 100 + 0.003);
  t.is(state.robot_mode, 'Move');
  t.is(state.control_command_success_rate, 1);
  t.deepEqual(state.q_d, new Float64Array([0, -0.785, 0, -2.356, 0, 1.571, 0.785]));
  t.like(cycle, {
    tick: 3,
    robotTimeS: 0.003,
    monotonicNs: 5_003_000_000n,
    wallNs: 1_700_000_000_003_000_000n,
    kind: 'fresh',
    phases: { askedS: undefined, answeredS: 0.0002, decidedS: 0.0003, sentS: 0.0004 },
  });
  // The file is of a version that did not record these.
  const { behindS, tookS, gaveS, judgedS } = cycle.phases;
  t.deepEqual([behindS, tookS, gaveS, judgedS], [undefined, undefined, undefined, undefined]);
  t.is(cycle.command.length, 7);
  t.like(cycle.answer, { tick: 2, timeS: 0.002, stepS: 0 });
  t.is(cycle.answer?.actions.length, 1);
  t.is(cycles[2]?.answer, undefined);
});

test('a cycle that is kept is not changed by later ones, and keeps no more than its own numbers', async (t) => {
  const [first, ...others] = await all(replay(ARM));
  t.is(first?.state.time, 100);
  t.is(others.at(-1)?.state.time, 100 + 0.399);
  t.is(first?.command.buffer.byteLength, 7 * 8);
});

test('a replay has what was logged and the marks of episodes, in the order of the run', async (t) => {
  const entries = await all(replay(ARM).entries());
  const of = (type: string): RecordedEntry[] => entries.filter((entry) => entry.type === type);
  t.is(of('cycle').length, 397);
  t.deepEqual(
    of('episode').map((mark) => mark.type === 'episode' && [mark.index, mark.task, mark.ended]),
    [
      [0, 'pick', undefined],
      [0, 'pick', 'success'],
      [1, 'place', undefined],
      [1, 'place', 'rerecorded'],
      [2, 'place', undefined],
      [2, 'place', 'success'],
    ],
  );
  const samples = of('sample').flatMap((entry) => (entry.type === 'sample' ? [entry] : []));
  const widths = samples.flatMap(({ value }) =>
    value.kind === 'numbers' ? [...value.numbers] : [],
  );
  t.deepEqual(widths, [0.08, 0.07, 0.05]);
  const image = samples.find(({ channel }) => channel === 'camera/wrist');
  t.like(image?.value, { kind: 'pixels', width: 8, height: 6, encoding: 'rgb8' });
  const bytes = samples.find(({ channel }) => channel === 'operator');
  t.is(bytes?.timeS, 0.1);
  if (bytes?.value.kind !== 'bytes') return t.fail();
  t.deepEqual(JSON.parse(Buffer.from(bytes.value.data).toString()), { operator: 'left-handed' });
  const before = entries.indexOf(bytes) + 1;
  t.like(entries[before], { type: 'cycle', tick: 100 });
});

test('a replay knows its run and its episodes', async (t) => {
  const recording = replay(ARM);
  const run = await recording.run;
  t.is(run.periodS, 0.001);
  t.deepEqual(run.action, [{ name: 'q', length: 7, unit: 'rad' }]);
  t.deepEqual(run.options, { policyRateHz: 100, onLate: 'hold' });
  t.deepEqual(run.robot, { model: 'fr3', control: 'jointPosition' });
  t.deepEqual(run.versions, { kilohertz: '0.1.0' });
  t.is(run.start.wallNs, 1_700_000_000_000_000_000n);
  t.deepEqual(await recording.episodes(), [
    { index: 0, task: 'pick', beginS: 0.05, endS: 0.15, outcome: 'success' },
    { index: 1, task: 'place', beginS: 0.15, endS: 0.25, outcome: 'rerecorded' },
    { index: 2, task: 'place', beginS: 0.3, endS: 0.39, outcome: 'success' },
  ]);
});

test('the states of another robot have the fields that its run names, and chunks have their actions', async (t) => {
  const recording = replay<{ x: number; wheels: Float64Array }>(CART);
  const cycles = await all(recording);
  t.is(cycles[40]?.state.x, 0.1);
  t.deepEqual(cycles[40]?.state.wheels, new Float64Array([1, 2]));
  const { answer } = cycles[42] as RecordedCycle<unknown>;
  t.like(answer, { tick: 40, timeS: 0.4, stepS: 0.02 });
  t.deepEqual(
    answer?.actions.map((action) => [...action]),
    [0, 0.5, 1, 1.5, 2].map((turn) => [0.9, turn]),
  );
});

test('what a file says is neither a path nor code', async (t) => {
  const { options, robot } = await replay(CART).run;
  t.like(robot, { model: '../../escaped; $(touch escaped)' });
  t.true(Object.hasOwn(options as object, '__proto__'));
  t.is(Reflect.get({}, 'polluted'), undefined);
});

test('a file that is no recording is refused with its code, and the error names the file', async (t) => {
  using folder = new Folder();
  for (const [file, code] of unreadable(folder)) {
    for (const call of [
      () => replay(file).run,
      () => all(replay(file)),
      () => replay(file).episodes(),
    ]) {
      const error = (await rejection(call())) as KilohertzError;
      t.is(error.code, code, file);
      t.true(error.message.includes(file.split('/').at(-1) ?? ''), error.message);
      t.true(error.message.endsWith(`(docs/errors.md#${code.toLowerCase()})`), error.message);
    }
  }
});

test('of a damaged file what is before can be read, and what follows with onDamage', async (t) => {
  using folder = new Folder();
  const file = folder.with('damaged.mcap', ARM, damaged);
  const before: number[] = [];
  const error = (await rejection(
    (async () => {
      for await (const { tick } of replay(file)) before.push(tick);
    })(),
  )) as KilohertzError;
  t.is(error.code, 'RECORD_DAMAGED');
  t.true(before.length > 0);
  const [, byte = '', cycles] =
    /damaged at byte (\d+): .+; the (\d+) cycles before can be read/.exec(error.message) ?? [];
  t.is(Number(cycles), before.length, error.message);
  t.true(Number(byte) > 0 && Number(byte) < readFileSync(file).length);

  const errors: KilohertzError[] = [];
  const recording = replay(file, { onDamage: (damage) => errors.push(damage) });
  const ticks = (await all(recording)).map(({ tick }) => tick);
  t.deepEqual(
    errors.map(({ code }) => code),
    ['RECORD_DAMAGED'],
  );
  t.deepEqual(ticks.slice(0, before.length), before);
  t.is(ticks.at(-1), 399);
  t.true(ticks.length < 397);
  t.true(recording.isWhole);
});

test('a recording that was cut off is read up to there, and is not whole', async (t) => {
  using folder = new Folder();
  const recording = replay(folder.with('cut.mcap', ARM, cutOff));
  const cycles = await all(recording);
  t.true(cycles.length > 0 && cycles.length < 397);
  t.false(recording.isWhole);
});

test('a replay that is left, or whose signal aborts, ends', async (t) => {
  const controller = new AbortController();
  const seen: number[] = [];
  for await (const { tick } of replay(ARM)) {
    seen.push(tick);
    if (tick === 1) break;
  }
  t.deepEqual(seen, [0, 1]);
  const read = (async () => {
    for await (const { tick } of replay(ARM, { signal: controller.signal })) {
      seen.push(tick);
      if (tick === 5) controller.abort('enough');
    }
  })();
  const error = (await rejection(read)) as AbortError;
  t.true(error instanceof AbortError);
  t.is(error.cause, 'enough');
  t.deepEqual(seen, [0, 1, 0, 1, 2, 3, 4, 5]);
});

test('what is no file and no option is refused before anything is opened', (t) => {
  const wrong: readonly (readonly [unknown, object, OptionErrorCode])[] = [
    [undefined, {}, 'OPTION_FILE'],
    ['', {}, 'OPTION_FILE'],
    [5, {}, 'OPTION_FILE'],
    [new URL('https://example.org/run.mcap'), {}, 'OPTION_FILE'],
    [ARM, { onDamage: 1 }, 'OPTION_ON_DAMAGE'],
    [ARM, { signal: 1 }, 'OPTION_SIGNAL'],
    [ARM, { speed: 1 }, 'OPTION_UNKNOWN'],
  ];
  for (const [file, options, code] of wrong) {
    const error = t.throws(() => replay(file as string, options)) as OptionTypeError;
    t.true(isKilohertzError(error));
    t.is(error.code, code);
  }
});
