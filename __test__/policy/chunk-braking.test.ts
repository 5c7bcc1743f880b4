// How the arm comes to rest when a chunk, or its policy, ends the session: on the curve that was played.

import test from 'ava';
import {
  type FrankaControl,
  InvalidActionError,
  type KilohertzError,
  type RobotState,
  Session,
  type Tick,
  type TickRecord,
} from '../../index.ts';
import { setUp } from '../fixtures/arms.ts';
import { chunks } from '../fixtures/chunks.ts';
import { rejection } from '../fixtures/waiting.ts';

const DT_S = 0.02;
const ROWS = 50;

/** Where joints 1, 4 and 6 are, from where they started [rad]: each at a time and a speed of its own. */
const ways: readonly ((timeS: number) => number)[] = [
  (timeS) => 0.2 * (1 - Math.cos(1.6 * timeS)),
  (timeS) => 0.12 * Math.sin(2.3 * timeS) ** 3,
  (timeS) => -0.1 * (1 - Math.cos(2.9 * timeS)),
];
const JOINTS = [0, 3, 5];

function at(start: readonly number[], timeS: number): number[] {
  const action = Array.from(start);
  JOINTS.forEach((joint, nth) => {
    action[joint] = (start[joint] ?? 0) + (ways[nth]?.(timeS) ?? 0);
  });
  return action;
}

/** Whether the last commands let the arm rest. */
function areStill(records: readonly TickRecord[], areVelocities = false): boolean {
  const [before, last] = records.slice(-2).map(({ action }) => action);
  const most = areVelocities ? 1e-4 : 2e-6;
  return Array.from(last ?? []).every(
    (value, slot) => Math.abs(value - (areVelocities ? 0 : (before?.[slot] ?? 0))) < most,
  );
}

/** What comes in place of a chunk, and the code with which it ends the session. */
const ends: Readonly<Record<string, readonly [(actions: number[][]) => unknown, string]>> = {
  'an empty chunk': [() => ({ actions: [], dtS: DT_S }), 'CHUNK_EMPTY'],
  'a chunk with NaN': [
    (actions) => ({
      actions: actions.map((row, nth) => (nth === 9 ? row.map(() => Number.NaN) : row)),
      dtS: DT_S,
    }),
    'ACTION_NOT_FINITE',
  ],
  'a chunk that is too far away': [
    (actions) => ({ actions: actions.map((row) => row.map((q) => q + 0.15)), dtS: DT_S }),
    'CHUNK_SEAM',
  ],
  'a chunk that is too fast': [
    (actions) => ({
      actions: actions.map((row, nth) => row.map((q) => q + (nth % 2) * 0.09)),
      dtS: DT_S,
    }),
    'ACTION_LIMIT',
  ],
  'an answer that is none': [() => 'left', 'ACTION_TYPE'],
  'an error': [
    () => {
      throw new Error('out of memory');
    },
    'POLICY_THREW',
  ],
};

for (const [what, [end, code]] of Object.entries(ends)) {
  test(`after ${what} the arm slows down on the curve that was played`, async (t) => {
    // At a different time of the motion for each.
    const endsAtS = 0.7 + 0.17 * Object.keys(ends).indexOf(what);
    await using setup = await setUp('jointPosition', { lockstep: true });
    let start: number[] | undefined;
    const policy = chunks((state: RobotState, { timeS }: Tick) => {
      start ??= Array.from(state.q_d);
      const rows = Array.from({ length: ROWS }, (_, row) =>
        at(start as number[], timeS + row * DT_S),
      );
      return timeS > endsAtS ? end(rows) : { actions: rows, dtS: DT_S };
    });
    const session = new Session(setup.arm, policy, { warmupS: 0, recordTicks: 10_000 });
    const error = (await rejection(session.run({ durationS: 5 }))) as KilohertzError;
    t.is(error.code, code as never);
    const records = session.takeRecords();
    const from = records.findLastIndex(({ kind }) => kind !== 'rest') + 1;
    const braked = records.slice(from);
    t.true(braked.length > 30, `${braked.length} cycles`);
    // The time of the motion at which the arm is, from where it was: joint 1 tells it.
    let onCurveS = records[from - 1]?.robotTimeS ?? 0;
    const offs = braked.map(({ action }) => {
      const off = (timeS: number): number =>
        Math.max(
          ...at(start as number[], timeS).map((q, joint) => Math.abs(q - (action[joint] ?? 0))),
        );
      while (off(onCurveS + 5e-5) <= off(onCurveS)) onCurveS += 5e-5;
      return off(onCurveS);
    });
    const off = Math.max(...offs);
    t.true(off < 1e-4, `${off} rad off the curve`);
    const way = onCurveS - (records[from - 1]?.robotTimeS ?? 0);
    t.true(way > 0.02, `${way} s of the curve`);
    t.is(setup.simulator.counters().reflexes, 0);
    t.true(areStill(records));
    if (code !== 'ACTION_LIMIT') t.is(session.stats.firstViolation, null);
  });
}

