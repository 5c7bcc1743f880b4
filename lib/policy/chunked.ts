// Policies that answer with a chunk: what they want for the next half second.

import { checkBoolean, checkName, checkNumber, ownOptions } from '../checks.ts';
import { OptionTypeError } from '../errors/errors.ts';
import { type FrankaHand, nativeHandOf } from '../franka/hand.ts';
import type { NativeGripper, NativeHand } from '../native/binding.ts';
import type { RobotState } from '../native/robot-state.ts';
import type { AnyPolicy } from './any-policy.ts';
import { PolicyKind } from './module.ts';

/** An array of numbers with a shape, as models return it: for example a tensor of onnxruntime. */
export interface ActionTensor {
  /** The numbers, row by row. */
  readonly data: ArrayLike<number>;
  /** How many rows there are, and how many numbers a row has. A leading 1 is left out. */
  readonly dims: readonly number[];
}

/** A chunk of actions: what a policy wants from the time of its observation on. */
export interface ActionChunk<Action> {
  /**
   * The actions, one after the other: a list of actions, a flat list of their numbers, or a tensor. The first belongs to
   * the time of the observation, each other one `dtS` after the one before.
   */
  readonly actions: readonly Action[] | ArrayLike<number> | ActionTensor;
  /** The time from one action to the next [s], 0.0001 to 60. */
  readonly dtS: number;
  /**
   * When the observation was made, on the clock of {@link Tick.timeS} [s]. Default: the time of the question. It may be
   * later, up to now, where the policy has observed something newer; it must not be before the observation of the chunk
   * before.
   */
  readonly observedAtS?: number;
}

/** How a chunk takes over from the one before it: temporal ensembling. Made by {@link ensemble}. */
export interface Ensemble {
  /** ACT's `m`. */
  readonly m: number;
}

/** When a policy is asked for the next chunk. */
export type ReplanAt =
  | number
  /** When at most this many actions are left. */
  | { readonly steps: number }
  /** At this rate [Hz]. */
  | { readonly rateHz: number };

/** Options of {@link chunked}. */
export interface ChunkedOptions {
  /**
   * When the policy is asked for the next chunk: when what is left of the newest one falls to this share of it, 0 to 1,
   * or to a number of actions (`{ steps }`), or at a rate (`{ rateHz }`). One question is open at a time, so a policy
   * that takes longer is asked as soon as it has answered. Default 0.9, which asks again nearly at once; a lower one
   * spares the model and reacts later.
   */
  readonly replanAt?: ReplanAt;
  /**
   * How a chunk takes over from the one before it. `'fade'` (default) fades from the old curve to the new one, over as
   * long as the difference needs to take at most a quarter of the arm's acceleration and jerk. `ensemble(m)` averages
   * the new chunk with what the older ones said about the same times, and fades to the average. `'replace'` takes the
   * new curve at once, and the arm approaches it within its limits.
   */
  readonly merge?: 'fade' | 'replace' | Ensemble;
  /** How many actions a chunk may have, 1 to 4096. Memory for them is kept. Default 256. */
  readonly maxRows?: number;
  /**
   * How far a chunk may be from what is commanded when it takes over: joints, the rotation of a pose and the elbow
   * [rad]. Above 0 to 6.3. A chunk that is further away is refused with `CHUNK_SEAM`. Default 0.1. It does not apply to
   * velocities.
   */
  readonly maxSeamRad?: number;
  /** The same for the translation of a pose [m], above 0 to 2. Default 0.1. */
  readonly maxSeamM?: number;
  /**
   * What happens to a chunk that cannot be played, for example an empty one: `'stop'` (default) ends the session with
   * an {@link InvalidActionError}; `'skip'` leaves it out, counts it as {@link SessionStats.badChunks} and emits
   * `badChunk`. The arm goes on with the chunk before, and the policy is asked again.
   */
  readonly onBadChunk?: 'stop' | 'skip';
  /**
   * Whether each row is a change of the row before it. The first row is a change of what the policy wanted one step
   * before its observation, not of where the arm is: an arm is always a little behind, and changes of its place add up
   * to less than was asked. The change of a pose is itself a pose: its translation is added in the base frame, and its
   * rotation, about the axes of the base frame, turns the pose on the spot. A number for the gripper is never a change.
   * Default false.
   */
  readonly relative?: boolean;
  /**
   * What the policy is told as {@link ChunkTick.executionHorizon}, for real-time chunking: how many actions are to be
   * executed until the next chunk. 1 to 4096. Default 10.
   */
  readonly executionHorizon?: number;
  /**
   * A hand that follows the chunks: each action then has one number more, at its end, for the gripper. In an action
   * that is an object it is the field `gripper`.
   */
  readonly gripper?: GripperOptions;
}

