// aiofranka's asyncio utilities, each in a Python program of its own that measures itself. Its
// packages go into a virtual environment under target/, and are installed without what they depend
// on: the utilities need none of it.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { type Contender, Lacking } from './contender.ts';

const here: string = import.meta.dirname;
const venv: string = join(here, '..', '..', 'target', 'peers');
const python: string = join(venv, 'bin', 'python');

/** How long an installation may take [ms]; it takes some 10 s. */
const INSTALL_MS = 60_000;

async function install(): Promise<void> {
  const requirements = readFileSync(join(here, 'requirements.txt'), 'utf8');
  const stamp = join(venv, '.stamp');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === requirements) return;
  const run = promisify(execFile);
  const options = { timeout: INSTALL_MS };
  const pip = ['-m', 'pip', '--disable-pip-version-check', '--retries=1', 'install', '--no-deps'];
  const wheels = ['--only-binary=:all:', '--requirement', join(here, 'requirements.txt')];
  try {
    await run('python3', ['-m', 'venv', '--clear', venv], options);
    await run(python, [...pip, ...wheels], options);
  } catch (cause) {
    throw new Lacking(`its Python packages could not be installed: ${cause}`, { cause });
  }
  writeFileSync(stamp, requirements);
}

let installed: Promise<void> | undefined;

function utility(name: string, way: string): Contender {
  return {
    name,
    async start() {
      installed ??= install();
      await installed;
      const child = spawn(python, [join(here, 'utilities.py'), way], {
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
