// The page's server: what it shows, how it stops an arm, and to whom it answers nothing.

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { WebSocket } from 'ws';
import { decodeFrame, decodeFrames, layoutsOf } from '../../dashboard/src/frames.ts';
import type { ArmInfo, CameInfo, RunInfo } from '../../dashboard/src/protocol.ts';
import {
  chunked,
  type Dashboard,
  Franka,
  FrankaHand,
  FrankaSimulator,
  KilohertzError,
  OptionTypeError,
  type RobotState,
  replay,
  run,
  Session,
  type SessionStats,
  type Tick,
  view,
} from '../../index.ts';
import { isRested, setUp, turning, turningOn, WALL } from '../fixtures/arms.ts';
import { PageClient, type Told } from '../fixtures/page-client.ts';
import { gripping } from '../fixtures/policies.ts';
import { ARM, folderFor } from '../fixtures/recordings.ts';
import { Scribe } from '../fixtures/robots.ts';
import { block, until } from '../fixtures/waiting.ts';

const STILL = { warmupS: 0, realtime: false } as const;

/** Answers of a server to a request, with the head as it is given. */
async function asked(
  address: string,
  options: { path?: string; headers?: Record<string, string>; method?: string } = {},
): Promise<{ status: number; body: string; headers: IncomingMessage['headers'] }> {
  const url = new URL(address);
  const { path = url.pathname, headers = {}, method = 'GET' } = options;
  const sent = request({ host: url.hostname, port: url.port, path, headers, method });
  sent.end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  let body = '';
  for await (const part of answer.setEncoding('utf8')) body += part;
  return { status: answer.statusCode ?? 0, body, headers: answer.headers };
}

const armsOf = (told: Told): readonly ArmInfo[] =>
  (told.texts.find(({ type }) => type === 'hello')?.['arms'] ?? []) as ArmInfo[];

/** The frames of an arm, in the order in which they came. */
function framesOf(told: Told, arm: ArmInfo) {
  const layouts = layoutsOf([arm]);
  return told.frames.flatMap(
    ({ bytes }) => decodeFrame(bytes.buffer as ArrayBuffer, layouts) ?? [],
  );
}

/** Waits until the end of the only session was told, and returns all that was. */
async function ended(client: PageClient): Promise<Told> {
  await until(async () => {
    const arms = textsOf(await client.told(), 'arm') as unknown as { arm: ArmInfo }[];
    return arms.some(({ arm }) => !arm.isRunning);
  }, 'the end is told');
  return client.told();
}

const textsOf = (told: Told, type: string) => told.texts.filter((text) => text.type === type);

test('a page is shown the states and the counts of a session', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  await using session = new Session(setup.arm, turning, STILL);
  await session.start();
  const page = await session.dashboard();
  await using client = await PageClient.connect(page.address);
  await until(async () => (await client.told()).frames.length > 30, 'frames come');
  await session.stop();
  await until(async () => textsOf(await client.told(), 'arm').length > 0, 'the end is told');
  const told = await client.told();
  const [arm] = armsOf(told);
  t.is(arm?.model, 'fr3');
  t.is(arm?.control, 'jointVelocity');
  t.is(arm?.limits?.upper.length, 7);
  const layouts = layoutsOf(arm ? [arm] : []);
  const frames = told.frames.map(({ bytes }) => decodeFrame(bytes.buffer as ArrayBuffer, layouts));
  const last = frames.at(-1);
  const fields = arm && layouts.get(arm.id);
  const q = last && fields?.of(last.values, 'q', 7);
  const { stats } = session;
  const stood = setup.simulator.joints().q;
  for (const [joint, angle] of (q ?? []).entries()) {
    t.true(Math.abs(angle - (stood[joint] ?? Number.NaN)) < 0.01, `joint ${joint + 1}`);
  }
  t.is(q?.length, 7);
  // What was shown last is what the session has counted.
  const counted = textsOf(told, 'stats').at(-1)?.['stats'] as {
    counters: Record<string, number>;
  };
  for (const name of ['iterations', 'heldCommands', 'restCommands', 'followedCommands'] as const) {
    t.is(counted.counters[name], stats[name], name);
  }
  for (const [nth, frame] of frames.entries()) {
    const before = frames[nth - 1];
    if (frame && before) t.true(frame.counts.cycles >= before.counts.cycles);
  }
});

