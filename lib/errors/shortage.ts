// What to do if the system has no descriptors, threads or memory left, or if Node may not start anything: for what Node
// itself starts. `shortage.rs` of the core has the words.

import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';
import { shortages } from '../native/binding.ts';
import { describeThrown, isError, textIn } from './describe.ts';
import { KilohertzError } from './errors.ts';

/** What to do, by the system's codes. */
const ADVICE: ReadonlyMap<string, string> = new Map(
  shortages().map(({ code, advice }) => [code, advice]),
);

/** More descriptors than a thread, a process or a connection needs until it has started. */
const ROOM = 16;

/** Returns the code of the system for what has run out, for example `EMFILE`; undefined if nothing has. */
function shortIn(cause: unknown): string | undefined {
  if (!isError(cause)) return undefined;
  const code = textIn(cause, 'code') ?? '';
  if (ADVICE.has(code)) return code;
  // A worker that cannot be started names it in its message alone.
  if (code !== 'ERR_WORKER_INIT_FAILED') return undefined;
  return [...ADVICE.keys()].find((known) => textIn(cause, 'message')?.includes(known));
}

/**
 * Returns the error `SYSTEM` for `what`, for example `the process of policy.js`, that cannot be started because the
 * system has run out of something; undefined if it cannot be started for another reason. The `cause` has the system's
 * own code.
 */
export function shortage(what: string, cause: unknown): KilohertzError | undefined {
  const code = shortIn(cause);
  if (code === undefined) return undefined;
  const message = `${what} cannot be started: ${describeThrown(cause)} (${code}): ${ADVICE.get(code)}`;
  return new KilohertzError('SYSTEM', message, { cause });
}

/**
 * Returns the error `SYSTEM` for `what`, a thread or a process, if it cannot be started because something has run out, or
 * because Node starts none here; undefined if it cannot be started for another reason.
 *
 * @param permission the option by which Node permits it to a program that is started with `--permission`
 */
export function refusal(
  what: string,
  cause: unknown,
  permission: '--allow-worker' | '--allow-child-process',
): KilohertzError | undefined {
  const why = isError(cause) ? whyRefused(cause, permission) : undefined;
  if (why === undefined) return shortage(what, cause);
  return new KilohertzError('SYSTEM', `${what} cannot be started: ${why}`, { cause });
}

function whyRefused(cause: Error, permission: string): string | undefined {
  if (textIn(cause, 'code') === 'ERR_ACCESS_DENIED') {
    return `Node runs with --permission, and without ${permission} (ERR_ACCESS_DENIED): add this option`;
  }
  if (textIn(cause, 'syscall') === 'uv_cwd') {
    const code = textIn(cause, 'code');
    return `the working directory of this program was removed (${code}), and Node needs one: call process.chdir()`;
  }
  return undefined;
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
