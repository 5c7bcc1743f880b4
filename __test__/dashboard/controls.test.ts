// The page's controls, over the connection that a browser has: who may use them, what they do, what brakes.

import test, { type ExecutionContext } from 'ava';
import { decodeFrame, layoutsOf } from '../../dashboard/src/frames.ts';
import type { ArmInfo, Asked, EventInfo } from '../../dashboard/src/protocol.ts';
import { FrankaHand, OptionRangeError, OptionTypeError, run, Session } from '../../index.ts';
import { distance, isRested, REST, setUp, speed, turning, WALL } from '../fixtures/arms.ts';
import { type Gesture, PageClient, type Told } from '../fixtures/page-client.ts';
import { Scribe } from '../fixtures/robots.ts';
import { block, until, warningsDuring } from '../fixtures/waiting.ts';

const STILL = { warmupS: 0, realtime: false } as const;
const HOME = [0, -Math.PI / 4, 0, (-3 * Math.PI) / 4, 0, Math.PI / 2, Math.PI / 4];
/** What a page holds the controls with, and what it waits for at most until it sees it. */
const HOLD: Asked = { type: 'hold' };

const textsOf = (told: Told, type: string) => told.texts.filter((text) => text.type === type);
const refusalsOf = (told: Told): string[] =>
  textsOf(told, 'refused').map(({ text }) => text as string);
const eventsOf = (told: Told): EventInfo[] =>
  textsOf(told, 'event').map(({ event }) => event as EventInfo);
const armOf = (told: Told): ArmInfo | undefined => {
  const hello = told.texts.find(({ type }) => type === 'hello')?.['arms'] as ArmInfo[] | undefined;
  const later = textsOf(told, 'arm').map(({ arm }) => arm as ArmInfo);
  return later.at(-1) ?? hello?.[0];
};

const say = (client: PageClient, asked: Asked): void => client.send(JSON.stringify(asked));

async function happens(client: PageClient, name: string): Promise<EventInfo> {
  const find = async () => eventsOf(await client.told()).find((event) => event.name === name);
  await until(async () => (await find()) !== undefined, `an event ${name}`);
  return (await find()) as EventInfo;
}

async function isRefused(client: PageClient, words: RegExp): Promise<void> {
  const find = async () => refusalsOf(await client.told()).some((text) => words.test(text));
  await until(find, `a refusal ${words}`);
}

async function holds(client: PageClient): Promise<void> {
  say(client, HOLD);
  const isHeld = async () => textsOf(await client.told(), 'holder').at(-1)?.['isYou'] === true;
  await until(isHeld, 'the page holds the controls');
}

/** A simulated arm with a page that holds its controls. */
async function held(
  t: ExecutionContext,
  options: object = {},
  change?: (hand: FrankaHand) => void,
) {
  const setup = await setUp('jointVelocity', { ...WALL, ...options });
  const session = new Session(setup.arm, turning, STILL);
  const hand = change && (await FrankaHand.connect(setup.simulator.address));
  if (hand) change?.(hand);
  const page = await session.dashboard({ controls: hand ? { hand } : true });
  const client = await PageClient.connect(page.controlsAddress ?? '');
  t.teardown(async () => {
    await client[Symbol.asyncDispose]();
    await page.close();
    await hand?.close();
    await setup[Symbol.asyncDispose]();
  });
  await holds(client);
  const turned = (joint: number): number =>
    Math.abs((setup.simulator.joints().q[joint] ?? 0) - (setup.start[joint] ?? 0));
  return { ...setup, session, page, client, turned };
}

test('who has the address of the page without controls is refused each of them, and the addresses differ', async (t) => {
  const { page } = await held(t);
  await using watching = await PageClient.connect(page.address);
  t.not(page.address, page.controlsAddress);
  const wanted: Asked[] = [
    HOLD,
    { type: 'release' },
    { type: 'do', arm: 0, control: 'home' },
    { type: 'jog', arm: 0, joint: 0, direction: 1, beat: 0 },
  ];
  for (const asked of wanted) say(watching, asked);
  await until(
    async () => refusalsOf(await watching.told()).length === wanted.length,
    'each is refused',
  );
  const told = await watching.told();
  t.true(refusalsOf(told).every((text) => /no controls/.test(text)));
  t.is(told.texts[0]?.['hasControls'], false);
  t.deepEqual(textsOf(told, 'holder'), []);
  t.false(JSON.stringify(told.texts).includes(new URL(page.controlsAddress ?? '').pathname));
  // A path below the one token is not the other one, either.
  await t.throwsAsync(() => PageClient.connect(`${page.address}x/`), { any: true });
});

