// What runs in a child of `mpify`: it makes an object, answers calls about it, and ends with its parent.

import { OffloadError } from './errors.ts';
import { endWithParent, NativeLine } from './native.ts';
import { serve } from './servant.ts';

const [memory = -1, callBell = -1, answerBell = -1, parent = 0] = process.argv.slice(2).map(Number);
process.argv.length = 2;
if (!endWithParent(parent)) process.exit();
// Ctrl+C reaches the whole terminal; the parent decides what it means.
process.on('SIGINT', () => {});

let made: unknown;

async function make(url: unknown, name: unknown, args: unknown): Promise<unknown> {
  const module = (await import(url as string)) as Record<string, unknown>;
  const factory = module[name as string];
  if (typeof factory !== 'function') {
    const names = Object.keys(module).join(', ') || 'nothing';
    const message = `${url} exports no function ${name}; it exports ${names}`;
    throw new OffloadError('OFFLOAD_NOT_FOUND', message);
  }
  made = await factory(...(args as unknown[]));
  return made;
}

await serve(NativeLine.join(memory, callBell, answerBell), {
  make,
  ordered: false,
  revokes: false,
});
await finish(made as Partial<AsyncDisposable & Disposable> | undefined);
process.exit();

/** Lets what was made close what it holds. */
async function finish(held: Partial<AsyncDisposable & Disposable> | undefined): Promise<void> {
  if (typeof held?.[Symbol.asyncDispose] === 'function') await held[Symbol.asyncDispose]?.();
  else held?.[Symbol.dispose]?.();
}
