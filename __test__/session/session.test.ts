import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import {
  type Histogram,
  InvalidActionError,
  PolicyError,
  PolicyLateError,
  type Robot,
  RobotError,
  run,
  Session,
  type SessionError,
  SessionStateError,
  type Tick,
} from '../../index.ts';
import { program } from '../fixtures/programs.ts';
import { promising, Scribe } from '../fixtures/robots.ts';
import {
  abortReason,
  block,
  rejection,
  rejections,
  until,
  warningsDuring,
} from '../fixtures/waiting.ts';

/** Cycles without a warm-up. */
const AT_100 = { rateHz: 100, warmupS: 0 };

function never(): Promise<never> {
  return new Promise(() => undefined);
}

test('a session resets the robot, waits the warm-up, cycles, and stops the robot', async (t) => {
  const robot = new Scribe();
  const stats = await run(robot, () => 1, { rateHz: 100, warmupS: 0.2, durationS: 0.05 });
  const cycle = ['observe', 'act'];
  const cycles = Array.from({ length: stats.iterations }, () => cycle).flat();
  t.deepEqual(robot.calls, ['reset', ...cycles, 'stop']);
  t.true(stats.iterations >= 1);
  const [reset = 0, first = 0] = robot.at;
  t.true(first - reset >= 199, 'it waited the warm-up');
});

test('a robot and a policy that answer with promises run in the same order', async (t) => {
  const robot = new Scribe();
  const policy = async (observation: number): Promise<number> => {
    await sleep(1);
    robot.calls.push('decide');
    return observation;
  };
  const stats = await run(promising(robot), policy, { ...AT_100, durationS: 0.2 });
  const cycles = Array.from({ length: stats.iterations }, () => ['observe', 'decide', 'act']);
  t.deepEqual(robot.calls, ['reset', ...cycles.flat(), 'stop']);
  t.true(stats.iterations >= 2);
  t.deepEqual(
    robot.actions,
    robot.actions.map((_, index) => index + 1),
  );
});

test('a policy is told the cycle, the time since the first one and the last period', async (t) => {
  const ticks: Tick[] = [];
  await run(new Scribe(), (_, tick) => ticks.push(tick), { ...AT_100, durationS: 0.3 });
  t.true(ticks.length >= 2);
  t.like(ticks[0], { tick: 0, timeS: 0, periodS: 0 });
  for (const [index, { tick, timeS, periodS }] of ticks.entries()) {
    t.is(tick, index);
    if (index === 0) continue;
    t.true(periodS > 0);
    t.true(Math.abs(timeS - (ticks[index - 1]?.timeS ?? 0) - periodS) < 1e-7);
  }
});

test('each cycle wakes the event loop once, and a duration holds rate times duration cycles', async (t) => {
  const robot = new Scribe();
  const stats = await run(robot, () => 1, { rateHz: 50, warmupS: 0, durationS: 1 });
  t.is(robot.count('observe'), stats.iterations);
  t.is(robot.count('act'), stats.iterations);
  t.true(stats.iterations <= 50);
  t.true(stats.iterations + stats.missedTicks >= 50, JSON.stringify(stats));
});

test('the rate is 50 Hz unless said otherwise', (t) => {
  t.is(new Session(new Scribe(), () => 1).stats.targetPeriodS, 1 / 50);
});

test('cycles of an idle machine are no overruns, however their periods vary', async (t) => {
  const stats = await run(new Scribe(), () => 1, { ...AT_100, durationS: 2 });
  t.true(stats.iterations + stats.missedTicks >= 200);
  t.true(stats.overruns <= 0.2 * stats.iterations, `${stats.overruns} overruns`);
});

test('the first cycle has no period and gives no sample', async (t) => {
  const samples = ({ counts }: Histogram): number => counts.reduce((sum, count) => sum + count, 0);
  const failed = new Session(new Scribe(), throwing(new Error('at once')), AT_100);
  await rejection(failed.run());
  t.is(samples(failed.histogram('jitter')), 0);
  const { maxJitterS, longestPeriodS, avgPeriodS } = failed.stats;
  t.deepEqual(
    { maxJitterS, longestPeriodS, avgPeriodS },
    { maxJitterS: 0, longestPeriodS: 0, avgPeriodS: 0 },
  );

  const session = new Session(new Scribe(), () => 1, AT_100);
  const { iterations } = await session.run({ durationS: 0.1 });
  t.true(iterations >= 2);
  // The period of the last cycle is over when the end comes.
  t.is(samples(session.histogram('jitter')), iterations - 1);
});

