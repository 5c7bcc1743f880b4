import { OptionTypeError } from '../errors/errors.ts';

/** An input of a policy in a worker or a process, as the policy sees it. */
export interface Input<Value = unknown> {
  /**
   * The newest value. An array has the shape that it was given with, and is refreshed in place: copy what is needed after
   * the answer.
   */
  readonly value: Value;
  /** The time to which the value belongs, on the clock of {@link Tick.hostTimeS} [s]. */
  readonly hostTimeS: number;
}

/** What a policy receives beside the observation. `Inputs` are the types of its inputs by their names. */
// biome-ignore lint/suspicious/noExplicitAny: the program that sets the inputs knows what they are
export interface Tick<Inputs = Record<string, any>> {
  /** The number of the loop's cycle, from 0. A policy that is slower than its robot sees only some of the numbers. */
  readonly tick: number;
  /**
   * The time on the robot's clock from the first question that the policy took to this question [s]. It is a multiple
   * of the policy's period. A motion that is computed from it begins where the robot stands, even if the policy started
   * late. It is smooth even if the host receives ticks late.
   */
  readonly timeS: number;
  /**
   * The time on the robot's clock from the previous question to this question [s]; 0 in the first question that the
   * policy took.
   */
  readonly periodS: number;
  /**
   * When the state came, by the monotonic clock of the host [s]: `CLOCK_MONOTONIC` on Linux, as `process.hrtime()` and
   * Python's `time.monotonic()` have it, in every process of the host. For a robot written in JavaScript: when the cycle
   * began.
   */
  readonly hostTimeS: number;
  /** The same by the wall clock of the host, since 1970 [s]. */
  readonly wallTimeS: number;
  /**
   * What the program has given the policy by {@link ModulePolicy.set}, by name: the newest of each. Empty for a policy that
   * is not in a worker or a process.
   */
  readonly inputs: { readonly [Name in keyof Inputs]?: Input<Inputs[Name]> };
  /** Only for a policy that {@link chunked} asks: what is known of its chunks. */
  readonly chunk?: ChunkTick;
}

/**
 * What a policy that answers in chunks is told of them, for models that go on from the chunk before ("real-time
 * chunking": Black, Galliker, Levine, "Real-Time Execution of Action Chunking Flow Policies", 2025).
 */
export interface ChunkTick {
  /**
   * How many steps the answer will probably take: nine of ten of the newest 20 answers took no longer. 0 before the
   * first.
   */
  readonly delaySteps: number;
  /**
   * The actions of the newest chunk whose time has not passed, as the policy answered them. The first `delaySteps` of
   * them will have been executed when the answer comes; the others are left over. Empty if there are none.
   */
  readonly prefix: readonly Float64Array[];
  /** How many actions of a chunk are to be executed until the next, {@link ChunkedOptions.executionHorizon}. */
  readonly executionHorizon: number;
}

/**
 * A robot written in JavaScript. Each method may return a promise. The robot has no clock of its own: the session's
 * loop thread wakes the main thread once in each cycle, to observe, decide and act.
 */
export interface Robot<Observation, Action> {
  /** Returns the observation on which the policy decides. */
  observe(): Observation | Promise<Observation>;
  /** Carries out an action. Never called with a number that is NaN or infinite. */
  act(action: Action): void | Promise<void>;
  /** Brings the robot to the start position of a session. */
  reset(): void | Promise<void>;
  /** Stops the robot. Called at every end of a session, before the end is reported. */
  stop?(): void | Promise<void>;
}

/**
 * A policy: a function that returns an action for an observation, or a promise of an action.
 *
 * A policy of an arm may answer `undefined`, in Python `None`, if it has nothing new. The session then goes on as if no
 * answer had come in time: the arm continues its motion for `maxHeldTicks` cycles and is then brought to rest, or the
 * session ends if `onLate` is `'stop'`. A policy that uses a slow model must answer each new result once, and
 * `undefined` until the next result. If it repeated the last action, the arm would go on with this action after the
 * model has died. A policy that answers only `undefined` in the first second ends the session with an
 * {@link InvalidActionError}, code `ACTION_TYPE`. Therefore load and warm up a model before its session starts.
 *
 * A policy may have a function `reset`, as in `Object.assign(policy, { reset() { … } })`, which may be async. It is called
 * at the start of each session, before the first question: an episode begins.
 */
export type Policy<Observation, Action> = (
  observation: Observation,
  tick: Tick,
) => Action | Promise<Action>;

/** A robot with a clock of its own that is driven natively, for example a `Franka`. */
export interface NativeRobot<Observation, Action> {
  /** How sessions drive the robot. Only for use inside this package. */
  readonly nativeLink: NativeLink<Observation, Action>;
}

/** A robot that a session can drive. */
export type AnyRobot<Observation, Action> =
  | Robot<Observation, Action>
  | NativeRobot<Observation, Action>;

/** The link between a native robot and the sessions that drive it. */
export interface NativeLink<Observation, Action> {
  /** The rate of the robot's clock [Hz]. */
  readonly rateHz: number;
  /** Never set. It tells the compiler what the robot observes and what its policy may answer. */
  readonly types?: (observation: Observation) => Action;
}

/** How many numbers the native side writes for a question: those of {@link tickOf}. */
export const CLOCK_LENGTH = 5;

/** The inputs of a policy that has none. */
const NO_INPUTS: Tick['inputs'] = Object.freeze(Object.create(null));

/** Returns what a policy is told of its question. */
export function tickOf(clock: Float64Array): Tick {
  const [tick = 0, timeS = 0, periodS = 0, hostTimeS = 0, wallTimeS = 0] = clock;
  return { tick, timeS, periodS, hostTimeS, wallTimeS, inputs: NO_INPUTS };
}

/** Whether a robot is driven natively. */
export function isNativeRobot<Observation, Action>(
  robot: AnyRobot<Observation, Action>,
): robot is NativeRobot<Observation, Action> {
  return robot !== null && typeof robot === 'object' && 'nativeLink' in robot;
}

/** @throws {OptionTypeError} `OPTION_ROBOT` if a value is no robot */
export function checkRobot(robot: unknown): void {
  const expected = 'a robot: an object with the methods observe(), act(action) and reset()';
  if (robot === null || typeof robot !== 'object') {
    throw new OptionTypeError('OPTION_ROBOT', 'robot', robot, expected);
  }
  for (const method of ['observe', 'act', 'reset'] as const) {
    const value = (robot as Record<string, unknown>)[method];
    if (typeof value !== 'function') {
      throw new OptionTypeError('OPTION_ROBOT', `robot.${method}`, value, expected);
    }
  }
  const { stop } = robot as Record<string, unknown>;
  if (stop === undefined || stop === null || typeof stop === 'function') return;
  throw new OptionTypeError('OPTION_ROBOT', 'robot.stop', stop, 'a method stop(), or none');
}
