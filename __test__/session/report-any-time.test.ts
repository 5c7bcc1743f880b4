// A report can be asked for at any time, of any session, and whatever threads are called: its text has lines, its page is
// XML, and its data survives JSON.

import { execFileSync } from 'node:child_process';
import { inspect } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { Session, type SessionReport } from '../../index.ts';
import type { NativeEvidence, NativeIncident, NativeReport } from '../../lib/native/binding.ts';
import { PHASES } from '../../lib/native/contract.ts';
import { likeliestOf } from '../../lib/session/bad-cycles.ts';
import type { Realtime } from '../../lib/session/realtime.ts';
import type { Histogram } from '../../lib/session/records.ts';
import { reportOf } from '../../lib/session/report.ts';
import { noStats } from '../../lib/session/stats.ts';
import { setUp, WALL } from '../fixtures/arms.ts';
import { Scribe } from '../fixtures/robots.ts';
import { block, codeOf, until } from '../fixtures/waiting.ts';

const OPTIONS = { warmupS: 0, blackBox: false } as const;

/** Characters that must not get into a line of text. */
const CONTROL = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

/** The width of a page, and where the charts on it begin and end [pixels]. */
const [WIDTH, LEFT, RIGHT] = [960, 130, 910];

const PARSING = `
import json, sys, xml.dom.minidom
for page in json.load(sys.stdin):
    assert xml.dom.minidom.parseString(page.encode()).documentElement.tagName == "svg"
`;

/** Asserts that reports can be read by whoever reads them: people, XML and JSON. */
function areReadable(t: ExecutionContext, ...reports: readonly SessionReport[]): void {
  const pages = reports.map((report) => report.toSvg());
  execFileSync('python3', ['-c', PARSING], { input: JSON.stringify(pages) });
  for (const [nth, report] of reports.entries()) {
    const [text, page] = [String(report), pages[nth] ?? ''];
    t.notRegex(`${text}${page}${inspect(report)}`, /NaN|undefined|Infinity/);
    const lines = text.split('\n');
    t.is(lines.length, 5 + report.phases.length + 2 * Math.min(5, report.worst.length), text);
    t.false(lines.some((line) => CONTROL.test(line)) || !text.isWellFormed(), text);
    isWithinPage(t, page);
    const json = JSON.stringify(report);
    t.is(JSON.stringify(JSON.parse(json)), json);
    // The first violation is null where there was none; a number that is none would be null as well.
    t.notRegex(json.replaceAll('"firstViolation":null', ''), /null/);
  }
}

/** Asserts that all shapes of a page lie on it, and charts between their axes. */
function isWithinPage(t: ExecutionContext, page: string): void {
  for (const [shape, kind] of page.matchAll(/<(rect|circle|line)[^>]*>/g)) {
    const of = (name: string): number | undefined => {
      const found = new RegExp(` ${name}="([^"]*)"`).exec(shape)?.[1];
      return found === undefined ? undefined : Number(found);
    };
    const from = of('x') ?? of('x1') ?? of('cx') ?? 0;
    const to = of('x2') ?? from + (of('width') ?? 0);
    const isGround = kind === 'rect' && of('width') === WIDTH;
    if (!isGround) t.true(from >= LEFT && to >= from && to <= RIGHT + 1, shape);
  }
}

test('a report can be read before the first cycle, while the session runs, in its events, and again after its end', async (t) => {
  const reports: SessionReport[] = [];
  let calls = 0;
  const keep = (): void => void reports.push(session.report());
  const policy = (): number => {
    calls += 1;
    if (calls === 5) keep();
    return 0;
  };
  const session = new Session(new Scribe(), policy, { ...OPTIONS, rateHz: 200 });
  session.on('stop', keep);
  keep();
  const launch = session.start();
  keep();
  await launch;
  await until(() => session.stepCount > 10, '10 cycles');
  block(50);
  await until(() => session.report().worst.length > 0, 'a bad cycle');
  keep();
  await session.stop();
  keep();
  keep();
  const [first, again] = reports.slice(-2);
  t.deepEqual(first, again);
  t.is(reports.length, 7);
  await session.start();
  keep();
  await session.stop();
  keep();
  areReadable(t, ...reports);
});

test('a report can be read after whatever has ended the session', async (t) => {
  let calls = 0;
  const throwing = (): number => {
    calls += 1;
    if (calls === 20) throw new Error('the policy fails');
    return 0;
  };
  const failing = new Session(new Scribe(), throwing, { ...OPTIONS, rateHz: 500 });
  t.is(await codeOf(failing.run({ durationS: 60 })), 'POLICY_THREW');
  t.true(failing.report().stats.iterations > 10);
  const never = { observe: () => 0, act: () => undefined, reset: () => Promise.reject('no') };
  const unborn = new Session(never, () => 0, { ...OPTIONS, rateHz: 100 });
  t.is(await codeOf(unborn.run({ durationS: 1 })), 'ROBOT_THREW');
  await using setup = await setUp('jointVelocity', WALL);
  const cut = new Session(setup.arm, () => [0, 0, 0, 0, 0, 0, 0], OPTIONS);
  const end = codeOf(cut.run({ durationS: 60 }));
  await until(() => cut.stepCount > 100, '100 cycles');
  await setup.simulator.stop();
  t.regex(await end, /^FRANKA_/);
  t.true(cut.report().stats.iterations > 100);
  areReadable(t, failing.report(), unborn.report(), cut.report());
});