test('a restart counts from zero', async (t) => {
  const robot = new Scribe();
  const session = new Session(robot, () => 1, AT_100);
  const first = await session.run({ durationS: 0.5 });
  const second = await session.run({ durationS: 0.05 });
  t.true(first.iterations > 5);
  t.true(second.iterations <= 5);
  t.true(second.iterations >= 1);
  t.is(session.stepCount, second.iterations);
  t.is(robot.count('reset'), 2);
  t.is(robot.count('stop'), 2);
});

test('stats, step count, state and health are readable before, during and after', async (t) => {
  const session = new Session(new Scribe(), () => 1, AT_100);
  const read = () => {
    session.checkHealth();
    return { running: session.isRunning, steps: session.stepCount, of: session.stats };
  };
  const before = read();
  t.false(before.running);
  t.is(before.steps, 0);
  t.is(before.of.iterations, 0);
  t.is(before.of.targetPeriodS, 0.01);
  t.is(session.realtime, undefined);
  t.deepEqual(session.takeRecords(), []);
  t.is(session.histogram().counts.length, 0);

  const starting = session.start();
  t.true(read().running, 'it runs from the call of start()');
  await starting;
  await until(() => session.stepCount >= 3, 'three cycles');
  const during = read();
  t.true(during.running);
  t.true(during.of.iterations >= 3);
  t.true(during.of.avgPeriodS > 0);

  await session.stop();
  const after = read();
  t.false(after.running);
  t.is(after.steps, after.of.iterations);
  t.true(after.steps >= during.steps);
});

test('a session that runs cannot be started again, and goes on', async (t) => {
  const robot = new Scribe();
  const session = new Session(robot, () => 1, AT_100);
  await session.start();
  for (const error of await rejections([session.start(), session.run({ durationS: 0.1 })])) {
    t.true(error instanceof SessionStateError);
    t.is((error as SessionStateError).code, 'SESSION_RUNNING');
  }
  t.true(session.isRunning);
  t.is(robot.count('reset'), 1);
  const steps = session.stepCount;
  await until(() => session.stepCount > steps, 'it goes on');
  await session.stop();
  t.is(robot.count('stop'), 1);
});

test('stop() before the first start does nothing', async (t) => {
  const robot = new Scribe();
  const session = new Session(robot, () => 1, AT_100);
  await session.stop();
  await session.stop();
  t.deepEqual(robot.calls, []);
  t.is((await session.run({ durationS: 0.01 })).iterations, 1);
});

test('stop() during the reset ends the start when the reset is done', async (t) => {
  const robot = new Scribe();
  let finishReset = (): void => undefined;
  const slow = {
    observe: () => robot.observe(),
    act: (action: number) => robot.act(action),
    stop: () => robot.stop(),
    reset: () => {
      robot.reset();
      return new Promise<void>((resolve) => {
        finishReset = resolve;
      });
    },
  };
  const session = new Session(slow, () => 1, AT_100);
  const starting = rejection(session.start());
  const stopping = session.stop();
  await sleep(20);
  t.true(session.isRunning, 'the robot is still being reset');
  finishReset();
  await stopping;
  t.is(((await starting) as SessionStateError).code, 'SESSION_STOPPED');
  t.deepEqual(robot.calls, ['reset', 'stop']);
  t.false(session.isRunning);
});

/** A robot of which one function never settles, and whose others are those of `robot`. */
function stuckIn(robot: Scribe, name: 'reset' | 'stop') {
  return {
    observe: () => robot.observe(),
    act: (action: number) => robot.act(action),
    reset: () => robot.reset(),
    stop: () => robot.stop(),
    [name]: never,
  };
}

test('stop() ends a reset that never finishes, and the robot is stopped', async (t) => {
  const robot = new Scribe();
  const stuck = stuckIn(robot, 'reset');
  const session = new Session(stuck, () => 1, AT_100);
  const starting = rejection(session.start());
  await session.stop();
  t.is(((await starting) as SessionStateError).code, 'SESSION_STOPPED');
  t.deepEqual(robot.calls, ['stop']);
});

