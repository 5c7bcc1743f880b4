import { constants } from 'node:os';
import { inspect, types } from 'node:util';
import type { NativeFailure } from '../native/binding.ts';
import type { RobotState } from '../native/robot-state.ts';
import type { ErrorCode, OptionErrorCode } from './codes.ts';
import {
  className,
  describe,
  describeThrown,
  inLines,
  inOneLine,
  isBlank,
  read,
  textIn,
} from './describe.ts';
import { inspectAs } from './inspection.ts';

const ours: WeakSet<object> = new WeakSet();

/** Whether a value is an error of this copy of the package. It does not read the value, which may be anything. */
export function isOurs(value: unknown): value is KilohertzError {
  return typeof value === 'object' && value !== null && ours.has(value);
}

/** The mark of errors of this package. It is the same in every copy of the package and in every realm. */
const BRAND: unique symbol = Symbol.for('kilohertz.error');

/** Marks all errors of a class. */
function brand(Class: { readonly prototype: Error }): void {
  Object.defineProperty(Class.prototype, BRAND, { value: true });
}

/** Any error of this package. All its error classes have a code. */
export type AnyKilohertzError = KilohertzError | OptionRangeError | OptionTypeError;

/**
 * Whether a value is an error of this package: a {@link KilohertzError}, an {@link OptionRangeError} or an
 * {@link OptionTypeError}. Unlike `instanceof` it also recognizes errors of another copy of this package, and of
 * another realm, as in tests under Jest and Vitest.
 *
 * @example
 * if (isKilohertzError(error)) console.error(error.code);
 */
export function isKilohertzError(value: unknown): value is AnyKilohertzError {
  return types.isNativeError(value) && read(value, BRAND) === true;
}

/**
 * The base class of all errors of this package except {@link OptionRangeError} and {@link OptionTypeError}.
 * {@link isKilohertzError} recognizes all of them. The message ends with a reference to the documentation that says
 * what to do next, for example `(docs/errors.md#policy_threw)`.
 */
export class KilohertzError extends Error {
  /** A stable name of what went wrong, for example `POLICY_THREW`. */
  readonly code: ErrorCode;
  /** The file that has the newest cycles before the error: see {@link BlackBoxOptions.folder}. */
  declare blackBox?: string;
  /** The file or folder that an error of a recording is about. The message shows a long path without its middle. */
  declare readonly path?: string;

  /** @param message what went wrong; an empty message is replaced, so that every error has a message */
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    const said = isBlank(message) ? `${code}: nothing more is known of it` : message;
    super(withPlace(code, said), options);
    this.name = className(this);
    this.code = code;
    ours.add(this);
  }

  /**
   * Writes the newest cycles of the session that ended with this error into a file: the last 10 s, or what
   * {@link SessionOptions.blackBox} says. The file is a recording, which every reader of recordings reads.
   *
   * @param path the path of a file that does not exist yet
   * @throws {SessionStateError} `SESSION_NOT_KEPT` if the error does not come from a session, or if its cycles were not
   * kept
   * @throws {KilohertzError} `RECORD_IO` if the file cannot be written
   */
  async save(path: string): Promise<void> {
    const saves = savers.get(this);
    if (!saves) {
      const message =
        'no cycles are kept with this error: it does not come from a session that has begun, or blackBox is false';
      throw new SessionStateError('SESSION_NOT_KEPT', message);
    }
    await saves(path);
  }
}
brand(KilohertzError);

/** What writes the cycles that led to an error. */
const savers = new WeakMap<KilohertzError, (path: string) => Promise<void>>();

/** Lets {@link KilohertzError.save} of this error write what `saves` writes. */
export function keepWith(error: KilohertzError, saves: (path: string) => Promise<void>): void {
  savers.set(error, saves);
}

