// How `console.log` prints states, stats and errors, the values that users look at most.

import { type InspectOptionsStylized, inspect } from 'node:util';
import { describe } from './describe.ts';

/** Returns a value as text, on one or several lines, as `console.log` is to print it. */
export type Printed<T> = (value: T, options: InspectOptionsStylized) => string;

/**
 * Defines what `util.inspect`, and so `console.log`, prints for the instances of a class. `brief` is printed for an
 * instance that is nested deeper in another value than `util.inspect` shows.
 */
export function inspectAs<T extends object>(
  Class: { readonly prototype: T },
  printed: Printed<T>,
  brief: (value: T) => string,
): void {
  // The property is neither enumerable nor declared, so it is not in JSON, `Object.entries` and index.d.ts.
  Object.defineProperty(Class.prototype, inspect.custom, {
    configurable: true,
    value(this: T, depth: number, options: InspectOptionsStylized): string {
      try {
        return depth < 0 ? `[${brief(this)}]` : printed(this, options);
      } catch {
        // A program may have put anything into it.
        return `[${describe(this)}, which cannot be shown]`;
      }
    },
  });
}

/** Returns lines in braces after a class name, as `util.inspect` prints an object. */
export function braces(name: string, lines: readonly string[]): string {
  return `${name} {\n${lines.map((line) => `  ${line}`).join('\n')}\n}`;
}

/** Returns a time in a suitable unit. */
export function timeText(seconds: number): string {
  const us = seconds * 1e6;
  if (us < 1_000) return `${us.toFixed(us < 10 ? 1 : 0)} us`;
  if (us < 1_000_000) return `${(us / 1e3).toFixed(2)} ms`;
  return `${seconds.toFixed(2)} s`;
}
