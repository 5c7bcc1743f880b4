// How many processors this process may use: those that exist and are allowed to it (`taskset`), and the quota of the
// cgroup that it is in, as containers have it.

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { upwards } from './folders.ts';

/** Reads a small file. Returns undefined if it cannot be read. */
export type ReadText = (path: string) => string | undefined;

const ROOT = '/sys/fs/cgroup';

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Returns how many threads can compute at the same time without being throttled, 1 or more. */
export function processors(
  read: ReadText = readText,
  available: () => number = availableParallelism,
): number {
  // A thread for the rest of a processor would use up the quota, and all threads of the program would stand still.
  return Math.max(1, Math.min(available(), Math.floor(quotaOf(read))));
}

/** Returns the smallest quota of the cgroups that this process is in [processors]; infinite without one. */
export function quotaOf(read: ReadText): number {
  return Math.min(quotaOfV2(read), quotaOfV1(read));
}

/** Returns the path of this process in the hierarchy of a controller. In version 2 all controllers share one. */
function pathIn(read: ReadText, controller: string): string | undefined {
  for (const line of read('/proc/self/cgroup')?.split('\n') ?? []) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (controllers?.split(',').includes(controller)) return path;
  }
  return undefined;
}

/** Returns the smallest quota of version 2 [processors]. */
function quotaOfV2(read: ReadText): number {
  const path = pathIn(read, '');
  if (path === undefined) return Infinity;
  const quotas = upwards(path).map((group) => {
    const [quota, period] = (read(join(ROOT, group, 'cpu.max')) ?? '').trim().split(/\s+/);
    return shareOf(quota, period);
  });
  return Math.min(...quotas);
}

/** Returns the smallest quota of version 1 [processors]. */
function quotaOfV1(read: ReadText): number {
  const path = pathIn(read, 'cpu');
  if (path === undefined) return Infinity;
  const places = ['cpu', 'cpu,cpuacct', 'cpuacct,cpu'].map((name) => join(ROOT, name));
  const quotas = places.flatMap((place) =>
    // In a container the path may be that of the host, which is not mounted: then the mounted group counts.
    upwards(path).map((group) =>
      shareOf(
        read(join(place, group, 'cpu.cfs_quota_us')),
        read(join(place, group, 'cpu.cfs_period_us')),
      ),
    ),
  );
  return Math.min(...quotas);
}

/** Returns a quota in processors. `max`, -1 and what cannot be read are no quota. */
function shareOf(quota: string | undefined, period: string | undefined): number {
  const share = Number(quota) / Number(period);
  return share > 0 ? share : Infinity;
}
