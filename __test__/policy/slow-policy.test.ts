import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import {
  type FrankaSimulator,
  OptionRangeError,
  OptionTypeError,
  type RobotState,
  run,
  Session,
  type SessionOptions,
  type SessionStats,
  type Tick,
  workerPolicy,
} from '../../index.ts';
import { distance, isRested, setUp, WALL } from '../fixtures/arms.ts';

/** The whole period for the answer: these tests are of something else than lateness. */
const patient = (rateHz: number): SessionOptions => ({ rateHz, warmupS: 0, deadlineS: 1 / rateHz });

function undisturbed(t: ExecutionContext, simulator: FrankaSimulator, stats: SessionStats): void {
  isRested(t, simulator, 1);
  t.is(stats.firstViolation, null);
}

/** That the policy was asked at its rate, and the loop ran at the arm's. */
function rated(t: ExecutionContext, stats: SessionStats, rateHz: number, durationS: number): void {
  t.is(stats.targetPeriodS, 1e-3);
  // A thousand a second, less what a loaded machine does not give to the simulator.
  t.true(stats.iterations + stats.missedTicks >= 500 * durationS);
  t.true(stats.policyAsks <= rateHz * durationS + 2, `${stats.policyAsks}`);
  t.true(stats.policyAsks >= 0.7 * rateHz * durationS, `${stats.policyAsks}`);
  t.true(stats.policyAnswers <= stats.policyAsks);
  t.true(stats.policyAnswers >= 0.7 * stats.policyAsks, `${stats.policyAnswers}`);
  t.true(stats.policyRateHz > 0.5 * rateHz && stats.policyRateHz < 1.05 * rateHz);
  t.true(stats.lateActions <= stats.policyAsks);
}

/** Moves all joints by 0.1 rad and stays, in the policy's own time. */
function glide(start: readonly number[], control: string) {
  const seen: Tick[] = [];
  const policy = (_: RobotState, tick: Tick): number[] => {
    seen.push({ ...tick });
    const phase = Math.PI * Math.min(1, tick.timeS / 1.2);
    const way = 0.05 * (1 - Math.cos(phase));
    const velocity = ((0.05 * Math.PI) / 1.2) * Math.sin(phase);
    return start.map((from) => (control === 'jointVelocity' ? velocity : from + way));
  };
  return { policy, seen, target: start.map((from) => from + 0.1) };
}

for (const control of ['jointVelocity', 'jointPosition', 'jointTarget'] as const) {
  test(`a policy at 50 Hz moves an arm by ${control} without breaking a limit`, async (t) => {
    await using setup = await setUp(control, WALL);
    const { policy, seen, target } = glide(setup.start, control);
    const stats = await run(setup.arm, policy, { ...patient(50), durationS: 2 });
    undisturbed(t, setup.simulator, stats);
    rated(t, stats, 50, 2);
    // Velocities that came late are missing from the way.
    const off = distance(setup.simulator.joints().q, target);
    t.true(off < 0.005 + (control === 'jointVelocity' ? 0.003 * stats.lateActions : 0), `${off}`);
    for (const { timeS, periodS } of seen) {
      t.true(Math.abs(timeS * 50 - Math.round(timeS * 50)) < 1e-6, `${timeS}`);
      t.true(periodS === 0 || Math.abs(periodS * 50 - Math.round(periodS * 50)) < 1e-6);
    }
    t.is(seen[0]?.timeS, 0);
    t.is(seen[0]?.periodS, 0);
  });
}

test('targets in steps of 0.1 rad, 30 times a second, are reached in one smooth motion', async (t) => {
  await using setup = await setUp('jointTarget', WALL);
  const { start, simulator } = setup;
  let fastest = 0;
  const policy = (state: RobotState, { timeS }: Tick): number[] => {
    fastest = Math.max(fastest, Math.abs(state.dq_d[0] ?? 0));
    const steps = Math.min(6, Math.round(timeS * 30) + 1);
    return start.map((from, joint) => (joint === 0 ? from + 0.1 * steps : from));
  };
  const stats = await run(setup.arm, policy, { ...patient(30), durationS: 2.5 });
  undisturbed(t, simulator, stats);
  rated(t, stats, 30, 2.5);
  t.true(Math.abs((simulator.joints().q[0] ?? 0) - (start[0] ?? 0) - 0.6) < 0.003);
  t.true(fastest < 1.32 && fastest > 0.3, `${fastest}`);
});

