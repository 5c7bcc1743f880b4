import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const requirements: string = join(import.meta.dirname, 'requirements.txt');
const folder: string = join(import.meta.dirname, '..', 'target', 'python');
const interpreter: string = join(folder, 'bin', 'python');

let installed: Promise<string> | undefined;

/** A Python with numpy: a virtual environment under target/, made where it is not there yet. */
export function venv(): Promise<string> {
  installed ??= install();
  return installed;
}

async function install(): Promise<string> {
  const wanted = readFileSync(requirements, 'utf8');
  const stamp = join(folder, '.stamp');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return interpreter;
  const run = promisify(execFile);
  await run('python3', ['-m', 'venv', '--clear', folder]);
  const pip = ['-m', 'pip', '--disable-pip-version-check', 'install', '--only-binary=:all:'];
  await run(interpreter, [...pip, '--requirement', requirements]);
  writeFileSync(stamp, wanted);
  return interpreter;
}

/** Environment variables with which a Python has no numpy, whatever is installed. */
export const WITHOUT_NUMPY: Readonly<Record<string, string>> = {
  PYTHONPATH: fileURLToPath(new URL('./fixtures/without-numpy', import.meta.url)),
};

if (process.argv[1] === import.meta.filename) await venv();
