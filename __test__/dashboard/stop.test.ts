// The stop of a page: what it ends, whatever goes on, and what it says came of it; the names by which it is told.

import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import {
  Franka,
  FrankaSimulator,
  OptionRangeError,
  OptionTypeError,
  run,
  Session,
} from '../../index.ts';
import { isRested, setUp, turning, WALL } from '../fixtures/arms.ts';
import { PageClient, type Told } from '../fixtures/page-client.ts';
import { Scribe } from '../fixtures/robots.ts';
import { until, warningsDuring } from '../fixtures/waiting.ts';

const STILL = { warmupS: 0, realtime: false } as const;
const RATE_HZ = 100;
/** Joint positions that are changed here [rad]. */
type Joints = [number, number, number, number, number, number, number];

const textsOf = (told: Told, type: string) => told.texts.filter((text) => text.type === type);

const scribe = (warmupS = 0, robot = new Scribe()) =>
  new Session(robot, () => 0, { ...STILL, rateHz: RATE_HZ, warmupS });

/** Stops everything, and returns how much was asked to end. */
async function stop(client: PageClient, number = 1): Promise<number> {
  client.send(JSON.stringify({ type: 'stop', arm: null, number }));
  const find = async () =>
    textsOf(await client.told(), 'stopping').find((told) => told['number'] === number);
  await until(async () => (await find()) !== undefined, 'the stop is acknowledged');
  return (await find())?.['asked'] as number;
}

async function isOver(client: PageClient, number = 1): Promise<boolean> {
  return textsOf(await client.told(), 'stopped').some((told) => told['number'] === number);
}

/** The names of the robots on a page. */
async function namesOn(address: string): Promise<string[]> {
  await using client = await PageClient.connect(address);
  await until(async () => (await client.told()).texts.length > 0, 'the hello');
  const arms = (await client.told()).texts[0]?.['arms'] as { name: string }[];
  return arms.map(({ name }) => name);
}

test('two robots without names have two on a page, and a stop ends both of their sessions', async (t) => {
  const [first, second] = [scribe(), scribe()];
  await using page = await first.dashboard();
  await second.dashboard({ on: page });
  const runs = [first.run({ durationS: 60 }), second.run({ durationS: 60 })];
  await until(() => first.stepCount > 0 && second.stepCount > 0, 'both run');
  t.deepEqual((await namesOn(page.address)).sort(), ['robot', 'robot 2']);
  await using client = await PageClient.connect(page.address);
  t.is(await stop(client), 2);
  for (const { iterations } of await Promise.all(runs)) t.true(iterations < 60 * RATE_HZ);
  await until(() => isOver(client), 'its end is told');
});

test('a name that another robot has on the page, or another session that runs, is refused', async (t) => {
  const robot = new Scribe();
  const first = scribe(0, robot);
  await using page = await first.dashboard({ name: 'left' });
  const refused = { instanceOf: OptionRangeError, code: 'OPTION_NAME' } as const;
  await t.throwsAsync(() => scribe().dashboard({ on: page, name: 'left' }), {
    ...refused,
    message: /another robot/,
  });
  await t.throwsAsync(() => first.dashboard({ on: page, name: 'right' }), {
    ...refused,
    message: /'left'/,
  });
  await t.throwsAsync(() => scribe().dashboard({ on: page, name: 'x'.repeat(201) }), refused);
  const next = scribe(0, robot);
  await first.start();
  await t.throwsAsync(() => next.dashboard({ on: page, name: 'left' }), refused);
  await first.stop();
  await next.dashboard({ on: page, name: 'left' });
  await next.run({ durationS: 0.1 });
  t.deepEqual(await namesOn(page.address), ['left']);
});

test('a stop while a session warms up ends its start, also before its first cycle ever', async (t) => {
  const session = scribe(30);
  await using page = await session.dashboard();
  await using client = await PageClient.connect(page.address);
  for (const number of [1, 2]) {
    const running = session.run({ durationS: 60 });
    t.is(await stop(client, number), 1);
    t.is((await running).iterations, 0);
    await until(() => isOver(client, number), 'its end is told');
  }
  t.deepEqual(textsOf(await client.told(), 'refused'), []);
});

test('a stop while a robot is reset is not told to be done before that is over', async (t) => {
  const robot = new Scribe();
  let letGo = (): void => undefined;
  const reset = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const session = scribe(0, Object.assign(robot, { reset: () => reset }));
  await using page = await session.dashboard();
  await using client = await PageClient.connect(page.address);
  const running = session.run({ durationS: 60 });
  t.is(await stop(client), 1);
  await sleep(300);
  t.false(await isOver(client));
  letGo();
  t.is((await running).iterations, 0);
  await until(() => isOver(client), 'its end is told');
});

