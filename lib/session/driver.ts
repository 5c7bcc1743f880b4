import type { KilohertzError, PastState, SessionErrorDetails } from '../errors/errors.ts';
import type { Runs } from '../franka/runs.ts';
import type {
  NativeArm,
  NativeChunks,
  NativePlace,
  NativeSession,
  NativeSessionOptions,
} from '../native/binding.ts';
import type { AnyPolicy } from '../policy/any-policy.ts';
import type { CheckedChunkedOptions } from '../policy/chunked.ts';
import type { NativeLink } from './robot.ts';

/** Makes an error once the last states are known. */
export type Failure = (details: SessionErrorDetails) => KilohertzError;

/** How one session drives one robot: what happens at its start, at each wake, at its end. */
export interface Driver {
  /** Whether the loop drives the robot without JavaScript. */
  readonly isNative: boolean;
  /** Brings the robot to the start position of a session. */
  reset(): void | Promise<void>;
  /** Starts the loop; `wake` is called for every tick, for events and at the end. */
  begin(options: NativeSessionOptions, place: NativePlace, wake: () => void): NativeSession;
  /** Does what a wake asks for. Returns the news that are left to handle. */
  wake(session: NativeSession): number;
  /** From this call on, the robot receives no more actions. */
  halt(): void;
  /**
   * When the loop has ended by itself, waits briefly for a call that is still pending. Resolves to a failure if the
   * call has not settled, else to undefined.
   */
  unsettled?(): Promise<Failure | undefined>;
  /** Stops the robot after the loop has ended. Resolves when the robot is stopped. */
  stop(): Promise<void>;
  /** Stops the robot as far as that is possible without waiting: the process is ending. */
  stopNow(): void;
  /** Whether a policy of this thread is answering a question. */
  readonly isAsked: boolean;
  /** Whether the policy runs on this thread. */
  readonly hasPolicyHere?: boolean;
  /** How many fields of a robot written in JavaScript could not be recorded. */
  readonly unkeptFields?: number;
  /** The first failure on the JavaScript side. */
  readonly failure: Failure | undefined;
  /** Returns the last states, from the rows that the loop kept. */
  pastStates(rows: Float64Array): readonly PastState[];
}

/** A native robot's link, as this package sees it. */
export interface DrivenLink<Observation, Action> extends NativeLink<Observation, Action> {
  /** The share of the jerk that a motion to a target takes by default; undefined if actions are not targets. */
  readonly targetJerkShare: number | undefined;
  /** How far a joint may be from its command by default [rad]. */
  readonly maxDistanceRad: number;
  /** Whether the robot is a simulated one that waits for its commands. */
  readonly isInLockstep: boolean;
  /** Whether it is on this machine, as only a simulated one is. */
  readonly isLocal: boolean;
  /** The sessions and moves that drive the robot now. */
  readonly runs: Runs;
  /** What a recording keeps of the robot and its settings, as values of JSON. */
  readonly about: object;
  /** The arm that the controls of a page can move. */
  readonly arm: NativeArm;
  /** The address of the arm, as it was given. */
  readonly address: string;
  /** Returns how chunks are played on this robot, or throws if they cannot be. */
  readonly chunks: (options: CheckedChunkedOptions) => NativeChunks;
  /** Makes the robot ready for a session that runs `policy`, which answers in chunks if `chunks` is given. */
  readonly drive: (
    policy: AnyPolicy<Observation, unknown>,
    chunks: CheckedChunkedOptions | undefined,
  ) => Driver;
}