test('stop() during the warm-up ends it at once, and no cycle begins', async (t) => {
  const robot = new Scribe();
  const session = new Session(robot, () => 1, { rateHz: 100, warmupS: 3600 });
  const starting = rejection(session.start());
  await until(() => robot.count('reset') === 1, 'the reset');
  await sleep(20);
  await session.stop();
  t.is(((await starting) as SessionStateError).code, 'SESSION_STOPPED');
  t.deepEqual(robot.calls, ['reset', 'stop']);
  t.is(session.stepCount, 0);
  t.notThrows(() => session.checkHealth());
});

test('stop() twice at the same time stops the robot once, and both wait for it', async (t) => {
  const robot = new Scribe();
  const session = new Session(robot, () => 1, AT_100);
  await session.start();
  const stopped = [session.stop(), session.stop()].map(async (stop) => {
    await stop;
    return { stops: robot.count('stop'), running: session.isRunning };
  });
  const seen = { stops: 1, running: false };
  t.deepEqual(await Promise.all(stopped), [seen, seen]);
  await session.stop();
  t.is(robot.count('stop'), 1);
});

test('stop() after an error resolves, and the health check still tells the error', async (t) => {
  const robot = new Scribe();
  const session = new Session(
    robot,
    () => {
      throw new Error('no idea');
    },
    AT_100,
  );
  await rejection(session.run());
  await session.stop();
  t.is(robot.count('stop'), 1);
  t.throws(() => session.checkHealth(), { instanceOf: PolicyError });
});

test('stop() from inside the policy, the robot or the reset does not wait for itself', async (t) => {
  const inPolicy = new Scribe();
  const first: Session<number, number> = new Session(
    inPolicy,
    async () => {
      await first.stop();
      return 1;
    },
    AT_100,
  );
  await first.run();
  t.is(inPolicy.count('act'), 0);
  t.is(inPolicy.count('stop'), 1);

  const inAct = new Scribe();
  const second: Session<number, number> = new Session(
    {
      observe: () => inAct.observe(),
      act: async () => {
        inAct.act(1);
        await second.stop();
      },
      reset: () => inAct.reset(),
      stop: () => inAct.stop(),
    },
    () => 1,
    AT_100,
  );
  await second.run();
  t.deepEqual(inAct.calls, ['reset', 'observe', 'act', 'stop']);

  const inReset = new Scribe();
  const third: Session<number, number> = new Session(
    {
      observe: () => inReset.observe(),
      act: (action) => inReset.act(action),
      reset: () => third.stop(),
      stop: () => inReset.stop(),
    },
    () => 1,
    AT_100,
  );
  const stats = await third.run();
  t.is(stats.iterations, 0);
  t.deepEqual(inReset.calls, ['stop']);
});

test('a signal that was aborted before ends the run before anything moves', async (t) => {
  const robot = new Scribe();
  t.is(await abortReason(run(robot, () => 1, { signal: AbortSignal.abort('no') })), 'no');
  t.deepEqual(robot.calls, []);
});

test('a signal ends the warm-up, and the run rejects with its reason', async (t) => {
  const robot = new Scribe();
  const running = run(robot, () => 1, { warmupS: 3600, signal: AbortSignal.timeout(100) });
  t.is(((await abortReason(running)) as Error).name, 'TimeoutError');
  t.deepEqual(robot.calls, ['reset', 'stop']);
});

test('a signal ends a run that has begun, and the session has the stats', async (t) => {
  const robot = new Scribe();
  const controller = new AbortController();
  const policy = (_: number, { tick }: Tick): number => {
    if (tick === 5) controller.abort();
    return tick;
  };
  const session = new Session(robot, policy, AT_100);
  t.is(await abortReason(session.run({ signal: controller.signal })), controller.signal.reason);
  t.true(session.stats.iterations >= 5);
  t.deepEqual(robot.actions, [0, 1, 2, 3, 4], 'what was decided after the abort is not done');
  t.is(robot.calls.at(-1), 'stop');
});

test('a run without a duration goes on until stop()', async (t) => {
  const session = new Session(new Scribe(), () => 1, AT_100);
  const running = session.run();
  await until(() => session.stepCount >= 20, '20 cycles');
  await session.stop();
  t.true((await running).iterations >= 20);
});