test('each kind of cycle is counted on the page as in the stats, though the event loop was blocked', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  await using session = new Session(setup.arm, turning, STILL);
  const page = await session.dashboard();
  await session.start();
  await using client = await PageClient.connect(page.address);
  await until(async () => (await client.told()).frames.length > 10, 'frames come');
  for (let round = 0; round < 3; round += 1) {
    block(200);
    await sleep(150);
  }
  await session.stop();
  const told = await ended(client);
  const [arm] = armsOf(told);
  const { stats } = session;
  t.true(stats.heldCommands > 0 && stats.restCommands > 0 && stats.followedCommands > 0);
  const { heldCommands: held, restCommands: rest, followedCommands: followed } = stats;
  t.deepEqual(arm && framesOf(told, arm).at(-1)?.counts, {
    ...{ cycles: stats.iterations, held, rest, followed, lost: stats.missedTicks },
    fresh: stats.iterations - held - rest - followed,
  });
  // What the loop missed is what the simulator missed; one more may be on its way at the end.
  const { commandsLost, missedTicks } = setup.simulator.counters();
  t.log(
    `lost: page and loop ${stats.missedTicks}, simulator ${commandsLost}, late itself ${missedTicks}`,
  );
  t.true(commandsLost >= stats.missedTicks);
});

test('the width of a hand is shown while this program is connected to it', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  await using session = new Session(setup.arm, turning, STILL);
  const page = await session.dashboard();
  await session.start();
  await using client = await PageClient.connect(page.address);
  await until(async () => (await client.told()).frames.length > 10, 'frames come');
  const hand = await FrankaHand.connect(setup.simulator.address);
  await hand.move(0.03);
  const before = (await client.told()).frames.length;
  const since = async (frames: number) => (await client.told()).frames.length > frames + 20;
  await until(() => since(before), 'frames come');
  await hand.close();
  const closed = (await client.told()).frames.length;
  await until(() => since(closed), 'frames come without a hand');
  await session.stop();
  const told = await ended(client);
  const [arm] = armsOf(told);
  if (!arm) throw new Error('there is no arm');
  const fields = layoutsOf([arm]).get(arm.id);
  const widths = framesOf(told, arm).map(
    ({ values }) => fields?.of(values, 'gripper_width', 1)?.[0] ?? Number.NaN,
  );
  t.true(Number.isNaN(widths[0]), 'nobody knew it before');
  t.true(widths.some((width) => Math.abs(width - 0.03) < 1e-3));
  t.true(
    widths.some((width) => width > 0.05),
    'the fingers were seen on their way',
  );
  t.true(Number.isNaN(widths.at(-1)), 'nobody knows it any more');
});

test('a page stops an arm within its limits while the event loop is blocked, and is shown it', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const { policy, moves } = turningOn();
  const session = new Session(setup.arm, policy, { ...STILL, onLate: 'rest' });
  await session.start();
  await moves();
  await using page = await session.dashboard();
  await using client = await PageClient.connect(page.address, { stopAfterMs: 300 });
  const from = Date.now();
  block(2000);
  const to = Date.now();
  // The session ended while JavaScript could do nothing.
  await until(() => !session.isRunning, 'the session has ended');
  const told = await client.told();
  const during = told.frames.filter(({ atMs }) => atMs > from && atMs < to);
  t.true(during.length > 5, `${during.length} frames came while the event loop was blocked`);
  await until(async () => {
    const arms = textsOf(await client.told(), 'arm') as unknown as { arm: ArmInfo }[];
    return arms.some(({ arm }) => !arm.isRunning);
  }, 'the end is told');
  isRested(t, setup.simulator, 1);
  t.is(setup.simulator.counters().reflexes, 0);
  session.checkHealth();
});

