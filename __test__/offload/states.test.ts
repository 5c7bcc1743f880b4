// One rule for a robot's state that goes to another thread or process: it arrives as a state, with all fields.

import test from 'ava';
import {
  asyncify,
  Franka,
  FrankaSimulator,
  InferenceThread,
  mpify,
  RobotState,
  run,
  workerPolicy,
} from '../../index.ts';
import { STATE_LAYOUT } from '../../lib/native/robot-state.ts';
import type * as model from '../fixtures/inference.ts';
import type * as offloaded from '../fixtures/offloaded.ts';
import { venv, WITHOUT_NUMPY } from '../fixtures/python.ts';
import type * as remote from '../fixtures/remote.ts';

const OFFLOADED = new URL('../fixtures/offloaded.ts', import.meta.url);
const python = await venv();

/** A state in which every number differs, in a reflex, with two errors now and one of before. */
function reflex(): RobotState {
  const length = STATE_LAYOUT.fields.reduce((sum, [, each]) => sum + each, 0);
  // In the middle of more memory, as the states of a stream may be.
  const slots = new Float64Array(3 * length).subarray(length, 2 * length);
  let at = 0;
  for (const [name, each] of STATE_LAYOUT.fields) {
    if (name === 'robot_mode') slots[at] = STATE_LAYOUT.modes.indexOf('Reflex');
    else if (name === 'current_errors') slots.set([1, 0, 1], at);
    else if (name === 'last_motion_errors') slots.set([0, 1], at);
    else for (let nth = 0; nth < each; nth += 1) slots[at + nth] = at + nth + 0.5;
    at += each;
  }
  return new RobotState(slots);
}

const [first, second, third] = STATE_LAYOUT.errorNames;

type Echo = (value: unknown) => Promise<unknown>;

const WAYS: Readonly<Record<string, () => Promise<{ echo: Echo } & AsyncDisposable>>> = {
  asyncify: async () => ({
    echo: asyncify<typeof offloaded.echo>(OFFLOADED, 'echo'),
    [Symbol.asyncDispose]: async () => undefined,
  }),
  'an InferenceThread': async () => {
    const thread = new InferenceThread<typeof model>(
      new URL('../fixtures/inference.ts', import.meta.url),
    );
    await thread.start();
    return { echo: thread.wrap('echo'), [Symbol.asyncDispose]: () => thread.stop() };
  },
  'mpify, in Node': async () => {
    const policy = await mpify<typeof remote.makePolicy>(
      new URL('../fixtures/remote.ts', import.meta.url),
      'makePolicy',
    );
    return {
      echo: (value) => policy.echo(value),
      [Symbol.asyncDispose]: async () => policy.stop(),
    };
  },
  'mpify, in Python': async () => inPython({}),
  'mpify, in Python without numpy': async () => inPython(WITHOUT_NUMPY),
};

async function inPython(
  env: Readonly<Record<string, string>>,
): Promise<{ echo: Echo } & AsyncDisposable> {
  const policy = await mpify.with({ python, env })(
    new URL('../fixtures/remote.py', import.meta.url),
    'make_policy',
  );
  return { echo: (value) => policy.echo(value), [Symbol.asyncDispose]: async () => policy.stop() };
}

for (const [name, make] of Object.entries(WAYS)) {
  test(`${name}: a state arrives as a state with all fields, also within other values, and back`, async (t) => {
    await using way = await make();
    const state = reflex();
    const same = (got: unknown): void => {
      t.true(got instanceof RobotState);
      t.deepEqual((got as RobotState).toJSON(), state.toJSON());
    };
    const got = (await way.echo(state)) as RobotState;
    same(got);
    t.is(got.robot_mode, 'Reflex');
    t.deepEqual(got.current_errors, [first, third]);
    t.deepEqual(got.last_motion_errors, [second]);
    t.true(got.q instanceof Float64Array);
    same(got.copy());
    const nested = (await way.echo({ list: [1, state], in: { it: state }, n: 5 })) as {
      list: unknown[];
      in: { it: unknown };
      n: number;
    };
    same(nested.list[1]);
    same(nested.in.it);
    t.deepEqual([nested.list[0], nested.n], [1, 5]);
    state.q[0] = 99;
    t.not(got.q[0], 99, 'a copy');
  });
}