test('a run ends in time although the event loop is blocked at its end', async (t) => {
  const robot = new Scribe();
  const times: number[] = [];
  const policy = (_: number, { tick, timeS }: Tick): number => {
    times.push(timeS);
    if (tick === 45) block(300);
    return tick;
  };
  const stats = await run(robot, policy, { ...AT_100, durationS: 0.5 });
  t.true(Math.max(...times) < 0.5, 'no cycle begins after the end');
  t.true(stats.iterations <= 50);
  t.is(robot.count('act'), stats.iterations);
});

test('an error of the policy stops the robot first and is told with its cause', async (t) => {
  const robot = new Scribe();
  const cause = new RangeError('no idea');
  const session = new Session(
    robot,
    (_, { tick }) => {
      if (tick === 3) throw cause;
      return tick;
    },
    AT_100,
  );
  const told: string[] = [];
  session.on('error', () => void told.push(`error after ${robot.calls.at(-1)}`));
  session.on('stop', () => void told.push('stop'));
  const error = await rejection(session.run());
  t.true(error instanceof PolicyError);
  const { code, tick, message, cause: carried } = error as PolicyError;
  t.is(code, 'POLICY_THREW');
  t.is(tick, 3);
  t.is(carried, cause);
  t.true((carried as Error).stack?.includes('session.test'), 'the stack is the original');
  t.regex(message, /cycle 3.*RangeError: no idea/);
  t.deepEqual(robot.actions, [0, 1, 2]);
  t.is(robot.calls.at(-1), 'stop', 'no action stands');
  t.deepEqual(told, ['error after stop', 'stop']);
  t.is(
    t.throws(() => session.checkHealth()),
    error as PolicyError,
  );
});

test('a policy that rejects, or throws what is no error, ends the session the same way', async (t) => {
  for (const thrown of [new TypeError('rejected'), 'a string', undefined]) {
    const robot = new Scribe();
    const error = await rejection(run(robot, () => Promise.reject(thrown), AT_100));
    t.true(error instanceof PolicyError);
    t.is((error as PolicyError).cause, thrown);
    t.deepEqual(robot.calls, ['reset', 'observe', 'stop']);
  }
});

for (const method of ['observe', 'act', 'reset'] as const) {
  test(`a robot whose ${method}() fails is stopped, and the run rejects with what it threw`, async (t) => {
    const cause = new Error(`broken ${method}`);
    for (const fail of [() => Promise.reject(cause), throwing(cause)]) {
      const robot = new Scribe();
      const broken = {
        observe: () => robot.observe(),
        act: (action: number): void | Promise<void> => robot.act(action),
        reset: (): void | Promise<void> => robot.reset(),
        stop: () => robot.stop(),
        [method]: fail,
      };
      const error = await rejection(run(broken, () => 1, AT_100));
      t.true(error instanceof RobotError);
      t.is((error as RobotError).code, 'ROBOT_THREW');
      t.is((error as RobotError).cause, cause);
      t.regex(
        (error as RobotError).message,
        new RegExp(`${method}\\(\\) failed.*broken ${method}`),
      );
      t.is(robot.calls.at(-1), 'stop');
      t.is(robot.count('stop'), 1);
    }
  });
}

function throwing(error: Error): () => never {
  return () => {
    throw error;
  };
}

test('a robot whose stop() fails is told, unless something else failed before', async (t) => {
  const robot = { ...quiet(), stop: throwing(new Error('it goes on')) };
  const error = await rejection(run(robot, () => 1, { ...AT_100, durationS: 0.05 }));
  t.is((error as RobotError).code, 'ROBOT_THREW');
  t.regex((error as Error).message, /stop\(\) failed.*it goes on/);
  const first = await rejection(run(robot, throwing(new Error('first')), AT_100));
  t.true(first instanceof PolicyError);
});

function quiet(): { observe(): number; act(action: number): void; reset(): void } {
  return { observe: () => 1, act: () => undefined, reset: () => undefined };
}

test('a policy that never answers does not keep stop() waiting, and what it answers later is not done', async (t) => {
  const robot = new Scribe();
  let answer = (_: number): void => undefined;
  const session = new Session(
    robot,
    () =>
      new Promise<number>((resolve) => {
        answer = resolve;
      }),
    AT_100,
  );
  await session.start();
  await sleep(50);
  await session.stop();
  t.false(session.isRunning);
  t.deepEqual(robot.calls, ['reset', 'observe', 'stop']);
  answer(1);
  await sleep(50);
  t.deepEqual(robot.calls, ['reset', 'observe', 'stop']);
  t.notThrows(() => session.checkHealth());
});