test('an error, and what happened before it, is told in words with what to do', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const session = new Session(
    setup.arm,
    (_, { timeS }) => {
      if (timeS > 0.3) throw new RangeError('the model has no answer');
      return [0, 0, 0, 0, 0, 0, 0];
    },
    STILL,
  );
  await using page = await session.dashboard({ name: 'left arm' });
  await using client = await PageClient.connect(page.address);
  await t.throwsAsync(() => session.run());
  const errors = async () =>
    textsOf(await client.told(), 'event').map(
      ({ event }) => event as { level: string; name: string; text: string },
    );
  await until(
    async () => (await errors()).some(({ name }) => name === 'POLICY_THREW'),
    'it is told',
  );
  const told = (await errors()).find(({ name }) => name === 'POLICY_THREW');
  t.is(told?.level, 'error');
  t.regex(told?.text ?? '', /the model has no answer/);
  // A page that is opened later is told it too.
  await using later = await PageClient.connect(page.address);
  await until(async () => textsOf(await later.told(), 'event').length > 0, 'it is told again');
  t.is(armsOf(await later.told())[0]?.name, 'left arm');
  t.false(armsOf(await later.told())[0]?.isRunning);
});

test('two arms, and a robot in TypeScript, are shown on one page; a later session takes the place of the one before', async (t) => {
  await using one = await setUp('jointVelocity', WALL);
  await using other = await setUp('jointVelocity', { ...WALL, generation: 'fer' });
  const still = () =>
    [0, 0, 0, 0, 0, 0, 0] as [number, number, number, number, number, number, number];
  const first = new Session(one.arm, still, STILL);
  const second = new Session(other.arm, still, STILL);
  const third = new Session(new Scribe(), () => 0, { rateHz: 100, ...STILL });
  await using page = await first.dashboard();
  await second.dashboard({ on: page });
  await third.dashboard({ on: page, name: 'scribe' });
  await Promise.all([first.start(), second.start(), third.start()]);
  await using client = await PageClient.connect(page.address);
  await until(async () => (await client.told()).frames.length > 30, 'frames come');
  await first.stop();
  await first.start();
  await until(async () => {
    const arms = textsOf(await client.told(), 'arm') as unknown as { arm: ArmInfo }[];
    return arms.some(({ arm }) => arm.session === 2 && arm.isRunning);
  }, 'the second session is told');
  await Promise.all([first.stop(), second.stop(), third.stop()]);
  const arms = armsOf(await client.told());
  t.deepEqual(
    arms.map(({ model }) => model),
    ['fr3', 'fer', null],
  );
  t.is(new Set(arms.map(({ id }) => id)).size, 3);
});

test('the page ends with its run, and the port is free', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const session = new Session(setup.arm, turning, STILL);
  const page = await session.dashboard();
  const { port } = new URL(page.address);
  await t.throwsAsync(() => session.dashboard({ port: Number(port) }), {
    instanceOf: KilohertzError,
    code: 'LISTEN_IN_USE',
  });
  await using client = await PageClient.connect(page.address);
  await page.close();
  await until(async () => (await client.told()).isClosed, 'the connection ends');
  const again = await session.dashboard({ port: Number(port) });
  await again.close();
  const running = run(setup.arm, turning, {
    ...STILL,
    durationS: 1,
    dashboard: { port: Number(port) },
  });
  const served = async () => (await asked(`http://127.0.0.1:${port}/`)).status === 404;
  await until(() => served().catch(() => false), 'the run is shown');
  await running;
  await t.throwsAsync(served, { code: 'ECONNREFUSED' });
});

