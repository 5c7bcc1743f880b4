import { execFile } from 'node:child_process';
import { getEventListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import test from 'ava';
import {
  OptionRangeError,
  OptionTypeError,
  RobotError,
  type RobotState,
  Session,
  type StatesOptions,
} from '../../index.ts';
import { ARMS, setUp, turning, WALL } from '../fixtures/arms.ts';
import { abortReason, block, rejection, until } from '../fixtures/waiting.ts';

/** As patient as an arm allows: for tests of something else than lateness. */
const PATIENT = { warmupS: 0, deadlineS: 0.9e-3 };

for (const { generation, client } of ARMS) {
  test(`states of a ${generation} over ${client} go on from idle through sessions to idle, each newer`, async (t) => {
    await using setup = await setUp('jointVelocity', { ...WALL, generation }, client);
    const { arm } = setup;
    const modes: string[] = [];
    let last = 0;
    const reading = (async () => {
      for await (const state of arm.states({ rateHz: 200 })) {
        t.true(state.time > last);
        last = state.time;
        if (modes.at(-1) !== state.robot_mode) modes.push(state.robot_mode);
      }
    })();
    for (let nth = 0; nth < 3; nth += 1) {
      const idles = modes.filter((mode) => mode === 'Idle').length;
      await until(() => modes.filter((mode) => mode === 'Idle').length > idles - 1, 'idle');
      await using session = new Session(arm, turning, PATIENT);
      await session.start();
      const moving = await arm.state();
      t.is(moving.robot_mode, 'Move');
      await until(() => modes.filter((mode) => mode === 'Move').length > nth, 'a moving state');
      await session.stop();
      await until(() => modes.at(-1) === 'Idle', 'an idle state');
    }
    await arm.close();
    await reading;
    t.deepEqual(
      modes.filter((mode) => mode !== 'Idle'),
      ['Move', 'Move', 'Move'],
    );
  });

  test(`states of a ${generation} over ${client} that is lost end with its error, idle and in a session`, async (t) => {
    for (const inSession of [false, true]) {
      await using setup = await setUp('jointVelocity', { ...WALL, generation }, client);
      const { arm, simulator } = setup;
      const states = arm.states({ rateHz: 100 });
      await states.next();
      const session = new Session(arm, turning, PATIENT);
      session.on('error', () => undefined);
      if (inSession) await session.start();
      simulator.inject({ kind: 'die' });
      const error = (await rejection(
        (async () => {
          for await (const state of states) t.true(state.time > 0);
        })(),
      )) as RobotError;
      t.true(error instanceof RobotError);
      t.regex(error.code, /^FRANKA_CONN/);
      t.deepEqual(await states.next(), { done: true, value: undefined });
      await session.stop();
    }
  });
}

test('states come at the rate that was asked for', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const states = setup.arm.states({ rateHz: 20 });
  const began = performance.now();
  let read = 0;
  for await (const { time } of states) {
    t.true(time > 0);
    read += 1;
    if (read === 12) break;
  }
  // The twelfth is due eleven periods of 50 ms after the first, which is due at once.
  const elapsed = performance.now() - began;
  t.true(elapsed > 545, `${elapsed}`);
  t.true(elapsed < 1_000 + 50 * states.skipped, `${elapsed}, ${states.skipped} skipped`);
  t.deepEqual(await states.next(), { done: true, value: undefined });
});

test('who is slow gets the newest state, and what was skipped is counted', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const { arm } = setup;
  const states = arm.states({ rateHz: 100 });
  const first = (await states.next()).value as RobotState;
  t.is(states.skipped, 0);
  block(300);
  const second = (await states.next()).value as RobotState;
  t.true(second.time - first.time > 0.1, `${second.time - first.time}`);
  t.true(states.skipped >= 28, `${states.skipped}`);
  t.true((await arm.state()).time >= second.time);
  await states.return();
});

test('a state is a copy, and several streams run side by side', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const { arm } = setup;
  const streams = [arm.states({ rateHz: 100 }), arm.states({ rateHz: 50 })];
  const read = await Promise.all(
    streams.map(async (stream) => {
      const states: RobotState[] = [];
      for await (const state of stream) if (states.push(state) === 5) break;
      return states.map((state) => state.time);
    }),
  );
  for (const times of read) t.is(new Set(times).size, 5);
});

test('a signal ends the states with its reason as the cause, also while one waits, and leaves no listener behind', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const { arm } = setup;
  const controller = new AbortController();
  const { signal } = controller;
  const states = arm.states({ rateHz: 0.01, signal });
  await states.next();
  const waiting = states.next();
  const over = states.next();
  t.is(getEventListeners(signal, 'abort').length, 1);
  controller.abort('enough');
  t.is(await abortReason(waiting), 'enough');
  t.deepEqual(await over, { done: true, value: undefined }, 'it is told once');
  t.is(getEventListeners(signal, 'abort').length, 0);
  t.is(await abortReason(arm.states({ signal }).next()), 'enough');
  const left = new AbortController();
  for await (const _ of arm.states({ rateHz: 100, signal: left.signal })) break;
  t.is(getEventListeners(left.signal, 'abort').length, 0);
});

test('closing the arm ends its states, also while one waits', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const { arm } = setup;
  const states = arm.states({ rateHz: 0.01 });
  await states.next();
  const waiting = states.next();
  await arm.close();
  t.deepEqual(await waiting, { done: true, value: undefined });
  t.deepEqual(await arm.states().next(), { done: true, value: undefined });
});

test('nothing happens between two steps, and nothing keeps the process alive that nobody waits for', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const index = new URL('../../dist/index.js', import.meta.url).href;
  const program = `
    const { Franka } = await import(${JSON.stringify(index)});
    const robot = await Franka.connect(${JSON.stringify(setup.simulator.address)});
    const states = robot.states({ rateHz: 5 });
    const { value } = await states.next();
    console.log(value.robot_mode);
  `;
  await setup.arm.close();
  const args = ['--input-type=module', '--eval', program];
  const env = { ...process.env, NODE_OPTIONS: '' };
  const options = { timeout: 20_000, env };
  const { stdout } = await promisify(execFile)(process.execPath, args, options);
  t.is(stdout.trim(), 'Idle');
});

test('reading states does not hold up the session that is read', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const { arm, simulator } = setup;
  await using session = new Session(arm, turning, PATIENT);
  await session.start();
  const states = arm.states({ rateHz: 500 });
  let read = 0;
  for await (const state of states) {
    t.is(state.robot_mode, 'Move');
    read += 1;
    if (read === 100) break;
  }
  t.true(session.isRunning);
  await session.stop();
  t.is(simulator.counters().motionsFinished, 1);
});

test('options of states that make no sense are refused', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const { arm } = setup;
  for (const rateHz of [0, -1, 1001, Number.NaN, Number.POSITIVE_INFINITY]) {
    const error = t.throws(() => arm.states({ rateHz }), { instanceOf: OptionRangeError });
    t.is((error as OptionRangeError | undefined)?.code, 'OPTION_RATE_HZ');
  }
  for (const options of [{ rateHz: '5' }, { signal: 5 }, { rate: 5 }, null]) {
    t.throws(() => arm.states(options as unknown as StatesOptions), {
      instanceOf: OptionTypeError,
    });
  }
  await sleep(0);
});
