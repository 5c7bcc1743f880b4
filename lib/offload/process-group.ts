// Ending a process group: a child that leads it, and what the child started.

import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';

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

/**
 * Has a group end when this program ends, in whatever way, or the thread that calls this. Returns a function that undoes
 * it.
 */
export function endWithProgram(group: number): () => void {
  if (groups.size === 0) process.on('exit', killGroups);
  groups.add(group);
  const stopWatching = watch(group);
  return () => {
    stopWatching();
    groups.delete(group);
    if (groups.size === 0) process.off('exit', killGroups);
  };
}

/** What a shell does that watches a group: it ends with a line, or kills the group at the end of what it reads. */
const WATCH = 'read -r line <&3 || kill -KILL -$1';

/**
 * Starts a shell that kills a group when the other end of its pipe is closed: when this program is killed, or the thread
 * is terminated, nothing else is left to do it. Returns a function that ends the shell.
 */
function watch(group: number): () => void {
  // Nobody collects the child of a thread that was terminated. Its own child is adopted by the system.
  const script = isMainThread ? WATCH : `{ ${WATCH}; } &`;
  let pipe: Socket;
  try {
    const shell = spawn('/bin/sh', ['-c', script, 'sh', String(group)], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
      detached: true, // Ctrl+C does not reach it
    });
    // Without a shell the group ends with a program that exits, as before.
    shell.on('error', () => undefined);
    shell.unref();
    pipe = shell.stdio[3] as Socket;
  } catch {
    return () => undefined;
  }
  pipe.on('error', () => undefined);
  pipe.unref();
  return () => pipe.end('\n');
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

function exists(group: number): boolean {
  try {
    return process.kill(-group, 0);
  } catch {
    return false;
  }
}

/** Whether a process of the group runs. A child that was not collected yet belongs to its group, and does not run. */
function runs(group: number): boolean {
  let names: string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return exists(group); // Node runs with --permission
  }
  return names.some((name) => {
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
