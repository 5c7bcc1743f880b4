// The report of a session on a page: when it comes, what it says, and who gets it.

import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { type ReportInfo, VERSION } from '../../dashboard/src/protocol.ts';
import { readTold } from '../../dashboard/src/told.ts';
import { Session, workerPolicy } from '../../index.ts';
import { setUp, turning, WALL } from '../fixtures/arms.ts';
import { PageClient, type Told } from '../fixtures/page-client.ts';
import { Scribe } from '../fixtures/robots.ts';
import { block, until } from '../fixtures/waiting.ts';

type Policies = typeof import('../fixtures/policies.ts');

const POLICIES = new URL('../fixtures/policies.ts', import.meta.url);
const STILL = { warmupS: 0, realtime: false } as const;
const RATE_HZ = 100;

/** The reports that came, as the page reads them. */
function reportsIn(told: Told): readonly ReportInfo[] {
  return told.texts.flatMap((text) => {
    const read = readTold(JSON.stringify(text), VERSION);
    return read?.type === 'report' ? [read.report] : [];
  });
}

/** Waits for a report of a session that has ended, or of one that goes on. */
async function reportOf(client: PageClient, isOver: boolean, session = 1): Promise<ReportInfo> {
  const find = async () =>
    reportsIn(await client.told()).find((one) => one.isOver === isOver && one.session === session);
  await until(async () => (await find()) !== undefined, `a report, isOver: ${isOver}`);
  const found = await find();
  if (!found) throw new Error('it was there');
  return found;
}

test('a page is told the report of a session at its end, as session.report() has it, and a later page too', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const session = new Session(setup.arm, turning, STILL);
  await using page = await session.dashboard();
  await using client = await PageClient.connect(page.address);
  await session.start();
  await until(() => session.stepCount > 200, 'some cycles');
  block(150);
  await until(() => session.report().worst.length > 0, 'a bad cycle');
  await session.stop();
  const told = await reportOf(client, true);
  const { stats, badCycles, unexplained, phases, worst } = session.report();
  t.is(told.iterations, stats.iterations);
  t.is(told.missedTicks, stats.missedTicks);
  t.is(told.lateActions, stats.lateActions);
  t.true(told.lateActions > 0);
  t.deepEqual([told.badCycles, told.unexplained], [badCycles, unexplained]);
  t.deepEqual(told.phases, [...phases]);
  t.is(told.worst.length, worst.length);
  for (const [nth, cycle] of told.worst.entries()) {
    const { kind, tick, timeS, cycles, lastedS, excessS, phase, cause, evidence, advice, check } =
      worst[nth] ?? ({} as Partial<(typeof worst)[number]>);
    const { causeText, ...rest } = cycle;
    t.deepEqual(rest, {
      ...{ isLateAnswer: kind === 'lateAnswer', check: check ?? null },
      ...{ tick, timeS, cycles, lastedS, excessS, phase, cause, evidence, advice },
    } as never);
    t.regex(causeText, / /, 'the cause is told in words');
  }
  await using later = await PageClient.connect(page.address);
  t.deepEqual(await reportOf(later, true), told);
});

test('a page that is open is told a report while the session runs, and each session has its own', async (t) => {
  const robot = new Scribe();
  const session = new Session(robot, () => 0, { ...STILL, rateHz: RATE_HZ });
  await using page = await session.dashboard();
  await using client = await PageClient.connect(page.address);
  await session.start();
  const during = await reportOf(client, false);
  t.true(during.iterations > 0 && session.isRunning);
  await session.stop();
  const over = await reportOf(client, true);
  t.true(over.iterations >= during.iterations);
  await session.run({ durationS: 0.2 });
  const second = await reportOf(client, true, 2);
  t.is(second.iterations, session.stats.iterations);
  const reports = reportsIn(await client.told());
  t.is(reports.filter(({ isOver }) => isOver).length, 2, 'one at the end of each session');
});

test('a session that ends with an error has its report', async (t) => {
  const policy = (): number => {
    if (session.stepCount > 20) throw new RangeError('the model has no answer');
    return 0;
  };
  const session: Session<number, number> = new Session(new Scribe(), policy, {
    ...STILL,
    rateHz: RATE_HZ,
  });
  await using page = await session.dashboard();
  await using client = await PageClient.connect(page.address);
  await t.throwsAsync(() => session.run(), { code: 'POLICY_THREW' });
  t.is((await reportOf(client, true)).iterations, session.stats.iterations);
});

test('the report of a run comes although its page is closed at once, and a start that fails has none', async (t) => {
  let fails = true;
  const reset = (): void => {
    if (fails) throw new Error('no power');
  };
  const robot = Object.assign(new Scribe(), { reset });
  const session = new Session(robot, () => 0, { ...STILL, rateHz: RATE_HZ });
  await using page = await session.dashboard();
  await using client = await PageClient.connect(page.address);
  await t.throwsAsync(() => session.start());
  fails = false;
  await session.run({ durationS: 0.2 });
  await page.close();
  await until(async () => (await client.told()).isClosed, 'the page has ended');
  const reports = reportsIn(await client.told());
  t.deepEqual(
    reports.map(({ isOver, iterations }) => [isOver, iterations]),
    [[true, session.stats.iterations]],
  );
});

test('a policy at 1 kHz on this thread is not delayed by a report, one in a worker has it meanwhile', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const session = new Session(setup.arm, turning, STILL);
  const { report } = session;
  let asked = 0;
  session.report = () => {
    asked += 1;
    return report.call(session);
  };
  await using page = await session.dashboard();
  await using client = await PageClient.connect(page.address);
  await session.start();
  await sleep(6000);
  t.is(asked, 0);
  await session.stop();
  t.true((await reportOf(client, true)).iterations > 0);
  t.is(asked, 1);
  const elsewhere = workerPolicy<Policies, 'swing'>(POLICIES, { export: 'swing', args: [0.05] });
  await using second = new Session(setup.arm, elsewhere, STILL);
  await second.dashboard({ on: page });
  await second.start();
  t.true((await reportOf(client, false, 2)).iterations > 0);
});

test('no report is made while nobody looks, and one that cannot be made is told and ends nothing', async (t) => {
  const session = new Session(new Scribe(), () => 0, { ...STILL, rateHz: RATE_HZ });
  let asked = 0;
  session.report = () => {
    asked += 1;
    throw new Error('no memory');
  };
  await using page = await session.dashboard();
  await session.start();
  // Longer than from one report to the next.
  await sleep(6000);
  t.is(asked, 0);
  await using client = await PageClient.connect(page.address);
  const told = async () =>
    (await client.told()).texts.flatMap(({ type, event }) =>
      type === 'event' ? [event as { readonly name: string; readonly text: string }] : [],
    );
  await until(async () => (await told()).some(({ name }) => name === 'noReport'), 'it is told');
  t.true(session.isRunning);
  await session.stop();
  session.checkHealth();
  await until(async () => (await told()).length === asked, 'it is told again at the end');
  for (const { text } of await told()) t.regex(text, /cannot be shown: .*no memory/);
});
