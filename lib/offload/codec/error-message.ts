import { isErrorCode } from '../../errors/codes.ts';
import {
  className,
  describe,
  describeThrown,
  isBlank,
  isError,
  read,
  textIn,
} from '../../errors/describe.ts';
import { errorClassOf } from '../../errors/error-class.ts';
import { OffloadError, RobotError, ServerError, SessionError } from '../../errors/errors.ts';
import { PACKING } from '../../native/contract.ts';
import { dataOf, type Room, sendable, textOf, wholeRoom } from './plain-data.ts';

/** An error in the form in which it is sent to another thread or process. */
export interface ErrorMessage {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly code?: string | number;
  readonly cause?: Told;
  /** The names of its class and of those from which this is derived. */
  readonly classes?: readonly string[];
  /** Its own further fields. */
  readonly fields?: Readonly<Record<string, Told>>;
  /** The names of the fields that are not enumerable. */
  readonly hidden?: readonly string[];
}

/** What belongs to an error: another error, a list in which errors are, or any other value. */
export type Told =
  | { readonly error: ErrorMessage }
  | { readonly list: readonly Told[] }
  | { readonly value: unknown };

/** How many nested causes are sent. */
const MOST_CAUSES = PACKING.mostCauses;
/** How deep a message may be nested. The rest of what may be sent is for the values around it and in it. */
const DEEPEST = PACKING.deepest - 30;
/** How many classes and fields of an error are sent. */
const MOST_CLASSES = 8;
const MOST_FIELDS = 100;
/** Fields of JavaScript's own errors that hold errors and are not enumerable. */
const HIDDEN_FIELDS = ['errors', 'error', 'suppressed'];
const HAVE_A_PLACE = ['name', 'message', 'stack', 'cause'];

/**
 * Returns a thrown value as a message, because an instance of a user's class cannot be sent as it is. Never throws,
 * even if reading the value throws.
 */
export function toMessage(thrown: unknown): ErrorMessage {
  if (!isError(thrown)) return { name: 'Error', message: textOf(thrown), stack: undefined };
  return new Teller().message(thrown, [], 0);
}

/** Makes the message of one thrown value. */
class Teller {
  readonly #room: Room = wholeRoom();

