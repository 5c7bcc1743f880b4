// The same program leaves the same records in each run: faults in given cycles, seeded noise, resets, several arms.

import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import {
  Franka,
  FrankaSimulator,
  type FrankaSimulatorOptions,
  type KilohertzError,
  type RobotError,
  type RobotState,
  run,
  Session,
  type SessionOptions,
  type SimulatorFault,
  type TickRecord,
} from '../../index.ts';
import { distance, setUp, turning } from '../fixtures/arms.ts';
import { block, rejection, until } from '../fixtures/waiting.ts';

const NOISE = { seed: 5, q: 1e-5, dq: 1e-3, tau_J: 0.005, tau_ext_hat_filtered: 0.05 };
const START: FrankaSimulatorOptions = { lockstep: true, noise: NOISE };
const QUICK: SessionOptions = { warmupS: 0, recordTicks: 2_000, limits: 'clamp' };

/** A policy that reacts to what is measured: what differs between two runs would grow. */
function reacting(): (state: RobotState) => number[] {
  let from: number[] | undefined;
  return ({ q, dq, tau_ext_hat_filtered }) => {
    from ??= Array.from(q);
    return from.map((wanted, joint) => {
      const off = wanted - (q[joint] ?? 0) + 0.01 * (tau_ext_hat_filtered[joint] ?? 0);
      return 0.05 * off - 0.01 * (dq[joint] ?? 0);
    });
  };
}

const FAULTS: readonly SimulatorFault[] = [
  { kind: 'dropStates', count: 3, atCycle: 60 },
  { kind: 'dropCommands', count: 4, atCycle: 110 },
  { kind: 'push', torquesNm: [0, 1, 0, 0, 0, 0, 0], atCycle: 150 },
  { kind: 'reorderStates', count: 2, atCycle: 200 },
  { kind: 'reflex', error: 'joint_reflex', atCycle: 280 },
];

/** One session with these faults; it ends with the reflex. */
async function episode(simulator: FrankaSimulator, arm: Franka): Promise<readonly TickRecord[]> {
  for (const fault of FAULTS) simulator.inject(fault);
  const session = new Session(arm, reacting(), { ...QUICK, latencyS: { fromS: 0, toS: 0.01 } });
  const error = (await rejection(session.run())) as RobotError;
  if (error.code !== 'FRANKA_REFLEX') throw error;
  return session.takeRecords();
}

async function episodeOf(options: FrankaSimulatorOptions): Promise<readonly TickRecord[]> {
  await using setup = await setUp('jointVelocity', options);
  return await episode(setup.simulator, setup.arm);
}

function isSame(
  t: ExecutionContext,
  one: readonly TickRecord[],
  other: readonly TickRecord[],
): void {
  const differs = one.findIndex((record, nth) => !isDeepStrictEqual(record, other[nth]));
  t.deepEqual(other[differs], one[differs], `record ${differs}`);
  t.is(other.length, one.length);
}

test('faults in given cycles and seeded noise leave the same records in three runs', async (t) => {
  const runs = [await episodeOf(START), await episodeOf(START), await episodeOf(START)];
  const [first = []] = runs;
  // Cycles whose state was lost have no record, and the reflex ends the motion.
  t.true(first.length > 270 && first.length <= 280, `${first.length} records`);
  for (const other of runs) isSame(t, first, other);
  const another = await episodeOf({ ...START, noise: { ...NOISE, seed: 6 } });
  t.notDeepEqual(another, first);
});

test('a move and the sessions after it leave the same records, however long pauses and first answers take', async (t) => {
  const program = async (pauseMs: number): Promise<readonly TickRecord[]> => {
    await using setup = await setUp('jointVelocity', START);
    await setup.arm.moveTo([0.1, -0.7, 0.1, -2.2, 0, 1.6, 0.7]);
    const records: TickRecord[] = [];
    for (const _ of [1, 2]) {
      await sleep(pauseMs);
      const policy = reacting();
      const session = new Session(
        setup.arm,
        (state, { tick }) => {
          if (tick === 0) block(pauseMs);
          return policy(state);
        },
        QUICK,
      );
      await session.run({ durationS: 0.2 });
      records.push(...session.takeRecords());
    }
    return records;
  };
  const first = await program(0);
  t.true(first.length >= 400, `${first.length}`);
  for (const pauseMs of [20, 150]) isSame(t, first, await program(pauseMs));
});