test('a recording is played as it was run, two beside each other, and the rest of it is not served', async (t) => {
  const folder = folderFor(t);
  await using setup = await setUp('jointVelocity', WALL);
  const files = ['one', 'two'].map((name) => join(folder, `${name}.mcap`));
  let stats: SessionStats | undefined;
  for (const record of files) {
    stats = await run(setup.arm, turning, { ...STILL, durationS: 1, record });
  }
  await using page = await view(files);
  await using client = await PageClient.connect(page.address);
  await until(async () => (await client.told()).texts.length > 0, 'the runs are told');
  const runs = (await client.told()).texts[0]?.['runs'] as readonly RunInfo[];
  t.deepEqual(
    runs.map(({ name }) => name),
    ['one.mcap', 'two.mcap'],
  );
  const states: RobotState[] = [];
  const timesS: number[] = [];
  for await (const { state, robotTimeS } of replay(files[1] ?? '')) {
    states.push(state as RobotState);
    timesS.push(robotTimeS);
  }
  const info = runs[1];
  if (!info) throw new Error('there is no second run');
  t.is(info.arm.model, 'fr3');
  // It lasts as long as the cycles that were recorded, to a frame.
  const lastedS = (timesS.at(-1) ?? 0) - (timesS[0] ?? 0);
  const shorterS = lastedS - info.durationS;
  t.true(shorterS > -1e-6 && shorterS < info.stepS + 1e-6, `${info.durationS} of ${lastedS}`);
  const path = `${new URL(page.address).pathname}run/1/frames`;
  const all = await fetch(new URL(`${path}?from=0&count=${info.frames}`, page.address));
  const layouts = layoutsOf([info.arm]);
  const frames = decodeFrames(await all.arrayBuffer(), layouts) ?? [];
  t.is(frames.length, info.frames);
  for (const frame of frames) {
    // A frame has the state of a cycle: that in which its time had come.
    const q = layouts.get(frame.arm)?.of(frame.values, 'q', 7);
    t.true(states.some((state) => state.q.every((angle, j) => Math.fround(angle) === q?.[j])));
  }
  const last = frames.at(-1)?.counts;
  t.true(last !== undefined && last.cycles <= (stats?.iterations ?? 0));
  for (const query of [
    'from=0&count=99999',
    'from=-1&count=1',
    'count=1',
    `from=${info.frames}&count=1`,
  ]) {
    t.is((await asked(page.address, { path: `${path}?${query}` })).status, 404, query);
  }
  const other = path.replace('run/1', 'run/2');
  t.is((await asked(page.address, { path: `${other}?from=0&count=1` })).status, 404);
});

test('a page says of a recording why its run ended, with the code, or that the file does not tell it', async (t) => {
  const folder = folderFor(t);
  await using setup = await setUp('jointVelocity', WALL);
  const [over, refused] = ['over', 'refused'].map((name) => join(folder, `${name}.mcap`));
  if (!over || !refused) return t.fail();
  await run(setup.arm, turning, { ...STILL, durationS: 0.2, record: over });
  const policy = (_: RobotState, { tick }: Tick): number[] => [tick < 50 ? 0 : 9, 0, 0, 0, 0, 0, 0];
  const error = await t.throwsAsync(
    run(setup.arm, policy as typeof turning, { ...STILL, record: refused }),
    { code: 'ACTION_LIMIT' },
  );
  const cart = new Session(new Scribe(), () => 0, {
    ...STILL,
    rateHz: 50,
    record: join(folder, 'cart.mcap'),
  });
  await cart.run({ durationS: 0.5 });

  const runs: RunInfo[] = [];
  for (const files of [
    [over, refused],
    [ARM, join(folder, 'cart.mcap')],
  ]) {
    await using page = await view(files);
    await using client = await PageClient.connect(page.address);
    await until(async () => (await client.told()).texts.length > 0, 'the runs are told');
    const [hello] = (await client.told()).texts;
    runs.push(...((hello?.['runs'] ?? []) as readonly RunInfo[]));
  }
  t.deepEqual(
    runs.map(({ end }) => end && [end.level, end.name, end.text]),
    [
      ['info', 'ended', 'its time was over: durationS is 0.2'],
      ['error', 'ACTION_LIMIT', error?.message],
      null,
      ['info', 'ended', 'its time was over: durationS is 0.5'],
    ],
  );
  t.deepEqual(
    runs.map(({ damage }) => damage),
    [null, null, null, null],
  );
  for (const { end, durationS, arm, stepS } of runs) {
    // The end is where the time line ends, whatever the rate of the robot is.
    if (end) t.true(Math.abs((end.tick ?? 0) / arm.rateHz - durationS) <= stepS + 1 / arm.rateHz);
  }
});

