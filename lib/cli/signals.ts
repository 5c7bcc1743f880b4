import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Does work that a signal of the terminal or the system stops. The exit code is then that of a program which the signal
 * has ended, 128 and the signal's number.
 */
export async function untilSignal(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
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
  } finally {
    for (const { name, end } of ends) process.off(name, end);
  }
}