test('a robot that never finishes an action does not keep stop() waiting for ever', async (t) => {
  const robot = new Scribe();
  const stuck = {
    observe: () => robot.observe(),
    act: never,
    reset: () => robot.reset(),
    stop: () => robot.stop(),
  };
  const session = new Session(stuck, () => 1, AT_100);
  await session.start();
  await session.stop();
  t.is(robot.count('stop'), 1);
});

test('an action in progress is finished before the robot is stopped', async (t) => {
  const robot = new Scribe();
  const slow = {
    observe: () => robot.observe(),
    reset: () => robot.reset(),
    stop: () => robot.stop(),
    act: async (action: number) => {
      await sleep(100);
      robot.act(action);
    },
  };
  const session = new Session(slow, () => 1, AT_100);
  await session.start();
  await session.stop();
  t.deepEqual(robot.calls, ['reset', 'observe', 'act', 'stop']);
});

for (const [what, action, path] of [
  ['a number', Number.NaN, 'action'],
  ['an array', [0, Number.POSITIVE_INFINITY], 'action[1]'],
  ['a typed array', new Float32Array([0, 0, Number.NaN]), 'action[2]'],
  ['an object', { arm: { q: [0, Number.NaN] } }, 'action.arm.q[1]'],
  ['a list of objects', [{ x: 1 }, { x: Number.NEGATIVE_INFINITY }], 'action[1].x'],
  [
    'an object of many levels',
    { a: { b: { c: { d: { e: { f: [Number.NaN] } } } } } },
    'action.a.b.c.d.e.f[0]',
  ],
  ['a map', new Map([['joint1', Number.NaN]]), 'action.joint1'],
] as const) {
  test(`${what} that is not finite never reaches the robot`, async (t) => {
    const robot = new Scribe<unknown>();
    const error = await rejection(run(robot, () => action, AT_100));
    t.true(error instanceof InvalidActionError);
    const { code, message, received, expected, tick } = error as InvalidActionError;
    t.is(code, 'ACTION_NOT_FINITE');
    t.true(message.includes(`${path} is `), message);
    t.false(Number.isFinite(received));
    t.is(expected, 'finite numbers');
    t.is(tick, 0);
    t.deepEqual(robot.calls, ['reset', 'observe', 'stop']);
  });
}

test('an action that refers to itself is looked through once', async (t) => {
  const loop: { q: number[]; self?: unknown } = { q: [1] };
  loop.self = loop;
  const robot = new Scribe<unknown>();
  const stats = await run(robot, () => loop, { ...AT_100, durationS: 0.05 });
  t.true(stats.iterations >= 1);
  t.is(robot.actions[0], loop);
});

test('a slow policy overruns; the ticks it misses are counted and skipped', async (t) => {
  const robot = new Scribe();
  const policy = (_: number, { tick }: Tick): number => {
    block(35);
    return tick;
  };
  const stats = await run(robot, policy, { ...AT_100, durationS: 1 });
  t.is(stats.overruns, stats.iterations);
  t.is(stats.lateActions, stats.iterations);
  t.true(stats.missedTicks >= 3 * (stats.iterations - 1), JSON.stringify(stats));
  t.true(stats.iterations <= 25, 'missed ticks are not made up for');
  t.true(stats.maxExecutionS >= 0.035);
  t.deepEqual(
    robot.actions,
    robot.actions.map((_, index) => index),
    'cycles are numbered without gaps',
  );
});

test('with onLate stop a session ends when the policy is late for too long', async (t) => {
  const robot = new Scribe();
  const policy = (_: number, { tick }: Tick): number | Promise<number> =>
    tick === 2 ? never() : tick;
  const options = { ...AT_100, onLate: 'stop', maxHeldTicks: 3 } as const;
  const error = await rejection(run(robot, policy, options));
  t.true(error instanceof PolicyLateError);
  t.is((error as PolicyLateError).code, 'POLICY_LATE');
  t.is((error as PolicyLateError).tick, 2);
  t.regex((error as Error).message, /no action for 4 cycles \(40 ms\).*3 are allowed/);
  t.deepEqual(robot.actions, [0, 1]);
  t.is(robot.calls.at(-1), 'stop');
});

