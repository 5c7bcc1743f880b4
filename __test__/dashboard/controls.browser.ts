// The page's controls in a browser, with a simulated arm.

import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { Page } from 'playwright-core';
import { Session } from '../../index.ts';
import { isRested, setUp, speed, turning, WALL } from '../fixtures/arms.ts';
import { DESKTOP, loaded, PHONE, picture, shows, withBrowser } from '../fixtures/browser.ts';
import { until } from '../fixtures/waiting.ts';

const opens = withBrowser(test);

const isHeld = "document.querySelector('.hold').getAttribute('aria-pressed') === 'true'";
const isFree = "document.querySelector('.hold').getAttribute('aria-pressed') === 'false'";
const isOn = (button: string) => `${button}.getAttribute('aria-disabled') === 'false'`;
const jog = (joint: number, sign: '+' | '−') =>
  `[aria-label^="turn joint ${joint}, ${sign === '+' ? 'positive' : 'negative'}"]`;

async function controlled(t: ExecutionContext, options: Parameters<typeof opens>[2] = {}) {
  const setup = await setUp('jointVelocity', WALL);
  const session = new Session(setup.arm, turning, { warmupS: 0, realtime: false });
  const dashboard = await session.dashboard({ controls: true, name: 'the arm by the window' });
  const opened = await opens(t, dashboard.controlsAddress ?? '', options);
  t.teardown(async () => {
    await dashboard.close();
    await setup[Symbol.asyncDispose]();
  });
  await loaded(opened.page);
  await shows(opened.page, isOn("document.querySelector('.hold')"));
  const turned = (joint: number): number =>
    (setup.simulator.joints().q[joint] ?? 0) - (setup.start[joint] ?? 0);
  const rests = (): Promise<void> => until(() => !setup.arm.isDriven, 'it has come to rest');
  return { ...setup, session, dashboard, turned, rests, ...opened };
}

/** How long an arm may take until it moves [ms]. */
const BEGIN_MS = 5000;

/**
 * Takes the controls, and presses something until the arm has turned. On a busy machine a browser may be too slow to be
 * let move an arm; then it says so, and a person presses again.
 */
async function pressed(
  page: Page,
  press: () => Promise<void>,
  unpress: () => Promise<void>,
  hasTurned: () => boolean,
): Promise<void> {
  for (let tries = 0; tries < 10; tries += 1) {
    if (await page.evaluate(isFree)) await page.click('.hold');
    await shows(page, isHeld);
    await press();
    const limit = performance.now() + BEGIN_MS;
    while (!hasTurned() && performance.now() < limit) await sleep(10);
    if (hasTurned()) return;
    await unpress();
  }
  throw new Error('the arm has not turned');
}

const byPointer = (page: Page, joint: number, sign: '+' | '−', hasTurned: () => boolean) =>
  pressed(
    page,
    async () => {
      await page.hover(jog(joint, sign));
      await page.mouse.down();
    },
    () => page.mouse.up(),
    hasTurned,
  );

const byEnter = (page: Page, joint: number, sign: '+' | '−', hasTurned: () => boolean) =>
  pressed(
    page,
    async () => {
      await page.focus(jog(joint, sign));
      await page.keyboard.down('Enter');
    },
    () => page.keyboard.up('Enter'),
    hasTurned,
  );

test('a joint turns while its button is pressed, by pointer and by Enter, and brakes when it is let go', async (t) => {
  const { page, simulator, turned, rests, complaints, session } = await controlled(t, {
    viewport: DESKTOP,
  });
  await picture(page, 'controls-free');
  const places = (): Promise<string> =>
    page.evaluate(
      "JSON.stringify([...document.querySelectorAll('main, #controls, #controls button')].map((one) => one.getBoundingClientRect()))",
    );
  const laidOut = await places();
  await byPointer(page, 1, '+', () => turned(0) > 0.02);
  await picture(page, 'controls-jog');
  t.is(await places(), laidOut, 'nothing on the page has moved');
  await page.mouse.up();
  await rests();
  await byEnter(page, 2, '−', () => turned(1) < -0.02);
  await page.keyboard.up('Enter');
  await rests();
  // A pointer that leaves its button has let it go.
  await byPointer(page, 3, '−', () => turned(2) < -0.02);
  await page.mouse.move(10, 10);
  await rests();
  await page.mouse.up();
  await session.start();
  await shows(
    page,
    "document.querySelector('.controls-state').textContent.includes('program runs')",
  );
  t.is(await page.getAttribute(jog(1, '+'), 'aria-disabled'), 'true');
  await picture(page, 'controls-off');
  await session.stop();
  isRested(t, simulator);
  t.deepEqual(complaints, []);
});

test('a page that is hidden, and Space, let the controls go, and the arm brakes', async (t) => {
  const { page, simulator, turned, rests, complaints } = await controlled(t, { dark: true });
  await byPointer(page, 4, '−', () => turned(3) < -0.02);
  await picture(page, 'controls-dark');
  // A browser without a screen hides no page by itself.
  await page.evaluate(
    "Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true }); document.dispatchEvent(new Event('visibilitychange'))",
  );
  await rests();
  t.true(await page.evaluate(isFree));
  await page.evaluate('delete document.visibilityState');
  await page.mouse.up();
  const at = turned(3);
  await byPointer(page, 4, '−', () => turned(3) < at - 0.02);
  await page.keyboard.press(' ');
  await shows(page, isFree);
  await rests();
  t.true(speed(simulator) < 0.02);
  isRested(t, simulator);
  t.deepEqual(complaints, []);
});

test('on a phone the buttons are as wide as thumbs, and the actions are done', async (t) => {
  const { arm, page, simulator, complaints } = await controlled(t, { viewport: PHONE });
  await page.click('.hold');
  await shows(page, isHeld);
  const sizes: number[] = await page.$$eval('.jog, .actions button', (all) =>
    all.map((one) => Math.min(one.clientHeight, one.clientWidth)),
  );
  t.true(
    sizes.every((size) => size >= 40),
    sizes.join(' '),
  );
  const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
  t.true(Number(overflow) <= 0);
  await page.locator('.actions').scrollIntoViewIfNeeded();
  await picture(page, 'controls-phone');
  simulator.inject({ kind: 'reflex' });
  await until(async () => (await arm.state()).robot_mode === 'Reflex', 'a reflex');
  await page.click("text='Recover'");
  await until(async () => (await arm.state()).robot_mode === 'Idle', 'it is recovered');
  await page.click("text='Close hand'");
  await until(() => simulator.fingers().widthM < 0.01, 'the hand closes');
  await until(async () => {
    await page.click("text='Home'");
    return simulator.counters().motionsStarted > 0;
  }, 'it moves home');
  await until(() => simulator.counters().motionsFinished === 1, 'it is there');
  t.deepEqual(complaints, []);
});
