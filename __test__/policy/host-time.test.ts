// When a state came, by the clocks of the host, and the state that belongs to a picture of a camera.

import test from 'ava';
import {
  type AnyPolicy,
  type JointVector,
  PolicyError,
  processPolicy,
  type RobotState,
  run,
  StateHistory,
  type Tick,
  workerPolicy,
} from '../../index.ts';
import { sessionOf } from '../fixtures/arms.ts';
import { tellTime } from '../fixtures/policies.ts';
import { Scribe } from '../fixtures/robots.ts';

type Policies = typeof import('../fixtures/policies.ts');
type Policy = AnyPolicy<RobotState, JointVector>;

const NODE = new URL('../fixtures/policies.ts', import.meta.url);
const PYTHON = new URL('../fixtures/policies.py', import.meta.url);

const PLACES: readonly (readonly [name: string, policy: Policy])[] = [
  ['a function', tellTime as unknown as Policy],
  ['a worker', workerPolicy<Policies, 'tellTime'>(NODE, { export: 'tellTime' }) as Policy],
  ['a Node process', processPolicy<Policies, 'tellTime'>(NODE, { export: 'tellTime' }) as Policy],
  ['a Python process', processPolicy(PYTHON, { export: 'tell_time' })],
];

interface Times {
  readonly hostTimeS: number;
  readonly wallTimeS: number;
}

/** Runs a policy that throws what it has seen, as JSON. */
async function seenBy(t: Parameters<typeof sessionOf>[0], policy: Policy): Promise<unknown> {
  const { session } = await sessionOf(t, policy);
  const error = await t.throwsAsync(session.run({ durationS: 60 }), { instanceOf: PolicyError });
  return JSON.parse((error.cause as Error).message);
}

for (const [name, policy] of PLACES) {
  test(`${name} is told when its state came, by the clocks of the host`, async (t) => {
    const begun = { hostTimeS: Number(process.hrtime.bigint()) / 1e9, wallTimeS: Date.now() / 1e3 };
    const told = (await seenBy(t, policy)) as Times & { now: Times };
    for (const clock of ['hostTimeS', 'wallTimeS'] as const) {
      // Date.now() is in whole milliseconds.
      t.true(told[clock] > begun[clock] - 2e-3, clock);
      t.true(told[clock] < told.now[clock] + 2e-3, clock);
    }
    // Both tell the same moment.
    const ago = told.now.hostTimeS - told.hostTimeS;
    t.true(Math.abs(told.now.wallTimeS - told.wallTimeS - ago) < 0.1);
  });
}

test('the policy of a robot in JavaScript is told when its cycle began', async (t) => {
  const times: number[] = [];
  await run(
    new Scribe(),
    (_, { hostTimeS, wallTimeS }) => {
      times.push(hostTimeS);
      t.true(Math.abs(wallTimeS - Date.now() / 1e3) < 60);
      return 0;
    },
    { rateHz: 100, durationS: 0.2, warmupS: 0 },
  );
  t.true(times.length > 3 && times.every((time, at) => at === 0 || time > (times[at - 1] ?? 0)));
});

test('a history in Python gives the state nearest to a time, and forgets old ones', async (t) => {
  const policy = processPolicy(PYTHON, { export: 'tell_history', args: [] });
  const seen = (await seenBy(t, policy)) as { empty: boolean; found: boolean[]; kept: number };
  t.true(seen.empty);
  t.deepEqual(seen.found, [true, true, true, true]);
});

/** A state whose first numbers are this one. */
async function stateOf(t: Parameters<typeof sessionOf>[0]): Promise<RobotState> {
  let state: RobotState | undefined;
  const { session } = await sessionOf(t, (seen: RobotState) => {
    state ??= seen.copy();
    return [0, 0, 0, 0, 0, 0, 0];
  });
  await session.run({ durationS: 0.05 });
  if (!state) throw new Error('the policy was asked nothing');
  return state;
}

test('a history gives a copy of the state nearest to a time', async (t) => {
  const state = await stateOf(t);
  const history = new StateHistory();
  t.is(history.alignedTo(5), undefined);
  for (let nth = 0; nth < 3_000; nth += 1) {
    state.q[0] = nth;
    history.add(state, { hostTimeS: 100 + nth / 1e3 });
  }
  for (const [asked, nth] of [
    [102.999, 2_999],
    [200, 2_999],
    [102.5004, 2_500],
    [102.5006, 2_501],
    [102, 2_000],
    [1, 2_000],
  ] as const) {
    const found = history.alignedTo(asked);
    t.is(found?.state.q[0], nth, `${asked}`);
    t.is(found?.hostTimeS, 100 + nth / 1e3);
  }
  state.q[0] = -1;
  t.is(history.alignedTo(102.5)?.state.q[0], 2_500);
});

test('a history keeps no more than it is told to, and no state that is too old', async (t) => {
  const state = await stateOf(t);
  const few = new StateHistory({ maxStates: 10 });
  for (let nth = 0; nth < 25; nth += 1) few.add(state, { hostTimeS: nth / 1e3 });
  t.is(few.alignedTo(0)?.hostTimeS, 0.015);
  const history = new StateHistory({ seconds: 0.5 });
  history.add(state, { hostTimeS: 1 });
  history.add(state, { hostTimeS: 9 });
  t.is(history.alignedTo(1)?.hostTimeS, 9);
});

test('what a history is given is checked', async (t) => {
  const history = new StateHistory();
  const state = await stateOf(t);
  t.throws(() => history.add({} as RobotState, { hostTimeS: 1 }), { code: 'OPTION_STATE' });
  t.throws(() => history.add(state, {} as { hostTimeS: number }), { code: 'OPTION_HOST_TIME_S' });
  t.throws(() => history.add(state, undefined as unknown as Tick), { code: 'OPTION_TYPE' });
  t.throws(() => history.alignedTo(Number.NaN), { code: 'OPTION_HOST_TIME_S' });
  t.throws(() => new StateHistory({ seconds: 0 }), { code: 'OPTION_SECONDS' });
  t.throws(() => new StateHistory({ maxStates: 0 }), { code: 'OPTION_MAX_STATES' });
});