test('a recording has the limits, the box, the counts, the chunks and the wanted width of its session', async (t) => {
  const file = join(folderFor(t), 'run.mcap');
  const simulator = await FrankaSimulator.start(WALL);
  t.teardown(() => simulator.stop());
  const arm = await Franka.connect(simulator.address, { control: 'jointPosition' });
  t.teardown(() => arm.close());
  const hand = await FrankaHand.connect(simulator.address);
  t.teardown(() => hand.close());
  const boxM = { lower: [-0.8, -0.8, 0.05], upper: [0.8, 0.8, 1.2] } as const;
  const policy = chunked(gripping(0.4, 0.9) as never, { gripper: { hand, unit: 'openness' } });
  const session = new Session(arm, policy, { ...STILL, record: file, limits: { boxM } });
  const live = await session.dashboard();
  await session.start();
  await using client = await PageClient.connect(live.address);
  await sleep(700);
  block(100);
  await until(() => session.stats.iterations > 1500, 'some cycles');
  await session.stop();
  const [shown] = armsOf(await client.told());
  const { stats } = session;
  await session[Symbol.asyncDispose]();

  await using page = await view(file);
  await using viewer = await PageClient.connect(page.address);
  await until(async () => (await viewer.told()).texts.length > 0, 'the run is told');
  const [info] = ((await viewer.told()).texts[0]?.['runs'] ?? []) as readonly RunInfo[];
  if (!info || !shown) throw new Error('there is no run');
  t.deepEqual(info.arm.limits, shown.limits);
  t.is(info.arm.limits?.upper.length, 7);
  t.deepEqual(info.arm.box, { min: [...boxM.lower], max: [...boxM.upper] });
  const { counters } = info.stats;
  for (const name of [
    ...(['iterations', 'missedTicks', 'heldCommands', 'followedCommands'] as const),
    ...(['policyAsks', 'policyAnswers', 'chunks', 'overruns', 'unrecordedCycles'] as const),
  ]) {
    t.is(counters[name], stats[name], name);
  }
  // Of the arm, which is kept at rest until the first action, only the recording counts these cycles.
  let rest = 0;
  let early = 0;
  let hasAnswer = false;
  for await (const { kind, answer } of replay(file)) {
    hasAnswer ||= answer !== undefined;
    if (kind === 'rest') rest += 1;
    if (kind === 'rest' && !hasAnswer) early += 1;
  }
  t.is(counters['restCommands'], rest);
  t.is(rest - early, stats.restCommands);
  const sum = info.stats.jitterHistogram.counts.reduce((total, count) => total + count, 0);
  t.is(sum, stats.iterations - 1, 'each period is in the histogram');
  t.true(Math.abs(info.stats.longestPeriodS - stats.longestPeriodS) < 1e-6);
  t.true(Math.abs(info.stats.execution.max - stats.maxExecutionS) < 1e-6);
  const jitters = info.worst.filter(({ measure }) => measure === 'jitter');
  t.true(Math.abs((jitters[0]?.value ?? 0) - stats.maxJitterS) < 1e-6);
  t.true(jitters.length > 1 && jitters.length <= 5);

  const path = `${new URL(page.address).pathname}run/0`;
  const part = async (what: string) =>
    fetch(new URL(`${path}/${what}?from=0&count=${info.frames}`, page.address));
  const chunks = (await (await part('chunks')).json()) as CameInfo[];
  t.true(chunks.length > 0 && chunks.length <= stats.chunks);
  t.true(chunks.every(({ chunk }) => chunk.width === 7 && chunk.actions.length % 7 === 0));
  t.true(chunks.every(({ atS, chunk }) => chunk.timeS <= atS));
  const layouts = layoutsOf([info.arm]);
  const frames = decodeFrames(await (await part('frames')).arrayBuffer(), layouts) ?? [];
  const widths = frames.map(
    ({ values }) => layouts.get(0)?.of(values, 'gripper_width_d', 1)?.[0] ?? Number.NaN,
  );
  t.true(widths.some((width) => width > 0.07) && widths.some((width) => width < 0.01));
  for (const query of ['from=0&count=99999', 'from=-1&count=1', 'count=1']) {
    t.is((await asked(page.address, { path: `${path}/chunks?${query}` })).status, 404, query);
  }
});

