// aiofranka's native loop on its own fake robot, in a Python program of its own that measures itself.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Lacking } from './contender.ts';
import { type Environment, environment } from './python.ts';

const program: string = join(import.meta.dirname, 'native_loop.py');
const peer: Environment = environment('peers-native-loop', 'native-loop-requirements.txt');

/** Longest gaps between two commands [ms]: with Python idle, and blocked. */
export interface Gaps {
  readonly idleMs: number;
  readonly blockedMs: number;
}

export interface NativeLoop {
  /** Runs a loop for a stretch of each kind. */
  measure(): Promise<Gaps>;
  stop(): Promise<void>;
}

/** Starts the program; rejects with {@link Lacking} where it cannot be had. */
export async function startNativeLoop(stretchMs: number): Promise<NativeLoop> {
  await peer.installed();
  const child = spawn(peer.python, [program, String(stretchMs)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const line = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done) throw new Lacking(`native_loop.py ended with ${(await ended).join(' ')}`);
    return value;
  };
  await line();
  return {
    async measure() {
      child.stdin.write('round\n');
      return JSON.parse(await line());
    },
    async stop() {
      child.stdin.end();
      await ended;
    },
  };
}