test('controls are for Franka arms, on this host alone unless a second option says otherwise', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const session = new Session(setup.arm, turning, STILL);
  await t.throwsAsync(() => session.dashboard({ controls: true, host: '0.0.0.0' }), {
    instanceOf: OptionRangeError,
    code: 'OPTION_CONTROLS',
    message: /onNetwork/,
  });
  await t.throwsAsync(() => session.dashboard({ controls: 1 as unknown as boolean }), {
    instanceOf: OptionTypeError,
  });
  await t.throwsAsync(() => session.dashboard({ controls: { hand: {} as never } }), {
    code: 'OPTION_CONTROLS_HAND',
  });
  const plain = new Session(new Scribe(), () => 0, STILL);
  await t.throwsAsync(() => plain.dashboard({ controls: true }), {
    instanceOf: OptionTypeError,
    code: 'OPTION_CONTROLS',
    message: /JavaScript/,
  });
  const dashboard = { controls: true } as object;
  await t.throwsAsync(() => run(setup.arm, turning, { ...STILL, dashboard }), {
    code: 'OPTION_DASHBOARD_CONTROLS',
    message: /session\.dashboard/,
  });
  const warnings = await warningsDuring(async () => {
    const page = await session.dashboard({ controls: { onNetwork: true }, host: '0.0.0.0' });
    await t.throwsAsync(() => session.dashboard({ on: page, controls: true }), {
      code: 'OPTION_CONTROLS',
    });
    await page.close();
  });
  t.regex(warnings.map(({ message }) => message).join('\n'), /move the arm/);
});

test('one page at a time holds the controls', async (t) => {
  const { page, client } = await held(t);
  await using other = await PageClient.connect(page.controlsAddress ?? '');
  const holder = async () => textsOf(await other.told(), 'holder').at(-1);
  await until(async () => (await holder())?.['isTaken'] === true, 'the other is told');
  say(other, HOLD);
  await isRefused(other, /another page/);
  say(other, { type: 'do', arm: 0, control: 'home' });
  await isRefused(other, /does not hold/);
  say(client, { type: 'release' });
  await until(async () => (await holder())?.['isTaken'] === false, 'it is free');
  await holds(other);
  t.is(textsOf(await client.told(), 'holder').at(-1)?.['isTaken'], true);
  await other[Symbol.asyncDispose]();
  await until(
    async () => textsOf(await client.told(), 'holder').at(-1)?.['isTaken'] === false,
    'a page that is closed has lost them',
  );
});

test('an arm that no session has driven yet is shown as it stands', async (t) => {
  const { client, start } = await held(t);
  await until(async () => (await client.told()).frames.length > 0, 'a frame');
  const told = await client.told();
  const layouts = layoutsOf([armOf(told) as ArmInfo]);
  const frame = decodeFrame(told.frames[0]?.bytes.buffer as ArrayBuffer, layouts);
  const q = frame && layouts.get(0)?.of(frame.values, 'q', 7);
  t.is(q?.length, 7, 'the frame is as its fields say');
  t.true(distance([...(q ?? [])], start) < 1e-3);
});

test('a stop on another page of the arm ends a jog, and takes the controls of the page that jogs', async (t) => {
  const { session, client, simulator, turned } = await held(t);
  const second = await session.dashboard({ controls: true });
  await using other = await PageClient.connect(second.controlsAddress ?? '');
  client.does({ type: 'press', joint: 0, direction: 1 });
  await until(() => turned(0) > 0.02, 'it turns');
  say(other, { type: 'stop', arm: null, number: 1 });
  const isTold = async () => textsOf(await other.told(), 'stopped').length > 0;
  await until(isTold, 'the end is told');
  const { q } = simulator.joints();
  const isHeld = async () => textsOf(await client.told(), 'holder').at(-1)?.['isYou'];
  await until(async () => (await isHeld()) === false, 'the controls are lost');
  client.does({ type: 'press', joint: 0, direction: 1 });
  await isRefused(client, /does not hold/);
  t.true(distance(simulator.joints().q, q) < 1e-3);
  await second.close();
});

