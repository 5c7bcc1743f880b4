import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { isatty } from 'node:tty';
import { onAbort } from '../abort.ts';
import { SessionInterruptedError } from '../errors/errors.ts';
import type { AnyAction, RunOptions, Session } from '../session/session.ts';
import type { SessionStats } from '../session/stats.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** How long the end by a signal may take [ms]. */
const END_LIMIT_MS = 5_000;

/** Does work without listening for signals: the system then does with them what it does by default. */
export type Unheard = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * Does work that a signal of the terminal or the system stops. The exit code is then that of a program which the signal
 * has ended, 128 and the signal's number.
 *
 * @param stopped is told the error with which stopped work ended
 */
export async function untilSignal(
  work: (signal: AbortSignal, unheard: Unheard) => Promise<void>,
  stopped: (error: unknown) => void = () => undefined,
): Promise<void> {
  const controller = new AbortController();
  const isAtTerminal = [0, 1, 2].some((descriptor) => isatty(descriptor));
  const ends = SIGNALS.map((name) => {
    const end = (): void => {
      endedBy(name);
      controller.abort(name);
    };
    return { name, end };
  });
  const listen = (): void => {
    for (const { name, end } of ends) process.once(name, end);
  };
  const ignore = (): void => {
    for (const { name, end } of ends) process.off(name, end);
  };
  const unheard: Unheard = async (own) => {
    ignore();
    try {
      return await own();
    } finally {
      listen();
    }
  };
  listen();
  try {
    await work(controller.signal, unheard);
  } catch (error) {
    // On a busy machine a motion may be over before this thread is told of the signal that has ended it.
    const isKnown = controller.signal.aborted || endedByError(error);
    if (!isKnown) throw error;
    stopped(error);
  } finally {
    ignore();
    if (isAtTerminal && process.exitCode === codeOf('SIGHUP')) await hangUp();
  }
}

/**
 * Runs a session. Without a duration a signal is how the run is meant to end, whichever it is: the call then resolves to
 * the stats until there, and the exit code is that of the signal.
 *
 * @throws as {@link Session.run}
 */
export async function runUntilSignal<Observation, Action extends AnyAction>(
  session: Session<Observation, Action>,
  options: RunOptions,
): Promise<SessionStats> {
  session.once('stop', () => {
    if (session.wasInterrupted) endedBy('SIGINT');
  });
  try {
    return await session.run(options);
  } catch (error) {
    // Ctrl+C has resolved it, all other signals reject.
    if (options.durationS !== undefined || !endedByError(error)) throw error;
    return session.stats;
  }
}

/** Whether an error tells that a signal has ended a motion. */
export function isInterruption(error: unknown): error is SessionInterruptedError {
  return error instanceof SessionInterruptedError;
}

/** Sets the exit code if an error tells that a signal has ended a motion. Returns whether it does. */
function endedByError(error: unknown): boolean {
  if (!isInterruption(error) || !Object.hasOwn(constants.signals, error.signal)) return false;
  endedBy(error.signal as NodeJS.Signals);
  return true;
}

function endedBy(signal: NodeJS.Signals): void {
  process.exitCode = codeOf(signal);
}

/** Returns the exit code of a program that a signal has ended. */
function codeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

/** Ends the process by the signal itself: where the terminal is gone, Node aborts at a regular end. */
async function hangUp(): Promise<void> {
  process.kill(process.pid, 'SIGHUP');
  await sleep(END_LIMIT_MS);
}

/** Resolves once a signal has aborted. The process waits for it. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const alive = setInterval(() => undefined, 2 ** 30);
    const end = (): void => {
      clearInterval(alive);
      resolve();
    };
    if (signal.aborted) end();
    else onAbort(signal, end);
  });
}
