// The Python package of franka-rs against our simulated arms.

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

const { test, drive }: Stranger = await stranger(import.meta.dirname);
/** How far from its target the arm may end: the package's own tests (crates/franka-py/tests). */
const TOLERANCE = { rad: 0.005, m: 0.005, turn: 0.01 };
const VERSIONS = { fr3: 10, fer: 5 } as const;

interface Moved {
  readonly version: number;
  readonly mode: string;
  readonly legs: readonly Leg[];
}

const SCENARIOS = [
  ['joints robot', 'names targets of the joints, which the arm follows'],
  ['joints impedance', 'names targets of the joints, which springs follow'],
  ['cartesian robot', 'names targets of the end effector, which the arm follows'],
  ['cartesian impedance', 'names targets of the end effector, which a spring follows'],
] as const;

for (const generation of ['fr3', 'fer'] as const) {
  for (const [scenario, what] of SCENARIOS) {
    test(`the package of franka-rs ${what}, on a ${generation}`, async (t) => {
      const options = { generation, lockstep: true };
      await drive<Moved>(scenario, options, ({ version, mode, legs }, simulator) => {
        t.is(version, VERSIONS[generation]);
        t.is(mode, 'idle');
        areReached(t, legs, TOLERANCE);
        t.is(legs.length, 2);
        isCommanded(t, simulator);
        isRested(t, simulator, 1);
        const { q } = legs.at(-1) ?? {};
        if (q) t.true(distance(q, simulator.joints().q) < 1e-4);
      });
    });
  }

  test(`the package of franka-rs computes with a model of its own, of a ${generation}`, async (t) => {
    interface Model {
      readonly pose: number;
      readonly gravity: number;
    }
    await drive<Model>('model', { generation, hand: true }, ({ pose, gravity }) => {
      t.true(pose < 1e-5, `${pose}`);
      t.true(gravity < 0.01, `${gravity} N m`);
    });
  });
}

test('the package of franka-rs names targets by the wall clock', async (t) => {
  await drive<Moved>('joints impedance', WALL, ({ legs }, simulator) => {
    areReached(t, legs, TOLERANCE);
    isCommanded(t, simulator, false);
    isRested(t, simulator, 1);
  });
});

test('the package of franka-rs homes the hand and moves its fingers', async (t) => {
  interface Hand {
    readonly homed: boolean;
    readonly widths: readonly Width[];
  }
  await drive<Hand>('gripper', { hand: true }, ({ homed, widths }) => {
    t.true(homed);
    areOpened(t, widths, 0.005);
  });
});
