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

/** Whether something is an error of this package. Does not look at it: it may be anything. */
export function isOurs(value: unknown): value is KilohertzError {
  return typeof value === 'object' && value !== null && ours.has(value);
}

/** What marks an error of this package, whichever copy of it and whichever realm it comes from. */
const BRAND: unique symbol = Symbol.for('kilohertz.error');

/** Marks the errors of a class. */
function brand(Class: { readonly prototype: Error }): void {
  Object.defineProperty(Class.prototype, BRAND, { value: true });
}

/** Any error of this package: one of its classes, which all have a code. */
export type AnyKilohertzError = KilohertzError | OptionRangeError | OptionTypeError;

/**
 * Whether something is an error of this package: a {@link KilohertzError}, an {@link OptionRangeError} or an
 * {@link OptionTypeError}. Unlike `instanceof` it knows those of another copy of this package, and those of another
 * realm, as the tests of Jest and Vitest have them.
 *
 * @example
 * if (isKilohertzError(error)) console.error(error.code);
 */
export function isKilohertzError(value: unknown): value is AnyKilohertzError {
  return types.isNativeError(value) && read(value, BRAND) === true;
}

/**
 * The base of all errors of this package that are neither a wrong value nor a wrong type;
 * {@link isKilohertzError} knows all. The message ends with the place in the documentation that says what to do next, as `(docs/errors.md#policy_threw)`.
 */
export class KilohertzError extends Error {
  /** A stable name of what went wrong, as in `POLICY_THREW`. */
  readonly code: ErrorCode;

  /** @param message what went wrong; an empty one is replaced, because an error has to say something */
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    const said = isBlank(message) ? `${code}: nothing more is known of it` : message;
    super(withPlace(code, said), options);
    this.name = className(this);
    this.code = code;
    ours.add(this);
  }
}
brand(KilohertzError);