/** How long the arm went on at full speed after the newest beat was answered, by the arm's own clock [s]. */
function goneOnS(told: Told, joint: number): number {
  const arm = armOf(told);
  const layouts = layoutsOf(arm ? [arm] : []);
  const fields = arm && layouts.get(arm.id);
  const frames = told.frames.flatMap(({ atMs, bytes }) => {
    const frame = decodeFrame(bytes.buffer as ArrayBuffer, layouts);
    return frame ? [{ atMs, frame }] : [];
  });
  const isFast = ({ frame }: (typeof frames)[number]) =>
    Math.abs(fields?.of(frame.values, 'dq_d', 7)?.[joint] ?? 0) > 0.0999;
  const before = frames.filter(({ atMs }) => atMs <= told.answeredAtMs).at(-1);
  const last = frames.filter(isFast).at(-1);
  return (last?.frame.timeS ?? NaN) - (before?.frame.timeS ?? NaN);
}

const ENDS: Record<string, Gesture> = {
  'the button is let go': { type: 'unpress' },
  'the controls are let go': { type: 'say', text: '{"type":"release"}' },
  'a stop is pressed': { type: 'say', text: '{"type":"stop"}' },
  'the page does not answer any more': { type: 'mute' },
  'the link is lost': { type: 'unlink' },
};

for (const [when, gesture] of Object.entries(ENDS)) {
  for (const isBlocked of [false, true]) {
    const meanwhile = isBlocked ? ', also while the event loop is blocked' : '';
    test(`a joint that is jogged brakes within its limits when ${when}${meanwhile}`, async (t) => {
      const { simulator, client, turned, start } = await held(t);
      client.does({ type: 'press', joint: 3, direction: -1 });
      await until(() => turned(3) > 0.03, 'the joint turns');
      t.true(speed(simulator) < 0.15, `${speed(simulator)} rad/s`);
      client.does(gesture, isBlocked ? 200 : 0);
      if (isBlocked) {
        block(2500);
        t.true(speed(simulator) < REST, `${speed(simulator)} rad/s after 2.5 s`);
      }
      await until(() => simulator.counters().motionsFinished === 1, 'the motion is finished');
      isRested(t, simulator, 1);
      const { q } = simulator.joints();
      t.true((q[3] ?? 0) < (start[3] ?? 0), 'it has turned where it was to');
      t.true(distance(q.toSpliced(3, 1), start.toSpliced(3, 1)) < 5e-3, 'no other joint has');
      if (gesture.type === 'mute') {
        const onS = goneOnS(await client.told(), 3);
        t.log(`it went on at full speed for ${onS} s`);
        t.true(onS < 0.5, `${onS} s`);
      }
    });
  }
}

test('the arm is moved home, and is braked on its way when the controls are let go, also while the event loop is blocked', async (t) => {
  const { arm, simulator, client } = await held(t);
  const away = HOME.map((angle, joint) => (joint === 0 ? angle + 0.4 : angle));
  await arm.moveTo(away as never, { speed: 0.5 });
  const before = simulator.counters().motionsFinished;
  say(client, { type: 'do', arm: 0, control: 'home' });
  await until(() => speed(simulator) > 0.05, 'it moves');
  say(client, { type: 'do', arm: 0, control: 'home' });
  await isRefused(client, /not over yet/);
  client.does({ type: 'say', text: '{"type":"release"}' }, 50);
  block(1500);
  t.true(speed(simulator) < REST, `${speed(simulator)} rad/s after 1.5 s`);
  t.is(simulator.counters().motionsFinished, before + 1);
  const braked = await happens(client, 'FRANKA_MOTION_ABORTED');
  t.regex(braked.text, /controls were let go/);
  t.true(distance(simulator.joints().q, HOME) > 0.1, 'it has not arrived');
  await holds(client);
  say(client, { type: 'do', arm: 0, control: 'home' });
  await happens(client, 'home');
  t.true(distance(simulator.joints().q, HOME) < 0.02, 'it stands at home');
  isRested(t, simulator, before + 2);
});

