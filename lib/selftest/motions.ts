// Loaded in a worker: the small motion of each control mode, away from where the arm stands and back, slowly and without a jump of the jerk.

import { FrankaModel } from '../franka/model.ts';
import type { FrankaControl, FrankaGeneration } from '../native/contract.ts';
import type { RobotState } from '../native/robot-state.ts';
import { Seen } from './seen.ts';

/** How long the motion takes [s]. */
export const MOTION_S = 3;
/** How long the arm stands at its end before the session is over [s]. */
export const STANDING_S = 0.5;
/** How far each joint goes [rad], and the end effector upwards [m]. */
export const AMPLITUDE_RAD = 0.04;
export const AMPLITUDE_M = 0.02;

/** The direction in which each joint goes from the ready pose. */
const SIGNS: readonly number[] = [1, -1, 1, 1, -1, 1, 1];
/** How fast a velocity closes in on its way [1/s]. */
const GAIN = 2;
/** Stiffness [N m/rad] and damping [N m s/rad] of the torque mode: those of libfranka's example. */
const STIFFNESS: readonly number[] = [600, 600, 600, 600, 250, 150, 50];
const DAMPING: readonly number[] = [50, 50, 50, 50, 30, 25, 15];
/** The place of the end effector's height in a pose, and in its velocity. */
const HEIGHT = { pose: 14, velocity: 2 } as const;

type Motion = (
  start: RobotState,
  model: FrankaModel,
) => (state: RobotState, timeS: number) => ArrayLike<number>;

const JOINTS = SIGNS.map((_, joint) => joint);

/** How far the motion has gone, 0 to 1, and how fast it goes [1/s]. */
function out(timeS: number): { readonly way: number; readonly speed: number } {
  if (timeS >= MOTION_S) return { way: 0, speed: 0 };
  const angle = (Math.PI * timeS) / MOTION_S;
  const sine = Math.sin(angle);
  return { way: sine ** 4, speed: ((4 * Math.PI) / MOTION_S) * sine ** 3 * Math.cos(angle) };
}

/** A target is a step: out for the first half, back in the second. */
const isOut = (timeS: number): boolean => timeS < MOTION_S / 2;

const target = (q: ArrayLike<number>, share: number): number[] =>
  JOINTS.map((joint) => (q[joint] ?? 0) + share * AMPLITUDE_RAD * (SIGNS[joint] ?? 0));

function raised(pose: ArrayLike<number>, byM: number): number[] {
  return Array.from(pose, (value, at) => (at === HEIGHT.pose ? value + byM : value));
}

const MOTIONS: Readonly<Record<FrankaControl, Motion>> = {
  jointPosition: ({ q_d }) => {
    return (_, timeS) => target(q_d, out(timeS).way);
  },
  jointTarget: ({ q_d }) => {
    return (_, timeS) => target(q_d, isOut(timeS) ? 1 : 0);
  },
  jointVelocity: ({ q_d: start }) => {
    return ({ q_d }, timeS) => {
      const { way, speed } = out(timeS);
      const wanted = target(start, way);
      return JOINTS.map(
        (joint) =>
          speed * AMPLITUDE_RAD * (SIGNS[joint] ?? 0) +
          GAIN * ((wanted[joint] ?? 0) - (q_d[joint] ?? 0)),
      );
    };
  },
  cartesianPose: ({ O_T_EE_c }) => {
    return (_, timeS) => raised(O_T_EE_c, out(timeS).way * AMPLITUDE_M);
  },
  cartesianTarget: ({ O_T_EE_c }) => {
    return (_, timeS) => raised(O_T_EE_c, isOut(timeS) ? AMPLITUDE_M : 0);
  },
  cartesianVelocity: ({ O_T_EE_c: start }) => {
    return ({ O_T_EE_c }, timeS) => {
      const { way, speed } = out(timeS);
      const wanted = (start[HEIGHT.pose] ?? 0) + way * AMPLITUDE_M;
      const velocity = [0, 0, 0, 0, 0, 0];
      velocity[HEIGHT.velocity] =
        speed * AMPLITUDE_M + GAIN * (wanted - (O_T_EE_c[HEIGHT.pose] ?? 0));
      return velocity;
    };
  },
  torque: ({ q: start }, model) => {
    const coriolis = new Float64Array(JOINTS.length);
    return (state, timeS) => {
      const wanted = target(start, out(timeS).way);
      model.coriolis(state, coriolis);
      return JOINTS.map((joint) => {
        const behind = (wanted[joint] ?? 0) - (state.q[joint] ?? 0);
        const damping = (DAMPING[joint] ?? 0) * (state.dq[joint] ?? 0);
        return (STIFFNESS[joint] ?? 0) * behind - damping + (coriolis[joint] ?? 0);
      });
    };
  },
};

/**
 * Makes the policy of a mode's motion, for a worker. It begins where the arm is in the first state that the policy sees.
 *
 * @param shared the memory of a {@link Seen}
 */
export function makeMotion(
  control: FrankaControl,
  generation: FrankaGeneration,
  shared: Float64Array,
): (state: RobotState, tick: { readonly timeS: number }) => ArrayLike<number> {
  const model = new FrankaModel(generation);
  const seen = new Seen(shared);
  let motion: ReturnType<Motion> | undefined;
  return (state, { timeS }) => {
    seen.note(state);
    // The arrays of a state are changed by the next one.
    motion ??= MOTIONS[control](state.copy(), model);
    return motion(state, timeS);
  };
}