/** The reference in an error's message to the explanation of its code. */
const PLACES = /[ \n]\(docs\/errors\.md#\w+\)/g;

/**
 * Returns the message with the reference for its code at the end. References of other errors in the message are
 * removed.
 */
function withPlace(code: string, message: string): string {
  const own = inLines(message.replace(PLACES, ''));
  const between = own.includes('\n') ? '\n' : ' ';
  return `${own}${between}(docs/errors.md#${inOneLine(code.toLowerCase())})`;
}

/**
 * Returns a message with what was received and expected of an option. The name may come from outside, as the name of a
 * variable in `env` does.
 */
function refusal(option: string, received: string, expected: string): string {
  return inOneLine(`${option} is ${received}; expected ${expected}`);
}

/** The fields of an error that `console.log` shows beside the stack, in this order, if they are not empty. */
const SHOWN = [
  'code',
  'tick',
  'received',
  'expected',
  'errors',
  'moveStatus',
  'notArrived',
  'signal',
  'path',
];

inspectAs(
  KilohertzError,
  (error, options) => {
    const shown: Record<string, unknown> = {};
    for (const name of SHOWN) {
      const value = ownValue(error, name);
      if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
      shown[name] = value;
    }
    // Other properties were added by the program, so they are shown too.
    for (const name of Object.keys(error)) {
      if (name !== 'name' && !SHOWN.includes(name)) shown[name] = ownValue(error, name);
    }
    const past = ownValue(error, 'lastStates');
    if (Array.isArray(past) && past.length > 0) {
      const text = `[${past.length}, the newest in cycle ${past.at(-1)?.tick}]`;
      shown['lastStates'] = { [inspect.custom]: () => text };
    }
    const cause = Object.hasOwn(error, 'cause') ? { cause: ownValue(error, 'cause') } : {};
    const depth = options.depth === undefined || options.depth === null ? null : options.depth + 1;
    const stack = textIn(error, 'stack') ?? `${error.name}: ${error.message}`;
    return `${stack} ${inspect({ ...shown, ...cause }, { ...options, depth })}`;
  },
  (error) => `${error.name}: ${error.message}`,
);

/** Returns the value of an object's own property, or undefined if there is no such property or it is a getter. */
function ownValue(object: object, name: string): unknown {
  return Object.getOwnPropertyDescriptor(object, name)?.value;
}

/** A value is out of range. Thrown before anything moves. */
export class OptionRangeError extends RangeError {
  /** `OPTION_` and the option's name, as in `OPTION_RATE_HZ`. */
  readonly code: OptionErrorCode;
  /** What was received. */
  readonly received: unknown;
  /** What is expected. */
  readonly expected: string;

  constructor(
    code: OptionErrorCode,
    option: string,
    received: unknown,
    expected: string,
    limits: readonly number[] = [],
  ) {
    super(refusal(option, describe(received, limits), expected));
    this.name = 'OptionRangeError';
    this.code = code;
    this.received = received;
    this.expected = expected;
  }
}

brand(OptionRangeError);

/** A value is of the wrong type, or an option has an unknown name. Thrown before anything moves. */
export class OptionTypeError extends TypeError {
  /** `OPTION_` and the option's name, as in `OPTION_RATE_HZ`. */
  readonly code: OptionErrorCode;
  /** What was received. */
  readonly received: unknown;
  /** What is expected. */
  readonly expected: string;

  constructor(code: OptionErrorCode, option: string, received: unknown, expected: string) {
    super(refusal(option, describe(received), expected));
    this.name = 'OptionTypeError';
    this.code = code;
    this.received = received;
    this.expected = expected;
  }
}

brand(OptionTypeError);

/** A session was asked for something that it cannot do in its present state. */
export class SessionStateError extends KilohertzError {}

/**
 * Work in another thread or process gave no result. If there is an original error, it is the `cause`. An error that the
 * work itself throws is not an `OffloadError`: it arrives as it was thrown. Codes:
 *
 * - `OFFLOAD_NOT_FOUND`: the module has no such function under that name
 * - `OFFLOAD_ENTRY_POINT`: the module is the program itself, which would run again in the other thread or process
 * - `OFFLOAD_NOT_CLONEABLE`: an argument or a result cannot be copied to the other side
 * - `OFFLOAD_TIMEOUT`: no answer within `timeoutS`
 * - `OFFLOAD_CRASHED`: the other side ended, or ran out of memory, before it answered
 * - `OFFLOAD_NOT_STARTED`, `OFFLOAD_STOPPED`: the thread or process was not started yet, or was stopped
 * - `OFFLOAD_QUEUE_FULL`: too many calls wait for their answer
 * - `OFFLOAD_SHAPE`: the shape of an array does not have the array's number of elements
 * - `OFFLOAD_NO_NODE`: there is no Node to start, or the program does not run with Node
 * - `OFFLOAD_PYTHON`: there is no Python interpreter, or it is too old
 * - `OFFLOAD_PROTOCOL`: a message of the other side cannot be read; the other side was closed
 * - `OFFLOAD_TOO_LARGE`: an answer had more bytes than `maxAnswerBytes`; the process was ended
 *
 * A call whose `signal` aborts rejects with an {@link AbortError} instead.
 */
export class OffloadError extends KilohertzError {}

/** One of the last states before an error, oldest first. */
export interface PastState {
  /** The cycle. */
  readonly tick: number;
  /** The time since the start of the first cycle [s]. */
  readonly timeS: number;
  /** A copy of the state. */
  readonly state: RobotState;
}

/** The details of an error that ended a session, beside its message. */
export interface SessionErrorDetails {
  /** The cycle in which the session began to end; absent if there was no cycle. */
  readonly tick?: number | undefined;
  /** The last states; empty for robots written in JavaScript. */
  readonly lastStates?: readonly PastState[];
  /** The original error. */
  readonly cause?: unknown;
}

function causeIn(details: SessionErrorDetails): ErrorOptions | undefined {
  return 'cause' in details ? { cause: details.cause } : undefined;
}

/** Records in an error the cycle in which a session began to end, and the states before it. */
function remember(
  error: { tick?: number | undefined; lastStates: readonly PastState[] },
  { tick, lastStates = [] }: SessionErrorDetails,
): void {
  if (tick !== undefined) error.tick = tick;
  // Not enumerable: fifty states would hide the message when the error is printed.
  Object.defineProperty(error, 'lastStates', { value: lastStates });
}

/**
 * A session ended with an error that does not come from the robot. (Errors of the robot are {@link RobotError}s.) The
 * robot was stopped before this error was thrown.
 */
export class SessionError extends KilohertzError {
  /** The cycle in which the session began to end. */
  declare readonly tick: number | undefined;
  /**
   * The states that led to the error, oldest first, 50 at most; empty for robots written in
   * JavaScript. Not enumerable.
   */
  declare readonly lastStates: readonly PastState[];

  constructor(code: ErrorCode, message: string, details: SessionErrorDetails = {}) {
    super(code, message, causeIn(details));
    remember(this, details);
  }
}

/**
 * The policy threw or rejected, code `POLICY_THREW`; `cause` is what it threw. For an arm there are more codes.
 * `POLICY_DETACHED`: the policy transferred the memory of its state to another thread. `POLICY_CRASHED`: the policy's
 * worker or process ended, or violated the protocol. `ONNX_MODEL`, `ONNX_RUNTIME`: the model of {@link onnxPolicy} or its
 * runtime cannot be used. `POLICY_UNSETTLED`: for a robot written in JavaScript, the promise of the policy had not settled
 * 2 s after the end of a run that has a duration; of {@link rerun}, the policy took longer than `timeoutS`.
 */
export class PolicyError extends SessionError {}

/**
 * The policy gave an answer that must not be sent to the robot: not a number, the wrong length, not a rigid transform,
 * or beyond a limit. Or the policy answered only `undefined` in its first second. Codes `ACTION_NOT_FINITE`,
 * `ACTION_LENGTH`, `ACTION_TYPE`, `ACTION_FRAME` and `ACTION_LIMIT`; for chunks of actions also `CHUNK_EMPTY`,
 * `CHUNK_LENGTH`, `CHUNK_STEP`, `CHUNK_TIME` and `CHUNK_SEAM`.
 */
export class InvalidActionError extends SessionError {
  /** What was received: the value of the slot, or the whole answer. */
  readonly received: unknown;
  /** What is expected. */
  readonly expected: string;

  constructor(
    code: ErrorCode,
    message: string,
    received: unknown,
    expected: string,
    details?: SessionErrorDetails,
  ) {
    super(code, message, details);
    this.received = received;
    this.expected = expected;
  }
}

/**
 * `onLate` is `'stop'`, and the policy gave no answer, or nothing new, for too long: code `POLICY_LATE`. Or the arm
 * could not catch up with the policy's actions within `catchUpS`: code `POLICY_BEHIND`.
 */
export class PolicyLateError extends SessionError {}

/** The end of a move that did not arrive at its goal. */
export interface NotArrived {
  /** Measured joint positions [rad], 7. */
  readonly q: readonly number[];
  /** The goal of the joints [rad], 7. */
  readonly goal: readonly number[];
  /** The joint that is furthest from its goal, 1 to 7. */
  readonly joint: number;
  /** How far this joint is away from its goal [rad]. */
  readonly differenceRad: number;
}

/**
 * The robot failed, or ended the motion of a session, or refused a call. Some calls, for example connecting, need no
 * session, so this class is not a {@link SessionError}. For an arm the codes are `FRANKA_REFLEX`,
 * `FRANKA_CONNECTION_LOST` and others. For a robot written in JavaScript they are `ROBOT_THREW` if it threw, and
 * `ROBOT_UNSETTLED` if a call to it did not settle.
 */
export class RobotError extends KilohertzError {
  /** The cycle in which a session began to end; undefined if there was no cycle. */
  declare readonly tick: number | undefined;
  /**
   * The states that led to the end of a session, oldest first, 50 at most; empty without a session, and for robots
   * written in JavaScript. Not enumerable.
   */
  declare readonly lastStates: readonly PastState[];
  /** The robot's own names of its errors, for example `joint_velocity_violation`. */
  readonly errors: readonly string[];
  /** The robot's own name for how its motion ended, for example `ReflexAborted`. */
  declare readonly moveStatus: string | undefined;
  /** The position of the arm, only for `FRANKA_NOT_ARRIVED`. */
  declare readonly notArrived: NotArrived | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    details: SessionErrorDetails & {
      readonly errors?: readonly string[] | undefined;
      readonly moveStatus?: string | undefined;
      readonly notArrived?: NotArrived | undefined;
    } = {},
  ) {
    super(code, message, causeIn(details));
    remember(this, details);
    this.errors = details.errors ?? [];
    // Node prints all properties of an uncaught error, even undefined ones.
    if (details.moveStatus !== undefined) this.moveStatus = details.moveStatus;
    if (details.notArrived !== undefined) this.notArrived = details.notArrived;
  }
}

