// Values that a structured clone, as by `postMessage`, does not keep: states of a robot and errors. They are sent beside
// the values in which they are. An empty object stands in their place; a clone keeps which object is which.

import { types } from 'node:util';
import { isError, withArticle } from '../../errors/describe.ts';
import { OffloadError } from '../../errors/errors.ts';
import { RobotState, STATE_LENGTH, slotsOf } from '../../native/robot-state.ts';
import { type ErrorMessage, fromMessage, toMessage } from './error-message.ts';
import { setOwn } from './own-property.ts';

/** What is sent beside values, with the objects that stand in its place. */
export type Carried = readonly {
  readonly stand: object;
  readonly what: { readonly slots: Float64Array } | { readonly error: ErrorMessage };
}[];

/**
 * Returns values as they are sent. They are unchanged if there is nothing to carry.
 *
 * @throws {OffloadError} `OFFLOAD_NOT_CLONEABLE` if nothing of a value would arrive, as of an `AbortSignal`
 */
export function sending(
  values: readonly unknown[],
): [values: readonly unknown[], carried?: Carried] {
  try {
    if (!values.some((value) => isObject(value) && hasCarried(value))) return [values];
    const carried: { stand: object; what: Carried[number]['what'] }[] = [];
    const stand = (value: object): object | undefined => {
      const what = carriedOf(value);
      if (!what) return undefined;
      const one = { stand: {}, what };
      carried.push(one);
      return one.stand;
    };
    return [replaced(values, stand, new Map()) as readonly unknown[], carried];
  } catch (error) {
    if (error instanceof OffloadError) throw error;
    // A value that cannot be looked at, or that is nested too deep, cannot be cloned either, which says why.
    return [values];
  }
}

/** Returns values as they were before they were sent. */
export function arrived(values: readonly unknown[], carried: Carried = []): readonly unknown[] {
  if (carried.length === 0) return values;
  const made = new Map<object, object>();
  for (const { stand, what } of carried) {
    made.set(stand, 'slots' in what ? new RobotState(what.slots) : fromMessage(what.error));
  }
  return replaced(values, (value) => made.get(value), new Map()) as readonly unknown[];
}

function carriedOf(value: object): Carried[number]['what'] | undefined {
  const slots = slotsOf(value);
  // The memory of the numbers may be that of many states.
  if (slots && slots.length >= STATE_LENGTH) return { slots: slots.slice(0, STATE_LENGTH) };
  return isError(value) ? { error: toMessage(value) } : undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Whether a state or an error is in a value. */
function hasCarried(root: object): boolean {
  const seen = new Set([root]);
  // The set grows while it is walked.
  for (const value of seen) {
    if (slotsOf(value) || isError(value)) return true;
    for (const item of itemsOf(value)) if (isObject(item)) seen.add(item);
  }
  return false;
}

/** Returns what is in a value, as a structured clone reads it. */
function itemsOf(value: object): Iterable<unknown> {
  if (Array.isArray(value) || types.isSet(value)) return value;
  if (types.isMap(value)) return [...value.keys(), ...value.values()];
  if (isRecord(value)) return Object.values(value);
  checkArrives(value);
  return [];
}

/** Whether a value is an object with properties alone. An instance of a class is cloned as one. */
function isRecord(value: object): boolean {
  return Object.prototype.toString.call(value) === '[object Object]';
}

/** @throws {OffloadError} if a structured clone makes an empty object of a value that keeps its content to itself */
function checkArrives(value: object): void {
  const isBytes = ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value);
  if (isBytes || Object.keys(value).length > 0) return;
  let clone: object;
  try {
    clone = structuredClone(value);
  } catch {
    return; // the call says why
  }
  if (!isRecord(clone)) return;
  const kind = Object.prototype.toString.call(value).slice(8, -1);
  throw new OffloadError(
    'OFFLOAD_NOT_CLONEABLE',
    `${withArticle(kind)} cannot be sent to another thread, because nothing of it would arrive; pass and return data: ` +
      'numbers, texts, arrays, typed arrays, plain objects',
  );
}

/** Returns a copy in which objects are replaced by what `instead` returns for them. */
function replaced(
  value: unknown,
  instead: (value: object) => object | undefined,
  copies: Map<object, object>,
): unknown {
  if (!isObject(value)) return value;
  const known = copies.get(value);
  if (known) return known;
  const other = instead(value);
  if (other) {
    copies.set(value, other);
    return other;
  }
  const copied = (item: unknown): unknown => replaced(item, instead, copies);
  if (Array.isArray(value)) {
    const list: unknown[] = [];
    copies.set(value, list);
    for (const item of value) list.push(copied(item));
    return list;
  }
  if (types.isMap(value)) {
    const map = new Map<unknown, unknown>();
    copies.set(value, map);
    for (const [key, item] of value) map.set(copied(key), copied(item));
    return map;
  }
  if (types.isSet(value)) {
    const set = new Set<unknown>();
    copies.set(value, set);
    for (const item of value) set.add(copied(item));
    return set;
  }
  if (!isRecord(value)) {
    checkArrives(value);
    return value;
  }
  const record: Record<string, unknown> = {};
  copies.set(value, record);
  for (const [name, item] of Object.entries(value)) {
    setOwn(record, name, copied(item));
  }
  return record;
}
