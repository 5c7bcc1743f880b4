// The classes of errors that come from another thread or process.

import { isKilohertzErrorCode } from './codes.ts';
import { describe, isBlank, read, textIn } from './describe.ts';
import {
  AbortError,
  InvalidActionError,
  KilohertzError,
  OffloadError,
  OptionRangeError,
  OptionTypeError,
  PolicyError,
  PolicyLateError,
  RobotError,
  ServerError,
  SessionError,
  SessionInterruptedError,
  SessionStateError,
} from './errors.ts';

/** A class of errors, with any constructor. */
export type ErrorClass = abstract new (...args: never[]) => Error;

/**
 * The classes that every thread and process has, and those that were registered, by their names. A class of this package
 * that is not here arrives as the class from which it is derived: `errors.test.ts` compares both.
 */
const known: Map<string, ErrorClass> = new Map();

/** The classes of this package, whose errors have a code of this package. */
const OURS: readonly ErrorClass[] = [
  KilohertzError,
  AbortError,
  InvalidActionError,
  OffloadError,
  OptionRangeError,
  OptionTypeError,
  PolicyError,
  PolicyLateError,
  RobotError,
  ServerError,
  SessionError,
  SessionInterruptedError,
  SessionStateError,
];

for (const Class of [
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
  AggregateError,
  // Node 24 has it.
  read(globalThis, 'SuppressedError') as ErrorClass | undefined,
  ...OURS,
]) {
  if (Class) known.set(Class.name, Class);
}

/**
 * Registers a class of errors of your own: `instanceof` then holds for errors that were thrown in another thread or
 * process, by {@link asyncify}, an {@link InferenceThread}, {@link mpify} or a policy elsewhere. The class is found by
 * its name, also for an exception of Python with the same name. Call it where such errors are caught.
 *
 * The constructor is not called: the error gets the prototype of the class, and the own enumerable fields that it had.
 * Without registration it has these fields too, and the nearest class that is known: one of JavaScript's own, of this
 * package, or a registered one from which its class is derived. Registering a class twice has no effect.
 *
 * @example
 * // errors.ts, which both sides import
 * export class Unreachable extends Error { constructor(readonly joint: number) { super(`joint ${joint}`); } }
 * registerErrorClass(Unreachable);
 * @throws {OptionTypeError} `OPTION_ERROR_CLASS` if the value is not a class that is derived from `Error`
 * @throws {OptionRangeError} `OPTION_ERROR_CLASS` if it has no name, or another class has the same name
 */
export function registerErrorClass(errorClass: ErrorClass): void {
  const prototype = typeof errorClass === 'function' ? read(errorClass, 'prototype') : undefined;
  if (!(prototype instanceof Error)) {
    const expected = 'a class that is derived from Error, as in class Unreachable extends Error {}';
    throw new OptionTypeError('OPTION_ERROR_CLASS', 'errorClass', errorClass, expected);
  }
  const name = textIn(errorClass, 'name') ?? '';
  const other = known.get(name);
  if (isBlank(name) || (other !== undefined && other !== errorClass)) {
    const expected = 'a class with a name that no other class of errors has which is registered';
    const received = isBlank(name) ? 'a class without a name' : describe(errorClass);
    throw new OptionRangeError('OPTION_ERROR_CLASS', 'errorClass', received, expected);
  }
  known.set(name, errorClass);
}

/**
 * Returns the first of these classes that is known in this thread. An error without a code of this package has none of
 * its classes: another package may have a class of the same name.
 */
export function errorClassOf(names: readonly string[], code: unknown): ErrorClass {
  const isOurs = isKilohertzErrorCode(code);
  for (const name of names) {
    const Class = known.get(name);
    if (Class && (isOurs || !OURS.includes(Class))) return Class;
  }
  return Error;
}
