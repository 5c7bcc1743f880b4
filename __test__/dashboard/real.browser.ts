// The page of a session on a simulated arm, in a browser.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { Page } from 'playwright-core';
import {
  type AnyPolicy,
  Franka,
  FrankaSimulator,
  type RobotState,
  replay,
  run,
  Session,
  type Tick,
  view,
} from '../../index.ts';
import { setUp, turning, WALL } from '../fixtures/arms.ts';
import {
  closeTo,
  countsOn,
  type Drawn,
  drawn,
  isClean,
  LOOKS,
  loaded,
  PHONE,
  picture,
  shows,
  withBrowser,
} from '../fixtures/browser.ts';
import { type Program, program } from '../fixtures/programs.ts';
import { folderFor } from '../fixtures/recordings.ts';
import { block, until } from '../fixtures/waiting.ts';

const opens = withBrowser(test);
const STILL = { warmupS: 0, realtime: false } as const;

const lineOf = ({ lines }: Program, what: string): string | undefined =>
  lines.find((line) => line.startsWith(`${what} `))?.slice(what.length + 1);

async function addressOf(child: Program): Promise<string> {
  await until(() => lineOf(child, 'address') !== undefined, 'the page is open');
  return lineOf(child, 'address') ?? '';
}

/** The newest frame that the page has, by the robot's time [s]. */
const newest = (page: Page): Promise<number> => page.evaluate('kilohertz.newest(0)?.timeS ?? 0');

for (const model of ['fr3', 'fer']) {
  test(`shows ${model} while its event loop is blocked, and stops it meanwhile`, async (t) => {
    const free = join(folderFor(t), 'free');
    const child = program('shown', model, free);
    t.teardown(() => writeFileSync(free, ''));
    const opened = await opens(t, await addressOf(child));
    const { page } = opened;
    await loaded(page);
    for (let round = 0; round < 5; round += 1) {
      const last = await newest(page);
      await shows(page, `kilohertz.drawn(0)?.timeS > ${last + 0.1}`);
    }
    await picture(page, `real-${model}`);
    await page.keyboard.press(' ');
    await shows(page, "document.querySelector('.status').dataset.state === 'ended'");
    await shows(page, "document.querySelector('#stop-state').textContent.startsWith('stopped')");
    t.false(child.lines.includes('free'), 'the event loop was blocked all the time');
    t.true((await drawn(page)).joints.every(Number.isFinite));
    writeFileSync(free, '');
    const { lines, code, stderr } = await child.ended;
    t.is(code, 0, stderr);
    t.true(lines.includes('reflexes 0'));
    // The page shows what the session has counted, to the last cycle.
    t.is((await countsOn(page)).join(' '), lineOf(child, 'counts') ?? '');
    await isClean(t, opened);
  });
}

/** Checks that joints were drawn as a recording has them at the same time of the robot. */
async function areAsRecorded(t: ExecutionContext, file: string, seen: Drawn[]): Promise<void> {
  const states = new Map<number, ArrayLike<number>>();
  for await (const { robotTimeS, state } of replay(file)) {
    states.set(Math.round(1000 * robotTimeS), (state as RobotState).q);
  }
  for (const { timeS, joints } of seen) {
    const q = states.get(Math.round(1000 * timeS));
    if (q === undefined) t.fail(`there is no cycle of ${timeS} s`);
    else closeTo(t, joints, q);
  }
}

/** Turns joint 1 to and fro about 0, for however long a test takes. */
const swinging = ({ q }: RobotState, { timeS }: Tick) =>
  [0.2 * Math.sin(timeS) - 0.2 * (q[0] ?? 0), 0, 0, 0, 0, 0, 0] as never;

test('draws two arms as their states are, each within one frame', async (t) => {
  const folder = folderFor(t);
  await using one = await setUp('jointVelocity', WALL);
  await using other = await setUp('jointVelocity', { ...WALL, generation: 'fer' });
  const files = ['one', 'other'].map((name) => `${folder}/${name}.mcap`);
  const [first, second] = [one, other].map(
    ({ arm }, nth) =>
      new Session(arm, swinging, { ...STILL, rateHz: 20, record: files[nth] ?? '' }),
  ) as [Session<RobotState, unknown>, Session<RobotState, unknown>];
  const shown = await first.dashboard({ name: 'left' });
  await second.dashboard({ on: shown, name: 'right' });
  // Two pictures, drawn without a graphics card.
  const opened = await opens(t, shown.address, { viewport: { width: 900, height: 500 } });
  const { page } = opened;
  // Both begin while the page is open.
  await first.start();
  await shows(page, "document.querySelectorAll('.arm').length === 1");
  await second.start();
  await shows(page, "document.querySelectorAll('.arm').length === 2");
  await loaded(page);
  const seen: Drawn[][] = [[], []];
  for (let round = 0; round < 4; round += 1) {
    for (const arm of [0, 1]) {
      // What had come before two pictures of the screen is drawn after them.
      const [had, now] = await page.evaluate<[number, Drawn]>(`(async () => {
        const had = kilohertz.newest(${arm})?.timeS ?? 0;
        const picture = () => new Promise((done) => requestAnimationFrame(done));
        await picture();
        await picture();
        return [had, kilohertz.drawn(${arm})];
      })()`);
      if (had === 0) continue;
      t.true(now.timeS >= had, `arm ${arm}: drawn is ${now.timeS} s, and ${had} s had come`);
      seen[arm]?.push(now);
    }
  }
  await picture(page, 'real-two-arms');
  await first.stop();
  await shows(page, "document.querySelectorAll('.status[data-state=ended]').length === 1");
  await second.stop();
  await shows(page, "document.querySelectorAll('.status[data-state=ended]').length === 2");
  for (const [nth, file] of files.entries()) {
    t.true((seen[nth]?.length ?? 0) >= 3);
    await areAsRecorded(t, file, seen[nth] ?? []);
  }
  await isClean(t, opened);
});