test('an arm is recovered after a reflex; before that what moves it fails and says what to do', async (t) => {
  const { arm, simulator, client, turned } = await held(t);
  simulator.inject({ kind: 'reflex' });
  await until(async () => (await arm.state()).robot_mode === 'Reflex', 'a reflex');
  say(client, { type: 'do', arm: 0, control: 'home' });
  const has = async (words: RegExp) =>
    eventsOf(await client.told()).filter(({ name, text }) => name !== 'ended' && words.test(text))
      .length;
  await until(async () => (await has(/recover\(\)/)) === 1, 'the error and its advice');
  client.does({ type: 'press', joint: 0, direction: 1 });
  await until(async () => (await has(/recover\(\)/)) === 2, 'the same for a jog');
  await isRefused(client, /jog has failed/);
  t.is(await has(/recover\(\)/), 2, 'it was not tried again while the button was pressed');
  client.does({ type: 'unpress' });
  say(client, { type: 'do', arm: 0, control: 'recover' });
  await happens(client, 'recovered');
  client.does({ type: 'press', joint: 0, direction: 1 });
  await until(() => turned(0) > 0.02, 'it can be jogged again');
});

test('the hand is opened and closed', async (t) => {
  const { client } = await held(t, { objectWidthM: 0.03 });
  say(client, { type: 'do', arm: 0, control: 'closeHand' });
  t.regex((await happens(client, 'handClosed')).text, /30 mm/);
  say(client, { type: 'do', arm: 0, control: 'openHand' });
  t.regex((await happens(client, 'handOpened')).text, /80 mm/);
});

/** Makes a hand report what one does that was never homed. */
function unhome(hand: FrankaHand): void {
  const state = hand.state.bind(hand);
  hand.state = async () => ({ ...(await state()), maxWidthM: 0 });
}

test('a hand that was never homed is opened, and not closed', async (t) => {
  const { client, simulator } = await held(t, { objectWidthM: 0.03 }, unhome);
  say(client, { type: 'do', arm: 0, control: 'closeHand' });
  await happens(client, 'handClosed');
  say(client, { type: 'do', arm: 0, control: 'openHand' });
  t.regex((await happens(client, 'handOpened')).text, /80 mm/);
  t.is(simulator.fingers().widthM, 0.08);
});

test('fingers that do not reach their opening are told as a warning', async (t) => {
  const { client } = await held(t, {}, (hand) => {
    hand.move = async () => false;
  });
  say(client, { type: 'do', arm: 0, control: 'openHand' });
  const { text, level } = await happens(client, 'handFailed');
  t.regex(text, /in the way of the fingers\? The opening of the hand is 80 mm/);
  t.is(level, 'warning');
  t.false(eventsOf(await client.told()).some(({ name }) => name === 'handOpened'));
});

test('the fingers stop when the controls are let go while the event loop is blocked', async (t) => {
  const { simulator, client } = await held(t);
  const width = () => simulator.fingers().widthM;
  const open = width();
  say(client, { type: 'do', arm: 0, control: 'closeHand' });
  await until(() => width() < open - 0.005, 'the fingers move');
  client.does({ type: 'say', text: '{"type":"release"}' }, 50);
  block(1500);
  t.true(width() > 0.01, `${width()} m`);
  await happens(client, 'FRANKA_COMMAND_ABORTED');
});

test('while a program drives the arm its controls are refused, and its session goes on', async (t) => {
  const { arm, session, client } = await held(t);
  await session.start();
  await until(async () => armOf(await client.told())?.isRunning === true, 'it is shown');
  say(client, { type: 'do', arm: 0, control: 'home' });
  await isRefused(client, /a session of the program/);
  client.does({ type: 'press', joint: 0, direction: 1 });
  await until(async () => refusalsOf(await client.told()).length > 1, 'a jog is refused, too');
  client.does({ type: 'unpress' });
  t.true(session.isRunning);
  await session.stop();
  session.checkHealth();
  // A move of the program is not on the page.
  await until(async () => armOf(await client.told())?.isRunning === false, 'the end is shown');
  const moving = arm.moveTo(HOME.map((angle) => angle + 0.3) as never, { speed: 0.1 });
  await until(() => arm.isDriven, 'it moves');
  say(client, { type: 'do', arm: 0, control: 'recover' });
  await isRefused(client, /the program drives the arm/);
  await moving;
});