test('a session of one cycle, one of 1 Hz and one of 10 kHz have reports', async (t) => {
  const one = new Session(new Scribe(), () => 0, { ...OPTIONS, rateHz: 0.1 });
  await one.start();
  await until(() => one.stepCount === 1, 'a cycle');
  await one.stop();
  const slow = new Session(new Scribe(), () => 0, { ...OPTIONS, rateHz: 1 });
  await slow.run({ durationS: 2.5 });
  const fast = new Session(new Scribe(), () => 0, { ...OPTIONS, rateHz: 10_000 });
  await fast.run({ durationS: 0.3 });
  t.is(one.report().stats.iterations, 1);
  t.true(fast.report().stats.iterations > slow.report().stats.iterations);
  areReadable(t, one.report(), slow.report(), fast.report());
});

/** Names that threads may have, or that a lost byte makes of them. */
const NAMES = [
  'a\nb',
  '\u001b[31mred',
  '</text><&"\'',
  ']]>',
  '\0',
  '\ud800',
  '\u202eltr',
  '\ufffe',
];

/** What is known of a bad cycle during which threads with these names ran. */
function incident(names: readonly string[]): NativeIncident {
  const ofLoop = { ranS: 0, waitedS: 1 };
  const busiest = names.map((name) => ({ name, ranS: 1 }));
  const known = { windowS: 1, fullWindowS: 1, pausedS: 0, cpus: 1, idleS: 0 };
  const evidence: NativeEvidence = { ...known, ofLoop, ownRanS: 1, busiest };
  const times = { atS: 1, lastedS: 1, excessS: 1, behindS: 1, phase: 'wait', phaseS: 1 } as const;
  const spansS = PHASES.map(() => 0.1);
  return { kind: 'longCycle', tick: 1, cycles: 1, ...times, spansS, evidence };
}

function reported(names: readonly string[], histogram: () => Histogram): SessionReport {
  const bad = [incident(names)];
  const run = incident(names).evidence;
  const native: NativeReport = {
    ...{ incidents: 1, lostIncidents: 0, worst: bad, newest: bad, run, pauses: 0 },
  };
  const stats = noStats(1e-3);
  return reportOf({ stats, native, realtime: undefined, hasNetwork: true, histogram });
}

test('threads may be called anything', (t) => {
  const histogram = (): Histogram => ({
    upperS: Float64Array.of(1e-3),
    counts: Float64Array.of(1),
  });
  const reports = [...NAMES.map((name) => [name]), NAMES, [''], ['x'.repeat(9_000)]].map((names) =>
    reported(names, histogram),
  );
  areReadable(t, ...reports);
  t.regex(String(reports[0]), /a\\nb 1\.00 s/);
  const native = { worst: [], newest: [incident(NAMES)] };
  t.notRegex(likeliestOf(native as unknown as NativeReport), CONTROL);
});

test('where realtime priorities are refused, the report tells apart what took the processor', (t) => {
  const ofLoop = { ranS: 1, waitedS: 0.25, involuntary: 7 };
  const took = { stolenS: 0.03, idleLatencyS: 133e-6, pressureS: 0.5, ownRanS: 2 };
  const run = { ...incident(['infer']).evidence, ...took, ofLoop };
  const native: NativeReport = {
    ...{ incidents: 0, lostIncidents: 0, worst: [], newest: [], run, pauses: 0 },
  };
  const refused = { priority: { asked: 80, granted: false, reason: 'EPERM' } };
  const realtime = refused as unknown as Realtime;
  const none = { upperS: new Float64Array(), counts: new Float64Array() };
  const stats = noStats(1e-3);
  const report = reportOf({ stats, native, realtime, hasNetwork: true, histogram: () => none });
  areReadable(t, report);
  t.like(report.machine, { isRealtime: false, loopWaitedS: 0.25, loopPreempted: 7, ...took });
  t.deepEqual(report.machine.busiest, [{ name: 'infer', ranS: 1 }]);
  const text = String(report);
  t.regex(text, /realtime priority refused; waited for a processor: loop 250\.00 ms/);
  t.regex(
    text,
    /stolen 30\.00 ms, wake from the deepest idle state 133 us, other own threads ran 2\.00 s/,
  );
});

test('the period that was aimed for is on the page, wherever the others were', (t) => {
  for (const [period, times] of [
    [1e-6, 1],
    [1e-3, 1],
    [30, 1e9],
  ] as const) {
    const histogram = (): Histogram => ({
      upperS: Float64Array.of(period),
      counts: Float64Array.of(times),
    });
    const report = reported([], histogram);
    areReadable(t, report);
    const page = report.toSvg();
    const at = Number(/class="target" x1="([^"]*)"/.exec(page)?.[1]);
    const label = Number(/x="([^"]*)"[^>]*>1 ms</.exec(page)?.[1]);
    t.is(at, label, `${period} s`);
  }
});
