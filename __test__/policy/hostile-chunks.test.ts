// Answers that only look like chunks: nothing of them reaches the arm, and each is refused by name or left out.

import test from 'ava';
import {
  chunked,
  type KilohertzError,
  processPolicy,
  type RobotState,
  Session,
  type Tick,
} from '../../index.ts';
import { setUp } from '../fixtures/arms.ts';
import { chunks } from '../fixtures/chunks.ts';
import { WITHOUT_NUMPY } from '../fixtures/python.ts';
import { rejection } from '../fixtures/waiting.ts';

const PYTHON = new URL('../fixtures/policies.py', import.meta.url);

type Rows = readonly (readonly number[])[];

/** A list that says of its length what it wants. */
function lying(rows: readonly unknown[], length: unknown): unknown {
  return new Proxy([...rows], {
    get: (list, name) => (name === 'length' ? length : Reflect.get(list, name)),
  });
}

function detached(numbers: readonly number[]): Float64Array {
  const array = Float64Array.from(numbers);
  structuredClone(array, { transfer: [array.buffer] });
  return array;
}

const throwing = (name: string, chunk: object): object =>
  Object.defineProperty({ ...chunk }, name, {
    enumerable: true,
    get: () => {
      throw new Error('not to be read');
    },
  });

const chunkOf = (actions: unknown): object => ({ actions, dtS: 0.02 });

/** What a policy returns from its fourth answer on, and the code with which the session ends. */
const hostile: Readonly<Record<string, readonly [(rows: Rows, tick: Tick) => unknown, string]>> = {
  'actions that cannot be read': [(rows) => throwing('actions', chunkOf(rows)), 'POLICY_THREW'],
  'a dtS that cannot be read': [(rows) => throwing('dtS', chunkOf(rows)), 'POLICY_THREW'],
  'a row that cannot be read': [
    (rows) =>
      chunkOf(
        Object.defineProperty([...rows], 2, {
          get: () => {
            throw new Error('not to be read');
          },
        }),
      ),
    'POLICY_THREW',
  ],
  'a proxy that is revoked': [
    (rows) => {
      const { proxy, revoke } = Proxy.revocable(chunkOf(rows), {});
      revoke();
      return proxy;
    },
    'POLICY_THREW',
  ],
  'a list of minus one actions': [(rows) => chunkOf(lying(rows, -1)), 'ACTION_TYPE'],
  'a list of NaN actions': [(rows) => chunkOf(lying(rows, Number.NaN)), 'ACTION_TYPE'],
  'a list of half an action': [(rows) => chunkOf(lying(rows, 0.5)), 'ACTION_TYPE'],
  'a list of infinitely many actions': [
    (rows) => chunkOf(lying(rows, Number.POSITIVE_INFINITY)),
    'ACTION_TYPE',
  ],
  'a list that is longer than it is': [(rows) => chunkOf(lying(rows, 200)), 'ACTION_TYPE'],
  'minus seven numbers': [(rows) => chunkOf(lying(rows.flat(), -7)), 'ACTION_TYPE'],
  'a list with holes': [
    (rows) => chunkOf(Object.assign(new Array(9), { 0: rows[0] })),
    'ACTION_TYPE',
  ],
  'numbers whose memory is gone': [(rows) => chunkOf(detached(rows.flat())), 'CHUNK_EMPTY'],
  'a row whose memory is gone': [
    (rows) => chunkOf([...rows.slice(0, 3), detached(rows[3] ?? [])]),
    'ACTION_LENGTH',
  ],
  'big integers': [(rows) => chunkOf(BigInt64Array.from(rows.flat(), () => 0n)), 'ACTION_TYPE'],
  'a view of bytes': [() => chunkOf(new DataView(new ArrayBuffer(56))), 'ACTION_TYPE'],
  'texts of numbers': [(rows) => chunkOf(rows.map((row) => row.map(String))), 'ACTION_TYPE'],
  'a tensor with the dims of another': [
    (rows) => chunkOf({ data: rows.flat(), dims: [rows.length + 1, 7] }),
    'ACTION_LENGTH',
  ],
  'a tensor with a million dims': [
    (rows) => chunkOf({ data: rows.flat(), dims: new Array(1e6).fill(1) }),
    'ACTION_LENGTH',
  ],
  'a tensor with dims that are no numbers': [
    (rows) => chunkOf({ data: rows.flat(), dims: [Symbol('rows'), { toString: null }] }),
    'ACTION_LENGTH',
  ],
  'a million rows': [(rows) => chunkOf(new Array(1e6).fill(rows[0])), 'CHUNK_LENGTH'],
  'ten million numbers': [() => chunkOf(new Float32Array(7e6)), 'CHUNK_LENGTH'],
  'a dtS of NaN': [(rows) => ({ actions: rows, dtS: Number.NaN }), 'CHUNK_STEP'],
  'a dtS below zero': [(rows) => ({ actions: rows, dtS: -0.02 }), 'CHUNK_STEP'],
  'a dtS of text': [(rows) => ({ actions: rows, dtS: '0.02' }), 'ACTION_TYPE'],
  'an observedAtS of NaN': [
    (rows) => ({ ...chunkOf(rows), observedAtS: Number.NaN }),
    'CHUNK_TIME',
  ],
  'an observedAtS of minus infinity': [
    (rows) => ({ ...chunkOf(rows), observedAtS: Number.NEGATIVE_INFINITY }),
    'CHUNK_TIME',
  ],
  'an observedAtS before the last': [
    (rows) => ({ ...chunkOf(rows), observedAtS: -1e300 }),
    'CHUNK_TIME',
  ],
  'an observedAtS of text': [(rows) => ({ ...chunkOf(rows), observedAtS: 'now' }), 'ACTION_TYPE'],
  'numbers that are huge': [
    (rows) => chunkOf(rows.map((row) => row.map(() => 1e308))),
    'ACTION_NOT_FINITE',
  ],
  'a function': [() => () => 1, 'ACTION_TYPE'],
  null: [() => null, 'ACTION_TYPE'],
};

