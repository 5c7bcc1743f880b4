import { setTimeout } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { Page } from 'playwright-core';
import type { ArmInfo } from '../../dashboard/src/protocol.ts';
import {
  closeTo,
  countsOn,
  DESKTOP,
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
  REPORT,
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
  const tabs = ['position', 'speed', 'torque', 'hand', 'timing', 'report', 'events'];
  for (const [nth, tab] of tabs.entries()) {
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
    'Report',
    'Events',
  ]);
  await isClean(t, opened);
});

/** The texts of what a selector finds. */
const textsAt = (page: Page, selector: string) =>
  page.$$eval(selector, (all) => all.map((one) => one.textContent ?? ''));

for (const [name, options] of Object.entries(LOOKS)) {
  test(`shows the report of a session: counts, phases, the worst cycles with what to do, ${name}`, async (t) => {
    const { server, ...opened } = await showArm(t, 'fr3', options);
    const { page } = opened;
    await page.click('[data-tab=report]');
    t.regex((await page.textContent('.report')) ?? '', /No report yet/);
    server.tell({ type: 'report', arm: 0, report: { ...REPORT, isOver: false, worst: [] } });
    await shows(page, "document.querySelector('.report').textContent.includes('until now')");
    server.tell({ type: 'report', arm: 0, report: REPORT });
    await shows(page, "document.querySelectorAll('.bad-cycles tbody').length === 2");
    t.deepEqual(await textsAt(page, '.report .counters > div'), [
      ...['cycles48\u202f211', 'ticks missed9', 'late answers301', 'bad cycles27'],
      'not looked into2',
    ]);
    const phases = await textsAt(page, '.phases tbody tr');
    t.is(phases.length, 9);
    t.regex(phases[3] ?? '', /^policy.*5\.20 µs62\.0 µs12\.3 ms$/);
    const causes = await textsAt(page, '.bad-cycles .cause');
    t.regex(causes[0] ?? '', /collected garbage \(garbageCollection\).*Reuse arrays/);
    t.regex(causes[1] ?? '', /networkLate.*See coalescing in: npx kilohertz doctor$/);
    t.deepEqual(
      (await textsAt(page, '.bad-cycles tbody:nth-of-type(2) tr:not(.cause) td')).slice(0, 3),
      ['0:06.00cycle 6\u202f000', '8.12 ms', 'wait'],
    );
    t.is((await textsAt(page, '.bad-cycles tr:not(.cause) td:first-child')).length, 4);
    await picture(page, `report-${name}`);
    await page.evaluate("document.querySelector('.bad-cycles').scrollIntoView()");
    await picture(page, `report-${name}-below`);
    const wide = await page.evaluate(`[...document.querySelectorAll('.report *')].filter((one) =>
      one.getBoundingClientRect().right > document.querySelector('.tab-panel').getBoundingClientRect().right + 1).length`);
    t.is(wide, 0, 'nothing of it reaches beyond its panel');
    await isClean(t, opened);
  });
}

test('a report is scrolled by the keyboard, goes with the next session, and stays while the controls move the arm', async (t) => {
  const { server, page } = await showArm(t, 'fr3', {});
  server.tell({ type: 'report', arm: 0, report: REPORT });
  await page.click('[data-tab=report]');
  await shows(page, "document.querySelector('.bad-cycles') !== null");
  await page.keyboard.press('Tab');
  await shows(page, "document.activeElement.className === 'tab-panel'");
  await page.keyboard.press('End');
  await shows(page, "document.querySelector('.tab-panel').scrollTop > 0");
  const info = arm(0, 'FR3 by the window');
  server.tell({ type: 'arm', arm: { ...info, isRunning: false } });
  server.tell({ type: 'arm', arm: { ...info, session: 2, isControlled: true, box: null } });
  await shows(page, "document.querySelector('.facts').textContent.includes('session 2')");
  await page.click('[data-tab=report]');
  t.regex((await page.textContent('.report')) ?? '', /The whole of session 1/);
  server.tell({ type: 'arm', arm: { ...info, session: 3 } });
  await shows(page, "document.querySelector('.facts').textContent.includes('session 3')");
  await page.click('[data-tab=report]');
  t.true(await page.isVisible('.report >> text=No report yet'));
  t.false(await page.isVisible('.bad-cycles'));
});

test('what a report and a name say is shown as text, and cannot hide or turn any', async (t) => {
  const server = await serve(t, { arms: [arm(0, 'left \u202emra thgir')] });
  const opened = await opens(t, server.address);
  const { page } = opened;
  await shows(page, "document.querySelector('.arm') !== null");
  t.is(await page.textContent('.arm-head h2'), 'left <U+202E>mra thgir');
  t.is(await page.title(), 'left <U+202E>mra thgir · kilohertz');
  const evil = '<img src=x onerror="document.body.dataset.hurt=1">\u2066\u200b';
  const [first] = REPORT.worst;
  if (first === undefined) return t.fail();
  const cycle = { ...first, phase: evil, cause: evil, causeText: evil, evidence: evil };
  const report = { ...REPORT, worst: [{ ...cycle, advice: evil, check: evil }] };
  server.tell({ type: 'report', arm: 0, report });
  await page.click('[data-tab=report]');
  await shows(page, "document.querySelector('.bad-cycles') !== null");
  t.is(await page.locator('.report img').count(), 0);
  const text = (await page.textContent('.bad-cycles')) ?? '';
  t.is(text.match(/<U\+2066><U\+200 ?B>/gi)?.length, 6);
  t.is(await page.getAttribute('body', 'data-hurt'), null);
  await picture(page, 'report-hostile');
  await isClean(t, opened);
});

/** How many pixels of the first three charts have the colour of measured values, in the light; the least of the three. */
const MEASURED = `Math.min(...[...document.querySelectorAll('.chart canvas')].slice(0, 3).map((canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const isBlue = (at) => data[at] < 60 && Math.abs(data[at + 1] - 114) < 40 && data[at + 2] > 140 && data[at + 3] > 200;
  return Array.from({ length: data.length / 4 }, (_, nth) => 4 * nth).filter(isBlue).length;
}))`;

test('a box as large as numbers are, and an arm in it, are drawn', async (t) => {
  const far = 1e300;
  const boxes = [
    { min: [-far, -far, -far], max: [far, far, far] },
    { min: [-Number.MAX_VALUE, -0.5, 0], max: [Number.MAX_VALUE, 0.5, far] },
  ] as const;
  for (const { min, max } of boxes) {
    const box = { min: [...min], max: [...max] } as ArmInfo['box'];
    const server = await serve(t, { arms: [{ ...arm(0, 'far'), box }] });
    const opened = await opens(t, server.address);
    const { page } = opened;
    await shows(page, "document.querySelector('.arm') !== null");
    await loaded(page);
    await page.click('[data-tab=hand]');
    await play(server, 0, 0, 2);
    await isDrawn(page, 2);
    await page.click('.scale');
    server.send(frameAt(0, 3));
    await isDrawn(page, 3);
    closeTo(t, (await drawn(page)).joints, jointsAt(3));
    await shows(page, `${MEASURED} > 20`);
    await picture(page, 'far-box');
    await isClean(t, opened);
  }
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
  await page.click('[data-tab=report]');
  t.regex(
    (await page.textContent('.report')) ?? '',
    /^A recording has no report of why cycles were bad/,
  );
  t.false(await page.isVisible('.phases'));
  await page.click('[data-tab=timing]');
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