test('a recording stays on its page although nobody keeps what view() has returned', async (t) => {
  const address = await (async () => (await view(ARM)).address)();
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  for (let round = 0; round < 10; round += 1) {
    collect();
    // What the native side lets go is let go of between two turns of the event loop.
    await sleep(10);
  }
  t.is((await asked(address)).status, 200);
  await using client = await PageClient.connect(address);
  await until(async () => (await client.told()).texts.length > 0, 'the run is told');
  const runs = (await client.told()).texts[0]?.['runs'] as readonly RunInfo[] | undefined;
  t.is(runs?.length, 1);
});

test('a page that is open keeps no program alive', async (t) => {
  const script = `import { view } from ${JSON.stringify(new URL('../../index.ts', import.meta.url))};
    console.log((await view(${JSON.stringify(ARM)})).address);`;
  const words = ['--import=@oxc-node/core/register', '--input-type=module', '-e', script];
  const { stdout } = await promisify(execFile)(process.execPath, words);
  t.regex(stdout, /^http:/);
});

test('a box far larger than any arm is shown as it was given, and its session runs', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const boxM = { lower: [-1e300, -1e300, -1e300], upper: [1e300, 1e300, 1e300] } as const;
  const session = new Session(setup.arm, turning, { ...STILL, limits: { boxM } });
  await using page = await session.dashboard();
  await session.start();
  await using client = await PageClient.connect(page.address);
  await until(async () => (await client.told()).frames.length > 30, 'frames come');
  await session.stop();
  session.checkHealth();
  const [arm] = armsOf(await client.told());
  t.deepEqual(arm?.box, { min: [...boxM.lower], max: [...boxM.upper] });
  t.is(session.stats.clampedCommands, 0);
});

test('what cannot be played is refused by name', async (t) => {
  const folder = folderFor(t);
  await t.throwsAsync(() => view(join(folder, 'none.mcap')), { code: 'RECORD_IO' });
  const foreign = join(folder, 'foreign.mcap');
  writeFileSync(foreign, 'no recording');
  await t.throwsAsync(() => view(foreign), { code: 'RECORD_FOREIGN' });
  await t.throwsAsync(() => view([]), { instanceOf: OptionTypeError });
});

async function opened(): Promise<AsyncDisposable & { page: Dashboard }> {
  const session = new Session(new Scribe(), () => 0, STILL);
  const page = await session.dashboard();
  return { page, [Symbol.asyncDispose]: () => page.close() };
}

test('without the token there is nothing, and with it only the files of the page', async (t) => {
  await using server = await opened();
  const { address } = server.page;
  const { pathname } = new URL(address);
  const page = await asked(address);
  t.is(page.status, 200);
  t.regex(page.body, /<html/i);
  t.regex(page.headers['content-security-policy'] as string, /default-src 'none'/);
  t.is(page.headers['x-content-type-options'], 'nosniff');
  t.is(page.headers['referrer-policy'], 'no-referrer');
  for (const path of [
    '/',
    '/index.html',
    '/page.js',
    `/x${pathname.slice(2)}`,
    `${pathname}../page.js`,
    `${pathname}../../../../etc/passwd`,
    `${pathname}%2e%2e/%2e%2e/etc/passwd`,
    `${pathname}meshes/../../../package.json`,
    `${pathname}package.json`,
    pathname.slice(0, -1),
  ]) {
    t.is((await asked(address, { path })).status, 404, path);
  }
  t.is((await asked(address, { method: 'POST' })).status, 405);
});

