// aiofranka's asyncio utilities, each in a Python program of its own that measures itself.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Contender } from './contender.ts';
import { installed, python } from './python.ts';

const program: string = join(import.meta.dirname, 'utilities.py');

function utility(name: string, way: string): Contender {
  return {
    name,
    async start() {
      await installed();
      const child = spawn(python, [program, way], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      const ended = once(child, 'exit');
      const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
      const line = async (): Promise<string> => {
        const { value, done } = await lines.next();
        if (done) throw new Error(`utilities.py ${way} ended with ${(await ended).join(' ')}`);
        return value;
      };
      await line();
      return {
        async measure(kind, calls) {
          child.stdin.write(`${JSON.stringify({ kind, calls })}\n`);
          return JSON.parse(await line());
        },
        async stop() {
          child.stdin.end();
          await ended;
        },
      };
    },
  };
}

export const aiofranka: readonly Contender[] = [
  utility('aiofranka asyncify', 'asyncify'),
  utility('aiofranka CudaInferenceThread', 'inference'),
  utility('aiofranka mpify', 'mpify'),
];