test('a reset begins an episode like a new simulator does, over the same connection', async (t) => {
  const q = [0.2, -0.6, 0.1, -2.2, 0.1, 1.7, 0.6] as const;
  const expected = await episodeOf({ ...START, q, noise: { ...NOISE, seed: 40 } });
  await using setup = await setUp('jointVelocity', START);
  const { simulator, arm } = setup;
  const first = await episode(simulator, arm);
  for (const _ of [1, 2]) {
    simulator.reset({ q, seed: 40 });
    t.is(distance(simulator.joints().q, q), 0);
    t.is((await arm.state()).robot_mode, 'Idle', 'the reflex is over, without recover()');
    isSame(t, expected, await episode(simulator, arm));
  }
  simulator.reset();
  isSame(t, first, await episode(simulator, arm));
  t.is(simulator.counters().clients, 1);
});

test('a reset is refused by name while the arm moves, and for what cannot be', async (t) => {
  await using setup = await setUp('jointVelocity', { lockstep: true, objectWidthM: 0.03 });
  const { simulator, arm } = setup;
  const session = new Session(arm, turning, { warmupS: 0 });
  const running = session.run();
  await until(() => simulator.counters().commandsReceived > 20, '20 commands');
  const busy = t.throws(() => simulator.reset()) as KilohertzError;
  t.is(busy.code, 'SIM_BUSY');
  t.regex(busy.message, /the arm is in a motion; end that first/);
  await session.stop();
  await running;
  for (const [options, code] of [
    [{ q: [0, 0, 0, 2, 0, 0, 0] }, 'SIM_OPTION'],
    [{ q: [0] }, 'OPTION_Q'],
    [{ objectWidthM: 1 }, 'OPTION_OBJECT_WIDTH_M'],
    [{ seed: -1 }, 'OPTION_SEED'],
    [{ seed: 0.5 }, 'OPTION_SEED'],
  ] as const) {
    const refused = t.throws(() => simulator.reset(options as object)) as KilohertzError;
    t.is(refused.code as string, code);
  }
  simulator.removeObject();
  simulator.reset();
  t.is(simulator.fingers().objectWidthM, 0.03);
  simulator.reset({ objectWidthM: 0.05 });
  t.is(simulator.fingers().objectWidthM, 0.05);
});

test('four simulators side by side do what each of them does alone', async (t) => {
  const seeds = [0, 1, 2, 3];
  const options = (seed: number) => ({ ...START, noise: { ...NOISE, seed } });
  const alone: (readonly TickRecord[])[] = [];
  for (const seed of seeds) alone.push(await episodeOf(options(seed)));
  const together = await Promise.all(seeds.map((seed) => episodeOf(options(seed))));
  for (const seed of seeds) isSame(t, alone[seed] ?? [], together[seed] ?? []);
  t.notDeepEqual(alone[0], alone[1]);
});

