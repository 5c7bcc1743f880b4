import { numberText } from '../errors/number.ts';
import { within } from '../promise.ts';

/** How long what was ended by force may take to be gone [ms]. A call into the kernel or a driver may hold it up. */
export const GONE_LIMIT_MS = 3_000;

/**
 * Waits until what was ended by force is gone, `what` by its name. Where a call that does not return holds it up, a
 * warning says that it is left behind, and this call resolves.
 */
export async function gone(
  what: string,
  ended: Promise<unknown>,
  limitMs: number = GONE_LIMIT_MS,
): Promise<void> {
  if (await within(limitMs, ended)) return;
  const message =
    `${what} was ended and is still there after ${numberText(limitMs / 1e3)} s, so it is left behind: a call of it into ` +
    'native code, a driver or the kernel does not return';
  process.emitWarning(message, { code: 'KILOHERTZ_LEFT_BEHIND' });
}
