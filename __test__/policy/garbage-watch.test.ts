import test from 'ava';
import { GarbageWatch } from '../../lib/policy/garbage-watch.ts';
import { collector } from '../fixtures/collecting.ts';

function sum(lengths: readonly number[]): number {
  return lengths.reduce((all, each) => all + each, 0);
}

/** Collects garbage, and returns how long that took [s]. */
function timed(collect: () => void): number {
  const begunMs = performance.now();
  collect();
  return 1e-3 * (performance.now() - begunMs);
}

test('garbage that was collected in a long call is told once, with how long that took', (t) => {
  const collect = collector();
  const watch = new GarbageWatch();
  const tookS = timed(collect);
  const told = sum(watch.in(tookS));
  t.true(told > tookS / 2 && told <= tookS, `${told} s of ${tookS} s`);
  t.true(sum(watch.in(tookS)) < tookS / 2);
});

test('short calls tell nothing, and what was noted meanwhile is thrown away', (t) => {
  const collect = collector();
  const watch = new GarbageWatch();
  const tookS = timed(collect);
  const told = Array.from({ length: 1_000 }, () => watch.in(1e-5));
  t.is(told.flat().length, 0);
  t.true(sum(watch.in(tookS)) < tookS / 2);
});
