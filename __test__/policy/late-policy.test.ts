import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import {
  type BehindEvent,
  type FrankaControl,
  InvalidActionError,
  type LateEvent,
  OptionRangeError,
  OptionTypeError,
  PolicyLateError,
  type RobotState,
  Session,
  type Tick,
} from '../../index.ts';
import { distance, REST, setUp, speed, WALL } from '../fixtures/arms.ts';
import { Scribe } from '../fixtures/robots.ts';
import { rejection, until, warningsDuring } from '../fixtures/waiting.ts';

type Start = (state: RobotState) => number[];

const zeros = (length: number): number[] => new Array<number>(length).fill(0);

/** What asks for nothing in each mode, how far off a first answer is, and in which slot. */
const FIRST: readonly (readonly [FrankaControl, Start, slot: number, off: number])[] = [
  ['jointPosition', ({ q_d }) => [...q_d], 0, 0.3],
  ['cartesianPose', ({ O_T_EE_c }) => [...O_T_EE_c], 13, 0.3],
  ['jointVelocity', () => zeros(7), 0, 0.5],
  ['cartesianVelocity', () => zeros(6), 1, 0.5],
  ['torque', () => zeros(7), 0, 5],
];

for (const [control, still, slot, off] of FIRST) {
  test(`a first answer that asks too much is refused however late it comes, by ${control}`, async (t) => {
    for (const afterMs of [undefined, 0, 1, 3, 10, 40]) {
      await using setup = await setUp(control, afterMs === undefined ? { lockstep: true } : WALL);
      const answer = (state: RobotState): number[] => {
        const action = still(state);
        action[slot] = (action[slot] ?? 0) + off;
        return action;
      };
      const policy = (state: RobotState): number[] | Promise<number[]> => {
        const action = answer(state);
        return afterMs === undefined ? action : sleep(afterMs).then(() => action);
      };
      const session = new Session(setup.arm, policy, { warmupS: 0 });
      const error = (await rejection(session.run({ durationS: 30 }))) as InvalidActionError;
      t.true(error instanceof InvalidActionError, `${afterMs} ms: ${error}`);
      t.is(error.code, 'ACTION_LIMIT');
      t.true(distance(setup.simulator.joints().q, setup.start) < 2e-3, 'the arm has not moved');
      t.is(setup.simulator.counters().reflexes, 0);
    }
  });
}

test('positions that zigzag are refused however late they come', async (t) => {
  for (const afterMs of [0, 2, 7]) {
    await using setup = await setUp('jointPosition', WALL);
    const { arm, start, simulator } = setup;
    const policy = async (_: RobotState, { tick }: Tick): Promise<number[]> => {
      await sleep(afterMs);
      const way = tick < 200 ? 0 : 2e-3 * (Math.floor(tick / 10) % 2 === 0 ? 1 : -1);
      return start.map((rad, joint) => (joint === 0 ? rad + way : rad));
    };
    const session = new Session(arm, policy, { warmupS: 0, maxHeldTicks: 100 });
    const error = (await rejection(session.run({ durationS: 30 }))) as InvalidActionError;
    t.is(error.code, 'ACTION_LIMIT', `${error}`);
    t.true(distance(simulator.joints().q, start) < 0.01);
  }
});

test('a smooth policy is not blamed for being late', async (t) => {
  for (const control of ['jointPosition', 'jointVelocity', 'torque'] as const) {
    await using setup = await setUp(control, WALL);
    const { arm, start, simulator } = setup;
    let calls = 0;
    const policy = async (_: RobotState, { timeS }: Tick): Promise<number[]> => {
      calls += 1;
      if (calls % 10 === 0) await sleep((calls % 7) + 1);
      const phase = 2 * timeS;
      if (control === 'torque') return [2 * Math.sin(phase), ...zeros(6)];
      if (control === 'jointVelocity') return [0.2 * Math.sin(phase), ...zeros(6)];
      return start.map((rad) => rad + 0.05 * (1 - Math.cos(phase)));
    };
    const session = new Session(arm, policy, { warmupS: 0 });
    const stats = await session.run({ durationS: 1.5 });
    t.is(stats.firstViolation, null, control);
    t.true(stats.lateActions > 10, `${stats.lateActions}`);
    t.true(stats.followedCommands > 0);
    t.is(stats.droppedAnswers, 0);
    t.is(simulator.counters().reflexes, 0);
  }
});

/** A swing of joint 1 by positions, which has nothing new for a while, half-way. */
function interrupted(start: readonly number[]) {
  return (_: RobotState, { timeS }: Tick): number[] | undefined => {
    if (timeS > 0.5 && timeS < 1.2) return undefined;
    const way = 0.1 * (1 - Math.cos(3 * timeS));
    return start.map((rad, joint) => (joint === 0 ? rad + way : rad));
  };
}