test('mpify, in Python: the fields of a state are attributes, as those that a policy is given', async (t) => {
  const policy = await mpify.with({ python })(
    new URL('../fixtures/remote.py', import.meta.url),
    'make_policy',
  );
  t.teardown(() => policy.stop());
  const state = reflex();
  const [mode, errors, q, time] = (await policy.state_fields({ state })) as unknown[];
  t.is(mode, 'Reflex');
  t.deepEqual(errors, [first, third]);
  t.deepEqual(q, Array.from(state.q));
  t.is(time, state.time);
});

test('asyncify: maps, sets, circles and what is the same object twice are kept around a state', async (t) => {
  const echo = asyncify<typeof offloaded.echo>(OFFLOADED, 'echo');
  const state = reflex();
  const circle: { state: RobotState; self?: unknown; again?: unknown } = { state };
  circle.self = circle;
  circle.again = state;
  const given = { map: new Map([['state', state]]), set: new Set([state]), circle };
  const got = (await echo(given)) as typeof given;
  t.is(got.circle.self, got.circle);
  t.is(got.circle.again, got.circle.state);
  t.true(got.map.get('state') instanceof RobotState);
  t.is([...got.set][0], got.map.get('state'));
  t.is(circle.state, state, 'what was given is unchanged');
});

test('asyncify: a function of a thread is given a state of its own class, with its methods', async (t) => {
  const looked = asyncify<typeof offloaded.looked>(OFFLOADED, 'looked');
  const state = reflex();
  t.deepEqual(await looked(state), { isState: true, json: state.toJSON() });
});

test('asyncify: an error that is an argument, or within a result, keeps class, code, fields and cause', async (t) => {
  const echo = asyncify<typeof offloaded.echo>(OFFLOADED, 'echo');
  const cause = new RangeError('why');
  const reason = Object.assign(new TypeError('no', { cause }), { code: 'E_NO', joint: 4 });
  const [, got] = (await echo([1, { reason }])) as [number, { reason: typeof reason }];
  t.true(got.reason instanceof TypeError);
  t.true(got.reason.cause instanceof RangeError);
  t.like(got.reason, { message: 'no', code: 'E_NO', joint: 4 });
});

test('a structured clone of a state is data with all fields', (t) => {
  const state = reflex();
  const clone = structuredClone(state) as RobotState;
  t.is(clone.robot_mode, 'Reflex');
  t.deepEqual(clone.current_errors, [first, third]);
  t.deepEqual(clone.last_motion_errors, [second]);
  t.deepEqual(clone.O_T_EE, state.O_T_EE);
  t.deepEqual(Object.keys(clone).sort(), Object.keys(state.toJSON()).sort());
});

test('a state whose memory was moved is refused, by name', async (t) => {
  const policy = await mpify<typeof remote.makePolicy>(
    new URL('../fixtures/remote.ts', import.meta.url),
    'makePolicy',
  );
  t.teardown(() => policy.stop());
  const state = reflex();
  structuredClone(state.q, { transfer: [state.q.buffer as ArrayBuffer] });
  for (const call of [
    policy.echo({ state }),
    asyncify<typeof offloaded.echo>(OFFLOADED, 'echo')({ state }),
  ]) {
    await t.throwsAsync(async () => call, { code: 'OFFLOAD_NOT_CLONEABLE' });
  }
});

test('a state in the args of a policy in a worker arrives as a state', async (t) => {
  const simulator = await FrankaSimulator.start();
  const arm = await Franka.connect(simulator.address);
  const policy = workerPolicy<typeof import('../fixtures/policies.ts'), 'makeOfState'>(
    new URL('../fixtures/policies.ts', import.meta.url),
    { export: 'makeOfState', args: [{ state: reflex() }] },
  );
  await t.notThrowsAsync(async () => run(arm, policy, { durationS: 0.1, warmupS: 0 }));
  await arm.close();
  await simulator.stop();
});