test('an error that nobody listens for or awaits is a warning of the process', async (t) => {
  const session = new Session(new Scribe(), throwing(new Error('unseen')), AT_100);
  const warnings = await warningsDuring(async () => {
    await session.start();
    await until(() => !session.isRunning, 'the end');
  });
  t.deepEqual(
    warnings.map(({ name }) => name),
    ['PolicyError'],
  );
  t.regex(warnings[0]?.message ?? '', /unseen/);
});

test('an error that somebody listens for or awaits is no warning', async (t) => {
  const warnings = await warningsDuring(async () => {
    const heard = new Session(new Scribe(), throwing(new Error('heard')), AT_100);
    const error = once(heard, 'error');
    const listening = error.catch((each: unknown) => [each]);
    await heard.start();
    t.true((await listening)[0] instanceof PolicyError);
    await rejection(run(new Scribe(), throwing(new Error('awaited')), AT_100));
  });
  t.deepEqual(warnings, []);
});

test('an error inside an await-using block surfaces at its end, after the robot was stopped', async (t) => {
  const robot = new Scribe();
  const cause = new Error('inside');
  const block = async (): Promise<void> => {
    await using session = new Session(robot, throwing(cause), AT_100);
    await session.start();
    await until(() => !session.isRunning, 'the end');
  };
  const error = await rejection(block());
  t.true(error instanceof PolicyError);
  t.is((error as PolicyError).cause, cause);
  t.is(robot.count('stop'), 1);
});

test('an error that run() has thrown is not thrown again at the end of its await-using block', async (t) => {
  const cause = new Error('inside');
  const block = async (): Promise<void> => {
    await using session = new Session(new Scribe(), throwing(cause), AT_100);
    await session.run({ durationS: 5 });
  };
  const error = await rejection(block());
  t.true(error instanceof PolicyError, String(error));
  t.is((error as PolicyError).cause, cause);
});

test('leaving an await-using block stops the robot', async (t) => {
  const robot = new Scribe();
  {
    await using session = new Session(robot, () => 1, AT_100);
    await session.start();
    await until(() => session.stepCount > 2, 'three cycles');
    t.is(robot.count('stop'), 0);
  }
  t.is(robot.count('stop'), 1);
});

test('start comes when cycles begin, stop with the stats when the robot is stopped', async (t) => {
  const robot = new Scribe();
  const session = new Session(robot, () => 1, { rateHz: 100, warmupS: 0.05 });
  const told: string[] = [];
  session.on('start', () => void told.push(`start after ${robot.count('reset')} reset`));
  session.on('stop', ({ iterations }) => {
    told.push(`stop after ${robot.calls.at(-1)}, ${session.isRunning}, ${iterations}`);
  });
  const { iterations } = await session.run({ durationS: 0.1 });
  t.deepEqual(told, ['start after 1 reset', `stop after stop, false, ${iterations}`]);
});

test('listeners may start the session again, and each run resolves to its own stats', async (t) => {
  const session = new Session(new Scribe(), () => 1, AT_100);
  let second: Promise<unknown> | undefined;
  session.once('stop', () => {
    second = session.run({ durationS: 0.02 });
  });
  const first = await session.run({ durationS: 0.3 });
  t.true(first.iterations > 2);
  t.true(((await second) as typeof first).iterations <= 2);
});

test('a listener that throws does not keep stop() waiting', async (t) => {
  const session = new Session(new Scribe(), () => 1, AT_100);
  session.on('stop', () => {
    throw new Error('thrown by a listener');
  });
  const thrown = new Promise<unknown>((resolve) => {
    const listeners = process.listeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection');
    process.once('unhandledRejection', (error) => {
      for (const listener of listeners) process.on('unhandledRejection', listener);
      resolve(error);
    });
  });
  await session.start();
  await session.stop();
  t.is(((await thrown) as Error).message, 'thrown by a listener');
  t.false(session.isRunning);
});

