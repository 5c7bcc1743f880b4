// The Python of the contenders that need one: a virtual environment under target/. Packages are installed
// without what they depend on: the parts that are used need none of it.

import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Lacking } from './contender.ts';

const here: string = import.meta.dirname;
const venv: string = join(here, '..', '..', 'target', 'peers');
/** Its interpreter, once {@link installed}. */
export const python: string = join(venv, 'bin', 'python');

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

let installing: Promise<void> | undefined;

/** Resolves when the environment is there; rejects with {@link Lacking} where it cannot be had. */
export function installed(): Promise<void> {
  installing ??= install();
  return installing;
}