/** How a hand follows the last number of each action of a chunk. */
export interface GripperOptions {
  /** The hand. The loop never waits for it: a command under way is stopped first, and the newest number counts. */
  readonly hand: FrankaHand;
  /**
   * What the number is: `'widthM'`, the opening between the fingers [m], or `'openness'`, from 0 (closed) to 1 (open).
   * A number beyond what the hand can do counts as its end.
   */
  readonly unit: 'widthM' | 'openness';
  /** Whether 1 means closed and 0 open, for `'openness'`. Default false. */
  readonly inverted?: boolean;
  /** The opening at an openness of 1 [m], above 0 to 0.1. Default 0.08, the data sheet's. */
  readonly openWidthM?: number;
  /**
   * By how much the wanted opening has to change until the hand is commanded anew [m], 0 to 0.1. Default 0.005, so that
   * a number that trembles does not stop the hand again and again.
   */
  readonly hysteresisM?: number;
  /**
   * How hard the fingers press when they close [N], above 0 to 140; up to 70 N is allowed continuously (data sheet).
   * Fingers that close grasp whatever they meet. Default 20.
   */
  readonly forceN?: number;
  /** How fast the opening changes [m/s], above 0 to 0.1. Default 0.1. */
  readonly speedMPerS?: number;
}

/** A policy that answers in chunks, made by {@link chunked}. */
export interface ChunkedPolicy<Observation, Action> {
  /** The policy. */
  readonly policy: AnyPolicy<Observation, ActionChunk<Action> | undefined>;
  readonly options: CheckedChunkedOptions;
  /**
   * Begins a new episode in the sessions that run the policy: what is played and what is being computed is thrown away,
   * the arm comes to rest, the `reset()` of the policy inside is called before its next question, and the next chunk
   * begins as the first one did. Returns at once. At the start of a session this happens without a call.
   */
  readonly reset: () => void;
  /** Never set. It tells the compiler what the policy observes and which actions its chunks have. */
  readonly types?: (observation: Observation) => Action;
}

/** The action of a policy; any if the compiler does not know it, as of an untyped module. */
// biome-ignore lint/suspicious/noExplicitAny: an untyped module fits every robot, as import() does
export type KnownAction<Action> = unknown extends Action ? any : Action;

/** The options with their defaults. */
export interface CheckedChunkedOptions {
  readonly replanAt: ReplanAt;
  readonly merge: 'fade' | 'replace' | Ensemble;
  readonly maxRows: number;
  readonly maxSeamRad: number;
  readonly maxSeamM: number;
  readonly skipsBad: boolean;
  readonly relative: boolean;
  readonly executionHorizon: number;
  readonly gripper: CheckedGripper | undefined;
}

/** How a hand follows, with the defaults. */
export interface CheckedGripper {
  readonly hand: NativeHand;
  readonly rule: NativeGripper;
}

const kind: PolicyKind<ChunkedPolicy<unknown, unknown>> = new PolicyKind();
/** For each policy: what begins an episode in the sessions that run it. */
const running: WeakMap<object, Set<() => void>> = new WeakMap();
const ensembles: PolicyKind<Ensemble> = new PolicyKind();

/** The names of the options of {@link chunked}. */
export const CHUNKED_OPTIONS: readonly (keyof ChunkedOptions)[] = [
  'replanAt',
  'merge',
  'maxRows',
  'maxSeamRad',
  'maxSeamM',
  'onBadChunk',
  'relative',
  'executionHorizon',
  'gripper',
];