test('snapshots come at their interval, with rising counts, and once more at the end', async (t) => {
  const session = new Session(new Scribe(), () => 1, AT_100);
  const running = session.run({ durationS: 0.5 });
  const seen: number[] = [];
  for await (const stats of session.snapshots({ intervalS: 0.1 })) seen.push(stats.iterations);
  const { iterations } = await running;
  t.is(seen.at(-1), iterations);
  t.true(seen.length >= 2 && seen.length <= 7, `${seen.length} snapshots`);
  t.deepEqual(
    seen,
    seen.toSorted((a, b) => a - b),
  );
});

test('snapshots tell the end although it came while the last one was looked at', async (t) => {
  const session = new Session(new Scribe(), () => 1, AT_100);
  const running = session.run({ durationS: 0.1 });
  let last = 0;
  for await (const stats of session.snapshots({ intervalS: 0.01 })) {
    last = stats.iterations;
    await sleep(300);
  }
  t.is(last, (await running).iterations);
});

test('snapshots of a session that does not run are none', async (t) => {
  const session = new Session(new Scribe(), () => 1, AT_100);
  for await (const _ of session.snapshots()) t.fail();
  t.is(session.stepCount, 0);
});

test('records and histograms hold every cycle, and what found no room is counted', async (t) => {
  const session = new Session(new Scribe(), () => 1, { ...AT_100, recordTicks: 5 });
  const stats = await session.run({ durationS: 0.3 });
  const records = session.takeRecords();
  const sum = (counts: Float64Array): number => counts.reduce((total, count) => total + count, 0);
  t.true(stats.iterations > 5);
  t.is(records.length, 5);
  t.is(stats.droppedRecords, stats.iterations - 5);
  t.is(sum(session.histogram('execution').counts), stats.iterations);
  const edges = Array.from(session.histogram('execution').upperS);
  t.deepEqual(
    edges,
    edges.toSorted((a, b) => a - b),
  );
  t.deepEqual(session.takeRecords(), [], 'they are taken once');
});

test('records tell when each cycle started, its period and when its action was sent', async (t) => {
  const session = new Session(new Scribe(), () => 1, { ...AT_100, recordTicks: 1000 });
  const stats = await session.run({ durationS: 0.3 });
  const records = session.takeRecords();
  t.is(records.length, stats.iterations);
  t.is(stats.droppedRecords, 0);
  t.true(Number.isNaN(records[0]?.periodS));
  for (const [index, record] of records.entries()) {
    const { tick, timeS, periodS, askedS, answeredS, sentS, kind, action } = record;
    t.is(tick, index);
    t.true(timeS <= askedS && askedS < answeredS && answeredS <= sentS, `${index}`);
    t.is(action.length, 0);
    t.is(kind, 'fresh');
    if (index > 0) t.true(Math.abs(timeS - (records[index - 1]?.timeS ?? 0) - periodS) < 1e-6);
  }
  const longest = Math.max(...records.slice(1).map(({ periodS }) => periodS));
  t.true(Math.abs(longest - stats.longestPeriodS) < 1e-6);
});

test('records have the time of the robot, and what of it was missed', async (t) => {
  const robot = { observe: () => 0, act: () => undefined, reset: () => undefined };
  let answers = 0;
  const policy = (): number => {
    answers += 1;
    if (answers % 20 === 0) block(25);
    return 0;
  };
  const session = new Session(robot, policy, { rateHz: 200, warmupS: 0, recordTicks: 1_000 });
  const stats = await session.run({ durationS: 1 });
  const records = session.takeRecords();
  t.is(records[0]?.robotTimeS, 0);
  t.true(records.every(({ ageS }) => Number.isNaN(ageS)));
  const missedMs = records.map((record) => record.missedMs);
  const sumMs = missedMs.reduce((sum, ms) => sum + ms, 0);
  t.true(sumMs > 0);
  t.true(sumMs <= 5 * stats.missedTicks + 1e-6, `${sumMs} ${stats.missedTicks}`);
  for (const [nth, { robotTimeS, missedMs: ms }] of records.entries()) {
    const before = records[nth - 1]?.robotTimeS ?? -0.005;
    t.true(Math.abs(robotTimeS - before - 0.005 - ms / 1e3) < 1e-9, `cycle ${nth}`);
  }
});

test('two sessions run side by side', async (t) => {
  const robots = [new Scribe(), new Scribe()];
  const all = await Promise.all(
    robots.map((robot) => run(robot, () => 1, { ...AT_100, durationS: 0.3 })),
  );
  for (const [index, stats] of all.entries()) {
    t.is(robots[index]?.count('act'), stats.iterations);
    t.true(stats.iterations + stats.missedTicks >= 30);
  }
});

