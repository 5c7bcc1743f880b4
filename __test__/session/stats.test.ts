import test from 'ava';
import { poolStats, run, Session, SessionStats } from '../../index.ts';
import { Scribe } from '../fixtures/robots.ts';

const NAMES = [
  'iterations',
  'overruns',
  'missedTicks',
  'policyAsks',
  'policyAnswers',
  'emptyAnswers',
  'policyRateHz',
  'lateActions',
  'heldCommands',
  'restCommands',
  'staleActions',
  'followedCommands',
  'clampedCommands',
  'unusedNotFinite',
  'positionViolations',
  'velocityViolations',
  'accelerationViolations',
  'jerkViolations',
  'torqueViolations',
  'torqueRateViolations',
  'jointsViolations',
  'boxViolations',
  'distanceViolations',
  'firstViolation',
  'overwrittenObservations',
  'overwrittenActions',
  'droppedAnswers',
  'droppedRecords',
  'unrecordedCycles',
  'droppedEvents',
  'chunks',
  'badChunks',
  'skippedActions',
  'starvedCycles',
  'seams',
  'gripperCommands',
  'gripperFailures',
  'p50ChunkLatencyS',
  'p99ChunkLatencyS',
  'maxChunkLatencyS',
  'newestChunkLatencyS',
  'chunkAgeS',
  'maxSeamRad',
  'maxSeamM',
  'targetPeriodS',
  'avgPeriodS',
  'longestPeriodS',
  'p50JitterS',
  'p95JitterS',
  'p99JitterS',
  'maxJitterS',
  'p50ExecutionS',
  'p95ExecutionS',
  'p99ExecutionS',
  'maxExecutionS',
];

const OPTIONS = { rateHz: 100, warmupS: 0, durationS: 0.3 };

test('stats hold these values and no others, each number finite', async (t) => {
  for (const stats of [
    await run(new Scribe(), () => 1, OPTIONS),
    new Session(new Scribe(), () => 1).stats,
  ]) {
    t.true(stats instanceof SessionStats);
    t.deepEqual(Object.keys(stats).sort(), NAMES.toSorted());
    const { firstViolation, ...numbers } = stats.toDict();
    t.is(firstViolation, null);
    for (const [name, value] of Object.entries(numbers)) t.true(Number.isFinite(value), name);
  }
});

test('stats cannot be changed', async (t) => {
  const stats = await run(new Scribe(), () => 1, OPTIONS);
  t.true(Object.isFrozen(stats));
  const { iterations } = stats;
  t.throws(() => Object.assign(stats, { iterations: 0 }), { instanceOf: TypeError });
  t.throws(() => Object.assign(stats, { more: 0 }), { instanceOf: TypeError });
  t.is(stats.iterations, iterations);
});

test('stats are a value: later cycles and restarts leave them alone', async (t) => {
  const session = new Session(new Scribe(), () => 1, { rateHz: 100, warmupS: 0 });
  const first = await session.run({ durationS: 0.1 });
  const copy = first.toDict();
  await session.run({ durationS: 0.3 });
  t.deepEqual(first.toDict(), copy);
  t.not(session.stats, session.stats);
  t.deepEqual(session.stats, session.stats);
});

test('toDict and JSON hold the same plain values', async (t) => {
  const stats = await run(new Scribe(), () => 1, OPTIONS);
  const dict = stats.toDict();
  t.is(Object.getPrototypeOf(dict), Object.prototype);
  t.deepEqual(JSON.parse(JSON.stringify(stats)), dict);
  t.deepEqual(stats.toJSON(), dict);
  t.deepEqual(new SessionStats(dict), stats);
});

test('percentiles rise up to the maximum, and the mean lies between the extremes', async (t) => {
  const stats = await run(new Scribe(), () => 1, { ...OPTIONS, durationS: 1 });
  const jitter = [stats.p50JitterS, stats.p95JitterS, stats.p99JitterS, stats.maxJitterS];
  const execution = [
    stats.p50ExecutionS,
    stats.p95ExecutionS,
    stats.p99ExecutionS,
    stats.maxExecutionS,
  ];
  for (const spread of [jitter, execution]) {
    t.deepEqual(
      spread,
      spread.toSorted((a, b) => a - b),
    );
    t.true(spread.every((value) => value > 0));
  }
  t.is(stats.targetPeriodS, 0.01);
  t.true(stats.avgPeriodS > 0.009);
  t.true(stats.avgPeriodS <= stats.longestPeriodS);
  t.true(Math.abs(stats.longestPeriodS - stats.targetPeriodS) <= stats.maxJitterS + 1e-9);
});

test('percentiles are those of the newest samples, maxima and counts those of the run', async (t) => {
  const policy = (_: number, { tick }: { tick: number }): number => {
    const end = performance.now() + (tick === 0 ? 200 : 0);
    while (performance.now() < end);
    return tick;
  };
  const newest = { ...OPTIONS, durationS: 0.5, maxTimingSamples: 1 };
  const stats = await run(new Scribe(), policy, newest);
  t.true(stats.iterations > 1);
  t.true(stats.maxExecutionS >= 0.2);
  t.is(stats.p50ExecutionS, stats.p99ExecutionS);
  t.true(stats.p99ExecutionS < stats.maxExecutionS);
});

test('the stats of the pool hold these values and no others, each a whole number', (t) => {
  const stats = poolStats();
  const names = ['maxThreads', 'threads', 'running', 'waiting', 'answered', 'failed', 'aborted'];
  t.deepEqual(Object.keys(stats), names);
  for (const [name, value] of Object.entries(stats)) t.true(Number.isInteger(value), name);
});
