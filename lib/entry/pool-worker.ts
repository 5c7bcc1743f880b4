// The program of a thread of the pool. It finds the function, calls it, and returns the outcome.

import { arrived, sending } from '../offload/codec/carried.ts';
import { toMessage } from '../offload/codec/error-message.ts';
import { type Place, partsOf } from '../offload/module.ts';
import type { Job, Outcome } from '../offload/pool.ts';
import { takeMoving } from '../offload/transfer.ts';
import { isPromise, settled } from '../promise.ts';

type Work = (...args: readonly unknown[]) => unknown;
type Missing = Extract<Outcome, { kind: 'missing' }>;

const known: Map<Place, Work> = new Map();

/** Returns the function that a module exports at a place, or what the module exports instead. */
export async function find(place: Place): Promise<Work | Missing> {
  const { url, name } = partsOf(place);
  const module = (await import(url)) as Record<string, unknown>;
  const work = module[name];
  if (typeof work !== 'function') return { kind: 'missing', exported: Object.keys(module) };
  known.set(place, work as Work);
  return work as Work;
}

/** Called by piscina for each call. It does not wait for a module or a result that is already there. */
export default async function answer([place, args, carried]: Job): Promise<Outcome | object> {
  let work: Work | Missing;
  try {
    work = known.get(place) ?? (await find(place));
  } catch (thrown) {
    return { kind: 'unloaded', error: toMessage(thrown) };
  }
  try {
    if (typeof work !== 'function') return work;
    let value = work(...arrived(args, carried));
    if (isPromise(value)) value = await settled(value);
    const moving = takeMoving([value]);
    const outcome: Outcome = sending([value]);
    if (moving.length === 0) return outcome;
    const { move, transferableSymbol, valueSymbol } = await import('piscina');
    const result: object = { [transferableSymbol]: moving, [valueSymbol]: outcome };
    return move(result as Parameters<typeof move>[0]);
  } catch (thrown) {
    return { kind: 'threw', error: toMessage(thrown) };
  }
}
