// What this process takes of the system.

import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Quantity, Sample } from './verdict.ts';

/** The children of this process, with the letter that the kernel has for their state. */
export function children(): { readonly pid: number; readonly state: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const [state = '', parent] = stat(name);
      return Number(parent) === process.pid ? [{ pid: Number(name), state }] : [];
    });
}

/** The state and the parent of a process; nothing if it has ended meanwhile. */
function stat(pid: string): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name comes before them, and may have spaces and brackets.
    return text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .slice(0, 2);
  } catch {
    return [];
  }
}

function counts(): Readonly<Record<Exclude<Quantity, `${string}Mb`>, number>> {
  const now = children();
  return {
    // One is that of the folder itself.
    descriptors: readdirSync('/proc/self/fd').length - 1,
    threads: readdirSync('/proc/self/task').length,
    children: now.length,
    zombies: now.filter(({ state }) => state === 'Z').length,
  };
}

/** How long threads and processes that have ended may take to be gone [ms]. */
const SETTLES_MS = 3_000;
/**
 * How often garbage is collected at least. What is collected gives its memory back in a later turn of the event loop, and
 * may have held something else.
 */
const TURNS = 4;

/** Takes a sample. Waits a moment for what is ending, until no more is there than in the sample before. */
export async function sample(hours: number, before: Sample | undefined): Promise<Sample> {
  const limit = performance.now() + SETTLES_MS;
  const isSettled = (): boolean =>
    Object.entries(counts()).every(
      ([name, count]) => count <= (before?.[name as Quantity] ?? Number.POSITIVE_INFINITY),
    );
  for (let turn = 0; turn < TURNS || (!isSettled() && performance.now() < limit); turn += 1) {
    globalThis.gc?.();
    await sleep(50);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  const [rssMb, heapMb, externalMb] = [rss / 1e6, heapUsed / 1e6, external / 1e6];
  return { hours, rssMb, heapMb, externalMb, ...counts() };
}
