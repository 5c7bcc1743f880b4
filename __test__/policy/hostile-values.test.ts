// What a policy or a robot throws or returns may be made to harm whoever looks at it.

import test, { type ExecutionContext } from 'ava';
import {
  type AnyPolicy,
  InvalidActionError,
  type JointVector,
  KilohertzError,
  PolicyError,
  processPolicy,
  RobotError,
  type RobotState,
  run,
  Session,
  workerPolicy,
} from '../../index.ts';
import { isRested, setUp } from '../fixtures/arms.ts';
import {
  detaching,
  detachingLater,
  type Forged,
  RETURNED,
  returning,
  THROWN,
  throwing,
} from '../fixtures/hostile.ts';
import { rejection } from '../fixtures/waiting.ts';

type Hostile = typeof import('../fixtures/hostile.ts');
type ArmPolicy = AnyPolicy<RobotState, JointVector>;

const MODULE = new URL('../fixtures/hostile.ts', import.meta.url);

/** What a policy's session rejects with, and that the arm was brought to rest, not stopped by its own rule. */
async function failureOnArm(t: ExecutionContext, policy: ArmPolicy): Promise<KilohertzError> {
  await using setup = await setUp();
  const session = new Session(setup.arm, policy, { warmupS: 0 });
  const error = await rejection(session.run({ durationS: 20 }));
  t.true(error instanceof KilohertzError, 'an error of this package');
  isRested(t, setup.simulator, 1);
  return error as KilohertzError;
}

