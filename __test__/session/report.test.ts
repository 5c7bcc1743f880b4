import test from 'ava';
import { doctor, PolicyLateError, RobotError, Session, SessionReport } from '../../index.ts';
import { PHASES } from '../../lib/native/contract.ts';
import { blame } from '../../lib/session/blame.ts';
import { setUp, WALL } from '../fixtures/arms.ts';
import { Scribe } from '../fixtures/robots.ts';
import { block, rejection, until, warningsDuring } from '../fixtures/waiting.ts';

const OPTIONS = { rateHz: 100, warmupS: 0 } as const;

test('a report has the phases of the cycles, in their order, each within the longest', async (t) => {
  const session = new Session(new Scribe(), () => 1, OPTIONS);
  const stats = await session.run({ durationS: 0.5 });
  const { phases } = session.report();
  const names = phases.map(({ phase }) => phase);
  t.deepEqual(
    names,
    PHASES.filter((phase) => names.includes(phase)),
  );
  for (const phase of ['wait', 'handOver', 'policy', 'handBack', 'send'] as const) {
    t.true(names.includes(phase), phase);
  }
  for (const { phase, count, p50S, p99S, maxS } of phases) {
    t.true(count > 0 && count <= stats.iterations, phase);
    t.true(p50S <= p99S && p99S <= maxS, phase);
  }
  const wait = phases.find(({ phase }) => phase === 'wait');
  t.true((wait?.p50S ?? 0) > 0.5 / OPTIONS.rateHz, 'most of a cycle is waited for');
});

test('a histogram of each phase and of the periods covers the whole run', async (t) => {
  const session = new Session(new Scribe(), () => 1, OPTIONS);
  const { iterations } = await session.run({ durationS: 0.5 });
  const { counts } = session.histogram('period');
  const cycles = counts.reduce((sum, count) => sum + count, 0);
  t.is(cycles, iterations - 1, 'the first cycle has no period');
  for (const phase of PHASES) t.notThrows(() => session.histogram(phase));
});

test('a report is a value: as data, as text and as a page', async (t) => {
  const session = new Session(new Scribe(), () => 1, OPTIONS);
  await session.start();
  await until(() => session.stepCount > 20, '20 cycles');
  block(60);
  await until(() => session.report().worst.length > 0, 'a bad cycle');
  await session.stop();
  const report = session.report();
  t.true(report instanceof SessionReport && Object.isFrozen(report));
  t.true(report.badCycles > 0 && report.worst.length <= 16 && report.newest.length <= 16);
  const [worst] = report.worst;
  t.true((worst?.excessS ?? 0) > 0.02);
  const data = JSON.parse(JSON.stringify(report));
  t.is(data.worst[0].cause, worst?.cause);
  t.is(data.stats.iterations, report.stats.iterations);
  t.regex(String(report), /badCycles \d+/);
  t.true(String(report).includes(worst?.evidence ?? 'nothing'));
  const page = report.toSvg();
  t.true(page.startsWith('<svg ') && page.trimEnd().endsWith('</svg>'));
  t.regex(page, /prefers-color-scheme: dark/);
  t.false(/NaN|undefined|Infinity/.test(page), page);
});

test('the stats of a session are cheap beside its report', async (t) => {
  const session = new Session(new Scribe(), () => 1, OPTIONS);
  await session.run({ durationS: 0.5 });
  // The fastest of many calls counts, so that other programs do not.
  const fastestMs = (call: () => unknown): number => {
    const took = Array.from({ length: 100 }, () => {
      const begunMs = performance.now();
      call();
      return performance.now() - begunMs;
    });
    return Math.min(...took);
  };
  const [stats, report] = [fastestMs(() => session.stats), fastestMs(() => session.report())];
  t.true(stats < report / 4, `${stats} ms, and ${report} ms`);
});

test('before a session has run its report is empty', (t) => {
  const report = new Session(new Scribe(), () => 1).report();
  t.is(report.badCycles, 0);
  t.deepEqual([report.phases, report.worst, report.newest, report.causes], [[], [], [], []]);
  t.false(/NaN|undefined/.test(`${report}${report.toSvg()}`));
});

