import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** A Python with numpy. */
export function venv(): Promise<string> {
  return environment('python', join(import.meta.dirname, 'requirements.txt'));
}

const installed = new Map<string, Promise<string>>();

/**
 * The interpreter of a virtual environment under target/ with what a requirements file names, made
 * where it is not there yet.
 */
export function environment(name: string, requirements: string): Promise<string> {
  const interpreter = installed.get(name) ?? install(name, requirements);
  installed.set(name, interpreter);
  return interpreter;
}

async function install(name: string, requirements: string): Promise<string> {
  const folder = join(import.meta.dirname, '..', 'target', name);
  const interpreter = join(folder, 'bin', 'python');
  const wanted = readFileSync(requirements, 'utf8');
  const stamp = join(folder, '.stamp');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return interpreter;
  const run = promisify(execFile);
  const pip = ['-m', 'pip', '--disable-pip-version-check', 'install', '--only-binary=:all:'];
  try {
    await run('python3', ['-m', 'venv', '--clear', folder]);
    await run(interpreter, [...pip, '--no-deps', '--requirement', requirements]);
  } catch (cause) {
    const place = `${process.platform} ${process.arch}`;
    throw new Error(`cannot install ${wanted.trim().replaceAll('\n', ', ')} on ${place}`, {
      cause,
    });
  }
  writeFileSync(stamp, wanted);
  return interpreter;
}

/** Environment variables with which a Python has no numpy, whatever is installed. */
export const WITHOUT_NUMPY: Readonly<Record<string, string>> = {
  PYTHONPATH: fileURLToPath(new URL('./fixtures/without-numpy', import.meta.url)),
};

if (process.argv[1] === import.meta.filename) await venv();
