// The module that a policy elsewhere is loaded from: what the compiler knows of it, and what is checked.

import { OptionTypeError } from './errors.ts';

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
  if (url instanceof URL) return;
  const expected = `a URL, as in new URL('${file}', import.meta.url)`;
  throw new OptionTypeError('OPTION_URL', 'url', url, expected);
}

/** @throws {OptionTypeError} `OPTION_ARGS` */
export function checkFactoryArgs(args: readonly unknown[] | undefined): void {
  if (args === undefined || Array.isArray(args)) return;
  throw new OptionTypeError('OPTION_ARGS', 'args', args, 'an array');
}