test('in lockstep, where the time of this computer means nothing, nothing is blamed', async (t) => {
  await using setup = await setUp();
  const session = new Session(setup.arm, () => [0, 0, 0, 0, 0, 0, 0], { warmupS: 0 });
  await session.run({ durationS: 0.3 });
  const { badCycles, phases } = session.report();
  t.is(badCycles, 0);
  t.deepEqual(phases, []);
});

test('the error of a policy that is late, and the warning, name the likeliest cause', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const zero = (): number[] => [0, 0, 0, 0, 0, 0, 0];
  const slow = (): number[] => {
    block(8);
    return zero();
  };
  const warned = new Session(setup.arm, slow, { warmupS: 0 });
  const warnings = await warningsDuring(async () => {
    await warned.run({ durationS: 2.5 }).catch(() => undefined);
  });
  const told = warnings.filter((warning) => Reflect.get(warning, 'code') === 'KILOHERTZ_LATE');
  t.regex(`${told[0]?.message}`, /The likeliest cause is \w+: .+\. Lower rateHz/);
  let calls = 0;
  const ends = new Session(
    setup.arm,
    () => {
      calls += 1;
      if (calls === 300) block(500);
      return zero();
    },
    { warmupS: 0, onLate: 'stop', maxHeldTicks: 100 },
  );
  const error = await rejection(ends.run({ durationS: 20 }));
  t.true(error instanceof PolicyLateError, `${error}`);
  t.regex(`${(error as Error).message}`, /The likeliest cause is \w+: .+\. Make the policy faster/);
});

test('the error of an arm that missed commands names the likeliest cause, and the report has that time', async (t) => {
  await using setup = await setUp('jointVelocity', { lockstep: false });
  const session = new Session(setup.arm, () => [0, 0, 0, 0, 0, 0, 0], { warmupS: 0 });
  // A reflex of a busy machine, before this one, is one of the same kind.
  setup.simulator.inject({ kind: 'dropStates', count: 60, atCycle: 300 });
  const error = await rejection(session.run({ durationS: 60 }));
  t.true(error instanceof RobotError && error.code === 'FRANKA_REFLEX', `${error}`);
  t.regex(
    `${(error as Error).message}`,
    /The likeliest cause is \w+: .+\. session\.report\(\) says more/,
  );
  const { stats, worst, newest } = session.report();
  const last = newest.findLast(({ kind }) => kind === 'longCycle');
  t.true((last?.lastedS ?? 0) > 0.01 && (last?.cycles ?? 0) >= 10, JSON.stringify(last));
  t.is(last?.tick, stats.iterations - 1);
  t.true(worst.some(({ tick }) => tick === last?.tick));
});

test('a lost connection is a bad cycle of the network, and no late answer', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const session = new Session(setup.arm, () => [0, 0, 0, 0, 0, 0, 0], { warmupS: 0 });
  const end = rejection(session.run({ durationS: 60 }));
  await until(() => session.stepCount > 100, '100 cycles');
  await setup.simulator.stop();
  t.true((await end) instanceof RobotError);
  const [worst] = session.report().worst;
  t.like(worst, { kind: 'longCycle', phase: 'wait', cause: 'networkLate' });
  t.regex(worst?.evidence ?? '', /\d+ states did not come/);
});

test('each check that advice names is one of the doctor', async (t) => {
  const { findings } = await doctor();
  const ids = findings.map(({ id }) => id);
  // This one is about a network card, which is looked at with the address of an arm.
  ids.push('coalescing');
  const waited = { ranS: 0, waitedS: 1 };
  const nothing = { windowS: 1, fullWindowS: 1, busiest: [], pausedS: 0, cpus: 1 };
  const found = [
    { ofLoop: waited },
    { ofLoop: waited, ownRanS: 1, busiest: [] },
    { stolenS: 1 },
    { idleLatencyS: 1 },
    { ofLoop: { ...waited, waitedS: 0 } },
  ].flatMap((evidence) =>
    [true, false].map((isRealtime) => {
      const known = { phase: 'wait', phaseS: 0.5, excessS: 0.5, cycles: 1, behindS: 0 } as const;
      const cycle = { ...known, evidence: { ...nothing, ...evidence } };
      return blame(cycle, { hasNetwork: true, isRealtime, policyShare: 0 });
    }),
  );
  for (const { cause, check } of found) {
    t.true(check !== undefined && ids.includes(check), `${cause}: ${check}`);
  }
});
