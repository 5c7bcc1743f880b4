// The page of a session on a simulated arm, in a browser.

import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import type { Browser, Page } from 'playwright-core';
import { Franka, FrankaSimulator, run, view } from '../../index.ts';
import { turning, WALL } from '../fixtures/arms.ts';
import { drawn, loaded, open, openBrowser, PHONE, picture, shows } from '../fixtures/browser.ts';
import { type Program, program } from '../fixtures/programs.ts';
import { folderFor } from '../fixtures/recordings.ts';
import { until } from '../fixtures/waiting.ts';

let browser: Browser;
test.before('open a browser', async () => {
  browser = await openBrowser();
});
test.after.always('close it', () => browser?.close());

async function addressOf({ lines }: Program): Promise<string> {
  const told = (): string | undefined => lines.find((line) => line.startsWith('address '));
  await until(() => told() !== undefined, 'the page is open');
  return told()?.slice('address '.length) ?? '';
}

const times = (lines: readonly string[], what: string): number =>
  lines.filter((line) => line === what).length;

/** The newest frame that the page has, by the robot's time [s]. */
const newest = (page: Page): Promise<number> => page.evaluate('kilohertz.newest(0)?.timeS ?? 0');

for (const model of ['fr3', 'fer']) {
  test(`shows ${model} while its event loop is blocked, and stops it meanwhile`, async (t) => {
    const child = program('shown', model);
    const { page, complaints } = await open(browser, await addressOf(child));
    await loaded(page);
    await shows(page, 'kilohertz.drawn(0)?.timeS > 1');
    const blocks = times(child.lines, 'blocked');
    await until(() => times(child.lines, 'blocked') > blocks, 'the event loop is blocked');
    const frees = times(child.lines, 'free');
    const seen = new Set<number>();
    const from = performance.now();
    while (performance.now() < from + 1000) {
      seen.add(await newest(page));
      await sleep(5);
    }
    const inTime = times(child.lines, 'free') === frees;
    t.log(`${seen.size} frames in ${Math.round(performance.now() - from)} ms`);
    t.true(inTime && seen.size >= 20, `${seen.size} frames came while the event loop was blocked`);
    await picture(page, `real-${model}`);
    await page.keyboard.press(' ');
    await shows(page, "document.querySelector('#stop-state').textContent.startsWith('stopped')");
    t.is(times(child.lines, 'free'), frees, 'the arm was stopped before the event loop was free');
    const shown = await drawn(page);
    t.true(shown.joints.every(Number.isFinite));
    const { lines, code, stderr } = await child.ended;
    t.is(code, 0, stderr);
    t.true(lines.includes('reflexes 0'));
    t.deepEqual(complaints, []);
    await page.close();
  });
}

test('plays recordings, on a phone too', async (t) => {
  const folder = folderFor(t);
  await using simulator = await FrankaSimulator.start(WALL);
  await using arm = await Franka.connect(simulator.address);
  const files = ['monday', 'tuesday'].map((name) => `${folder}/${name}.mcap`);
  for (const record of files) await run(arm, turning, { durationS: 2, record });
  await using played = await view(files);
  const { page, complaints } = await open(browser, played.address);
  await loaded(page);
  await page.keyboard.press(' ');
  await shows(page, 'kilohertz.playback().timeS > 1');
  await picture(page, 'real-recording');
  const phone = await open(browser, played.address, { viewport: PHONE });
  await loaded(phone.page);
  await picture(phone.page, 'real-recording-phone');
  t.deepEqual([...complaints, ...phone.complaints], []);
  await page.close();
  await phone.page.close();
});
