import { isDeepStrictEqual } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import {
  type AnyPolicy,
  type JointVector,
  processPolicy,
  type RobotState,
  Session,
  type SessionOptions,
  type SessionStats,
  type TickRecord,
  workerPolicy,
} from '../../index.ts';
import { checkOptions } from '../../lib/session/options.ts';
import { setUp, WALL } from '../fixtures/arms.ts';
import { dawdle } from '../fixtures/policies.ts';
import { WITHOUT_NUMPY } from '../fixtures/python.ts';

type Policies = typeof import('../fixtures/policies.ts');
type ArmPolicy = AnyPolicy<RobotState, JointVector>;

const NODE = new URL('../fixtures/policies.ts', import.meta.url);
const PYTHON = new URL('../fixtures/policies.py', import.meta.url);
const DURATION_S = 0.5;

interface KilohertzThrown extends Error {
  readonly code: string;
}

/** What a run left behind: its records, its numbers and where the arm was commanded to be. */
interface Run {
  readonly records: readonly TickRecord[];
  readonly counts: Pick<
    SessionStats,
    'iterations' | 'policyAnswers' | 'lateActions' | 'heldCommands' | 'followedCommands'
  >;
  readonly q_d: readonly number[];
}

async function run(policy: ArmPolicy, options: SessionOptions = {}): Promise<Run> {
  await using setup = await setUp('jointVelocity', { lockstep: true });
  const session = new Session(setup.arm, policy, { warmupS: 0, recordTicks: 2_000, ...options });
  const { iterations, policyAnswers, lateActions, heldCommands, followedCommands } =
    await session.run({ durationS: DURATION_S });
  return {
    records: session.takeRecords(),
    counts: { iterations, policyAnswers, lateActions, heldCommands, followedCommands },
    q_d: Array.from((await setup.arm.state()).q_d),
  };
}

/** Runs three times, asserts that all are the same to the bit, and returns one of them. */
async function thrice(
  t: ExecutionContext,
  policy: (nth: number) => ArmPolicy,
  options = {},
): Promise<Run> {
  const runs: Run[] = [];
  for (const nth of [0, 1, 2]) runs.push(await run(policy(nth), options));
  const [first, ...others] = runs as [Run, ...Run[]];
  for (const other of others) {
    t.deepEqual(other.counts, first.counts);
    const differs = other.records.findIndex(
      (record, nth) => !isDeepStrictEqual(record, first.records[nth]),
    );
    t.deepEqual(other.records[differs], first.records[differs], `record ${differs}`);
    t.is(other.records.length, first.records.length);
    t.deepEqual(other.q_d, first.q_d);
  }
  return first;
}

/** The pauses of a policy differ from run to run, and are longer than its deadline [ms]. */
const pauses = (nth: number): number => [3, 11, 24][nth] ?? 3;

const places: Record<string, (nth: number) => ArmPolicy> = {
  'a function': (nth) => dawdle(pauses(nth)),
  'a function that returns promises': (nth) => {
    const policy = dawdle(pauses(nth));
    return async (state, tick) => policy(state, tick);
  },
  'a worker': (nth) =>
    workerPolicy<Policies, 'dawdle'>(NODE, { export: 'dawdle', args: [pauses(nth)] }),
  'a process of Node': (nth) =>
    processPolicy<Policies, 'dawdle'>(NODE, { export: 'dawdle', args: [pauses(nth)] }),
  'a process of Python': (nth) =>
    processPolicy(PYTHON, { export: 'dawdle', args: [pauses(nth)], env: WITHOUT_NUMPY }),
};

for (const [place, policy] of Object.entries(places)) {
  test(`in lockstep ${place} is waited for, and three runs are the same to the bit`, async (t) => {
    const { counts, records } = await thrice(t, policy);
    // The duration is the arm's, and one cycle ends the motion or more, until it rests.
    t.true(counts.iterations > DURATION_S * 1000, `${counts.iterations}`);
    t.is(counts.policyAnswers, DURATION_S * 1000);
    t.is(counts.lateActions, 0);
    t.is(records[400]?.timeS, 0.4);
  });
}

test("a latency of the arm's clock makes the same answers late in each run, without waiting", async (t) => {
  const latencyS = { fromS: 0.002, toS: 0.03, seed: 7 };
  const began = performance.now();
  const { counts } = await thrice(t, (nth) => dawdle(pauses(nth)), { latencyS });
  t.log(`${((performance.now() - began) / 3).toFixed()} ms a run`);
  t.true(counts.lateActions > 300 && counts.heldCommands > 100 && counts.followedCommands > 5);
  const { counts: others } = await run(dawdle(3), { latencyS: { ...latencyS, seed: 8 } });
  t.notDeepEqual(others, counts);
});

test('a slow policy in lockstep is late only by its latency', async (t) => {
  const slow: ArmPolicy = (state, tick) => dawdle(24)(state, tick);
  const inTime = await run(slow, { rateHz: 50, latencyS: 0.01 });
  t.is(inTime.counts.lateActions, 0);
  const late = await run(slow, { rateHz: 50, latencyS: 0.0101 });
  t.is(late.counts.lateActions, late.counts.policyAnswers);
});

test('lateness by the wall clock counts where lockstep is turned off, or the simulator does not wait', async (t) => {
  for (const [simulation, options] of [
    [{ ...WALL, lockstep: true }, { lockstep: false }],
    [WALL, {}],
  ] as const) {
    await using setup = await setUp('jointVelocity', simulation);
    const session = new Session(setup.arm, dawdle(24), { warmupS: 0, ...options });
    const stats = await session.run({ durationS: DURATION_S });
    t.true(stats.lateActions > 0);
  }
});

test('an arm on another machine is not driven in lockstep', (t) => {
  const arm = { rateHz: 1000, targetJerkShare: undefined, maxDistanceRad: 0.1 };
  const elsewhere = { ...arm, isInLockstep: false, isLocal: false };
  const made = () => checkOptions({ lockstep: true }, elsewhere);
  t.is(t.throws<KilohertzThrown>(made)?.code, 'OPTION_LOCKSTEP');
  t.true(checkOptions({ lockstep: true }, { ...elsewhere, isLocal: true }).native.lockstep);
  t.false(checkOptions({}, elsewhere).native.lockstep);
});

test('what cannot be in lockstep is refused by name', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  for (const [options, code] of [
    [{ latencyS: 0.1 }, 'OPTION_LATENCY_S'],
    [{ lockstep: 'yes' }, 'OPTION_LOCKSTEP'],
    [{ lockstep: true, latencyS: -1 }, 'OPTION_LATENCY_S'],
    [{ lockstep: true, latencyS: { fromS: 1, toS: 0.5 } }, 'OPTION_LATENCY_S_TO_S'],
    [{ lockstep: true, latencyS: { from: 1 } }, 'OPTION_UNKNOWN'],
  ] as const) {
    const made = () => new Session(setup.arm, () => [0, 0, 0, 0, 0, 0, 0], options as object);
    const refused = t.throws<KilohertzThrown>(made, undefined, JSON.stringify(options));
    t.is(refused?.code, code);
  }
  const robot = { reset: () => {}, observe: () => 0, act: () => {}, stop: () => {} };
  const ofJavaScript = () => new Session(robot, () => 0, { lockstep: true });
  t.is(t.throws<KilohertzThrown>(ofJavaScript)?.code, 'OPTION_LOCKSTEP');
});
