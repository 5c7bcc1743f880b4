import { endedBy, hasAborted, onAbort, throwIfAborted } from '../abort.ts';
import { awaiting } from '../errors/native-call.ts';
import { checkRoom } from '../errors/shortage.ts';
import { NativeAttempt } from '../native/binding.ts';

/**
 * Connects. If the signal aborts meanwhile, what was opened is closed, then the call rejects.
 *
 * @param what the name of what a signal aborts, for messages
 * @param close closes a connection that was made all the same
 * @throws {AbortError}
 * @throws {KilohertzError} `SYSTEM` if the system has no descriptors left
 */
export async function connecting<T>(
  what: string,
  signal: AbortSignal | undefined,
  connect: (attempt: NativeAttempt) => Promise<T>,
  close: (connected: T) => unknown,
): Promise<T> {
  throwIfAborted(signal, what);
  checkRoom(what);
  const attempt = new NativeAttempt();
  const stopListening = onAbort(signal, () => attempt.stop());
  try {
    const connected = await awaiting(() => connect(attempt));
    if (signal === undefined || !hasAborted(signal)) return connected;
    await close(connected);
    throw endedBy(signal, what);
  } catch (error) {
    throwIfAborted(signal, what);
    throw error;
  } finally {
    stopListening();
  }
}
