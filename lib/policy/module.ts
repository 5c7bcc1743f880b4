// The module that a policy elsewhere is loaded from: what the compiler knows of it, and what is checked.

import { checkNumber, isUrl } from '../checks.ts';
import { OptionTypeError } from '../errors/errors.ts';

/** The policy that an export is, or that the factory which it is returns. */
export type PolicyIn<Export, Args> = Args extends readonly unknown[]
  ? Export extends (...args: never[]) => infer Made
    ? Awaited<Made>
    : never
  : Export;

/** What the export is called with where it is a factory; undefined where it is the policy itself. */
export type FactoryArgs<Export> = Export extends (...args: infer Given) => infer Made
  ? Awaited<Made> extends (...args: never[]) => unknown
    ? Given
    : undefined
  : undefined;

export type ObservationOf<P> = P extends (
  observation: infer Observation,
  ...rest: never[]
) => unknown
  ? Observation
  : never;

export type ActionOf<P> = P extends (...args: never[]) => infer Answer ? Awaited<Answer> : never;

/** @throws {OptionTypeError} `OPTION_URL`; `file` is the example of the message */
export function checkPolicyUrl(url: unknown, file: string): asserts url is URL {
  if (isUrl(url)) return;
  const expected = `a URL, as in new URL('${file}', import.meta.url)`;
  throw new OptionTypeError('OPTION_URL', 'url', url, expected);
}

/**
 * The default `SCHED_FIFO` priority of a policy's thread: below 50, where a `PREEMPT_RT` kernel has the
 * interrupts of the network card.
 */
export const POLICY_PRIORITY = 40;

/** Checks the priority of a policy's thread; one that spins has none. */
export function checkPriority(
  priority: number | null | undefined,
  spin: boolean,
): number | undefined {
  if (priority === null || (priority === undefined && spin)) return undefined;
  if (spin) {
    const expected = 'nothing beside spin: it would take its core from everything else';
    throw new OptionTypeError('OPTION_PRIORITY', 'priority', priority, expected);
  }
  const range = { from: 1, to: 98, integer: true, orNull: true };
  return checkNumber('priority', priority ?? POLICY_PRIORITY, range);
}

/** @throws {OptionTypeError} `OPTION_ARGS` */
export function checkFactoryArgs(args: readonly unknown[] | undefined): void {
  if (args === undefined || Array.isArray(args)) return;
  throw new OptionTypeError('OPTION_ARGS', 'args', args, 'an array');
}
