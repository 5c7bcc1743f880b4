// However the process ends, the robots of running sessions are stopped first. Signals are seen to
// natively (`guard.rs`); here is what JavaScript does about its own robots, and at a regular exit.

import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';
import { type SessionErrorDetails, SessionInterruptedError, signalName } from '../errors/errors.ts';
import { calling } from '../errors/native-call.ts';
import { guardOnTop, guardProcess, isEnding, NativePlace } from '../native/binding.ts';

/** A running session, move or hand command, as the end of the process sees it. */
export interface Guarded {
  readonly place: NativePlace;
  /** Asks for the end; returns at once. */
  requestStop(): void;
  /** Blocks until the robot is stopped, but no longer than this. */
  stopNow(limitS: number): void;
}

/** What is about to move. */
export interface PlaceOptions {
  /** Whether its robot is driven without JavaScript. */
  readonly isNative: boolean;
  /** Whether Ctrl+C is how it is meant to end: the process goes on after it. */
  readonly endsOnInterrupt: boolean;
  /** Whether it may begin after the process was told to end. */
  readonly evenAfterSignal: boolean;
}

const EXIT_LIMIT_S = 5;
const LOOK_MS = 5;

const guarded = new Set<Guarded>();
let isGuarding = false;

/**
 * Guards this process from now on: a signal that comes before the first motion is to count too. For whoever
 * makes what may move.
 */
export function guardHere(): void {
  // Another thread's listeners are not seen here.
  if (isGuarding) guardOnTop();
  if (isGuarding) return;
  isGuarding = true;
  calling(() => guardProcess(onStop));
  if (!isMainThread) return;
  // Node's own listeners for these come first, so that its handlers are there, or gone, by now.
  process.on('newListener', onListeners);
  process.on('removeListener', onListeners);
}

/**
 * Takes a place for what is about to move; from then on signals ask it to end.
 *
 * @throws {SessionInterruptedError} where the process was told to end
 */
export function takePlace(options: PlaceOptions): NativePlace {
  guardHere();
  const { isNative, endsOnInterrupt, evenAfterSignal } = options;
  return calling(() => NativePlace.take(isNative, endsOnInterrupt, evenAfterSignal));
}

/** Guards what has a place until {@link unguard}. */
export function guard(member: Guarded): void {
  if (guarded.size === 0) process.on('exit', stopAllNow);
  guarded.add(member);
}

/** It has ended. */
export function unguard(member: Guarded): void {
  if (guarded.delete(member) && guarded.size === 0) process.off('exit', stopAllNow);
}

/** The error of what a signal ended; undefined where none did. */
export function interruption(
  what: string,
  place: NativePlace,
  details?: SessionErrorDetails,
): SessionInterruptedError | undefined {
  const { signal } = place;
  if (signal === null) return undefined;
  const name = signalName(signal);
  return new SessionInterruptedError(name, `${what} was ended by ${name}, and is at rest`, details);
}

/**
 * Resolves once it is certain that the process goes on: what a signal is about to end need not be told
 * of it, and must not act on it.
 */
export async function goingOn(): Promise<void> {
  while (isEnding()) await sleep(LOOK_MS);
}

function onListeners(event: string | symbol): void {
  if (typeof event === 'string' && event.startsWith('SIG')) guardOnTop();
}

/** Something was asked to end. */
function onStop(): void {
  for (const member of guarded) if (member.place.isToEnd) member.requestStop();
}

function stopAllNow(): void {
  // All are asked first, so that they stop side by side.
  for (const member of guarded) member.requestStop();
  const thrown: unknown[] = [];
  for (const member of guarded) {
    try {
      member.stopNow(EXIT_LIMIT_S);
    } catch (error) {
      // The others are to be stopped all the same.
      thrown.push(error);
    }
  }
  if (thrown.length > 0) throw thrown[0];
}