const INTERRUPTED = { warmupS: 0, deadlineS: 0.9e-3, maxHeldTicks: 2000, catchUpS: 0.01 } as const;

test('an arm that is behind its policy for too long tells how far it is off', async (t) => {
  await using setup = await setUp('jointPosition');
  const { arm, simulator, start } = setup;
  const told: BehindEvent[] = [];
  const session = new Session(arm, interrupted(start), INTERRUPTED);
  session.on('behind', (event) => void told.push(event));
  const running = session.run();
  await until(() => session.stepCount > 3000 || !session.isRunning, '3000 cycles');
  await session.stop();
  const stats = await running;
  const [event] = told;
  t.like(event, { field: 'q', index: 0, unit: 'rad' });
  t.true((event?.distance ?? 0) > 0.02 && (event?.distance ?? 0) < 0.3, `${event?.distance}`);
  t.true((event?.tick ?? 0) > 1200 && (event?.tick ?? 0) < 1600, `${event?.tick}`);
  t.true(stats.followedCommands > 10);
  t.is(stats.firstViolation, null);
  t.is(simulator.counters().reflexes, 0);
});

test("with onLate: 'stop' being behind for too long ends the session, at rest", async (t) => {
  await using setup = await setUp('jointPosition');
  const { arm, simulator, start } = setup;
  const session = new Session(arm, interrupted(start), { ...INTERRUPTED, onLate: 'stop' });
  const error = (await rejection(session.run({ durationS: 30 }))) as PolicyLateError;
  t.true(error instanceof PolicyLateError, String(error));
  t.is(error.code, 'POLICY_BEHIND');
  t.regex(error.message, /after 0\.01 s the arm is still 0\.\d+ rad away from .* at q\[0\]/);
  t.regex(error.message, /catchUpS/);
  t.true(speed(simulator) < REST);
  t.is(simulator.counters().reflexes, 0);
});

test('a policy that is often late is told once, in words, by an event and a warning', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const told: LateEvent[] = [];
  const slow = async (): Promise<number[]> => {
    await sleep(55);
    return zeros(7);
  };
  const session = new Session(setup.arm, slow, { warmupS: 0, rateHz: 30 });
  session.on('late', (event) => void told.push(event));
  const warnings = await warningsDuring(async () => void (await session.run({ durationS: 4.5 })));
  t.is(told.length, 1);
  const [{ tookS, periodS } = { tookS: 0, periodS: 0 }] = told;
  t.is(periodS, 1 / 30);
  t.true(tookS > 0.05 && tookS < 1, `${tookS}`);
  const late = warnings.filter((warning) => Reflect.get(warning, 'code') === 'KILOHERTZ_LATE');
  t.is(late.length, 1);
  t.regex(
    late[0]?.message ?? '',
    /^the policy took \d+ ms of its 33 ms period: .*rateHz.*InferenceThread/,
  );
});

test('a policy that answers in time is not told that it is late, with nothing new neither', async (t) => {
  // In lockstep, where an answer is in time whatever else the machine does.
  await using setup = await setUp('jointVelocity');
  const policy = (_: RobotState, { tick }: Tick): number[] | undefined =>
    tick % 500 === 0 ? zeros(7) : undefined;
  const session = new Session(setup.arm, policy, { warmupS: 0, rateHz: 50 });
  session.on('late', (event) => t.fail(JSON.stringify(event)));
  const warnings = await warningsDuring(async () => void (await session.run({ durationS: 2.5 })));
  t.is(session.stats.lateActions, 0);
  t.true(session.stats.emptyAnswers > 100, 'more than one window of lateness');
  t.false(warnings.some((warning) => Reflect.get(warning, 'code') === 'KILOHERTZ_LATE'));
});

test('catchUpS is above 0 and up to an hour, and for arms alone', async (t) => {
  await using setup = await setUp();
  const make = (catchUpS: unknown) => () =>
    new Session(setup.arm, () => zeros(7), { catchUpS: catchUpS as number });
  for (const wrong of [0, -1, 3600.1, Number.NaN, Number.POSITIVE_INFINITY]) {
    t.throws(make(wrong), { instanceOf: OptionRangeError, code: 'OPTION_CATCH_UP_S' });
  }
  for (const wrong of ['3', null, 3n]) {
    t.throws(make(wrong), { instanceOf: OptionTypeError, code: 'OPTION_CATCH_UP_S' });
  }
  for (const right of [1e-3, 3600, undefined]) t.notThrows(make(right));
  t.throws(() => new Session(new Scribe(), () => 1, { catchUpS: 3 }), {
    instanceOf: OptionTypeError,
    code: 'OPTION_CATCH_UP_S',
  });
});