test('a smaller budget makes the motion to a target slower', async (t) => {
  const fastest: number[] = [];
  for (const velocityShare of [0.05, 0.2]) {
    await using setup = await setUp('jointTarget', WALL);
    const { start, simulator } = setup;
    let most = 0;
    const policy = (state: RobotState): number[] => {
      most = Math.max(most, Math.abs(state.dq_d[0] ?? 0));
      return start.map((from) => from + 0.15);
    };
    const options = { ...patient(50), targetBudget: { velocityShare }, durationS: 1 };
    undisturbed(t, simulator, await run(setup.arm, policy, options));
    fastest.push(most);
  }
  const [slow = 0, fast = 0] = fastest;
  t.true(slow <= 0.05 * 2.62 + 1e-6 && slow > 0.1, `${slow}`);
  t.true(fast <= 0.2 * 2.62 + 1e-6 && fast > 2 * slow, `${fast}`);
});

test('a policy that promises its answer may take as long as its deadline says', async (t) => {
  await using setup = await setUp('jointPosition', WALL);
  const { policy, target } = glide(setup.start, 'jointPosition');
  const slow = async (state: RobotState, tick: Tick): Promise<number[]> => {
    await sleep(12);
    return policy(state, tick);
  };
  const stats = await run(setup.arm, slow, { ...patient(20), durationS: 2.2 });
  undisturbed(t, setup.simulator, stats);
  rated(t, stats, 20, 2.2);
  t.true(stats.lateActions <= 0.5 * stats.policyAsks, `${stats.lateActions}`);
  t.true(distance(setup.simulator.joints().q, target) < 0.005);
});

test('a policy slower than its own rate is late once a question, and the arm gets there', async (t) => {
  await using setup = await setUp('jointTarget', WALL);
  const { start, simulator } = setup;
  const target = start.map((from) => from + 0.1);
  const slow = async (): Promise<number[]> => {
    await sleep(60);
    return target;
  };
  const options = { rateHz: 50, warmupS: 0, maxHeldTicks: 500, durationS: 2 };
  const stats = await run(setup.arm, slow, options);
  undisturbed(t, simulator, stats);
  t.true(stats.lateActions > 0.4 * stats.policyAsks);
  t.true(stats.lateActions <= stats.policyAsks);
  t.true(stats.policyAnswers < 0.6 * stats.policyAsks);
  t.true(distance(simulator.joints().q, target) < 0.003);
});

test('a policy in a worker runs at a rate of its own', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  type Policies = typeof import('../fixtures/policies.ts');
  const url = new URL('../fixtures/policies.ts', import.meta.url);
  const policy = workerPolicy<Policies, 'swing'>(url, { export: 'swing', args: [0.2] });
  const stats = await run(setup.arm, policy, { ...patient(33.3), durationS: 2 });
  undisturbed(t, setup.simulator, stats);
  rated(t, stats, 33.3, 2);
  const moved = (setup.simulator.joints().q[0] ?? 0) - (setup.start[0] ?? 0);
  t.true(Math.abs(moved) > 1e-3, 'it moved');
});

test('wrong budgets are refused', async (t) => {
  await using setup = await setUp('jointTarget');
  const wrong: readonly [unknown, typeof OptionRangeError | typeof OptionTypeError, string][] = [
    [null, OptionTypeError, 'OPTION_TYPE'],
    [{ velocity: 1 }, OptionTypeError, 'OPTION_UNKNOWN'],
    [{ velocityShare: 0 }, OptionRangeError, 'OPTION_TARGET_BUDGET_VELOCITY_SHARE'],
    [{ accelerationShare: 1.1 }, OptionRangeError, 'OPTION_TARGET_BUDGET_ACCELERATION_SHARE'],
    [{ jerkShare: '0.1' }, OptionTypeError, 'OPTION_TARGET_BUDGET_JERK_SHARE'],
    [{ jerkShare: Number.NaN }, OptionRangeError, 'OPTION_TARGET_BUDGET_JERK_SHARE'],
  ];
  for (const [targetBudget, instanceOf, code] of wrong) {
    const options = { targetBudget } as SessionOptions;
    t.throws(() => new Session(setup.arm, () => undefined, options), { instanceOf, code });
  }
});