/**
 * A policy server could not be used, in a session or when it was connected to. Codes:
 *
 * - `SERVER_UNREACHABLE`: it cannot be connected to, or the connection was lost
 * - `SERVER_TIMEOUT`: it did not answer within `timeoutS`
 * - `SERVER_FAILED`: it failed, and said why: see {@link ServerError.traceback}
 * - `SERVER_FRAME`: it sent bytes that cannot be read, or too many of them
 * - `SERVER_ANSWER`: its answer is not what it has to be: see {@link ServerError.received}
 * - `SERVER_CLOSED`: the policy was closed
 */
export class ServerError extends KilohertzError {
  /** The cycle in which a session began to end; undefined if there was no cycle. */
  declare readonly tick: number | undefined;
  /** The states that led to the end of a session, oldest first, 50 at most; empty without a session. Not enumerable. */
  declare readonly lastStates: readonly PastState[];
  /** What was received, where a value was wrong. */
  declare readonly received: string | undefined;
  /** What is expected instead. */
  declare readonly expected: string | undefined;
  /** What the server said of its own failure: in Python its traceback, or the end of it. The message has it, too. */
  declare readonly traceback: string | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    details: SessionErrorDetails & {
      readonly received?: string | undefined;
      readonly expected?: string | undefined;
      readonly traceback?: string | undefined;
    } = {},
  ) {
    super(code, message, causeIn(details));
    remember(this, details);
    const { received, expected, traceback } = details;
    if (received !== undefined) this.received = received;
    if (expected !== undefined) this.expected = expected;
    if (traceback !== undefined) Object.defineProperty(this, 'traceback', { value: traceback });
  }
}

