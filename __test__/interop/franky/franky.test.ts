// franky, a library of motions on top of libfranka, against our simulated FR3.

import type { FrankaSimulator } from '../../../index.ts';
import { distance, isRested, WALL } from '../../fixtures/arms.ts';
import {
  areOpened,
  areReached,
  isCommanded,
  type Leg,
  type Stranger,
  stranger,
  type Width,
} from '../../fixtures/strangers.ts';
import { until } from '../../fixtures/waiting.ts';

const { test, drive }: Stranger = await stranger(import.meta.dirname);
const LOCKSTEP = { lockstep: true };
/** How far joints, end effector and fingers may end from where they were sent: franky's own integration tests. */
const TOLERANCE = { rad: 0.03, m: 0.025 };
const WIDTH = 0.005;
/** A torque at joint 2 that the end effector feels as a force of some 20 N [N m]. */
const PUSH = [0, 8, 0, 0, 0, 0, 0];

interface Moved {
  readonly legs: readonly Leg[];
}

for (const { clock, options } of [
  { clock: 'in lockstep', options: LOCKSTEP },
  { clock: 'by the wall clock', options: WALL },
]) {
  test(`franky moves the joints by positions and velocities ${clock}`, async (t) => {
    await drive<Moved & { turned: number[] }>('joint', options, ({ legs, turned }, simulator) => {
      areReached(t, legs, TOLERANCE);
      // The velocities cancel each other.
      areReached(t, [{ target: legs.at(-1)?.q ?? [], q: turned }], TOLERANCE);
      t.true(distance(simulator.joints().q, turned) < 1e-4);
      isCommanded(t, simulator, options === LOCKSTEP);
      isRested(t, simulator, 4);
    });
  });
}

test('franky moves the end effector by poses and twists', async (t) => {
  await drive<Moved & { drifted: number[] }>(
    'cartesian',
    LOCKSTEP,
    ({ legs, drifted }, simulator) => {
      areReached(t, [...legs, { target: legs.at(-1)?.pose ?? [], pose: drifted }], TOLERANCE);
      t.is(legs.length, 7);
      isCommanded(t, simulator);
      isRested(t, simulator, 9);
    },
  );
});

test('franky holds the arm with springs of its own at the joints and in space', async (t) => {
  await drive<Moved>('impedance', LOCKSTEP, ({ legs }, simulator) => {
    areReached(t, legs, TOLERANCE);
    t.is(legs.length, 3);
    isCommanded(t, simulator);
  });
});

test('franky feels a force, and goes away from it', async (t) => {
  interface Reaction {
    readonly start: readonly number[];
    readonly fired: readonly number[];
    readonly target: readonly number[];
    readonly pose: readonly number[];
  }
  const push = async (simulator: FrankaSimulator): Promise<void> => {
    await until(() => simulator.counters().commandsReceived > 500, 'a motion on its way');
    simulator.inject({ kind: 'push', torquesNm: PUSH });
  };
  await drive<Reaction>(
    'reaction',
    LOCKSTEP,
    ({ start, fired, ...leg }, simulator) => {
      const [from = 0, at = Number.NaN] = [start[14], fired[14]];
      t.true(at < from && at > from - 0.2, `${at} m, from ${from} m`);
      areReached(t, [leg], TOLERANCE);
      isCommanded(t, simulator);
      isRested(t, simulator, 1);
    },
    push,
  );
});

test('franky replaces a motion on its way, and stops one', async (t) => {
  interface Preempted {
    readonly target: readonly number[];
    readonly pose: readonly number[];
    readonly told: string;
    readonly q: readonly number[];
  }
  await drive<Preempted>('preempted', LOCKSTEP, ({ target, pose, told, q }, simulator) => {
    areReached(t, [{ target, pose }], TOLERANCE);
    t.regex(told, /preempted/);
    t.true(distance(q, simulator.joints().q) < 1e-4);
    isCommanded(t, simulator);
    const { motionsStarted, motionsFinished, motionsAborted } = simulator.counters();
    t.deepEqual([motionsStarted, motionsFinished, motionsAborted], [2, 1, 1]);
  });
});

test('franky is told of a reflex, recovers, and goes where it was going', async (t) => {
  interface Recovery {
    readonly told: string;
    readonly errors: readonly boolean[];
    readonly target: readonly number[];
    readonly q: readonly number[];
  }
  const reflex = async (simulator: FrankaSimulator): Promise<void> => {
    await until(() => simulator.counters().commandsReceived > 200, 'a motion on its way');
    simulator.inject({ kind: 'reflex', error: 'cartesian_reflex' });
  };
  await drive<Recovery>(
    'recovery',
    LOCKSTEP,
    ({ told, errors, ...leg }, simulator) => {
      t.regex(told, /cartesian_reflex/);
      t.deepEqual(errors, [true, true, false]);
      areReached(t, [leg], TOLERANCE);
      const { motionsStarted, motionsFinished, motionsAborted, reflexes } = simulator.counters();
      t.deepEqual([motionsStarted, motionsFinished, motionsAborted, reflexes], [2, 1, 1, 1]);
    },
    reflex,
  );
});

test('franky homes the hand, moves its fingers, and is told that they hold nothing', async (t) => {
  interface Hand {
    readonly homed: boolean;
    readonly most: number;
    readonly widths: readonly Width[];
    readonly told: string;
    readonly held: boolean;
  }
  await drive<Hand>('gripper', { hand: true }, ({ homed, most, widths, told, held }) => {
    t.true(homed);
    t.true(Math.abs(most - 0.08) < WIDTH, `${most}`);
    areOpened(t, widths, WIDTH);
    t.not(told, 'True');
    t.false(held);
  });
});

test('franky grasps an object and lets it go', async (t) => {
  interface Grasp {
    readonly done: boolean;
    readonly grasped: boolean;
    readonly held: boolean;
    readonly width: number;
    readonly opened: boolean;
    readonly released: boolean;
  }
  const options = { hand: true, objectWidthM: 0.03 };
  await drive<Grasp>('grasp', options, ({ width, ...said }) => {
    t.deepEqual(said, { done: true, grasped: true, held: true, opened: true, released: true });
    t.true(Math.abs(width - 0.03) < WIDTH, `${width}`);
  });
});