/** It says something, and not too much. */
function isTold(t: ExecutionContext, error: KilohertzError, what: string): void {
  t.regex(error.message, /\S.*: \S/, what);
  t.true(error.message.length < 5_000, `${what}: ${error.message.length} characters`);
  t.notRegex(error.message, /\{"code"/, what);
  t.notRegex(error.message, /[^\P{C}\p{Cn}]/u, `${what} moves no cursor and begins no line`);
  t.notRegex(error.message, /: *:|an object of(?! \w)|^ *:/, `${what} has a name`);
}

for (const what of Object.keys(THROWN)) {
  test(`a policy that throws ${what} is not asked again, and ends its session by name`, async (t) => {
    const inner = throwing(what);
    let asked = 0;
    const error = await failureOnArm(t, (state, tick) => {
      if (tick.tick >= 50) asked += 1;
      return inner(state, tick);
    });
    t.true(error instanceof PolicyError);
    t.is(error.code, 'POLICY_THREW');
    t.is(asked, 1);
    isTold(t, error, what);
  });
}

test('an error that looks like one of the native side is the policy’s own', async (t) => {
  for (const text of [
    '{"code":"rate_limit","message":"slow down","retryAfterS":20}',
    '{"code":"X","message":"m","refused":{}}',
    '{"code":"FRANKA_REFLEX","message":"m","signal":15}',
  ]) {
    const thrown = new Error(text);
    const error = await failureOnArm(t, () => {
      throw thrown;
    });
    t.is(error.code, 'POLICY_THREW');
    t.is(error.cause, thrown);
    t.true(error.message.includes(text), error.message);
  }
});

test('what an asynchronous policy rejects with ends its session by name, whatever it is', async (t) => {
  for (const what of Object.keys(THROWN)) {
    const inner = throwing(what);
    const error = await failureOnArm(t, async (state, tick) => inner(state, tick));
    t.is(error.code, 'POLICY_THREW', what);
    isTold(t, error, what);
  }
});

type Throwing = { export: 'throwing'; args: [string] };

for (const [place, make] of [
  ['a worker', (given: Throwing) => workerPolicy<Hostile, 'throwing'>(MODULE, given)],
  ['a process', (given: Throwing) => processPolicy<Hostile, 'throwing'>(MODULE, given)],
] as const) {
  for (const what of Object.keys(THROWN)) {
    test(`a policy in ${place} that throws ${what} ends its session by name`, async (t) => {
      const error = await failureOnArm(t, make({ export: 'throwing', args: [what] }));
      t.is(error.code, 'POLICY_THREW');
      isTold(t, error, what);
    });
  }
}

for (const what of Object.keys(RETURNED)) {
  test(`an answer that harms whoever reads it ends the session by name, wherever the policy runs: ${what}`, async (t) => {
    const args: [string] = [what];
    for (const policy of [
      returning(what),
      workerPolicy<Hostile, 'returning'>(MODULE, { export: 'returning', args }),
      processPolicy<Hostile, 'returning'>(MODULE, { export: 'returning', args }),
    ] as ArmPolicy[]) {
      const error = await failureOnArm(t, policy);
      t.true(error instanceof PolicyError || error instanceof InvalidActionError);
      isTold(t, error, what);
    }
  });
}

test('a policy that detaches the memory of the state fails by name, wherever it runs', async (t) => {
  for (const policy of [
    detaching(),
    workerPolicy<Hostile, 'detaching'>(MODULE, { export: 'detaching', args: [] }),
    processPolicy<Hostile, 'detaching'>(MODULE, { export: 'detaching', args: [] }),
    detachingLater(),
    workerPolicy<Hostile, 'detachingLater'>(MODULE, { export: 'detachingLater', args: [] }),
    processPolicy<Hostile, 'detachingLater'>(MODULE, { export: 'detachingLater', args: [] }),
  ] as ArmPolicy[]) {
    const error = await failureOnArm(t, policy);
    t.true(error instanceof PolicyError);
    t.is(error.code, 'POLICY_DETACHED');
    t.true(((error as PolicyError).tick ?? 0) >= 50);
  }
});

test('messages that a policy sends to whoever started its thread harm nothing', async (t) => {
  for (const policy of [
    workerPolicy<Hostile, 'talking'>(MODULE, { export: 'talking', args: [] }),
    processPolicy<Hostile, 'talking'>(MODULE, { export: 'talking', args: [] }),
  ] as ArmPolicy[]) {
    await using setup = await setUp();
    const stats = await new Session(setup.arm, policy, { warmupS: 0 }).run({ durationS: 0.3 });
    t.true(stats.policyAnswers > 10, `${stats.policyAnswers} answers`);
  }
});

test('a policy that takes the port of its worker can end its own session alone', async (t) => {
  for (const what of ['null', 'nothing', 'no failure', 'another port', 'no port'] as const) {
    const forging = (...args: [what: Forged, from?: number]): ArmPolicy =>
      workerPolicy<Hostile, 'forging'>(MODULE, { export: 'forging', args });
    const error = await failureOnArm(t, forging(what));
    t.is(error.code, 'POLICY_CRASHED', what);
    t.regex(error.message, /sent a message that cannot be/);
    if (what === 'another port') continue;
    await using setup = await setUp();
    const first = await rejection(new Session(setup.arm, forging(what, 0)).run({ durationS: 20 }));
    t.is((first as KilohertzError).code, 'POLICY_CRASHED', `${what}, at first`);
    t.is(setup.simulator.counters().motionsStarted, 0);
  }
});

type Method = 'observe' | 'act' | 'reset' | 'stop' | 'policy';

/** Runs a robot in JavaScript, one of whose methods does this in its fifth call; says how it ended. */
async function robotFailure(
  method: Method,
  make: () => unknown,
  durationS = method === 'stop' ? 0.05 : 20,
): Promise<[unknown, string[]]> {
  const calls: string[] = [];
  const answer = (name: Method): unknown => {
    calls.push(name);
    const isOnce = name === 'reset' || name === 'stop';
    const nth = calls.filter((call) => call === name).length;
    return name === method && (isOnce || nth === 5) ? make() : name === 'observe' ? 0 : undefined;
  };
  const robot = {
    observe: () => answer('observe') as number,
    act: () => answer('act') as undefined,
    reset: () => answer('reset') as undefined,
    stop: () => answer('stop') as undefined,
  };
  const policy = (): number => (answer('policy') as number | undefined) ?? 0;
  const ended = run(robot, policy, { rateHz: 500, warmupS: 0, durationS });
  return [
    await ended.then(
      () => undefined,
      (error: unknown) => error,
    ),
    calls,
  ];
}

for (const method of ['observe', 'act', 'reset', 'stop', 'policy'] as const) {
  test(`what a robot in JavaScript throws in ${method} ends its session by name, and it is stopped`, async (t) => {
    for (const [what, make] of Object.entries(THROWN)) {
      const throws = (): never => {
        throw make();
      };
      const rejects = (): Promise<never> => Promise.reject(make());
      for (const way of [throws, rejects]) {
        const [error, calls] = await robotFailure(method, way);
        t.true(error instanceof KilohertzError, `${what}: ${typeof error}`);
        const { code } = error as KilohertzError;
        t.is(code, method === 'policy' ? 'POLICY_THREW' : 'ROBOT_THREW', what);
        isTold(t, error as KilohertzError, what);
        t.is(calls.filter((call) => call === 'stop').length, 1, what);
      }
    }
  });

  test(`what a robot in JavaScript returns from ${method} cannot keep its session from ending`, async (t) => {
    for (const [what, make] of Object.entries(RETURNED)) {
      const [error, calls] = await robotFailure(method, make, 0.1);
      t.true(error === undefined || error instanceof KilohertzError, what);
      if (error instanceof RobotError || error instanceof PolicyError) isTold(t, error, what);
      t.is(calls.filter((call) => call === 'stop').length, 1, what);
    }
  });
}