/**
 * A signal of the operating system ended the session, the move or the hand's command, or prevented its start: code
 * `SESSION_INTERRUPTED`. A motion was brought to rest before.
 */
export class SessionInterruptedError extends SessionError {
  /** The name of the signal, for example `SIGTERM`. */
  readonly signal: string;

  constructor(signal: string, message: string, details?: SessionErrorDetails) {
    super('SESSION_INTERRUPTED', message, details);
    this.signal = signal;
  }
}

/**
 * An `AbortSignal` ended a call. The reason of the signal is the `cause`. The code is `ABORT_ERR` and the name
 * `AbortError`, as in Node's own calls. A motion was brought to rest before.
 */
export class AbortError extends KilohertzError {
  /** @param what the name of what was ended, for example `the move` */
  constructor(what: string, reason: unknown) {
    super('ABORT_ERR', `${what} was aborted by its signal: ${describeThrown(reason)}`, {
      cause: reason,
    });
  }
}

/** Returns the name of a signal's number, for example `SIGTERM`. */
export function signalName(number: number): string {
  const named = Object.entries(constants.signals).find(([, value]) => value === number);
  return named?.[0] ?? `signal ${number}`;
}

/**
 * Returns the code of an option: `OPTION_MAX_HELD_TICKS` for `maxHeldTicks`, `OPTION_LIMITS_JERK` for `limits.jerk`.
 */
