// aiofranka's native controller against our simulated FR3.

import type { ExecutionContext } from 'ava';
import type { FrankaSimulator } from '../../../index.ts';
import { distance, REST, speed, WALL } from '../../fixtures/arms.ts';
import {
  areReached,
  isCommanded,
  type Leg,
  type Stranger,
  stranger,
} from '../../fixtures/strangers.ts';

const { test, drive }: Stranger = await stranger(import.meta.dirname);
const LOCKSTEP = { lockstep: true };
/**
 * How far from its target each joint may end [rad]: `arrival_tolerance`, by which the controller calls itself arrived.
 * For the end effector it states none; 2 cm is how far that angle moves it at two thirds of a metre.
 */
const TOLERANCE = { rad: 0.03, m: 0.02 };

interface Moved {
  readonly legs: readonly Leg[];
}

/** Each joint arrived, and the motion was stopped, which is how this controller ends it. */
function arrived(
  t: ExecutionContext,
  { legs }: Moved,
  simulator: FrankaSimulator,
  lockstep: boolean,
): void {
  areReached(t, legs, TOLERANCE);
  // What holds the arm after the stop is the arm itself.
  t.true(distance(simulator.joints().q, legs.at(-1)?.target ?? []) < TOLERANCE.rad);
  t.true(speed(simulator) < REST);
  isCommanded(t, simulator, lockstep);
  const { motionsStarted, motionsFinished, motionsAborted } = simulator.counters();
  t.deepEqual([motionsStarted, motionsFinished, motionsAborted], [1, 0, 1]);
}

test('aiofranka moves the joints to a place by the wall clock', async (t) => {
  await drive<Moved>('move', WALL, (seen, simulator) => {
    arrived(t, seen, simulator, false);
  });
});

test('aiofranka leads the joints with springs', async (t) => {
  await drive<Moved>('impedance', LOCKSTEP, (seen, simulator) => {
    arrived(t, seen, simulator, true);
  });
});

test('aiofranka leads the end effector with a spring in space', async (t) => {
  interface Space extends Moved {
    readonly poses: readonly {
      readonly target: readonly number[];
      readonly at: readonly number[];
    }[];
  }
  await drive<Space>('osc', LOCKSTEP, (seen, simulator) => {
    t.is(seen.poses.length, 2);
    for (const { target, at } of seen.poses) {
      t.true(distance(at, target) < TOLERANCE.m, `${at} instead of ${target}`);
    }
    arrived(t, seen, simulator, true);
  });
});

test('aiofranka records every cycle of a move', async (t) => {
  interface Recorded extends Moved {
    readonly rows: number;
    readonly dropped: number;
    readonly steps: readonly number[];
    readonly echoed: number;
  }
  await drive<Recorded>('record', LOCKSTEP, (seen, simulator) => {
    arrived(t, seen, simulator, true);
    t.is(seen.dropped, 0);
    t.true(seen.rows > 500, `${seen.rows}`);
    // One millisecond after the other, and each shows the torques that the last command asked for.
    t.deepEqual(seen.steps, [1]);
    t.true(seen.echoed < 1e-4, `${seen.echoed} N m`);
  });
});
