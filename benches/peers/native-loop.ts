// aiofranka's native loop on its own fake robot, in a Python program of its own that measures itself.

import { join } from 'node:path';
import { startProgram } from './program.ts';
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

/** Starts the program; rejects with a `Lacking` where it cannot be had. */
export async function startNativeLoop(stretchMs: number): Promise<NativeLoop> {
  await peer.installed();
  const words = [peer.python, program, String(stretchMs)];
  const { ask, stop } = await startProgram("aiofranka's native loop", words);
  return { measure: async () => (await ask('round')) as Gaps, stop };
}
