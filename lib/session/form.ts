// What of a value of a robot written in JavaScript is recorded: its numbers, with the form that it has in the first
// cycle.

import { isList } from '../checks.ts';
import { describe, read } from '../errors/describe.ts';

/** The most numbers of a list, and of a whole value; and how deep objects are searched. */
const MOST_IN_LIST = 1_024;
const MOST = 4_096;
const DEEPEST = 4;
/** What a name may be. Others cannot be the name of a column. */
const NAME = /^[^\p{Cc}\p{Cs}]{1,100}$/u;
/** The name of a value that has no fields. */
const WHOLE = 'value';

/** A range of numbers. */
export interface FormField {
  readonly name: string;
  readonly len: number;
  /** Nobody names units. */
  readonly unit: '';
}

/** A field, and where its value is found. */
interface Place extends FormField {
  readonly path: readonly string[];
}

/** The numbers in a value, in an order that does not change. */
export class Form {
  readonly #places: readonly Place[];
  /** What has no numbers that can be kept, in words. */
  readonly leftOut: readonly string[];
  readonly length: number;

  private constructor(places: readonly Place[], leftOut: readonly string[]) {
    this.#places = places;
    this.leftOut = leftOut;
    this.length = places.reduce((sum, { len }) => sum + len, 0);
  }

  /** Returns the form of a value. */
  static of(value: unknown): Form {
    const places: Place[] = [];
    const leftOut: string[] = [];
    const names = new Set<string>();
    let left = MOST;
    const visit = (found: unknown, path: readonly string[]): void => {
      const name = path.join('.') || WHOLE;
      const len = typeof found === 'number' ? 1 : lengthOf(found);
      const isPlain = typeof found === 'object' && found !== null && !isList(found);
      if (len !== undefined && len > 0 && len <= left && !names.has(name)) {
        names.add(name);
        places.push({ name, len, unit: '', path });
        left -= len;
      } else if (isPlain && path.length < DEEPEST) {
        for (const key of Object.keys(found)) {
          if (NAME.test(key)) visit(read(found, key), [...path, key]);
          else leftOut.push(`${name}: a field without a plain name`);
        }
      } else if (leftOut.length < MOST_IN_LIST) {
        leftOut.push(`${name}: ${describe(found)}`);
      }
    };
    try {
      visit(value, []);
    } catch (error) {
      // A getter or a proxy of the user's.
      leftOut.push(`it cannot be read: ${describe(error)}`);
    }
    return new Form(places, leftOut);
  }

  get fields(): readonly FormField[] {
    return this.#places.map(({ name, len, unit }) => ({ name, len, unit }));
  }

  /**
   * Copies the numbers of a value to `slots`. Returns the names of the fields that the value does not have in this form;
   * their numbers are NaN.
   */
  fill(value: unknown, slots: Float64Array): readonly string[] {
    const missing: string[] = [];
    let at = 0;
    for (const { name, len, path } of this.#places) {
      if (!copied(value, path, len, slots, at)) {
        slots.fill(Number.NaN, at, at + len);
        missing.push(name);
      }
      at += len;
    }
    return missing;
  }
}

/** Returns how many numbers a list has; undefined if it is no list of numbers, or has too many. */
function lengthOf(value: unknown): number | undefined {
  if (!isList(value) || value.length > MOST_IN_LIST) return undefined;
  for (let index = 0; index < value.length; index += 1) {
    if (typeof value[index] !== 'number') return undefined;
  }
  return value.length;
}

function copied(
  value: unknown,
  path: readonly string[],
  len: number,
  slots: Float64Array,
  at: number,
): boolean {
  try {
    let found = value;
    for (const key of path) found = (found as Record<string, unknown>)[key];
    if (typeof found === 'number') {
      slots[at] = found;
      return len === 1;
    }
    if (!isList(found) || found.length !== len) return false;
    for (let index = 0; index < len; index += 1) {
      const number = found[index];
      if (typeof number !== 'number') return false;
      slots[at + index] = number;
    }
    return true;
  } catch {
    return false;
  }
}
