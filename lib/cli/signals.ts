import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { isatty } from 'node:tty';
import { onAbort } from '../abort.ts';

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
      process.exitCode = 128 + constants.signals[name];
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
    if (!controller.signal.aborted) throw error;
    stopped(error);
  } finally {
    ignore();
    if (isAtTerminal && controller.signal.reason === 'SIGHUP') await hangUp();
  }
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
