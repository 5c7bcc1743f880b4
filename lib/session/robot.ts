/** What a policy is told beside the observation. */
export interface Tick {
  /** Number of the loop's cycle, from 0; a policy slower than its robot sees some of them. */
  readonly tick: number;
  /**
   * From the first question that the policy took to this one on the robot's clock [s]: a whole number of the
   * policy's periods. A motion computed from it begins where the robot stands, however long the policy took to
   * be there, and is smooth however late the host hears of a tick.
   */
  readonly timeS: number;
  /** From the previous question to this one on the robot's clock [s]; 0 in the first that the policy took. */
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

/**
 * A policy: decides on an action, or promises one.
 *
 * A policy of an arm may answer `undefined`, in Python `None`, where it has nothing new to say. The session then
 * goes on as if no answer had come in time: the arm holds its motion for `maxHeldTicks` and is brought to
 * rest, or the session ends where `onLate` says so. A policy behind a slow model answers each new result
 * once, and `undefined` until the next: if it answered the last action again, the arm would go on with it
 * after the model has died. Nothing but `undefined` in the first second is an {@link InvalidActionError}
 * with code `ACTION_TYPE`; so a model is loaded and warmed up before its session starts.
 */
export type Policy<Observation, Action> = (
  observation: Observation,
  tick: Tick,
) => Action | Promise<Action>;

/** A robot with a clock of its own, driven natively, as a `Franka` is. */
export interface NativeRobot<Observation, Action> {
  /** How sessions drive the robot; for this package alone. */
  readonly nativeLink: NativeLink<Observation, Action>;
}

/** What ties a native robot to the sessions that drive it. */
export interface NativeLink<Observation, Action> {
  /** The rate of the robot's clock [Hz]. */
  readonly rateHz: number;
  /** Never set; it tells the compiler what the robot observes and what its policy may answer. */
  readonly types?: (observation: Observation) => Action;
}
