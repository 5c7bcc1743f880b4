import type { Driver } from './driver.ts';

/** What a policy is told beside the observation. */
export interface Tick {
  /** Number of the cycle, from 0. */
  readonly tick: number;
  /** From the start of the first cycle to the start of this one [s]. */
  readonly timeS: number;
  /** From the start of the previous cycle to the start of this one [s]; 0 in the first. */
  readonly periodS: number;
}

/**
 * A robot written in JavaScript. Each method may return a promise. It has no clock of its own: the
 * session's loop thread wakes it once a cycle, to observe, decide and act.
 */
export interface Robot<Observation, Action> {
  /** Returns what the policy decides on. */
  observe(): Observation | Promise<Observation>;
  /** Carries out an action. Never called with a number that is NaN or infinite. */
  act(action: Action): void | Promise<void>;
  /** Brings the robot to where a session starts. */
  reset(): void | Promise<void>;
  /** Stops the robot; called at every end of a session, before anybody learns of the end. */
  stop?(): void | Promise<void>;
}

/** A policy: decides on an action, or promises one. */
export type Policy<Observation, Action> = (
  observation: Observation,
  tick: Tick,
) => Action | Promise<Action>;

/** A robot with a clock of its own, driven natively, as a {@link Franka} is. */
export interface NativeRobot<Observation, Action> {
  /** How it is driven: between this package and itself. */
  readonly nativeLink: NativeLink<Observation, Action>;
}

/** How a native robot is driven. */
export interface NativeLink<Observation, Action> {
  /** The rate of its clock. */
  readonly rateHz: number;
  /** Makes it ready for a session, which runs `policy`. */
  readonly drive: (policy: Policy<Observation, Action>) => Driver;
}