for (const [what, code, named] of [
  ['policy', 'POLICY_UNSETTLED', /the policy was called in cycle 3 /],
  ['act', 'ROBOT_UNSETTLED', /the robot's act\(\) was called in cycle 3 /],
  ['observe', 'ROBOT_UNSETTLED', /the robot's observe\(\) was called in cycle 3 /],
] as const) {
  test(`a run with a duration ends although ${what} never settles, and the error names it`, async (t) => {
    const robot = new Scribe();
    const stuckAt = (at: string, tick: number): boolean => at === what && tick === 3;
    let observed = -1;
    const stuck: Robot<number, number> = {
      observe() {
        observed += 1;
        return stuckAt('observe', observed) ? never() : robot.observe();
      },
      act: (action) => (stuckAt('act', action) ? never() : robot.act(action)),
      reset: () => robot.reset(),
      stop: () => robot.stop(),
    };
    const policy = (_: number, { tick }: Tick): number | Promise<number> =>
      stuckAt('policy', tick) ? never() : tick;
    const running = run<number, number>(stuck, policy as never, { ...AT_100, durationS: 0.3 });
    const error = (await rejection(running)) as SessionError;
    t.is(error.code, code, error.message);
    t.regex(error.message, named);
    t.is(robot.count('stop'), 1);
  });
}

test('a reset that does not settle in its time ends the start, and the robot is stopped', async (t) => {
  const robot = new Scribe();
  const stuck = stuckIn(robot, 'reset');
  const running = run(stuck, () => 1, { ...AT_100, durationS: 0.1, resetTimeoutS: 0.2 });
  const error = (await rejection(running)) as RobotError;
  t.is(error.code, 'ROBOT_UNSETTLED');
  t.regex(error.message, /reset\(\) of the robot or of its policy has not settled within 0.2 s/);
  t.deepEqual(robot.calls, ['stop']);
});

test("stop() tells that the robot's own stop() has not settled", async (t) => {
  const robot = new Scribe();
  const stuck = stuckIn(robot, 'stop');
  const session = new Session(stuck, () => 1, AT_100);
  await session.start();
  const error = (await rejection(session.stop())) as RobotError;
  t.is(error.code, 'ROBOT_UNSETTLED');
  t.regex(error.message, /may still move/);
  t.false(session.isRunning);
});

test('the page of a session whose robot does not stop is closed nevertheless', async (t) => {
  const session = new Session(stuckIn(new Scribe(), 'stop'), () => 1, AT_100);
  const page = await session.dashboard();
  await session.start();
  const error = (await rejection(session[Symbol.asyncDispose]())) as RobotError;
  t.is(error.code, 'ROBOT_UNSETTLED');
  t.false(page.isOpen);
});

test('a signal that aborts a run whose robot does not settle has one error, that of the run', async (t) => {
  const robot = new Scribe();
  const stuck = stuckIn(robot, 'stop');
  // A second rejection, which nobody handles, would fail this test.
  const session = new Session(stuck, () => 1, AT_100);
  const error = await rejection(session.run({ signal: AbortSignal.timeout(100) }));
  t.is((error as RobotError).code, 'ROBOT_UNSETTLED');
});

test('a listener that throws hides neither the first cause nor the end of the session', async (t) => {
  const { lines, stderr } = await program('throwing-listeners').ended;
  const expected = [
    'uncaught listener of error',
    'stopped',
    'start ROBOT_THREW',
    'uncaught listener of stop',
  ];
  t.deepEqual(lines.toSorted(), expected.toSorted(), stderr);
});

test('resetTimeoutS and evenAfterSignal are checked', async (t) => {
  const robot = new Scribe();
  for (const resetTimeoutS of [0, -1, Number.NaN, 3601]) {
    const make = (): unknown => new Session(robot, () => 1, { resetTimeoutS });
    t.throws(make, { code: 'OPTION_RESET_TIMEOUT_S' });
  }
  const make = (): unknown => new Session(robot, () => 1, { evenAfterSignal: 1 as never });
  t.throws(make, { code: 'OPTION_EVEN_AFTER_SIGNAL' });
});
