// However the process ends, the robots of running sessions are stopped first. Signals are handled natively
// (`guard/`). This file stops robots written in JavaScript, and stops all robots at a regular exit.

import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';
import { type SessionErrorDetails, SessionInterruptedError, signalName } from '../errors/errors.ts';
import { calling } from '../errors/native-call.ts';
import { guardOnTop, guardProcess, isEnding, NativePlace } from '../native/binding.ts';

/** A running session, move or hand command, as the end of the process sees it. */
export interface Guarded {
  readonly place: NativePlace;
  /** Asks the session, move or command to end, and returns at once. `why` says in words who asks. */
  requestStop(why?: string): void;
  /** Blocks until the robot is stopped, but no longer than this. */
  stopNow(limitS: number): void;
  /** Tells the recording why it ended, after all robots were stopped. */
  tellEnd?(): void;
}

/** Describes a session, move or command that is about to begin. */
export interface PlaceOptions {
  /** Whether the robot is driven without JavaScript. */
  readonly isNative: boolean;
  /** Whether Ctrl+C is the intended way to end it: the process goes on after it. */
  readonly endsOnInterrupt: boolean;
  /** Whether it may begin after the process was told to end. */
  readonly evenAfterSignal: boolean;
}

const EXIT_LIMIT_S = 5;
const LOOK_MS = 5;

const guarded = new Set<Guarded>();
let isGuarding = false;

/**
 * Guards this process from now on, because a signal that comes before the first motion must count too. Everything that
 * creates something that may move calls this function.
 */
export function guardHere(): void {
  // Listeners that another thread adds are not seen here, so the guard is put on top again.
  if (isGuarding) guardOnTop();
  if (isGuarding) return;
  // The system may refuse the guard's thread. Then the next call tries again.
  calling(() => guardProcess(onStop));
  isGuarding = true;
  if (!isMainThread) return;
  // Node's own listeners for these events run first, so its signal handlers are already installed, or removed, when
  // ours run.
  process.on('newListener', onListeners);
  process.on('removeListener', onListeners);
}

/**
 * Takes a place for a session, move or command that is about to begin. From then on signals ask it to end.
 *
 * @throws {SessionInterruptedError} if the process was told to end
 */
export function takePlace(options: PlaceOptions): NativePlace {
  guardHere();
  const { isNative, endsOnInterrupt, evenAfterSignal } = options;
  return calling(() => NativePlace.take(isNative, endsOnInterrupt, evenAfterSignal));
}

/** Guards the holder of a place until {@link unguard}. */
export function guard(member: Guarded): void {
  if (guarded.size === 0) process.on('exit', stopAllNow);
  guarded.add(member);
}

/** Ends the guarding of a member that has ended. */
export function unguard(member: Guarded): void {
  if (guarded.delete(member) && guarded.size === 0) process.off('exit', stopAllNow);
}

/** Returns the error if a signal ended what has this place, else undefined. */
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
 * Resolves once it is certain that the process goes on. If a signal is about to end the process, the program must not
 * learn of the error and act on it.
 */
export async function goingOn(): Promise<void> {
  while (isEnding()) await sleep(LOOK_MS);
}

function onListeners(event: string | symbol): void {
  if (typeof event === 'string' && event.startsWith('SIG')) guardOnTop();
}

/** Called when something was asked to end. */
function onStop(): void {
  for (const member of guarded) if (member.place.isToEnd) member.requestStop();
}

function stopAllNow(exitCode: number): void {
  const why = isMainThread
    ? `the program ended with exit code ${exitCode}`
    : 'the thread of the session was ended';
  // All are asked first, so that they stop at the same time.
  for (const member of guarded) member.requestStop(why);
  const thrown: unknown[] = [];
  const each = (stops: (member: Guarded) => void): void => {
    for (const member of guarded) {
      try {
        stops(member);
      } catch (error) {
        // The others must be stopped nevertheless.
        thrown.push(error);
      }
    }
  };
  each((member) => member.stopNow(EXIT_LIMIT_S));
  each((member) => member.tellEnd?.());
  if (thrown.length > 0) throw thrown[0];
}
