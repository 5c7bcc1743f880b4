// How `npm run bench -- peers` counts the cycles of a loop.

import test from 'ava';
import { jitterUs } from '../../benches/peers/jitter.ts';

/** Starts at these milliseconds. */
const at = (...ms: readonly number[]): readonly number[] => ms.map((each) => each / 1e3);
const whole = (values: readonly number[]): readonly number[] => values.map((us) => Math.round(us));

test('jitter is how far a period is off, early or late', (t) => {
  t.deepEqual(whole(jitterUs(at(0, 1, 2.25, 3, 4), true)), [0, 250, 250, 0]);
});

test('each cycle that was due and did not come counts, as late as it would have been', (t) => {
  // Due at 2, 3, 4 and 5 ms, and there at 5.5 ms.
  t.deepEqual(whole(jitterUs(at(0, 1, 5.5, 6.5), true)), [0, 3500, 2500, 1500, 500, 0]);
  t.deepEqual(whole(jitterUs(at(0, 1, 5.5, 6.5), false)), [0, 3500, 0]);
});

test('a period of exactly two counts as one cycle that is a period late', (t) => {
  t.deepEqual(whole(jitterUs(at(0, 2, 4), true)), [1000, 1000]);
});

test('a loop without cycles has no jitter', (t) => {
  t.deepEqual(jitterUs([], true), []);
  t.deepEqual(jitterUs([1], true), []);
});
