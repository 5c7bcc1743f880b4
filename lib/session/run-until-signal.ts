import { isKilohertzError } from '../errors/errors.ts';
import type { AnyAction, RunOptions, Session } from './session.ts';
import type { SessionStats } from './stats.ts';

/**
 * Runs a session for a command of the terminal. Without a duration a signal is how the run is meant to end, whichever it
 * is: the call then resolves to the stats until there.
 *
 * @throws as {@link Session.run}
 */
export async function runUntilSignal<Observation, Action extends AnyAction>(
  session: Session<Observation, Action>,
  options: RunOptions,
): Promise<SessionStats> {
  try {
    return await session.run(options);
  } catch (error) {
    // Ctrl+C has resolved it, all other signals reject.
    if (options.durationS !== undefined || !isInterruption(error)) throw error;
    return session.stats;
  }
}

/** Whether an error tells that a signal has ended a session. */
export function isInterruption(error: unknown): boolean {
  return isKilohertzError(error) && error.code === 'SESSION_INTERRUPTED';
}
