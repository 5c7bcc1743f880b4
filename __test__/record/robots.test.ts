// Recordings of robots that are written in JavaScript.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import {
  exportRecording,
  KilohertzError,
  type PolicyError,
  plot,
  type RecordedCycle,
  type RecordedEntry,
  type Robot,
  replay,
  rerun,
  Session,
  type SessionOptions,
} from '../../index.ts';
import { decoded, FoxgloveClient } from '../fixtures/foxglove-client.ts';
import { folderFor } from '../fixtures/recordings.ts';
import { rejection, until } from '../fixtures/waiting.ts';

interface Seen {
  x: number;
  readonly speeds: number[];
  readonly imu: { readonly gyro: Float32Array };
  readonly name: string;
}
interface State {
  readonly x: number;
  readonly speeds: Float64Array;
  readonly 'imu.gyro': Float64Array;
}
const OPTIONS = { rateHz: 200, warmupS: 0, realtime: false } as const satisfies SessionOptions;

/** A cart that keeps what it was asked and told. */
class Cart implements Robot<Seen, number[]> {
  readonly seen: Seen[] = [];
  readonly told: number[][] = [];

  observe(): Seen {
    const nth = this.seen.length;
    const gyro = Float32Array.of(nth, -nth, 0.5);
    const seen = { x: nth / 3, speeds: [nth, 2 * nth], imu: { gyro }, name: 'cart' };
    this.seen.push({ ...seen, speeds: [...seen.speeds] });
    return seen;
  }
  act(action: number[]): void {
    this.told.push([...action]);
  }
  reset(): void {}
  stop(): void {}
}

async function read<S = State>(path: string): Promise<RecordedEntry<S>[]> {
  const entries: RecordedEntry<S>[] = [];
  for await (const entry of replay<S>(path).entries()) entries.push(entry);
  return entries;
}

async function cyclesOf<S = State>(path: string): Promise<RecordedCycle<S>[]> {
  return (await read<S>(path)).filter((entry) => entry.type === 'cycle');
}

const back = ({ x, speeds }: Seen): number[] => [-x, speeds[1] ?? 0];

test('each cycle of a robot in JavaScript is in its file with what it observed and was told', async (t) => {
  const path = join(folderFor(t), 'run.mcap');
  const cart = new Cart();
  const session = new Session(cart, back, { ...OPTIONS, record: path });
  const stats = await session.run({ durationS: 0.5 });
  const cycles = await cyclesOf(path);
  t.is(cycles.length, stats.iterations);
  const told = cycles.filter(({ answer }) => answer !== undefined);
  t.is(told.length, cart.told.length);
  t.true(told.length > 20, `${told.length} cycles`);
  for (const [nth, { state, command, answer, tick, robotTimeS, kind, phases }] of told.entries()) {
    const seen = cart.seen[nth];
    t.is(state.x, seen?.x ?? Number.NaN);
    t.deepEqual(Array.from(state.speeds), seen?.speeds);
    t.deepEqual(Array.from(state['imu.gyro']), Array.from(seen?.imu.gyro ?? []));
    t.deepEqual(Array.from(command), cart.told[nth]);
    t.is(answer?.tick, tick);
    t.deepEqual(
      answer?.actions.map((action) => Array.from(action)),
      [cart.told[nth]],
    );
    t.is(kind, 'fresh');
    t.true((phases.answeredS ?? -1) >= (phases.askedS ?? 0));
    if (nth > 0) t.true(robotTimeS > (told[nth - 1]?.robotTimeS ?? 0));
  }
  const missed = cycles.reduce((sum, { missedMs }) => sum + missedMs, 0);
  // Those between the last cycle and the end of the run stand before no cycle.
  t.true(missed <= 5 * stats.missedTicks, `${missed} ms of ${stats.missedTicks} ticks`);
  const { state, action, periodS, robot, options } = await replay(path).run;
  const form = (fields: typeof state): unknown => fields.map(({ name, length }) => [name, length]);
  t.deepEqual(form(state), [
    ['x', 1],
    ['speeds', 2],
    ['imu.gyro', 3],
  ]);
  t.deepEqual(form(action), [['value', 2]]);
  t.is(periodS, 0.005);
  t.like(robot, { kind: 'javascript' });
  t.like(options, { rateHz: 200 });
  // What is no number is named, once.
  const notes = cycles.flatMap(({ notes }) => notes).filter(({ name }) => name === 'notKept');
  t.is(notes.length, 1);
  t.regex(notes[0]?.text ?? '', /state\.name/);
  t.like(session.recording, { cycles: cycles.length, lostCycles: 0, unkeptFields: 0 });
});

