// A contender in a process of its own, where it measures itself: how long a large copy takes depends
// on what else has used the process's heap, by a factor of three.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Contender } from './contender.ts';

/** The contender that `file`, in this folder, starts as its default export. */
export function apart(name: string, file: string): Contender {
  return {
    name,
    async start() {
      const main = fileURLToPath(new URL('./apart-main.ts', import.meta.url));
      const child = fork(main, [new URL(file, import.meta.url).href]);
      await answer(child, name);
      return {
        async measure(kind, calls) {
          child.send({ kind, calls });
          return (await answer(child, name)) as readonly number[];
        },
        async stop() {
          const ended = once(child, 'exit');
          child.disconnect();
          await ended;
        },
      };
    },
  };
}

async function answer(child: ChildProcess, name: string): Promise<unknown> {
  const over = new AbortController();
  const { signal } = over;
  try {
    return await Promise.race([
      once(child, 'message', { signal }).then(([message]) => message),
      once(child, 'exit', { signal }).then(([code]) => {
        throw new Error(`the process of ${name} ended with ${code}`);
      }),
    ]);
  } finally {
    over.abort();
  }
}
