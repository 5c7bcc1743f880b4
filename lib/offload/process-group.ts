// Ending a process group: a child that leads it, and what the child started.

import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** How often it is checked whether a group has ended [ms]. */
const CHECK_MS = 10;

/** How long a process may take to end once it was killed [s]. */
const KILLED_S = 1;

/** Asks what is left of a group to end, and blocks until it has ended, at most for `limitS`. Then the rest is killed. */
export function endGroup(group: number, limitS: number): void {
  const never = new Int32Array(new SharedArrayBuffer(4));
  for (const [name, waitS] of steps(limitS)) {
    signal(group, name);
    const deadline = performance.now() + waitS * 1e3;
    while (runs(group) && performance.now() < deadline) Atomics.wait(never, 0, 0, CHECK_MS);
  }
}

/** Ends what is left of a group as {@link endGroup} does, without blocking. */
export async function endGroupLater(group: number, limitS: number): Promise<void> {
  for (const [name, waitS] of steps(limitS)) {
    signal(group, name);
    const deadline = performance.now() + waitS * 1e3;
    while (runs(group) && performance.now() < deadline) await sleep(CHECK_MS);
  }
}

/** Returns the signals that end a group, each with the time that it may take [s]. */
function steps(limitS: number): readonly (readonly [NodeJS.Signals, number])[] {
  return [
    ['SIGTERM', limitS],
    ['SIGKILL', KILLED_S],
  ];
}

const groups = new Set<number>();

/** Has a group end when this program exits. Returns a function that undoes it. */
export function endWithProgram(group: number): () => void {
  if (groups.size === 0) process.on('exit', killGroups);
  groups.add(group);
  return () => {
    groups.delete(group);
    if (groups.size === 0) process.off('exit', killGroups);
  };
}

function killGroups(): void {
  for (const group of groups) signal(group, 'SIGKILL');
}

function signal(group: number, name: NodeJS.Signals): void {
  try {
    process.kill(-group, name);
  } catch {
    // Nothing is left of it, or what is left belongs to another user.
  }
}

/** Whether a process of the group runs. A child that was not collected yet belongs to its group, and does not run. */
function runs(group: number): boolean {
  return readdirSync('/proc').some((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      // The name of the program, in parentheses, may contain anything.
      const [state = '', , its] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return Number(its) === group && !'ZX'.includes(state);
    } catch {
      return false; // it has just ended
    }
  });
}
