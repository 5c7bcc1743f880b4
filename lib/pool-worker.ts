// What runs on a thread of the pool: it finds the function, calls it, and tells what came of it.

import type { Job, Outcome } from './pool.ts';
import { takeMoving } from './transfer.ts';
import { toMessage } from './worker-messages.ts';

type Work = (...args: readonly unknown[]) => unknown;
type Missing = Extract<Outcome, { kind: 'missing' }>;

const found: Map<string, Work> = new Map();

/** The function that a module exports, or what it exports instead. */
export async function find(url: string, name: string): Promise<Work | Missing> {
  const key = `${url} ${name}`;
  const known = found.get(key);
  if (known) return known;
  const module = (await import(url)) as Record<string, unknown>;
  const work = module[name];
  if (typeof work !== 'function') return { kind: 'missing', exported: Object.keys(module) };
  found.set(key, work as Work);
  return work as Work;
}

/** Called by piscina, once a call. */
export default async function answer({ url, name, args }: Job): Promise<Outcome | object> {
  try {
    const work = await find(url, name);
    if (typeof work !== 'function') return work;
    const value = await work(...args);
    const outcome: Outcome = { kind: 'value', value };
    const moving = takeMoving([value]);
    if (moving.length === 0) return outcome;
    const { move, transferableSymbol, valueSymbol } = await import('piscina');
    const result: object = { [transferableSymbol]: moving, [valueSymbol]: outcome };
    return move(result as Parameters<typeof move>[0]);
  } catch (thrown) {
    return { kind: 'threw', error: toMessage(thrown) };
  }
}