/**
 * Makes a policy of an arm out of one that answers with chunks of actions: a function, or what {@link workerPolicy},
 * {@link processPolicy} or {@link onnxPolicy} returns. The loop plays the chunks at the rate of the arm, and asks for the next one in time.
 * Inference may take as long as it takes.
 *
 * Action `k` of a chunk belongs to the time of its observation and `k dtS`, by the arm's clock: what has passed while
 * the policy computed is left out. The first chunk, and any chunk that was observed at rest and comes at rest, begins
 * with its first action when it comes. When a chunk is over and no other has come, the loop goes on as with any policy
 * that is late ({@link SessionOptions.onLate}).
 *
 * Within a chunk the actions are checked as answers at intervals of `dtS` are.
 *
 * @example
 * const policy = chunked(
 *   async (state) => ({ actions: await model.infer(state.q), dtS: 1 / 30 }),
 *   { merge: ensemble(0.01) },
 * );
 * @throws {OptionTypeError | OptionRangeError} if an option is invalid
 */
export function chunked<Observation = RobotState, Action = unknown>(
  policy: AnyPolicy<Observation, ActionChunk<Action> | undefined>,
  given: ChunkedOptions = {},
): ChunkedPolicy<Observation, KnownAction<Action>> {
  const options = checkChunkedOptions(ownOptions('chunked()', given, CHUNKED_OPTIONS));
  return makeChunked(policy, options, {});
}

/** Makes a policy as {@link chunked} does, with further members. */
export function makeChunked<Observation, Action, Members extends object>(
  policy: AnyPolicy<Observation, ActionChunk<Action> | undefined>,
  options: CheckedChunkedOptions,
  members: Members,
): ChunkedPolicy<Observation, KnownAction<Action>> & Members {
  const sessions: Set<() => void> = new Set();
  const reset = (): void => {
    for (const begin of sessions) begin();
  };
  const made = { policy, options, reset };
  // Copied as they are: a getter stays one.
  Object.defineProperties(made, Object.getOwnPropertyDescriptors(members));
  kind.make(made as ChunkedPolicy<unknown, unknown>);
  running.set(made, sessions);
  return made as ChunkedPolicy<Observation, KnownAction<Action>> & Members;
}

/**
 * Returns the options of {@link chunked} with their defaults.
 *
 * @throws {OptionTypeError | OptionRangeError} if one is invalid
 */
export function checkChunkedOptions(options: ChunkedOptions): CheckedChunkedOptions {
  const { replanAt = 0.9, merge = 'fade', onBadChunk = 'stop', relative = false } = options;
  const { executionHorizon = 10, maxRows = 256, maxSeamRad = 0.1, maxSeamM = 0.1 } = options;
  checkReplan(replanAt);
  if (!ensembles.has(merge)) {
    checkName('merge', merge, ['fade', 'replace'], 'ensemble(m)');
  }
  return Object.freeze({
    replanAt,
    merge,
    maxRows: checkNumber('maxRows', maxRows, { from: 1, to: 4096, integer: true }),
    maxSeamRad: checkNumber('maxSeamRad', maxSeamRad, {
      from: 0,
      to: 6.3,
      above: true,
      unit: 'rad',
    }),
    maxSeamM: checkNumber('maxSeamM', maxSeamM, { from: 0, to: 2, above: true, unit: 'm' }),
    skipsBad: checkName('onBadChunk', onBadChunk, ['stop', 'skip']) === 'skip',
    relative: checkBoolean('relative', relative),
    executionHorizon: checkNumber('executionHorizon', executionHorizon, {
      from: 1,
      to: 4096,
      integer: true,
    }),
    gripper: options.gripper === undefined ? undefined : checkGripper(options.gripper),
  });
}

/**
 * Temporal ensembling, for {@link ChunkedOptions.merge}: the weights of ACT, `exp(-m i)` for the `i`-th chunk that says
 * something about a time, the oldest first (Zhao et al., "Learning Fine-Grained Bimanual Manipulation with Low-Cost
 * Hardware", 2023).
 *
 * @param m from 0 (the mean of all) to 100. Default 0.01, as in ACT
 * @throws {OptionTypeError | OptionRangeError} `OPTION_M`
 */