export function codeOf(option: string): OptionErrorCode {
  return `OPTION_${option
    .replaceAll('.', '_')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toUpperCase()}`;
}

/** A failure of the native side, without the fields for a refused option. */
export type ToldFailure = Pick<
  NativeFailure,
  'kind' | 'code' | 'message' | 'errors' | 'notArrived' | 'signal'
> &
  Partial<Pick<NativeFailure, 'moveStatus' | 'path'>>;

/**
 * Returns the error for a failure of the native side, if the failure is not a refused option. Its message ends with `more`.
 */
export function fromFailure(
  failure: ToldFailure,
  details: SessionErrorDetails = {},
  more: string = '',
): KilohertzError {
  const { kind, signal } = failure;
  const code = kind === 'option' ? 'FRANKA_INVALID_ARGUMENT' : (failure.code as ErrorCode);
  // The message may contain texts from outside: an address, a description of an arm, the output of a process.
  const message = inOneLine(failure.message + more);
  switch (kind) {
    case 'option':
    case 'robot':
      return new RobotError(code, message, {
        ...details,
        errors: failure.errors,
        moveStatus: failure.moveStatus ?? undefined,
        notArrived: failure.notArrived ?? undefined,
      });
    case 'policy':
      return new PolicyError(code, message, details);
    case 'interrupted': {
      const name = signalName(signal ?? 0);
      return new SessionInterruptedError(name, `after ${name}: ${message}`, details);
    }
    case 'offload':
      return new OffloadError(code, message);
    // No `default`, so that the compiler names this place when a kind is added.
    case 'other': {
      const error = new KilohertzError(code, message);
      const { path } = failure;
      return path === undefined || path === null ? error : Object.assign(error, { path });
    }
  }
}
