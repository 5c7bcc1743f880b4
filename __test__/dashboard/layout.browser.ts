// What does not move by itself on the page, and what is reached without a mouse.

import test, { type ExecutionContext } from 'ava';
import type { Page } from 'playwright-core';
import { loaded, PHONE, shifts, shows, withBrowser } from '../fixtures/browser.ts';
import { PageServer, STATS } from '../fixtures/page-server.ts';
import {
  arm,
  EVENTS,
  FAILURE,
  frameAt,
  play,
  REPORT,
  recorded,
} from '../fixtures/scripted-arms.ts';
import { until } from '../fixtures/waiting.ts';

const opens = withBrowser(test);

/** So much of the page may move by itself: https://web.dev/articles/cls calls less than 0.1 good. */
const STEADY = 0.02;

async function serve(t: ExecutionContext, script: Parameters<typeof PageServer.start>[0]) {
  const server = await PageServer.start(script);
  t.teardown(() => server[Symbol.asyncDispose]());
  return server;
}

async function isSteady(t: ExecutionContext, page: Page, what: string): Promise<void> {
  // What has moved is told with the picture after it.
  await page.evaluate(
    'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))',
  );
  const moved = await shifts(page);
  const sum = moved.reduce((total, { value }) => total + value, 0);
  t.log(`${what}: ${sum.toFixed(4)}`);
  t.true(sum < STEADY, `${what}: ${sum}, of ${JSON.stringify(moved)}`);
}

for (const viewport of [undefined, PHONE]) {
  const where = viewport === undefined ? '' : ', on a phone';
  test(`nothing moves by itself while a session begins, runs, gets events and ends${where}`, async (t) => {
    const server = await serve(t, {});
    const { page } = await opens(t, server.address, viewport && { viewport });
    await until(() => server.pages === 1, 'a page');
    await shows(page, "document.querySelector('.empty') !== null");
    server.tell({ type: 'arm', arm: arm(0, 'FR3 by the window') });
    await loaded(page);
    await play(server, 0, 0, 3);
    server.tell({ type: 'stats', arm: 0, stats: STATS });
    for (const event of EVENTS) server.tell({ type: 'event', arm: 0, event });
    await play(server, 0, 3, 6);
    await shows(page, "document.querySelector('.latest').textContent.includes('No action')");
    await isSteady(t, page, 'begun, run, told');
    const ended = { ...arm(0, 'FR3 by the window'), isRunning: false };
    if (viewport === undefined) server.tell({ type: 'event', arm: 0, event: FAILURE });
    server.tell({ type: 'arm', arm: ended });
    await shows(page, "document.querySelector('.status').textContent === 'ended'");
    await isSteady(t, page, 'ended');
  });
}

for (const viewport of [undefined, PHONE]) {
  const where = viewport === undefined ? '' : ', on a phone';
  test(`nothing moves by itself when reports come${where}`, async (t) => {
    const server = await serve(t, { arms: [arm(0, 'FR3 by the window')] });
    const { page } = await opens(t, server.address, viewport && { viewport });
    await shows(page, "document.querySelector('.arm') !== null");
    await loaded(page);
    await page.click('[data-tab=report]');
    const { worst } = REPORT;
    const reports = [
      { ...REPORT, isOver: false, badCycles: 0, worst: [], phases: [] },
      { ...REPORT, isOver: false, worst: worst.slice(2) },
      REPORT,
    ];
    for (const report of reports) {
      server.tell({ type: 'report', arm: 0, report });
      const rows = `document.querySelectorAll('.bad-cycles td:first-child').length`;
      await shows(page, `${rows} === ${report.worst.length}`);
      await isSteady(t, page, `${report.worst.length} bad cycles`);
    }
  });
}

test('nothing moves by itself while a recording is opened and played', async (t) => {
  const server = await serve(t, {
    runs: [recorded(0, 'monday.mcap', FAILURE)],
    frames: (run, nth) => frameAt(run, nth / 60),
  });
  const { page } = await opens(t, server.address);
  await shows(page, "document.querySelector('.arm') !== null");
  await loaded(page);
  await page.evaluate("document.querySelector('.play').click()");
  await shows(page, 'kilohertz.playback().timeS > 5');
  await isSteady(t, page, 'opened and played');
});

/** What can be used on the page, and is not hidden. Tabs that are not chosen are reached by arrow keys. */
const USABLE = `[...document.querySelectorAll('button, select, input, a[href], [tabindex]')]
  .filter((one) => one.tabIndex >= 0 && one.checkVisibility({ visibilityProperty: true }))`;
const NAMES = `${USABLE}.map((one) => (one.dataset.usable ??= String(Math.random())))`;
/** What has the focus, and how wide the frame around it is [px]. */
const FOCUSED = `(() => {
  const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
  const width = outlineStyle === 'none' ? 0 : parseFloat(outlineWidth);
  return [document.activeElement.dataset.usable, width, document.activeElement.outerHTML.slice(0, 80)];
})()`;

async function isReached(t: ExecutionContext, page: Page, what: string): Promise<void> {
  const wanted = new Set(await page.evaluate<string[]>(NAMES));
  t.true(wanted.size > 8, `${what}: ${wanted.size} can be used`);
  const reached = new Set<string>();
  await page.evaluate('document.activeElement?.blur()');
  for (let nth = 0; nth < wanted.size + 3; nth += 1) {
    await page.keyboard.press('Tab');
    const [name, width, html] = await page.evaluate<[string | undefined, number, string]>(FOCUSED);
    if (name === undefined) continue;
    reached.add(name);
    t.true(width >= 2, `the focus of ${html} is seen`);
  }
  t.deepEqual([...wanted].filter((name) => !reached.has(name)).length, 0, what);
}

test('each control is reached by the keyboard, and the focus is seen', async (t) => {
  const server = await serve(t, { arms: [arm(0, 'left'), arm(1, 'right', 'fer')] });
  const { page } = await opens(t, server.address);
  await shows(page, "document.querySelectorAll('.arm').length === 2");
  await loaded(page);
  await Promise.all([play(server, 0, 0, 1), play(server, 1, 0, 1)]);
  await isReached(t, page, 'two arms');
  // The tabs of an arm are one stop; arrows go from one to the next.
  await page.focus('[data-arm="0"] [data-tab=position]');
  for (const tab of ['speed', 'torque', 'hand', 'timing', 'report', 'events', 'position']) {
    await page.keyboard.press('ArrowRight');
    await shows(page, `document.activeElement.dataset.tab === '${tab}'`);
    await shows(page, "document.activeElement.getAttribute('aria-selected') === 'true'");
  }
});

test('each control of a recording is reached by the keyboard, and the focus is seen', async (t) => {
  const server = await serve(t, {
    runs: [recorded(0, 'monday.mcap'), recorded(1, 'tuesday.mcap')],
    frames: (run, nth) => frameAt(run, nth / 60),
  });
  const { page } = await opens(t, server.address);
  await shows(page, "document.querySelector('.arm') !== null");
  await loaded(page);
  await isReached(t, page, 'the first tab');
  for (const tab of ['timing', 'events']) {
    await page.click(`[data-tab=${tab}]`);
    await isReached(t, page, tab);
  }
  // The newest event is the end of the run.
  await page.focus('.event.seekable:nth-child(2)');
  await page.keyboard.press('Enter');
  await shows(page, 'Math.abs(kilohertz.playback().timeS - 4.02) < 0.02');
});
