// The page of a session on a simulated arm, in a browser.

import test from 'ava';
import type { Browser, Page } from 'playwright-core';
import { Franka, FrankaSimulator, run, view } from '../../index.ts';
import { turning, WALL } from '../fixtures/arms.ts';
import { drawn, loaded, open, openBrowser, PHONE, picture, shows } from '../fixtures/browser.ts';
import { longProgram, type Program } from '../fixtures/programs.ts';
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

/** The newest frame that the page has, by the robot's time [s]. */
const newest = (page: Page): Promise<number> => page.evaluate('kilohertz.newest(0)?.timeS ?? 0');

for (const model of ['fr3', 'fer']) {
  test(`shows ${model} while its event loop is blocked, and stops it meanwhile`, async (t) => {
    const child = longProgram(t, 'shown', model);
    t.teardown(() => child.process.kill());
    await child.printed('blocked');
    const { page, complaints } = await open(browser, await addressOf(child));
    await loaded(page);
    await shows(page, 'kilohertz.drawn(0)?.timeS > 1');
    const seen = new Set<number>();
    await until(async () => seen.add(await newest(page)).size >= 5, 'frames come');
    await picture(page, `real-${model}`);
    t.false(child.lines.includes('free'), 'all of it was shown while the event loop was blocked');
    await page.keyboard.press(' ');
    // It is blocked until the arm was stopped.
    await child.printed('free');
    await shows(page, "document.querySelector('#stop-state').textContent.startsWith('stopped')");
    const shown = await drawn(page);
    t.true(shown.joints.every(Number.isFinite));
    await child.printed('reflexes 0');
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