test('a foreign host or origin is refused, and so is a connection without one', async (t) => {
  await using server = await opened();
  const { address } = server.page;
  const { host } = new URL(address);
  for (const foreign of ['evil.example', `evil.example:80`, '127.0.0.1.evil.example']) {
    t.is((await asked(address, { headers: { host: foreign } })).status, 403, foreign);
  }
  const live = new URL('live', address);
  live.protocol = 'ws:';
  for (const origin of [undefined, 'http://evil.example', 'null', `https://${host}`]) {
    const socket = new WebSocket(live, origin === undefined ? {} : { origin });
    const [answer] = (await Promise.race([
      once(socket, 'unexpected-response').then(([, told]) => [told]),
      once(socket, 'open').then(() => [undefined]),
    ])) as [IncomingMessage | undefined];
    t.is(answer?.statusCode, 403, origin);
    socket.on('error', () => undefined);
    socket.terminate();
  }
});

test('what is too large, too many or never said ends, and the page is still there', async (t) => {
  await using server = await opened();
  const { address } = server.page;
  const { hostname, port, pathname } = new URL(address);
  const large = connect(Number(port), hostname);
  large.on('error', () => undefined);
  large.write(`GET ${pathname} HTTP/1.1\r\nhost: ${hostname}\r\nx: `);
  const ended = new Promise((resolve) => large.once('close', resolve));
  for (let part = 0; part < 16 && !large.destroyed; part += 1) large.write('x'.repeat(65_536));
  large.resume();
  await ended;
  for (let round = 0; round < 20; round += 1) {
    const many = Array.from({ length: 100 }, () => {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => undefined);
      return socket;
    });
    await sleep(5);
    for (const socket of many) socket.destroy();
  }
  await until(async () => {
    try {
      return (await asked(address)).status === 200;
    } catch {
      return false;
    }
  }, 'the page is served again');
  await using client = await PageClient.connect(address);
  client.send('{"type":"stop","arm":7}');
  client.send('{"type":"launch"}');
  client.send('nothing');
  client.send('{"type":"hold"}');
  await until(async () => textsOf(await client.told(), 'refused').length >= 4, 'all are refused');
  t.false((await client.told()).isClosed);
  client.send('x'.repeat(100_000));
  await until(async () => (await client.told()).isClosed, 'a text that is too large ends it');
});

test('connections that say nothing and come again keep no new page out', async (t) => {
  await using server = await opened();
  const { address } = server.page;
  const { hostname, port } = new URL(address);
  let isOver = false;
  let ended = 0;
  const come = (): void => {
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      ended += 1;
      if (!isOver) setTimeout(come, 1);
    });
    t.teardown(() => socket.destroy());
  };
  for (let nth = 0; nth < 300; nth += 1) come();
  await until(() => ended > 300, 'there are more than are kept');
  const begin = ended;
  for (let round = 0; round < 3; round += 1) {
    await using client = await PageClient.connect(address);
    await until(async () => (await client.told()).texts.length > 0, 'the hello comes');
    t.is((await asked(address)).status, 200);
  }
  isOver = true;
  t.log(`${ended - begin} silent ones have ended meanwhile`);
});

test('what dashboard() is given is checked by name', async (t) => {
  const session = new Session(new Scribe(), () => 0, STILL);
  for (const options of [{ host: 'localhost' }, { on: {} }, { name: 7 }, { port: 'x' }]) {
    await t.throwsAsync(() => session.dashboard(options as never), { instanceOf: OptionTypeError });
  }
});