/** Where an error's message says that its code is explained. */
const PLACES = /[ \n]\(docs\/errors\.md#\w+\)/g;

/** The message with the place of its code at the end, and no place of an error that it was composed of. */
function withPlace(code: string, message: string): string {
  const own = inLines(message.replace(PLACES, ''));
  const between = own.includes('\n') ? '\n' : ' ';
  return `${own}${between}(docs/errors.md#${inOneLine(code.toLowerCase())})`;
}

/** What was received and expected of an option. Its name may be anybody's, as that of a variable of `env`. */
function refusal(option: string, received: string, expected: string): string {
  return inOneLine(`${option} is ${received}; expected ${expected}`);
}

/** The fields of an error that `console.log` shows beside its stack, in this order, where they hold something. */
const SHOWN = [
  'code',
  'tick',
  'received',
  'expected',
  'errors',
  'moveStatus',
  'notArrived',
  'signal',
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
    // Names beside ours are the program's own, which it has put there to be seen.
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

/** The value of a property that an object has itself; undefined where it has none, or a getter. */
function ownValue(object: object, name: string): unknown {
  return Object.getOwnPropertyDescriptor(object, name)?.value;
}

/** A value is outside of what is possible. Thrown before anything moves. */
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
 * Work that was handed to another thread or process did not come back; `cause`, where there is one,
 * is the original error. What the work itself throws is no `OffloadError`: it arrives as it was
 * thrown. Codes:
 *
 * - `OFFLOAD_NOT_FOUND`: the module has no such function under that name
 * - `OFFLOAD_ENTRY_POINT`: the module is the program itself, which would run again over there
 * - `OFFLOAD_NOT_CLONEABLE`: an argument or a result cannot be copied to the other side
 * - `OFFLOAD_TIMEOUT`: no answer within `timeoutS`
 * - `OFFLOAD_CRASHED`: the other side ended, or ran out of memory, before it answered
 * - `OFFLOAD_NOT_STARTED`, `OFFLOAD_STOPPED`: it is not there yet, or was stopped
 * - `OFFLOAD_QUEUE_FULL`: too many calls wait for their answer
 * - `OFFLOAD_SHAPE`: an array's shape has another number of elements than the array
 * - `OFFLOAD_PYTHON`: there is no Python interpreter, or it is too old
 * - `OFFLOAD_PROTOCOL`: what the other side sent cannot be read; it was closed
 * - `OFFLOAD_TOO_LARGE`: an answer had more bytes than `maxAnswerBytes`; the process was ended
 *
 * A call whose `signal` aborts rejects with an {@link AbortError} instead.
 */
export class OffloadError extends KilohertzError {}

/** One of the last states before an error, oldest first. */
export interface PastState {
  /** The cycle. */
  readonly tick: number;
  /** From the start of the first cycle [s]. */
  readonly timeS: number;
  /** The state, a copy. */
  readonly state: RobotState;
}

/** What the error that ended a session knows beside its message. */
export interface SessionErrorDetails {
  /** The cycle in which the session began to end; absent where there was none. */
  readonly tick?: number | undefined;
  /** The last states; empty for robots written in JavaScript. */
  readonly lastStates?: readonly PastState[];
  /** The original error. */
  readonly cause?: unknown;
}

function causeIn(details: SessionErrorDetails): ErrorOptions | undefined {
  return 'cause' in details ? { cause: details.cause } : undefined;
}

/** Notes in which cycle a session began to end, and the states before it. */
function remember(
  error: { tick?: number | undefined; lastStates: readonly PastState[] },
  { tick, lastStates = [] }: SessionErrorDetails,
): void {
  if (tick !== undefined) error.tick = tick;
  // Not enumerable: fifty states would bury the message wherever the error is printed.
  Object.defineProperty(error, 'lastStates', { value: lastStates });
}

/**
 * A session ended with an error that is not the robot's, which is a {@link RobotError}. The robot was stopped before
 * this was thrown.
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
 * The policy threw or rejected; `cause` is what it threw. Code `POLICY_THREW`. Of an arm also
 * `POLICY_DETACHED`, where the policy moved the memory of its state to another thread, and
 * `POLICY_CRASHED`, where its worker or process ended or did what it may not. Of a robot
 * written in JavaScript also `POLICY_UNSETTLED`: what the policy promised had not settled 2 s after the end of a
 * run that has a duration.
 */
export class PolicyError extends SessionError {}

/**
 * The policy answered something that the robot may not be commanded: not a number, the wrong
 * length, no rigid transform, or beyond a limit; or nothing but `undefined` in its first second. Codes
 * `ACTION_NOT_FINITE`, `ACTION_LENGTH`, `ACTION_TYPE`, `ACTION_FRAME` and `ACTION_LIMIT`.
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
 * The policy did not answer for too long, or had nothing new, and `onLate` is `'stop'`: code `POLICY_LATE`.
 * Or the arm could not catch up with its actions within `catchUpS`: code `POLICY_BEHIND`.
 */
export class PolicyLateError extends SessionError {}

/** Where a move has ended that did not arrive. */
export interface NotArrived {
  /** Measured joint positions [rad], 7. */
  readonly q: readonly number[];
  /** Where the joints were to be [rad], 7. */
  readonly goal: readonly number[];
  /** The joint that is furthest from its goal, 1 to 7. */
  readonly joint: number;
  /** How far it is away [rad]. */
  readonly differenceRad: number;
}

/**
 * The robot failed, ended the motion of a session, or refused something that no session is needed for, as connecting
 * or setting it up: so it is no {@link SessionError}. The code is the robot's: `FRANKA_REFLEX`,
 * `FRANKA_CONNECTION_LOST` and others, or `ROBOT_THREW` where a robot written in JavaScript threw, or
 * `ROBOT_UNSETTLED` where a call to it did not settle.
 */
export class RobotError extends KilohertzError {
  /** The cycle in which a session began to end; undefined where there was none. */
  declare readonly tick: number | undefined;
  /**
   * The states that led to the end of a session, oldest first, 50 at most; empty without one, and for robots written in
   * JavaScript. Not enumerable.
   */
  declare readonly lastStates: readonly PastState[];
  /** The robot's own names of what is wrong, as in `joint_velocity_violation`. */
  readonly errors: readonly string[];
  /** How the robot says that its motion ended, as in `ReflexAborted`. */
  declare readonly moveStatus: string | undefined;
  /** Where the arm is, of `FRANKA_NOT_ARRIVED`. */
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
    // Node prints an error that nobody has caught with all that it has, undefined included.
    if (details.moveStatus !== undefined) this.moveStatus = details.moveStatus;
    if (details.notArrived !== undefined) this.notArrived = details.notArrived;
  }
}

/**
 * A signal ended the session, the move or the hand's command, or kept it from beginning: code
 * `SESSION_INTERRUPTED`. Whatever moved was brought to rest.
 */
export class SessionInterruptedError extends SessionError {
  /** The signal, as `SIGTERM`. */
  readonly signal: string;

  constructor(signal: string, message: string, details?: SessionErrorDetails) {
    super('SESSION_INTERRUPTED', message, details);
    this.signal = signal;
  }
}

/**
 * An `AbortSignal` ended a call; its reason is the `cause`. Code `ABORT_ERR`, and name `AbortError`, as Node's own calls
 * have them. Whatever moved was brought to rest before.
 */
export class AbortError extends KilohertzError {
  /** @param what what was ended, as `the move` */
  constructor(what: string, reason: unknown) {
    super('ABORT_ERR', `${what} was aborted by its signal: ${describeThrown(reason)}`, {
      cause: reason,
    });
  }
}

/** The name of a signal's number, as `SIGTERM`. */
export function signalName(number: number): string {
  const named = Object.entries(constants.signals).find(([, value]) => value === number);
  return named?.[0] ?? `signal ${number}`;
}

/** `maxHeldTicks` as `OPTION_MAX_HELD_TICKS`, `limits.jerk` as `OPTION_LIMITS_JERK`. */
export function codeOf(option: string): OptionErrorCode {
  return `OPTION_${option
    .replaceAll('.', '_')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toUpperCase()}`;
}

/** What a failure of the native side says, its refused option aside. */
export type ToldFailure = Pick<
  NativeFailure,
  'kind' | 'code' | 'message' | 'errors' | 'moveStatus' | 'notArrived' | 'signal'
>;

/** The error that a failure of the native side stands for, where no option of a call was refused. */
export function fromFailure(
  failure: ToldFailure,
  details: SessionErrorDetails = {},
): KilohertzError {
  const { kind, signal } = failure;
  const code = kind === 'option' ? 'FRANKA_INVALID_ARGUMENT' : (failure.code as ErrorCode);
  // There may be texts of others in it: an address, a description of an arm, what a process has written.
  const message = inOneLine(failure.message);
  switch (kind) {
    case 'option':
    case 'robot':
      return new RobotError(code, message, {
        ...details,
        errors: failure.errors,
        moveStatus: failure.moveStatus ?? undefined,
        notArrived: failure.notArrived ?? undefined,
      });
    case 'interrupted': {
      const name = signalName(signal ?? 0);
      return new SessionInterruptedError(name, `after ${name}: ${message}`, details);
    }
    case 'offload':
      return new OffloadError(code, message);
    default:
      return new KilohertzError(code, message);
  }
}
