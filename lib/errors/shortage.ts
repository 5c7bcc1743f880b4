// What to do if the system has no descriptors, threads or memory left: for what Node itself starts. For the native side
// `shortage.rs` of the core says the same.

import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';
import { describeThrown, isError, textIn } from './describe.ts';
import { KilohertzError } from './errors.ts';

const ADVICE: Readonly<Record<string, string>> = {
  EMFILE:
    'this process has as many files and sockets open as it may. Close some, or raise the limit: `ulimit -n`',
  ENFILE:
    'the system has as many files open as it may. Close some, or raise the limit: `sysctl fs.file-max`',
  EAGAIN:
    'this user, or the container, has as many processes and threads as it may. End some, or raise the limit: ' +
    "`ulimit -u`, or the container's pids.max",
  ENOMEM:
    'the system, or the container, has no memory left for it. End something, or raise the limit: `ulimit -v`, ' +
    "or the container's memory.max",
};

/** More descriptors than a thread, a process or a connection needs until it has started. */
const ROOM = 16;

/** Returns the code of the system for what has run out, for example `EMFILE`; undefined if nothing has. */
function shortIn(cause: unknown): string | undefined {
  if (!isError(cause)) return undefined;
  const code = textIn(cause, 'code') ?? '';
  if (Object.hasOwn(ADVICE, code)) return code;
  // A worker that cannot be started names it in its message alone.
  if (code !== 'ERR_WORKER_INIT_FAILED') return undefined;
  return Object.keys(ADVICE).find((known) => textIn(cause, 'message')?.includes(known));
}

/**
 * Returns the error `SYSTEM` for `what`, for example `the process of policy.js`, that cannot be started because the
 * system has run out of something; undefined if it cannot be started for another reason. The `cause` has the system's
 * own code.
 */
export function shortage(what: string, cause: unknown): KilohertzError | undefined {
  const code = shortIn(cause);
  if (code === undefined) return undefined;
  const message = `${what} cannot be started: ${describeThrown(cause)} (${code}): ${ADVICE[code]}`;
  return new KilohertzError('SYSTEM', message, { cause });
}

/**
 * Checks that there are enough descriptors to start `what`. Node does not close all that it has opened if it finds out in
 * the middle of starting a thread or a process.
 *
 * @throws {KilohertzError} `SYSTEM`
 */
export function checkRoom(what: string): void {
  const opened: number[] = [];
  try {
    while (opened.length < ROOM) opened.push(openSync(devNull, 'r'));
  } catch (error) {
    const told = shortage(what, error);
    // Without the null device nothing is known.
    if (told) throw told;
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}
