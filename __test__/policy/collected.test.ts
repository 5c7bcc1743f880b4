// What a policy's process tells of its garbage collections, at both ends.

import test, { type ExecutionContext } from 'ava';
import { COLLECTED } from '../../lib/native/contract.ts';
import { CollectedIn, CollectedOut } from '../../lib/policy/collected.ts';
import { monotonicS } from '../../lib/session/monotonic.ts';
import { block } from '../fixtures/waiting.ts';

type Collection = readonly [fromS: number, toS: number];

/** The parent's end, which has run for some milliseconds, and what it has noted. */
function noting(): { collected: CollectedIn; noted: Collection[]; beganS: number } {
  const noted: Collection[] = [];
  const collected = new CollectedIn((...times) => noted.push(times));
  const beganS = monotonicS();
  block(20);
  return { collected, noted, beganS };
}

/** Asserts that what was noted lies within the time that has passed, one behind another. */
function isPossible(t: ExecutionContext, noted: readonly Collection[], beganS: number): void {
  let untilS = beganS - 1e-3;
  for (const [fromS, toS] of noted) {
    t.true(fromS >= untilS && toS - fromS >= COLLECTED.shortestS && toS <= monotonicS());
    untilS = toS;
  }
}

test('collections that a process tells of are noted as they were', (t) => {
  const { collected, noted, beganS } = noting();
  const told = [beganS + 1e-3, beganS + 3e-3, beganS + 4e-3, beganS + 9e-3];
  collected.take(told);
  collected.take([]);
  t.deepEqual(noted.flat(), told);
});

test('of collections that cannot be, only what can be is noted', (t) => {
  const { collected, noted, beganS } = noting();
  for (let nth = 0; nth < 50; nth += 1) {
    collected.take([-1e300, 1e300, beganS + 1e-3, beganS + 9e-3, 0, 1e9, 1e9, 0]);
  }
  t.true(noted.length >= 1 && noted.length < 50, `${noted.length}`);
  isPossible(t, noted, beganS);
});

test('collections in the future, before the session or shorter than any that is told are not noted', (t) => {
  const { collected, noted, beganS } = noting();
  const laterS = monotonicS() + 100;
  collected.take([laterS, laterS + 1, beganS - 9, beganS - 5, beganS + 1e-3, beganS + 1.1e-3]);
  t.deepEqual(noted, []);
});

test('a process that tells what are no collections, or too many, breaks the protocol', (t) => {
  const nonsense: readonly unknown[] = [
    undefined,
    'text',
    {},
    7,
    [1],
    [1, Number.NaN],
    [Number.POSITIVE_INFINITY, 2],
    ['1', '2'],
    [1n, 2n],
    new Array(2 * COLLECTED.most + 2).fill(1),
  ];
  for (const message of nonsense) {
    t.throws(() => noting().collected.take(message), { code: 'OFFLOAD_PROTOCOL' }, `${message}`);
  }
  const { collected, noted, beganS } = noting();
  const flood = (): void => {
    for (let nth = 0; nth < 1_000_000; nth += 1) collected.take([0, 1e300]);
  };
  t.throws(flood, { code: 'OFFLOAD_PROTOCOL', message: /more than 2000 garbage collections a/ });
  isPossible(t, noted, beganS);
});

test('what finds no room is told with the next, and never more than the other end takes', (t) => {
  const told: (readonly number[])[] = [];
  let hasRoom = false;
  const collected = new CollectedOut((times) => {
    if (hasRoom) told.push(times);
    return hasRoom;
  });
  const count = COLLECTED.most + 10;
  for (let nth = 0; nth < count - 1; nth += 1) collected.add(nth, 0.25);
  hasRoom = true;
  collected.add(count - 1, 0.25);
  collected.add(count, 0.25);
  const newest = Array.from({ length: COLLECTED.most }, (_, nth) => count - COLLECTED.most + nth);
  t.deepEqual(told, [newest.flatMap((fromS) => [fromS, fromS + 0.25]), [count, count + 0.25]]);
});
