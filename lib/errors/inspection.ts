// What `console.log` prints of the values that a user looks at most: states, stats and errors.

import { type InspectOptionsStylized, inspect } from 'node:util';

/** Writes a value as text, on one or several lines, the way `console.log` is to print it. */
export type Printed<T> = (value: T, options: InspectOptionsStylized) => string;

/**
 * Defines what `util.inspect`, and so `console.log`, prints for the instances of a class. `brief` is printed for an
 * instance that lies deeper in another value than `util.inspect` shows.
 */
export function inspectAs<T extends object>(
  Class: { readonly prototype: T },
  printed: Printed<T>,
  brief: (value: T) => string,
): void {
  // Neither enumerable nor a public declaration: JSON, `Object.entries` and index.d.ts know nothing of it.
  Object.defineProperty(Class.prototype, inspect.custom, {
    configurable: true,
    value(this: T, depth: number, options: InspectOptionsStylized): string {
      return depth < 0 ? `[${brief(this)}]` : printed(this, options);
    },
  });
}

/** Lines in the braces of a class, as `util.inspect` writes an object. */
export function braces(name: string, lines: readonly string[]): string {
  return `${name} {\n${lines.map((line) => `  ${line}`).join('\n')}\n}`;
}

/** A time in the unit that suits it. */
export function timeText(seconds: number): string {
  const us = seconds * 1e6;
  if (us < 1_000) return `${us.toFixed(us < 10 ? 1 : 0)} us`;
  if (us < 1_000_000) return `${(us / 1e3).toFixed(2)} ms`;
  return `${seconds.toFixed(2)} s`;
}
