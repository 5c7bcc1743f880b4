import { setTimeout } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { Page } from 'playwright-core';
import {
  closeTo,
  countsOn,
  DESKTOP,
  type Drawn,
  drawn,
  isClean,
  loaded,
  PHONE,
  picture,
  shows,
  withBrowser,
} from '../fixtures/browser.ts';
import { PageServer, STATS } from '../fixtures/page-server.ts';
import {
  arm,
  CHUNK,
  countedAt,
  EVENTS,
  FAILURE,
  frameAt,
  jointsAt,
  play,
  recorded,
} from '../fixtures/scripted-arms.ts';
import { until } from '../fixtures/waiting.ts';

const opens = withBrowser(test);

const isDrawn = (page: Page, timeS: number, id = 0) =>
  shows(page, `Math.abs((kilohertz.drawn(${id})?.timeS ?? 0) - ${timeS}) < 1e-6`);

/** Starts a server that ends with the test. */
async function serve(t: ExecutionContext, script: Parameters<typeof PageServer.start>[0]) {
  const server = await PageServer.start(script);
  t.teardown(() => server[Symbol.asyncDispose]());
  return server;
}

async function showArm(t: ExecutionContext, model: string, options: Parameters<typeof opens>[2]) {
  const server = await serve(t, {
    arms: [arm(0, `${model.toUpperCase()} by the window`, model)],
    events: EVENTS.map((event) => ({ arm: 0, event })),
  });
  const opened = await opens(t, server.address, options);
  await shows(opened.page, "document.querySelector('.arm') !== null");
  await loaded(opened.page);
  await play(server, 0, 0, 8);
  server.tell({ type: 'chunk', arm: 0, chunk: CHUNK(8) });
  server.send(frameAt(0, 8 + 1 / 60));
  await isDrawn(opened.page, 8 + 1 / 60);
  return { server, ...opened };
}

for (const model of ['fr3', 'fer']) {
  test(`draws the joints of the ${model} as its newest state has them`, async (t) => {
    const { server, ...opened } = await showArm(t, model, { viewport: DESKTOP });
    const { page } = opened;
    const seen = await drawn(page);
    closeTo(t, seen.joints, jointsAt(8 + 1 / 60));
    closeTo(t, seen.ghost, jointsAt(8 + 1 / 60 + 0.25));
    t.true(seen.isGhostVisible && seen.isForceVisible);
    await setTimeout(300);
    await picture(page, `${model}-position`);
    await isClean(t, opened);
    t.deepEqual(server.missing, []);
  });
}

test('draws each state within one frame of its coming', async (t) => {
  const { server, page } = await showArm(t, 'fr3', {});
  for (let nth = 0; nth < 5; nth += 1) {
    const timeS = 9 + nth;
    server.send(frameAt(0, timeS));
    await shows(page, `kilohertz.newest(0)?.timeS === ${timeS}`);
    // Two pictures of the screen: one may have begun.
    await page.evaluate(
      'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))',
    );
    closeTo(t, (await drawn(page)).joints, jointsAt(timeS));
  }
});

test('shows every tab, in dark, too, and by keys', async (t) => {
  const { server, ...opened } = await showArm(t, 'fr3', { dark: true });
  const { page } = opened;
  for (const [nth, tab] of ['position', 'speed', 'torque', 'hand', 'timing', 'events'].entries()) {
    await page.keyboard.press(String(nth + 1));
    await shows(
      page,
      `document.querySelector('.tab[aria-selected=true]').dataset.tab === '${tab}'`,
    );
    await setTimeout(250);
    server.send(frameAt(0, 8.1 + nth / 10));
    await picture(page, `dark-${tab}`);
    if (tab === 'timing')
      t.regex((await page.textContent('.spread')) ?? '', /jitter6.30 µs24.0 µs300 µs2.10 ms/);
  }
  await page.keyboard.press('t');
  await shows(page, "document.documentElement.dataset.theme === 'light'");
  for (const tab of ['timing', 'torque', 'events', 'hand']) {
    await page.click(`[data-tab=${tab}]`);
    await setTimeout(250);
    await picture(page, `light-${tab}`);
  }
  await isClean(t, opened);
});