test('such a recording is replayed, drawn, made a table of, and its policy run again', async (t) => {
  const folder = folderFor(t);
  const path = join(folder, 'run.mcap');
  await new Session(new Cart(), back, { ...OPTIONS, record: path }).run({ durationS: 0.3 });
  t.regex(
    await plot(path, { path: join(folder, 'run.svg') }).then(() =>
      readFileSync(join(folder, 'run.svg'), 'utf8'),
    ),
    /<svg/,
  );
  const csv = join(folder, 'run.csv');
  const { rows } = await exportRecording(path, { to: 'csv', path: csv });
  const [head = '', first = ''] = readFileSync(csv, 'utf8').split('\n');
  t.true(rows > 10);
  t.true(head.includes('state.imu.gyro[2]'), head);
  t.false(head.includes('name'));
  const at = head.split(',').indexOf('state.imu.gyro[2]');
  t.is(first.split(',')[at], '0.5');
  await exportRecording(path, { to: 'parquet', path: join(folder, 'run.parquet') });
  const again = (state: State): number[] => [-state.x, state.speeds[1] ?? 0];
  t.like(await rerun<State>(path, again), { differing: 0, withoutState: 0 });
  const other = await rerun<State>(path, (state) => [-state.x, (state.speeds[1] ?? 0) + 1]);
  t.true(other.differing > 0);
  t.deepEqual(
    other.firstDifference?.slots.map(({ name }) => name),
    ['value[1]'],
  );
});

test('values that are logged, episodes and their times are kept too', async (t) => {
  const path = join(folderFor(t), 'run.mcap');
  const session: Session<Seen, number[]> = new Session(
    new Cart(),
    (seen, { tick }) => {
      session.log('asked', tick);
      return back(seen);
    },
    { ...OPTIONS, record: path },
  );
  await session.start();
  session.episode({ task: 'roll' });
  await until(() => session.stepCount > 10, 'cycles');
  session.log('note', 'a word');
  await session.stop();
  const entries = await read(path);
  const times = new Map(
    entries.flatMap((entry) => (entry.type === 'cycle' ? [[entry.tick, entry.robotTimeS]] : [])),
  );
  const asked = entries.filter((entry) => entry.type === 'sample' && entry.channel === 'asked');
  t.true(asked.length > 10);
  for (const entry of asked) {
    if (entry.type !== 'sample' || entry.value.kind !== 'numbers') return t.fail();
    const askedS = times.get(entry.value.numbers[0] ?? -1) ?? Number.NaN;
    t.true(Math.abs(entry.timeS - askedS) < 1e-8);
  }
  t.true(entries.some((entry) => entry.type === 'episode' && entry.task === 'roll'));
  t.true(entries.some((entry) => entry.type === 'sample' && entry.channel === 'note'));
});

test('a state or a command of another form is NaN in its cycle, told once and counted', async (t) => {
  const path = join(folderFor(t), 'run.mcap');
  let nth = 0;
  const robot: Robot<unknown, unknown> = {
    observe: () => {
      nth += 1;
      if (nth === 10 || nth === 11) return { q: [1, 2, 3], t: nth };
      if (nth === 20) return undefined;
      return { q: [1, 2], t: nth, more: nth > 5 ? 1 : undefined };
    },
    act: () => {},
    reset: () => {},
  };
  const session = new Session(robot, () => (nth === 15 ? { v: [7] } : { v: 7 }), {
    ...OPTIONS,
    record: path,
  });
  await session.start();
  await until(() => nth > 25, 'cycles');
  await session.stop();
  const cycles = await cyclesOf<{ q: Float64Array; t: number }>(path);
  const at = (which: number): RecordedCycle<{ q: Float64Array; t: number }> => {
    const found = cycles.find(({ state }, index) => index === which - 1 && state !== undefined);
    if (!found) throw new Error(`no cycle ${which}`);
    return found;
  };
  for (const which of [10, 11]) {
    t.deepEqual(Array.from(at(which).state.q), [Number.NaN, Number.NaN]);
    t.is(at(which).state.t, which);
  }
  t.deepEqual(Array.from(at(12).state.q), [1, 2]);
  t.deepEqual(Array.from(at(15).command), [7]);
  t.true(Number.isNaN(at(20).state.t));
  const notes = cycles.flatMap(({ notes, tick }) => notes.map(({ text }) => [tick, text] as const));
  t.deepEqual(
    notes.map(([tick]) => tick),
    [0, 9, 19],
  );
  t.regex(notes[1]?.[1] ?? '', /state\.q/);
  t.regex(notes[2]?.[1] ?? '', /state\.q, state\.t/);
  t.is(session.recording?.unkeptFields, 4);
});