/** The rows of a slow swing of joint 1. */
function swing(start: readonly number[], timeS: number): Rows {
  const [first = 0, ...others] = start;
  return Array.from({ length: 50 }, (_, row) => [
    first + 0.1 * (1 - Math.cos(1.5 * (timeS + 0.02 * row))),
    ...others,
  ]);
}

for (const [what, [end, code]] of Object.entries(hostile)) {
  test(`a chunk that is ${what} ends the session by name, and skips where it may`, async (t) => {
    for (const onBadChunk of ['stop', 'skip'] as const) {
      await using setup = await setUp('jointPosition', { lockstep: true });
      const start = Array.from(setup.start);
      let answers = 0;
      const policy = chunks(
        (_state: RobotState, tick) => {
          answers += 1;
          const rows = swing(start, tick.timeS);
          return answers % 4 === 0 ? end(rows, tick) : chunkOf(rows);
        },
        { onBadChunk },
      );
      const session = new Session(setup.arm, policy, {
        warmupS: 0,
        latencyS: 0.05,
        recordTicks: 5_000,
      });
      const run = session.run({ durationS: 1 });
      if (onBadChunk === 'stop' || code === 'POLICY_THREW') {
        t.is(((await rejection(run)) as KilohertzError).code, code as never);
      } else {
        const stats = await run;
        t.true(stats.badChunks >= 2, `${stats.badChunks}`);
        t.is(stats.starvedCycles, 0);
      }
      t.is(setup.simulator.counters().reflexes, 0);
      if (onBadChunk === 'skip') t.is(session.stats.firstViolation, null);
      // Nothing but the swing was commanded.
      const [first = 0] = start;
      const ways = session.takeRecords().map(({ action }) => Math.abs((action[0] ?? 9) - first));
      t.true(Math.max(...ways) < 0.201);
    }
  });
}

test('numbers in shared memory are read once', async (t) => {
  await using setup = await setUp('jointPosition', { lockstep: true });
  const start = Array.from(setup.start);
  const shared = new Float64Array(new SharedArrayBuffer(8 * 350));
  const policy = chunks((_state, { timeS }) => {
    shared.set(swing(start, timeS).flat());
    setImmediate(() => shared.fill(Number.NaN));
    return chunkOf(shared);
  });
  const stats = await new Session(setup.arm, policy, { warmupS: 0 }).run({ durationS: 1 });
  t.true(stats.chunks > 5);
  t.is(stats.firstViolation, null);
});

for (const [how, code] of Object.entries({
  longer: 'CHUNK_SEAM',
  shapeOfText: 'ACTION_TYPE',
  shapeBelowZero: 'ACTION_LENGTH',
  shapeOfOther: 'ACTION_LENGTH',
  endless: 'CHUNK_LENGTH',
  nan: 'CHUNK_TIME',
})) {
  test(`an object in Python whose size is a lie (${how}) plays nothing that was not answered`, async (t) => {
    await using setup = await setUp('jointPosition', { lockstep: true });
    const policy = processPolicy(PYTHON, { export: 'lying', args: [how], env: WITHOUT_NUMPY });
    const session = new Session(setup.arm, chunked(policy, { replanAt: 0 }), {
      warmupS: 0,
      recordTicks: 5_000,
    });
    const run = session.run({ durationS: 4 });
    if (how === 'longer') {
      // It is as long as it is: its rows are played, and none of a chunk before.
      const stats = await run;
      t.true(stats.chunks > 4, `${stats.chunks}`);
    } else t.is(((await rejection(run)) as KilohertzError).code, code as never);
    t.is(setup.simulator.counters().reflexes, 0);
    t.is(session.stats.firstViolation, null);
    const [first = 0] = setup.start;
    const ways = session.takeRecords().map(({ action }) => Math.abs((action[0] ?? 9) - first));
    t.true(Math.max(...ways) < 0.011);
  });
}