test('counts every kind of cycle as the frames do', async (t) => {
  const { page } = await showArm(t, 'fr3', {});
  await setTimeout(300);
  const { cycles, followed = 0, held = 0, rest = 0, missed = 0 } = countedAt(8 + 1 / 60);
  const wanted = [cycles - followed - held - rest, followed, held, rest, missed];
  t.deepEqual(await countsOn(page), wanted);
});

test('shows two arms side by side, each with its own stop', async (t) => {
  const server = await serve(t, { arms: [arm(0, 'left'), arm(1, 'right', 'fer')] });
  const opened = await opens(t, server.address);
  const { page } = opened;
  await shows(page, "document.querySelectorAll('.arm').length === 2");
  await loaded(page);
  await Promise.all([play(server, 0, 0, 7), play(server, 1, 0, 7, 1)]);
  await isDrawn(page, 7, 0);
  await isDrawn(page, 7, 1);
  closeTo(t, (await drawn(page, 0)).joints, jointsAt(7));
  closeTo(t, (await drawn(page, 1)).joints, jointsAt(7, 1));
  await setTimeout(300);
  await picture(page, 'two-arms');
  await page.click('[data-arm="1"] .stop-one');
  await until(() => server.asked.length > 0, 'a stop');
  await page.keyboard.press(' ');
  await until(() => server.asked.length > 1, 'another stop');
  t.deepEqual(server.asked, [
    { type: 'stop', arm: 1, number: 1 },
    { type: 'stop', arm: null, number: 2 },
  ]);
  await isClean(t, opened);
});

test('stops by its button and by its key, wherever the focus is, and tells what came of it', async (t) => {
  const { server, page } = await showArm(t, 'fr3', {});
  await page.click('#stop');
  await until(() => server.asked.length > 0, 'a stop');
  await page.focus('[data-tab=events]');
  await page.keyboard.press(' ');
  await until(() => server.asked.length > 1, 'another stop');
  t.deepEqual(
    server.asked,
    [1, 2].map((number) => ({ type: 'stop', arm: null, number })),
  );
  t.is(await page.getAttribute('[data-tab=events]', 'aria-selected'), 'false');
  await shows(page, "document.querySelector('#stop-state').textContent.includes('coming to rest')");
  // The session has ended, and what else moves the arm has not.
  server.tell({ type: 'arm', arm: { ...arm(0, 'FR3 by the window'), isRunning: false } });
  await setTimeout(300);
  t.false((await page.textContent('#stop-state'))?.startsWith('stopped'));
  server.tellStopped();
  await shows(page, "document.querySelector('#stop-state').textContent.startsWith('stopped')");
  await picture(page, 'stopped');
});

test('asks for a stop again until it is acknowledged, and says so when it is not, or stopped nothing', async (t) => {
  const { server, page } = await showArm(t, 'fr3', {});
  server.hears = false;
  await page.keyboard.press(' ');
  await shows(page, "document.querySelector('#stop-state').textContent.startsWith('NO ANSWER')");
  t.is(await page.getAttribute('#stop-block', 'data-state'), 'failed');
  await until(() => server.asked.length > 2, 'it is asked for again');
  server.hears = true;
  await shows(page, "document.querySelector('#stop-state').textContent.includes('coming to rest')");
  t.true(server.asked.every((asked) => asked.type === 'stop' && asked.number === 1));
  const { length } = server.asked;
  await setTimeout(1500);
  t.is(server.asked.length, length);
  server.tellStopped();
  await shows(page, "document.querySelector('#stop-state').textContent.startsWith('stopped')");
  server.tell({ type: 'arm', arm: { ...arm(0, 'FR3 by the window'), isRunning: false } });
  server.stops = 0;
  await page.keyboard.press(' ');
  await shows(page, "document.querySelector('#stop-state').textContent.startsWith('nothing')");
});

test('says so when an arm goes on although it was stopped', async (t) => {
  const { page } = await showArm(t, 'fr3', {});
  await page.keyboard.press(' ');
  await shows(
    page,
    "document.querySelector('#stop-state').textContent.endsWith('still runs! Use the emergency stop.')",
  );
  t.is(await page.getAttribute('#stop-block', 'data-state'), 'failed');
});