test('what a robot observes cannot break its session, whatever it is', async (t) => {
  const circle: Record<string, unknown> = { x: 1 };
  circle['self'] = circle;
  const values: unknown[] = [
    undefined,
    null,
    'text',
    5,
    [],
    [1, 'a'],
    new Array(100_000).fill(1),
    Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`f${index}`, index])),
    circle,
    {
      '': 1,
      'a\0b': 2,
      '\ud800': 3,
      ['x'.repeat(200)]: 4,
      'a.b': 5,
      a: { b: 6 },
      __proto__: null,
      constructor: 7,
    },
    new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('no keys');
        },
      },
    ),
    new Proxy([1, 2], {
      get: () => {
        throw new Error('no numbers');
      },
    }),
    Object.defineProperty({}, 'x', {
      enumerable: true,
      get: () => {
        throw new Error('no x');
      },
    }),
    new BigInt64Array(3),
    () => 1,
    Symbol('s'),
  ];
  for (const [nth, value] of values.entries()) {
    const path = join(folderFor(t), 'run.mcap');
    let cycles = 0;
    const robot: Robot<unknown, unknown> = {
      observe: () => value,
      act: () => {
        cycles += 1;
      },
      reset: () => {},
    };
    const session = new Session(robot, () => (nth === 7 ? {} : 1), { ...OPTIONS, record: path });
    await session.start();
    await until(() => cycles > 3, 'cycles');
    await session.stop();
    t.notThrows(() => session.checkHealth(), `value ${nth}`);
    t.is(session.recording?.error, undefined, `value ${nth}`);
    t.true((await cyclesOf(path)).length >= 3, `value ${nth}`);
  }
});

test('an error of such a session can save the last cycles before it', async (t) => {
  const folder = folderFor(t);
  const cart = new Cart();
  const policy = (seen: Seen): number[] => {
    if (cart.seen.length === 30) throw new Error('lost');
    return back(seen);
  };
  const error = await rejection(
    new Session(cart, policy, { ...OPTIONS, blackBox: { seconds: 10, folder } }).run({
      durationS: 30,
    }),
  );
  if (!(error instanceof KilohertzError)) return t.fail(String(error));
  t.is(error.code, 'POLICY_THREW');
  t.is(readdirSync(folder).length, 1);
  const saved = join(folder, 'saved.mcap');
  await error.save(saved);
  for (const path of [saved, error.blackBox ?? '']) {
    const cycles = await cyclesOf(path);
    const last = cycles.at(-1);
    t.is(last?.tick, ((error as PolicyError).tick ?? 0) - 1);
    t.is(last?.state.x, 28 / 3);
    t.deepEqual(Array.from(last?.command ?? []), cart.told.at(-1));
    t.is(cycles.length, 29);
  }
});

test('a session that ends before its first cycle leaves a file that says so', async (t) => {
  const path = join(folderFor(t), 'run.mcap');
  const robot: Robot<number, number> = {
    observe: () => {
      throw new Error('no camera');
    },
    act: () => {},
    reset: () => {},
  };
  const error = await rejection(new Session(robot, () => 1, { ...OPTIONS, record: path }).run());
  t.is((error as KilohertzError).code, 'ROBOT_THREW');
  const { state, action } = await replay(path).run;
  t.deepEqual([state, action], [[], []]);
  const saved = join(folderFor(t), 'saved.mcap');
  await (error as KilohertzError).save(saved);
  t.deepEqual((await replay(saved).run).state, []);
});

test('a place that cannot be written is refused before such a robot is told anything', async (t) => {
  const folder = folderFor(t);
  const taken = join(folder, 'taken.mcap');
  writeFileSync(taken, 'mine');
  for (const record of [taken, join(folder, 'none', 'run.mcap'), folder, '/dev/full']) {
    const cart = new Cart();
    const error = await rejection(new Session(cart, back, { ...OPTIONS, record }).run());
    t.is((error as KilohertzError).code, 'RECORD_IO', record);
    t.is(cart.told.length, 0);
  }
  t.is(readFileSync(taken, 'utf8'), 'mine');
  // A session that is refused for another reason leaves no file behind.
  const path = join(folder, 'run.mcap');
  const options = { ...OPTIONS, record: path, foxglove: { host: '203.0.113.1', port: 0 } };
  await rejection(new Session(new Cart(), back, options).run());
  t.deepEqual(readdirSync(folder), ['taken.mcap']);
});

test('a client of Foxglove sees the states of such a robot', async (t) => {
  const session = new Session(new Cart(), back, { ...OPTIONS, foxglove: { port: 0 } });
  await session.start();
  const { address = '' } = session.foxglove ?? {};
  {
    await using client = await FoxgloveClient.connect(address);
    await sleep(300);
    const heard = await client.heard();
    const seen = decoded<{ tick: bigint; state: { x: number; speeds: number[] } }>(
      heard,
      '/kilohertz/cycle',
    );
    t.true(seen.length > 5, `${seen.length} cycles`);
    for (const { state } of seen) t.is(state.speeds[0], Math.round(3 * state.x));
  }
  await session.stop();
  t.true((session.foxglove?.sentMessages ?? 0) > 5);
});
