// aiofranka's asyncio utilities, each in a Python program of its own that measures itself.

import { join } from 'node:path';
import type { Contender } from './contender.ts';
import { startProgram } from './program.ts';
import { installed, python } from './python.ts';

const program: string = join(import.meta.dirname, 'utilities.py');

function utility(name: string, way: string): Contender {
  return {
    name,
    async start() {
      await installed();
      const { ask, stop } = await startProgram(name, [python, program, way]);
      return {
        measure: async (kind, calls) => (await ask({ kind, calls })) as readonly number[],
        stop,
      };
    },
  };
}

export const aiofranka: readonly Contender[] = [
  utility('aiofranka asyncify', 'asyncify'),
  utility('aiofranka CudaInferenceThread', 'inference'),
  utility('aiofranka mpify', 'mpify'),
];