test('a session of the program that begins during a jog is refused, and the jog goes on', async (t) => {
  const { arm, session, simulator, client, turned } = await held(t);
  client.does({ type: 'press', joint: 0, direction: 1 });
  await until(() => turned(0) > 0.02, 'the joint turns');
  await t.throwsAsync(() => session.run({ durationS: 1 }), { code: 'FRANKA_INVALID_OPERATION' });
  const at = turned(0);
  await until(() => turned(0) > at + 0.02, 'it still turns');
  client.does({ type: 'unpress' });
  await until(() => !arm.isDriven, 'the jog is over');
  await session.run({ durationS: 0.3 });
  isRested(t, simulator, 2);
});

test('what JavaScript was too busy to begin within a second is not begun', async (t) => {
  const { arm, simulator, client, page } = await held(t);
  await arm.moveTo(HOME.map((angle) => angle + 0.2) as never, { speed: 0.5 });
  const before = simulator.counters().motionsStarted;
  client.does({ type: 'say', text: '{"type":"do","arm":0,"control":"home"}' }, 100);
  block(2000);
  await happens(client, 'notBegun');
  t.is(simulator.counters().motionsStarted, before);
  // The page that is closed ends what it moves.
  client.does({ type: 'press', joint: 0, direction: 1 });
  await until(() => speed(simulator) > 0.05, 'the joint turns');
  await page.close();
  t.false(arm.isDriven);
  isRested(t, simulator, before + 1);
});

test('what a hostile page says is refused in words, moves nothing, and a flood ends it', async (t) => {
  const { simulator, client, page } = await held(t);
  const hostile: [string, RegExp][] = [
    ['{"type":"jog","arm":0,"joint":9,"direction":1,"beat":0}', /no joint 9|beat/],
    ['{"type":"jog","arm":0,"joint":0,"direction":5,"beat":0}', /direction 5|beat/],
    ['{"type":"jog","arm":0,"joint":0,"direction":NaN,"beat":0}', /cannot be read/],
    ['{"type":"jog","arm":0,"joint":0,"direction":0.5,"beat":0}', /cannot be read/],
    ['{"type":"jog","arm":0,"joint":-1,"direction":1,"beat":0}', /cannot be read/],
    ['{"type":"jog","arm":0,"joint":0,"direction":1,"beat":4294967295}', /was not asked/],
    ['{"type":"do","arm":7,"control":"home"}', /no arm 7/],
    ['{"type":"do","arm":0,"control":"launch"}', /cannot be read/],
    ['{"type":"do","arm":0}', /cannot be read/],
    ['[', /cannot be read/],
  ];
  for (const [text, words] of hostile) {
    const before = refusalsOf(await client.told()).length;
    client.send(text);
    await until(async () => refusalsOf(await client.told()).length > before, `${text} is refused`);
    t.regex(refusalsOf(await client.told()).at(-1) ?? '', words, text);
  }
  // With a beat that counts, it is the joint and the direction that are refused.
  client.does({ type: 'press', joint: 9, direction: 1 });
  await isRefused(client, /no joint 9/);
  client.does({ type: 'press', joint: 0, direction: 5 });
  await isRefused(client, /direction 5/);
  t.is(simulator.counters().motionsStarted, 0);
  await using flooding = await PageClient.connect(page.controlsAddress ?? '');
  for (let nth = 0; nth < 1000; nth += 1) say(flooding, { type: 'alive', beat: nth });
  await until(async () => (await flooding.told()).isClosed, 'it is left');
  await using large = await PageClient.connect(page.controlsAddress ?? '');
  large.send(JSON.stringify({ type: 'hold', text: 'x'.repeat(8192) }));
  await until(async () => (await large.told()).isClosed, 'it is left');
  t.is(textsOf(await client.told(), 'holder').at(-1)?.['isYou'], true);
});