const motions: Record<
  Exclude<FrankaControl, 'jointPosition' | 'torque'>,
  (start: RobotState, timeS: number) => readonly number[]
> = {
  jointVelocity: (_start, timeS) => [0.4 * Math.sin(2 * timeS), 0.2 * timeS, 0, 0, 0, 0, 0],
  jointTarget: ({ q_d }, timeS) => at(Array.from(q_d), timeS),
  cartesianVelocity: (_start, timeS) => [0.05 * timeS, 0.1 * Math.sin(2 * timeS), 0, 0, 0, 0],
  cartesianPose: ({ O_T_EE_c }, timeS) => moved(O_T_EE_c, timeS),
  cartesianTarget: ({ O_T_EE_c }, timeS) => moved(O_T_EE_c, timeS),
};

function moved(pose: Float64Array, timeS: number): number[] {
  const way = 1 - Math.cos(2 * timeS);
  return Array.from(pose, (value, slot) => {
    if (slot === 13) return value + 0.05 * way;
    return slot === 14 ? value + 0.03 * way * way : value;
  });
}

for (const [control, motion] of Object.entries(motions)) {
  test(`a bad chunk brings the arm to rest within its limits with control ${control}`, async (t) => {
    await using setup = await setUp(control as FrankaControl, { lockstep: true });
    let start: RobotState | undefined;
    const policy = chunks((state: RobotState, { timeS }: Tick) => {
      start ??= state.copy();
      const rows = Array.from({ length: ROWS }, (_, row) =>
        motion(start as RobotState, timeS + row * DT_S),
      );
      return { actions: timeS > 0.6 ? [] : rows, dtS: DT_S };
    });
    const session = new Session(setup.arm, policy, { warmupS: 0, recordTicks: 10_000 });
    const error = await rejection(session.run({ durationS: 5 }));
    t.is((error as InvalidActionError).code, 'CHUNK_EMPTY');
    const braked = session.takeRecords().filter(({ kind, tick }) => kind === 'rest' && tick > 600);
    t.true(braked.length > 30, `${braked.length} cycles`);
    t.is(setup.simulator.counters().reflexes, 0);
    t.is(session.stats.firstViolation, null);
    t.true(areStill(braked, control.endsWith('Velocity')));
    if (control !== 'cartesianPose') return;
    // The way is a curve in y and z.
    const { O_T_EE_c } = start as RobotState;
    for (const { action } of braked) {
      const [y = 0, z = 0] = [13, 14].map((slot) => (action[slot] ?? 0) - (O_T_EE_c[slot] ?? 0));
      t.true(Math.abs(z - 0.03 * (y / 0.05) ** 2) < 1e-4, `${y} ${z}`);
    }
  });
}

test('a session that is stopped while the arm slows down comes to rest at once', async (t) => {
  await using setup = await setUp('jointPosition', { lockstep: true });
  let start: number[] | undefined;
  let session: { stop(): Promise<void> } | undefined;
  const policy = chunks((state: RobotState, { timeS }: Tick) => {
    start ??= Array.from(state.q_d);
    const rows = Array.from({ length: ROWS }, (_, row) =>
      at(start as number[], timeS + row * DT_S),
    );
    if (timeS <= 0.9) return { actions: rows, dtS: DT_S };
    void session?.stop();
    return { actions: [], dtS: DT_S };
  });
  const stopped = new Session(setup.arm, policy, { warmupS: 0, recordTicks: 10_000 });
  session = stopped;
  await stopped.run({ durationS: 5 }).catch((error: unknown) => {
    t.true(error instanceof InvalidActionError, `${error}`);
  });
  t.is(setup.simulator.counters().reflexes, 0);
  t.true(areStill(stopped.takeRecords()));
});