test('a stop at whichever moment after run() ends the run', async (t) => {
  const session = scribe();
  await using page = await session.dashboard();
  await using client = await PageClient.connect(page.address);
  for (let round = 1; round <= 20; round += 1) {
    const running = session.run({ durationS: 20 });
    await sleep(round - 1);
    t.is(await stop(client, round), 1, `round ${round}`);
    t.true((await running).iterations < 10 * RATE_HZ, `round ${round}`);
  }
});

test('a stop ends a move of the program, and says so when there is nothing to end', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const session = new Session(setup.arm, turning, STILL);
  await using page = await session.dashboard();
  await using client = await PageClient.connect(page.address);
  t.is(await stop(client), 0);
  const goal = [...setup.start] as Joints;
  goal[0] += 1;
  const moving = setup.arm.moveTo(goal, { speed: 0.1, realtime: false });
  const begin = setup.start[0] ?? 0;
  const turned = () => Math.abs((setup.simulator.joints().q[0] ?? 0) - begin);
  await until(() => turned() > 0.01, 'it moves');
  t.is(await stop(client, 2), 1);
  await t.throwsAsync(() => moving, {
    code: 'FRANKA_MOTION_ABORTED',
    message: /a stop was pressed/,
  });
  t.true(turned() < 0.9);
  await until(() => isOver(client, 2), 'its end is told');
  isRested(t, setup.simulator, 1);
  // The next one is not stopped by what was pressed before.
  await session.run({ durationS: 0.2 });
  t.true(session.stats.iterations > 100);
});

test('a stop at whichever moment after moveTo() ends the move, also while its way is planned', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const session = new Session(setup.arm, turning, STILL);
  await using page = await session.dashboard();
  await using client = await PageClient.connect(page.address);
  const goal = [...setup.start] as Joints;
  goal[0] += 1;
  for (let round = 1; round <= 10; round += 1) {
    const moving = setup.arm.moveTo(goal, { speed: 0.02, realtime: false });
    await sleep(round - 1);
    const aborted = t.throwsAsync(() => moving, { code: 'FRANKA_MOTION_ABORTED' });
    t.is(await stop(client, round), 1, `round ${round}`);
    await aborted;
    await until(() => isOver(client, round), 'its end is told');
  }
  const turned = (setup.simulator.joints().q[0] ?? 0) - (setup.start[0] ?? 0);
  t.true(Math.abs(turned) < 0.5, `${turned}`);
});

test('closing an arm at once after moveTo() ends the move, whether its way is planned by then or not', async (t) => {
  await using simulator = await FrankaSimulator.start();
  for (let round = 1; round <= 20; round += 1) {
    const arm = await Franka.connect(simulator.address, { control: 'jointVelocity' });
    const goal = Array.from((await arm.state()).q_d) as Joints;
    goal[0] += 1;
    const moving = arm.moveTo(goal, { speed: 0.02, realtime: false });
    const aborted = t.throwsAsync(() => moving, { code: 'FRANKA_MOTION_ABORTED' });
    if (round % 2 === 0) await setImmediate();
    await arm.close();
    await aborted;
    await t.throwsAsync(() => arm.moveTo(goal), { code: 'FRANKA_INVALID_OPERATION' });
  }
});

test('what a page and a run are given is checked by name', async (t) => {
  const session = scribe();
  const page = await session.dashboard();
  const other = scribe();
  for (const options of [
    { on: page, port: 'zzz' },
    { on: page, host: 5 },
    { on: page, port: 80 },
  ]) {
    await t.throwsAsync(() => other.dashboard(options as never), { instanceOf: OptionTypeError });
  }
  await page.close();
  await t.throwsAsync(() => other.dashboard({ on: page }), {
    instanceOf: OptionTypeError,
    code: 'OPTION_ON',
  });
  const dashboard = null as never;
  const running = () => run(new Scribe(), () => 0, { ...STILL, durationS: 0.1, dashboard });
  await t.throwsAsync(running, { instanceOf: OptionTypeError });
});

test('a page that is opened for all addresses says one that a browser can open', async (t) => {
  for (const host of ['0.0.0.0', '::']) {
    await warningsDuring(async () => {
      await using page = await scribe().dashboard({ host });
      const { hostname } = new URL(page.address);
      t.false(['0.0.0.0', '[::]'].includes(hostname), hostname);
      t.is((await fetch(page.address)).status, 200);
    });
  }
});
