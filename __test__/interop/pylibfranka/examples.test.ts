// The moves of the example programs that Franka ships with pylibfranka, against our simulated FR3. The programs state no
// tolerance: the arm is to end where the last command sends it.

import type { ExecutionContext } from 'ava';
import { FrankaModel, type FrankaSimulator } from '../../../index.ts';
import { distance, isRested, WALL } from '../../fixtures/arms.ts';
import { isCommanded, type Stranger, stranger } from '../../fixtures/strangers.ts';

const { test, drive }: Stranger = await stranger(import.meta.dirname, 'examples.py');
const LOCKSTEP = { lockstep: true };
/** How far from its last command the arm may end [rad], and its end effector [m]. */
const CLOSE = 2e-3;
/** Springs of 50 N m/rad leave a joint where its friction, of up to 1.14 N m, holds it [rad]. */
const HELD_BY_FRICTION = 0.025;
/** Velocities leave the arm where the last of them, rounded, has carried it [rad, m]. */
const INTEGRATED = 5e-3;

interface Ended {
  readonly q?: readonly number[];
  readonly pose?: readonly number[];
  readonly after: { readonly q: readonly number[]; readonly mode: string };
}

/** The arm ended where it was sent, and both sides say so. */
function ended(
  t: ExecutionContext,
  { q, pose, after }: Ended,
  simulator: FrankaSimulator,
  tolerance: number,
): void {
  const real = simulator.joints().q;
  if (q) t.true(distance(real, q) < tolerance, `${real} instead of ${q}`);
  if (pose) {
    const there = new FrankaModel('fr3').pose('flange', real);
    t.true(distance(there, pose) < tolerance, `${there} instead of ${pose}`);
  }
  t.true(distance(after.q, real) < 1e-4, `${after.q} instead of ${real}`);
  t.is(after.mode, 'Idle');
}

const MOVES = [
  ['jointPosition', 'swings three joints and back', CLOSE, 1],
  ['jointVelocity', 'turns four joints forwards and back', INTEGRATED, 1],
  ['cartesianPose', 'moves the end effector along a quarter of a circle', CLOSE, 1],
  ['cartesianVelocity', 'moves the end effector forwards, up and back', INTEGRATED, 2],
] as const;

for (const [scenario, what, tolerance, motions] of MOVES) {
  test(`an example of pylibfranka ${what}`, async (t) => {
    await drive<Ended>(scenario, LOCKSTEP, (seen, simulator) => {
      ended(t, seen, simulator, tolerance);
      isCommanded(t, simulator);
      isRested(t, simulator, motions);
    });
  });
}

test('an example of pylibfranka pulls the joints from place to place with springs', async (t) => {
  await drive<Ended>('jointImpedance', LOCKSTEP, (seen, simulator) => {
    ended(t, seen, simulator, HELD_BY_FRICTION);
    isCommanded(t, simulator);
    isRested(t, simulator, 1);
  });
});

test('an example of pylibfranka names targets at 50 Hz on either side of the start', async (t) => {
  interface Told extends Ended {
    readonly told: readonly string[];
  }
  await drive<Told>('asynchronous', WALL, ({ told, ...seen }, simulator) => {
    t.deepEqual(told, []);
    ended(t, seen, simulator, CLOSE);
    isRested(t, simulator, 1);
  });
});

test('an example of pylibfranka grasps what is between the fingers, and lets go', async (t) => {
  interface Grasp {
    readonly grasped: boolean;
    readonly held: boolean;
    readonly width: number;
    readonly released: boolean;
  }
  const options = { hand: true, objectWidthM: 0.03 };
  await drive<Grasp>('gripper', options, ({ grasped, held, width, released }, simulator) => {
    t.true(grasped && held && released);
    t.true(Math.abs(width - 0.03) < 1e-3, `${width}`);
    t.false(simulator.fingers().isGrasped);
  });
});