export function ensemble(m = 0.01): Ensemble {
  return ensembles.make({ m: checkNumber('m', m, { from: 0, to: 100 }) });
}

/** Whether a value was made by {@link chunked}. */
export function isChunked<Observation, Action>(
  policy: unknown,
): policy is ChunkedPolicy<Observation, Action> {
  return kind.has(policy);
}

/** From now on `reset()` of a policy that {@link chunked} made calls `begin`. Returns a function that ends this. */
export function onReset(policy: object, begin: () => void): () => void {
  const sessions = running.get(policy);
  sessions?.add(begin);
  return () => void sessions?.delete(begin);
}

/** Whether a way to merge was made by {@link ensemble}. */
export function isEnsemble(merge: unknown): merge is Ensemble {
  return ensembles.has(merge);
}

const GRIPPER = [
  'hand',
  'unit',
  'inverted',
  'openWidthM',
  'hysteresisM',
  'forceN',
  'speedMPerS',
] as const satisfies readonly (keyof GripperOptions)[];

function checkGripper(given: GripperOptions): CheckedGripper {
  const options = ownOptions('gripper', given, GRIPPER);
  const { hand: connected, inverted = false, openWidthM = 0.08, hysteresisM = 0.005 } = options;
  const { forceN = 20, speedMPerS = 0.1 } = options;
  const hand = nativeHandOf(connected);
  if (hand === undefined) {
    const expected = 'a FrankaHand, as FrankaHand.connect() resolves to';
    throw new OptionTypeError('OPTION_GRIPPER_HAND', 'gripper.hand', connected, expected);
  }
  const unit = checkName('gripper.unit', options.unit, ['widthM', 'openness']);
  if (checkBoolean('gripper.inverted', inverted) && unit === 'widthM') {
    const expected = "false with unit 'widthM': a width is not inverted";
    throw new OptionTypeError('OPTION_GRIPPER_INVERTED', 'gripper.inverted', inverted, expected);
  }
  const widest = { from: 0, to: 0.1, unit: 'm' } as const;
  const openM = checkNumber('gripper.openWidthM', openWidthM, { ...widest, above: true });
  const force = { from: 0, to: 140, above: true, unit: 'N' };
  const speed = { from: 0, to: 0.1, above: true, unit: 'm/s' };
  return {
    hand,
    rule: {
      scale: unit === 'widthM' ? 1 : openM,
      isInverted: inverted,
      margin: checkNumber('gripper.hysteresisM', hysteresisM, widest),
      force: checkNumber('gripper.forceN', forceN, force),
      speed: checkNumber('gripper.speedMPerS', speedMPerS, speed),
    },
  };
}

function checkReplan(replanAt: unknown): void {
  if (typeof replanAt === 'number') {
    checkNumber('replanAt', replanAt, { from: 0, to: 1 });
    return;
  }
  if (typeof replanAt !== 'object' || replanAt === null) {
    const expected = 'a share from 0 to 1, { steps }, or { rateHz }';
    throw new OptionTypeError('OPTION_REPLAN_AT', 'replanAt', replanAt, expected);
  }
  const { steps, rateHz } = ownOptions<{ steps?: unknown; rateHz?: unknown }>(
    'replanAt',
    replanAt,
    ['steps', 'rateHz'],
    'a share from 0 to 1',
  );
  if ((steps === undefined) === (rateHz === undefined)) {
    const expected = 'either steps or rateHz';
    throw new OptionTypeError('OPTION_REPLAN_AT', 'replanAt', replanAt, expected);
  }
  if (steps !== undefined) {
    checkNumber('replanAt.steps', steps, { from: 0, to: 4096, integer: true });
  }
  if (rateHz !== undefined) {
    checkNumber('replanAt.rateHz', rateHz, { from: 0, to: 1000, above: true, unit: 'Hz' });
  }
}
