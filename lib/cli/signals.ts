import { constants } from 'node:os';
import { onAbort } from '../abort.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Does work that a signal of the terminal or the system stops. The exit code is then that of a program which the signal
 * has ended, 128 and the signal's number.
 *
 * @param stopped is told the error with which stopped work ended
 */
export async function untilSignal(
  work: (signal: AbortSignal) => Promise<void>,
  stopped: (error: unknown) => void = () => undefined,
): Promise<void> {
  const controller = new AbortController();
  const ends = SIGNALS.map((name) => {
    const end = (): void => {
      process.exitCode = 128 + constants.signals[name];
      controller.abort(name);
    };
    process.once(name, end);
    return { name, end };
  });
  try {
    await work(controller.signal);
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    stopped(error);
  } finally {
    for (const { name, end } of ends) process.off(name, end);
  }
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