test('a fault of a cycle is refused where it cannot wait, and counted where the cycle does not come', async (t) => {
  await using setup = await setUp('jointVelocity', { lockstep: true });
  const { simulator, arm } = setup;
  for (const [fault, code] of [
    [{ kind: 'rejectConnect', version: 3, atCycle: 5 }, 'SIM_FAULT'],
    [{ kind: 'handDie', atCycle: 5 }, 'SIM_FAULT'],
    [{ kind: 'die', atCycle: -1 }, 'OPTION_AT_CYCLE'],
    [{ kind: 'die', atCycle: 0.5 }, 'OPTION_AT_CYCLE'],
    [{ kind: 'die', atCycle: '5' }, 'OPTION_AT_CYCLE'],
    [{ kind: 'reflex', error: 'bad_mood', atCycle: 5 }, 'SIM_FAULT'],
  ] as const) {
    const refused = t.throws(() => simulator.inject(fault as never)) as KilohertzError;
    t.is(refused.code as string, code, JSON.stringify(fault));
  }
  simulator.inject({ kind: 'dropCommands', count: 1, atCycle: 20 });
  simulator.inject({ kind: 'die', atCycle: 5_000 });
  let refused: KilohertzError | undefined;
  await run(
    arm,
    (state, tick) => {
      if (tick.tick === 60) {
        refused = t.throws(() =>
          simulator.inject({ kind: 'die', atCycle: 30 }),
        ) as unknown as KilohertzError;
      }
      return turning(state, tick);
    },
    { warmupS: 0, durationS: 0.2 },
  );
  t.is(refused?.code, 'SIM_FAULT');
  t.regex(refused?.message ?? '', /cycle 30; expected a cycle after 60, which/);
  const { faultsAtCycles, faultsMissed, commandsLost } = simulator.counters();
  t.deepEqual(
    { faultsAtCycles, faultsMissed, commandsLost },
    {
      faultsAtCycles: 1,
      faultsMissed: 1,
      commandsLost: 1,
    },
  );
});

test('noise that is none, and a model library that cannot be served, are refused by name', async (t) => {
  const missing = new URL('file:///nowhere/library.so');
  for (const [options, code, message] of [
    [{ noise: { q: 0.02 } }, 'OPTION_NOISE_Q', /0 to 0.01 rad/],
    [{ noise: { dq: [0, 0, 0, 0, 0, 0, -1] } }, 'OPTION_NOISE_DQ', /0 to 0.5 rad\/s/],
    [{ noise: { tau_J: [1] } }, 'OPTION_NOISE_TAU_J', /7 finite numbers/],
    [{ noise: { tau_J: 'much' } }, 'OPTION_NOISE_TAU_J', /7 finite numbers/],
    [{ noise: { seed: 0.5 } }, 'OPTION_NOISE_SEED', /whole number/],
    [{ noise: { seeds: 1 } }, 'OPTION_UNKNOWN', /nearest is seed/],
    [
      { generation: 'fer', modelLibrary: missing },
      'SIM_MODEL_LIBRARY',
      /nowhere\/library.so is not readable/,
    ],
    [{ generation: 'fer', modelLibrary: import.meta.filename }, 'SIM_MODEL_LIBRARY', /not an ELF/],
    [
      { generation: 'fer', modelLibrary: new URL('https://host/a.so') },
      'OPTION_MODEL_LIBRARY',
      /file: URL/,
    ],
    [{ generation: 'fer', modelLibrary: 7 }, 'OPTION_MODEL_LIBRARY', /path/],
    [{ modelLibrary: missing }, 'SIM_OPTION', /FR3/],
  ] as const) {
    const refused = (await rejection(FrankaSimulator.start(options as object))) as KilohertzError;
    t.is(refused.code as string, code, JSON.stringify(options));
    t.regex(refused.message, message);
  }
});

test('in lockstep a move and a policy are faster than time', async (t) => {
  await using simulator = await FrankaSimulator.start({ lockstep: true });
  await using arm = await Franka.connect(simulator.address);
  const ratios: Record<string, number> = {};
  const time = async (what: string, work: () => Promise<{ readonly iterations: number }>) => {
    const began = performance.now();
    const { iterations } = await work();
    ratios[what] = iterations / (performance.now() - began);
  };
  const { q_d } = await arm.state();
  const goal = Array.from(q_d, (q) => q + 0.3);
  await time('moveTo()', () => arm.moveTo(goal, { speed: 0.02 }));
  await time('a function', () =>
    run(arm, () => [0, 0, 0, 0, 0, 0, 0], { warmupS: 0, durationS: 10 }),
  );
  t.log(ratios);
  // About 20 and 10 on an idle machine; benches/README.md has what was measured.
  t.true((ratios['moveTo()'] ?? 0) > 2, `${ratios['moveTo()']}`);
  t.true((ratios['a function'] ?? 0) > 1, `${ratios['a function']}`);
});