  /** @param within the errors that have led to this one */
  message(error: Error, within: readonly Error[], depth: number): ErrorMessage {
    this.#room.errors -= 1;
    const path = [...within, error];
    const [code, cause, stack] = [
      read(error, 'code'),
      read(error, 'cause'),
      textIn(error, 'stack'),
    ];
    const message = textIn(error, 'message');
    // A cause that leads back to its own error is sent once.
    const hasCause = cause !== undefined && path.length < MOST_CAUSES && this.#has(cause, path);
    return {
      name: sendable(nameOf(error)),
      message: message === undefined ? 'its message cannot be read' : sendable(message),
      stack: stack === undefined ? undefined : sendable(stack),
      ...(typeof code === 'string' ? { code: sendable(code) } : {}),
      ...(typeof code === 'number' ? { code } : {}),
      ...(hasCause ? { cause: this.#told(cause, path, depth + 2) } : {}),
      classes: classesOf(error),
      ...this.#fields(error, path, depth + 1),
    };
  }

  /** Whether a value may be told: an error must not have led to itself. */
  #has(value: unknown, path: readonly Error[]): boolean {
    return !path.includes(value as Error) && this.#room.errors > 0;
  }

  #told(value: unknown, path: readonly Error[], depth: number): Told {
    if (isError(value)) {
      const isTold = this.#has(value, path) && depth < DEEPEST;
      if (!isTold) return { value: describeThrown(value) };
      return { error: this.message(value, path, depth + 1) };
    }
    const items = itemsOf(value);
    const isList = items.some(isError) && depth < DEEPEST;
    if (!isList) return { value: dataOf(value, this.#room) };
    this.#room.values -= items.length;
    if (this.#room.values < 0) return { value: describe(value) };
    return { list: items.map((item) => this.#told(item, path, depth + 2)) };
  }

  #fields(
    error: Error,
    path: readonly Error[],
    depth: number,
  ): Pick<ErrorMessage, 'fields' | 'hidden'> {
    const fields: Record<string, Told> = Object.create(null);
    const hidden: string[] = [];
    for (const name of namesOf(error).slice(0, MOST_FIELDS)) {
      const value = read(error, name);
      if (['undefined', 'function', 'symbol'].includes(typeof value)) continue;
      const isCode = name === 'code' && ['string', 'number'].includes(typeof value);
      if (isCode) continue;
      fields[name] = this.#told(value, path, depth + 1);
      if (!isEnumerable(error, name)) hidden.push(name);
    }
    if (Object.keys(fields).length === 0) return {};
    return { fields: { ...fields }, ...(hidden.length > 0 ? { hidden } : {}) };
  }
}

/** Returns the names of an error's own fields that have no place of their own in a message. */
function namesOf(error: Error): string[] {
  try {
    const names = [...HIDDEN_FIELDS.filter((name) => Object.hasOwn(error, name))];
    for (const name of Object.keys(error)) if (!names.includes(name)) names.push(name);
    return names.filter((name) => !HAVE_A_PLACE.includes(name) && name !== '__proto__');
  } catch {
    return [];
  }
}

function isEnumerable(error: Error, name: string): boolean {
  try {
    return Object.prototype.propertyIsEnumerable.call(error, name);
  } catch {
    return true;
  }
}

function itemsOf(value: unknown): readonly unknown[] {
  try {
    return Array.isArray(value) ? Array.from(value) : [];
  } catch {
    return [];
  }
}

function nameOf(error: Error): string {
  const name = textIn(error, 'name') ?? '';
  return isBlank(name) || name === 'Error' ? className(error) : name;
}

/** Returns the names of an error's classes, the nearest first. */
function classesOf(error: Error): string[] {
  const names: string[] = [];
  try {
    let made: object | null = Object.getPrototypeOf(error);
    for (; made && names.length < MOST_CLASSES; made = Object.getPrototypeOf(made)) {
      const Class = Object.hasOwn(made, 'constructor') ? read(made, 'constructor') : undefined;
      const name = typeof Class === 'function' ? (textIn(Class, 'name') ?? '') : '';
      if (name === 'Error') break;
      if (!isBlank(name)) names.push(sendable(name));
    }
  } catch {
    // A proxy may refuse to tell its prototype.
  }
  return names;
}

/**
 * Returns the error of a message, with its name, message, stack, code, cause and fields.
 *
 * @throws {TypeError} if the value is not such a message
 */
export function fromMessage(told: ErrorMessage): Error {
  return errorOf(told, { errors: MOST_ERRORS });
}

/** How many errors are made of a message at most. `toMessage` tells of fewer. */
const MOST_ERRORS = 1_000;

type Left = Pick<Room, 'errors'>;

function errorOf(told: ErrorMessage, left: Left): Error {
  checkMessage(told);
  left.errors -= 1;
  if (left.errors < 0) throw new TypeError(`more than ${MOST_ERRORS} errors belong to an error`);
  const { name, stack, code, fields = {}, hidden = [] } = told;
  const error: Error & { code?: string | number } = made(told, left);
  // Not enumerable, like an error's own properties. Otherwise it would be printed twice.
  if (error.name !== name) Object.defineProperty(error, 'name', { ...HIDDEN, value: name });
  if (stack !== undefined) Object.defineProperty(error, 'stack', { ...HIDDEN, value: stack });
  if (code !== undefined && error.code === undefined) error.code = code;
  for (const [field, value] of Object.entries(fields)) {
    if (HAVE_A_PLACE.includes(field)) continue;
    const enumerable = !hidden.includes(field);
    Object.defineProperty(error, field, { ...HIDDEN, enumerable, value: itemOf(value, left) });
  }
  return error;
}

/** Makes the error of a message, without its fields. */
function made({ name, message, code, cause, classes = [] }: ErrorMessage, left: Left): Error {
  const options = cause && { cause: itemOf(cause, left) };
  if (name === 'OffloadError' && isErrorCode(code)) return new OffloadError(code, message, options);
  if (classes.includes('DOMException')) {
    const error = new DOMException(message, name);
    return options
      ? Object.defineProperty(error, 'cause', { ...HIDDEN, value: options.cause })
      : error;
  }
  const error = new Error(message, options);
  Object.setPrototypeOf(error, errorClassOf([...classes, name], code).prototype);
  if ([SessionError, RobotError, ServerError].some((Class) => error instanceof Class)) {
    Object.defineProperty(error, 'lastStates', { ...HIDDEN, value: [] });
  }
  return error;
}

function itemOf(told: Told, left: Left): unknown {
  if ('error' in told) return errorOf(told.error, left);
  return 'list' in told ? told.list.map((item) => itemOf(item, left)) : told.value;
}

/** Checks a message. A message from another process may be any value. */
function checkMessage(told: unknown): asserts told is ErrorMessage {
  const isMessage =
    isRecord(told) &&
    typeof textIn(told, 'name') === 'string' &&
    typeof textIn(told, 'message') === 'string' &&
    ['string', 'undefined'].includes(typeof read(told, 'stack')) &&
    ['string', 'number', 'undefined'].includes(typeof read(told, 'code')) &&
    isAbsentOr(isTold, read(told, 'cause')) &&
    isAbsentOr(areTexts, read(told, 'classes')) &&
    isAbsentOr(areTexts, read(told, 'hidden')) &&
    isAbsentOr(
      (fields) => isRecord(fields) && Object.values(fields).every(isTold),
      read(told, 'fields'),
    );
  if (!isMessage) throw new TypeError(`${describe(told)} tells of no error`);
}

function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function isAbsentOr(check: (value: unknown) => boolean, value: unknown): boolean {
  return value === undefined || check(value);
}

function areTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((text) => typeof text === 'string');
}

/** Whether a value tells of something that belongs to an error. The error in it is checked when it is made. */
function isTold(value: unknown): boolean {
  if (!isRecord(value)) return false;
  if ('list' in value) return Array.isArray(value.list) && value.list.every(isTold);
  return 'error' in value || 'value' in value;
}

const HIDDEN: PropertyDescriptor = { configurable: true, enumerable: false, writable: true };