test('shows a lost link, sends a stop when it is back, and goes on', async (t) => {
  const { server, ...opened } = await showArm(t, 'fr3', {});
  const { page } = opened;
  await server.vanish();
  await shows(page, "document.querySelector('#link').dataset.state === 'lost'");
  await shows(page, "document.querySelector('.age').textContent.startsWith('old picture')");
  await page.keyboard.press(' ');
  await shows(page, "document.querySelector('#stop-state').textContent.startsWith('NOT SENT')");
  await picture(page, 'lost-link');
  await server.listen();
  await shows(page, "document.querySelector('#link').dataset.state === 'open'");
  await until(() => server.asked.length > 0, 'the stop');
  t.deepEqual(server.asked, [{ type: 'stop', arm: null, number: 1 }]);
  server.send(frameAt(0, 20));
  await isDrawn(page, 20);
  await isClean(t, opened);
});

test('takes a link that says nothing for lost', async (t) => {
  const { server, page } = await showArm(t, 'fr3', {});
  server.isSilent = true;
  await shows(page, "document.querySelector('#link').dataset.state === 'lost'");
  await until(() => server.pages === 1, 'the page again');
  server.isSilent = false;
  server.send(frameAt(0, 20));
  await isDrawn(page, 20);
  t.pass();
});

test('shows sessions that begin and end, and errors in words, as text', async (t) => {
  const server = await serve(t, {});
  const opened = await opens(t, server.address);
  const { page } = opened;
  await shows(page, "document.querySelector('.empty') !== null");
  await until(() => server.pages === 1, 'a page');
  await picture(page, 'no-session');
  server.tell({ type: 'arm', arm: arm(3, 'late comer') });
  await shows(page, "document.querySelector('.arm') !== null");
  await loaded(page);
  await play(server, 3, 0, 3);
  await isDrawn(page, 3, 3);
  server.tell({ type: 'event', arm: 3, event: FAILURE });
  server.tell({ type: 'arm', arm: { ...arm(3, 'late comer'), isRunning: false } });
  await shows(page, "document.querySelector('.status').textContent === 'ended'");
  await shows(page, "document.querySelector('.latest').textContent.includes('<b>Not HTML.</b>')");
  await picture(page, 'error');
  server.tell({ type: 'arm', arm: { ...arm(3, 'late comer'), session: 2 } });
  server.send(frameAt(3, 0.5));
  await isDrawn(page, 0.5, 3);
  t.true((await page.textContent('.facts'))?.includes('session 2'));
  await isClean(t, opened);
});

test('a robot without a model has its timing, and no picture', async (t) => {
  const server = await serve(t, { arms: [arm(0, 'my own robot', null)] });
  const opened = await opens(t, server.address);
  const { page } = opened;
  await shows(page, "document.querySelector('.arm') !== null");
  for (const timeS of [0, 1, 2, 3])
    server.send(new Uint8Array(frameAt(0, timeS).buffer.slice(0, 64)).fill(0, 4, 8));
  server.tell({ type: 'stats', arm: 0, stats: STATS });
  await shows(page, "document.querySelector('.strip .number').textContent === '3\u202f000'");
  await picture(page, 'no-model');
  t.deepEqual(await page.$$eval('.tab', (all) => all.map((tab) => tab.textContent)), [
    'Timing',
    'Events',
  ]);
  await isClean(t, opened);
});

test('messages that are not of the protocol are counted and do no harm', async (t) => {
  const { server, page } = await showArm(t, 'fr3', {});
  const bad = [
    ...[
      '',
      'no JSON',
      '{}',
      'null',
      '{"type":"constructor"}',
      '{"type":"stats","arm":0,"stats":{}}',
    ],
    ...[frameAt(0, 9).slice(0, 100), frameAt(9, 9), new Uint8Array(3), new Uint8Array(64)],
    ...[new Uint8Array([...frameAt(0, 9), 0]), frameAt(0, NaN)],
  ];
  for (const message of bad) server.send(message);
  await shows(page, `kilohertz.refused() === ${bad.length}`);
  server.send(frameAt(0, 9));
  await isDrawn(page, 9);
  t.true((await page.textContent('#link'))?.includes(`${bad.length} messages not understood`));
});

test('a page of another version asks to be loaded again', async (t) => {
  const server = await serve(t, { version: 999 });
  const { page } = await opens(t, server.address);
  await shows(page, "!document.querySelector('#notice').hidden");
  t.regex((await page.textContent('#notice')) ?? '', /Load this page again/);
});

/** What is drawn of a recording. */
const played = (page: Page): Promise<Drawn> => page.evaluate('kilohertz.playback()');

