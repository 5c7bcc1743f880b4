// What `npm run soak` promises of its verdict.

import test from 'ava';
import {
  afterWarmup,
  BOUNDS,
  judged,
  LEAST_SAMPLES,
  QUANTITIES,
  type Quantity,
  type Sample,
} from '../../benches/soak/verdict.ts';
import { Random } from '../fixtures/random.ts';

const STILL: Sample = {
  hours: 0,
  rssMb: 150,
  heapMb: 20,
  externalMb: 5,
  descriptors: 40,
  threads: 20,
  children: 1,
  zombies: 0,
};

/** A run of so many samples. `of` says how each differs from one in which nothing happens. */
function samplesOf(
  count: number,
  hours: number,
  of: (nth: number) => Partial<Sample>,
): readonly Sample[] {
  return Array.from({ length: count }, (_, nth) => ({
    ...STILL,
    hours: (hours * nth) / count,
    ...of(nth),
  }));
}

function found(samples: readonly Sample[]): readonly Quantity[] {
  return judged(samples)
    .filter(({ isWithin }) => !isWithin)
    .map(({ quantity }) => quantity);
}

test('a run in which nothing grows passes', (t) => {
  t.deepEqual(found(samplesOf(LEAST_SAMPLES, 0.04, () => ({}))), []);
  t.deepEqual(found(samplesOf(4_000, 12, () => ({}))), []);
});

for (const [name, each] of [
  ['descriptors', 1],
  ['threads', 1],
  ['children', 1],
  ['zombies', 1],
  ['rssMb', 3],
  ['heapMb', 0.5],
  ['externalMb', 0.5],
] as const) {
  test(`a leak in each round of three minutes is found: ${name}`, (t) => {
    const samples = samplesOf(12, 0.033, (nth) => ({ [name]: STILL[name] + each * nth }));
    t.deepEqual(found(samples), [name]);
  });
}

test('a leak in one round of a hundred is found in a night', (t) => {
  for (const name of ['descriptors', 'threads', 'children'] as const) {
    const samples = samplesOf(4_000, 12, (nth) => ({
      [name]: STILL[name] + Math.floor(nth / 100),
    }));
    t.deepEqual(found(samples), [name]);
  }
});

test('memory that grows by more an hour than it may is found in a night', (t) => {
  for (const name of ['rssMb', 'heapMb', 'externalMb'] as const) {
    const hourly = 2 * BOUNDS[name].perHour + BOUNDS[name].slack;
    const samples = samplesOf(4_000, 12, (nth) => ({ [name]: STILL[name] + hourly * (nth / 333) }));
    t.deepEqual(found(samples), [name]);
  }
});

test('noise is no growth, nor is a sample that is far off', (t) => {
  for (let seed = 1; seed <= 50; seed += 1) {
    const random = new Random(seed);
    const samples = samplesOf(12, 0.033, (nth) => ({
      rssMb: STILL.rssMb + 20 * (random.fraction() - 0.5) + (nth === 11 ? 300 : 0),
      heapMb: STILL.heapMb + random.fraction() - 0.5,
      descriptors: STILL.descriptors + Math.round(random.fraction()) + (nth === 10 ? 30 : 0),
      threads: STILL.threads + Math.round(random.fraction()),
    }));
    t.deepEqual(found(samples), [], `seed ${seed}`);
  }
});

test('memory that collects and is given back is no growth', (t) => {
  const samples = samplesOf(1_000, 3, (nth) => ({ heapMb: STILL.heapMb + (nth % 40) * 0.2 }));
  t.deepEqual(found(samples), []);
});

test('what is made in the warm-up is no growth', (t) => {
  const samples = samplesOf(30, 3, (nth) => ({
    rssMb: 100 + 5 * Math.min(nth, 10),
    descriptors: 20 + Math.min(nth, 10),
  }));
  t.deepEqual(found(afterWarmup(samples, 1)), []);
  t.true(found(samples).includes('descriptors'));
});

test('a child that nobody waited for is found even if it is always one', (t) => {
  t.deepEqual(found(samplesOf(30, 1, () => ({ zombies: 1 }))), ['zombies']);
});

test('each quantity is judged, and told with what it may grow by', (t) => {
  const verdict = judged(samplesOf(30, 3, (nth) => ({ heapMb: 20 + nth })));
  t.deepEqual(
    verdict.map(({ quantity }) => quantity),
    QUANTITIES,
  );
  const heap = verdict.find(({ quantity }) => quantity === 'heapMb');
  t.deepEqual([heap?.first, heap?.last, heap?.isWithin], [25, 45, false]);
  // From the middle of the first third to that of the last one two of the three hours pass.
  t.true(Math.abs((heap?.perHour ?? 0) - 10) < 1e-9);
  t.true(Math.abs((heap?.allowed ?? 0) - (BOUNDS.heapMb.slack + 2 * BOUNDS.heapMb.perHour)) < 1e-9);
});

test('too few samples are not judged', (t) => {
  t.throws(() => judged(samplesOf(LEAST_SAMPLES - 1, 1, () => ({}))), {
    instanceOf: RangeError,
    message: /expected at least 9/,
  });
});