test('plays recordings as they were run, on a phone too', async (t) => {
  const folder = folderFor(t);
  await using simulator = await FrankaSimulator.start(WALL);
  await using arm = await Franka.connect(simulator.address);
  const files = ['monday', 'tuesday'].map((name) => `${folder}/${name}.mcap`);
  for (const record of files) await run(arm, turning, { durationS: 2, record });
  await using played = await view(files);
  const opened = await opens(t, played.address);
  const { page } = opened;
  await loaded(page);
  const seen: Drawn[] = [];
  for (const timeS of [0.25, 0.5, 1.5]) {
    await page.fill('input[type=range]', String(timeS));
    await shows(page, `Math.abs(kilohertz.playback().timeS - ${timeS}) < 1e-6`);
    seen.push(await page.evaluate<Drawn>('kilohertz.playback()'));
  }
  await areAsRecorded(t, files[0] ?? '', seen);
  await page.fill('input[type=range]', '0');
  await page.keyboard.press(' ');
  await shows(page, 'kilohertz.playback().timeS > 1');
  await picture(page, 'real-recording');
  await page.click('[data-tab=timing]');
  await sleep(300);
  await picture(page, 'real-recording-timing');
  const phone = await opens(t, played.address, { viewport: PHONE });
  await loaded(phone.page);
  await picture(phone.page, 'real-recording-phone');
  await isClean(t, opened);
  await isClean(t, phone);
});

test('the report of a session tells its worst cycles, and what to do about them', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const session = new Session(setup.arm, turning, STILL);
  const shown = await session.dashboard({ name: 'left' });
  t.teardown(() => shown.close());
  const opened = await opens(t, shown.address);
  const { page } = opened;
  await session.start();
  await until(() => session.stepCount > 200, 'some cycles');
  await page.click('[data-tab=report]');
  block(120);
  await until(() => session.report().worst.length > 0, 'a bad cycle');
  await session.stop();
  await shows(page, "document.querySelector('.report').textContent.includes('The whole of')");
  const { worst, phases } = session.report();
  const text = (await page.textContent('.report')) ?? '';
  for (const { evidence, advice } of worst)
    t.true(text.includes(evidence) && text.includes(advice));
  t.is(await page.locator('.bad-cycles tr:not(.cause) td:first-child').count(), worst.length);
  t.is(await page.locator('.phases tbody tr').count(), 9);
  t.true(phases.length > 0 && phases.length <= 9);
  await loaded(page);
  await picture(page, 'real-report');
  await isClean(t, opened);
});

interface Failing {
  code: string;
  advice: RegExp;
  policy: AnyPolicy<RobotState, never>;
  fault?: Parameters<FrankaSimulator['inject']>[0];
}

const still = () => [0, 0, 0, 0, 0, 0, 0] as never;
const FAILING: readonly Failing[] = [
  {
    code: 'FRANKA_REFLEX',
    advice: /recover/,
    policy: still,
    fault: { kind: 'reflex', error: 'joint_reflex', atCycle: 300 },
  },
  {
    code: 'POLICY_THREW',
    advice: /the model has no answer/,
    policy: (_, { timeS }) => {
      if (timeS > 0.3) throw new RangeError('the model has no answer');
      return still();
    },
  },
  {
    code: 'ACTION_LIMIT',
    advice: /clamp/,
    policy: (_, { timeS }) => [timeS > 0.3 ? 1 : 0, 0, 0, 0, 0, 0, 0] as never,
  },
];

/** Whether the text of the newest event can be read to its end. */
const READ = `(() => {
  const text = document.querySelector('.latest .event.error p');
  const place = text.getBoundingClientRect();
  const around = document.querySelector('.latest').getBoundingClientRect();
  const isWhole = text.scrollHeight <= text.clientHeight + 1 && place.bottom <= around.bottom + 1;
  return isWhole && place.right <= innerWidth && parseFloat(getComputedStyle(text).fontSize) >= 12;
})()`;

test('errors are read on the page with what to do, in any size and colour', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const { simulator, arm } = setup;
  const shown = await new Session(arm, still, STILL).dashboard({ name: 'left' });
  t.teardown(() => shown.close());
  for (const { code, advice, policy, fault } of FAILING) {
    const session = new Session(arm, policy, STILL);
    await session.dashboard({ on: shown, name: 'left' });
    if (fault) simulator.inject(fault);
    await t.throwsAsync(() => session.run(), { code });
    for (const [name, options] of Object.entries(LOOKS)) {
      const opened = await opens(t, shown.address, options);
      const { page } = opened;
      await shows(page, `document.querySelector('.latest').textContent.includes('${code}')`);
      t.regex((await page.textContent('.latest')) ?? '', advice, `${code}, ${name}`);
      t.true(await page.evaluate(READ), `${code} is read to its end, ${name}`);
      await loaded(page);
      await picture(page, `error-${code}-${name}`);
      await isClean(t, opened);
      await page.close();
    }
    if (fault) await arm.recover();
  }
});
