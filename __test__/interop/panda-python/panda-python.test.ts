// panda-py, a library of torque controllers, against our simulated FER.

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
/** The arm does not start where panda-py goes first: it finds no trajectory where there is no way to go. */
const FER = {
  generation: 'fer',
  lockstep: true,
  q: [0.1, -0.6, 0.1, -2.1, 0.1, 1.8, 0.6],
} as const;
/** How far from its goal the arm may end: `success_threshold` and `orientation_threshold` of its motions by default. */
const TOLERANCE = { rad: 0.01, m: 0.02, turn: 0.1 };

interface Moved {
  /** What its motions returned: whether they were successful by its own measure. */
  readonly told: readonly boolean[];
  readonly legs: readonly Leg[];
}

for (const { clock, options } of [
  { clock: 'in lockstep', options: FER },
  { clock: 'by the wall clock', options: { ...FER, ...WALL } },
]) {
  test(`panda-py moves the joints and the end effector of a FER ${clock}`, async (t) => {
    await drive<Moved>('moves', options, ({ told, legs }, simulator) => {
      t.deepEqual(told, [true, true, true, true, true]);
      areReached(t, legs, TOLERANCE);
      isCommanded(t, simulator, options === FER);
      isRested(t, simulator);
    });
  });
}

test('panda-py leads a FER with springs at the joints and in space', async (t) => {
  await drive<Moved>('impedance', FER, ({ legs }, simulator) => {
    areReached(t, legs, TOLERANCE);
    t.is(legs.length, 4);
    isCommanded(t, simulator);
    isRested(t, simulator, 2);
  });
});

test('panda-py computes with the model library that the FER hands out', async (t) => {
  interface Model {
    readonly pose: number;
    readonly ik: number;
    readonly gravity: number;
    readonly library: number;
  }
  await drive<Model>('model', { ...FER, hand: true }, ({ pose, ik, gravity, library }) => {
    t.true(library < 1e-5, `${library}`);
    t.true(gravity < 0.01, `${gravity} N m`);
    // Its own kinematics, which know the hand's frame less exactly: to half a millimetre.
    t.true(pose < 1e-3 && ik < 2e-3, `${pose} m, ${ik} rad`);
  });
});

test('panda-py is told of a reflex, and recovers with its next motion', async (t) => {
  interface Recovery {
    readonly first: boolean;
    readonly told: string;
    readonly second: boolean;
    readonly target: readonly number[];
    readonly q: readonly number[];
  }
  const reflex = async (simulator: FrankaSimulator): Promise<void> => {
    await until(() => simulator.counters().commandsReceived > 500, 'a motion on its way');
    simulator.inject({ kind: 'reflex', error: 'cartesian_reflex' });
  };
  await drive<Recovery>(
    'recovery',
    FER,
    ({ first, told, second, ...leg }, simulator) => {
      t.deepEqual([first, second], [false, true]);
      t.regex(told, /cartesian_reflex/);
      areReached(t, [leg], TOLERANCE);
      t.true(distance(leg.q, simulator.joints().q) < 1e-4);
      const { motionsStarted, motionsFinished, motionsAborted, reflexes } = simulator.counters();
      t.deepEqual([motionsStarted, motionsFinished, motionsAborted, reflexes], [2, 1, 1, 1]);
    },
    reflex,
  );
});

test('panda-py homes the hand of a FER and moves its fingers', async (t) => {
  interface Hand {
    readonly homed: boolean;
    readonly widths: readonly Width[];
  }
  await drive<Hand>('gripper', { generation: 'fer', hand: true }, ({ homed, widths }) => {
    t.true(homed);
    areOpened(t, widths, 1e-3);
  });
});