/** The values that reach beyond the head of their chart. */
const CUT = `[...document.querySelectorAll('.chart-head')].flatMap((head) => {
  const end = head.getBoundingClientRect().right + 0.5;
  const values = [...head.querySelectorAll('.value')];
  return values.filter((one) => one.getBoundingClientRect().right > end).map((one) => one.textContent);
})`;

test('plays a recorded run with another over it', async (t) => {
  const server = await serve(t, {
    runs: [recorded(0, 'monday.mcap', FAILURE), recorded(1, 'tuesday.mcap', null)],
    frames: (run, nth) => frameAt(run, nth / 60, run / 3),
    chunks: [
      { atS: 0.5, chunk: CHUNK(0.4) },
      { atS: 7.2, chunk: CHUNK(7) },
      { atS: 9, chunk: CHUNK(9) },
    ],
  });
  const opened = await opens(t, server.address);
  const { page } = opened;
  await shows(page, "document.querySelector('.arm') !== null");
  await loaded(page);
  t.false(await page.isVisible('#stop'));
  await page.focus('input[type=range]');
  await page.fill('input[type=range]', '7.5');
  await shows(page, 'Math.abs(kilohertz.playback().timeS - 7.5) < 1e-6');
  const seen = await played(page);
  closeTo(t, seen.joints, jointsAt(7.5));
  closeTo(t, seen.other ?? [], jointsAt(7.5, 1 / 3));
  // Of the chunk of 7.2 s, whose actions are 1/15 s apart, what is still to come.
  t.is(seen.chunkPoints, 16);
  await setTimeout(300);
  await loaded(page);
  await picture(page, 'recorded');
  for (const tab of ['position', 'torque']) {
    await page.click(`[data-tab=${tab}]`);
    await shows(page, "document.querySelector('.chart .number')?.textContent !== ''");
    t.deepEqual(await page.evaluate(CUT), [], 'no value is cut at the edge of its chart');
  }
  await page.selectOption('.bar select', '10');
  await page.keyboard.press(' ');
  await shows(page, 'kilohertz.playback().playedS === 12');
  await shows(page, "document.querySelector('.latest').textContent.includes('ACTION_LIMIT')");
  t.regex((await page.textContent('.latest')) ?? '', /joint 4 jumped 0\.031 rad/);
  t.is(await page.textContent('.note'), 'tuesday.mcap does not tell why the run ended');
  await page.keyboard.press('Home');
  await shows(page, 'kilohertz.playback().timeS === 0');
  await isClean(t, opened);
});

test('lists the worst cycles of a recorded run, and goes there', async (t) => {
  const server = await serve(t, {
    runs: [recorded(0, 'monday.mcap')],
    frames: (run, nth) => frameAt(run, nth / 60),
  });
  const opened = await opens(t, server.address);
  const { page } = opened;
  await shows(page, "document.querySelector('.arm') !== null");
  await page.click('[data-tab=timing]');
  const rows = await page.$$eval('.worst li', (all) => all.map((row) => row.textContent));
  t.deepEqual(rows, [
    'jitter2.10 ms at 0:06.00400 µs at 0:02.50',
    'execution801 µs at 0:03.25',
    'ticks missed2 at 0:06.00',
  ]);
  t.regex((await page.textContent('.spread')) ?? '', /jitter6.30 µs24.0 µs300 µs2.10 ms/);
  await page.click('.worst .seek >> text=801 µs');
  await shows(page, 'Math.abs(kilohertz.playback().timeS - 3.25) < 1e-6');
  await setTimeout(300);
  await picture(page, 'recorded-timing');
  await isClean(t, opened);
});

for (const dark of [false, true]) {
  test(`fits a phone, its stop in view${dark ? ', in the dark' : ''}`, async (t) => {
    const opened = await showArm(t, 'fr3', { viewport: PHONE, dark });
    const { page } = opened;
    await setTimeout(300);
    await picture(page, dark ? 'phone-dark' : 'phone');
    await page.evaluate('scrollTo(0, document.body.scrollHeight)');
    const place = await page.locator('#stop').boundingBox();
    t.true(place !== null && place.y > 0 && place.y + place.height <= PHONE.height);
    t.true(place !== null && place.width > 300 && place.height >= 56);
    await setTimeout(200);
    await picture(page, dark ? 'phone-dark-below' : 'phone-below');
    await isClean(t, opened);
  });
}
