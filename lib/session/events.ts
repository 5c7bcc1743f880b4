import type { ErrorCode } from '../errors/codes.ts';
import type { KilohertzError } from '../errors/errors.ts';
import type { SessionStats } from './stats.ts';

/** Something that happened at a tick. */
export interface TickEvent {
  /** The cycle. */
  readonly tick: number;
}

/** The event of an arm that has been catching up with the policy's actions for too long. */
export interface BehindEvent extends TickEvent {
  /** The largest distance between the arm and the action, in `unit`. */
  readonly distance: number;
  /** The unit of the distance, for example `rad`. */
  readonly unit: string;
  /** The field of the action with this distance, for example `q`. */
  readonly field: string;
  /** The index of the number in this field. */
  readonly index: number;
}

/** The event of a policy that is often late. */
export interface LateEvent extends TickEvent {
  /** The mean time that the late answers took, or the time without an answer if that is longer [s]. */
  readonly tookS: number;
  /** The period at which the policy is asked [s]. */
  readonly periodS: number;
}

/** The event of a chunk that could not be played. */
export interface BadChunkEvent extends TickEvent {
  /** The code of the error with which it would have ended the session. */
  readonly code: ErrorCode;
  /** What is wrong with it. */
  readonly message: string;
}

/** The events of a session, and what listeners receive. */
export interface SessionEvents {
  /** The loop runs. */
  start: [];
  /** The robot is stopped and the loop has ended. */
  stop: [stats: SessionStats];
  /** The loop ended with this error. Emitted after the robot was stopped. */
  error: [error: KilohertzError];
  /** No action came in time; the last command is held. On a busy machine this event is frequent. */
  held: [event: TickEvent];
  /** No action came for too long; the robot is brought to rest. */
  resting: [event: TickEvent];
  /** Actions are used again. */
  resumed: [event: TickEvent];
  /** The arm has been catching up with the policy's actions for `catchUpS`. Emitted once each time this happens. */
  behind: [event: BehindEvent];
  /**
   * More than a tenth of the answers, of at least 20 questions in 2 s, were late. Emitted once, and also as a warning
   * of the process with code `KILOHERTZ_LATE`.
   */
  late: [event: LateEvent];
  /** A chunk of a {@link chunked} policy could not be played, and was left out. Only with `onBadChunk: 'skip'`. */
  badChunk: [event: BadChunkEvent];
  /**
   * The recording could not be written any further, for example because the disk is full. The robot goes on.
   * {@link Session.recording} says what is in the file. Emitted once. If nobody listens, the error becomes a warning of
   * the process.
   */
  recordingFailed: [error: KilohertzError];
}
