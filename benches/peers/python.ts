// The Python of the contenders that need one: a virtual environment under target/. Packages are installed
// without what they depend on: the parts that are used need none of it.

import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Lacking } from './contender.ts';

const here: string = import.meta.dirname;

/** How long an installation may take [ms]; it takes some 10 s, and some 20 s with a physics engine. */
const INSTALL_MS = 120_000;

/** A virtual environment under target/. */
export interface Environment {
  /** Its interpreter, once {@link installed}. */
  readonly python: string;
  /** Resolves when the environment is there; rejects with {@link Lacking} where it cannot be had. */
  installed(): Promise<void>;
}

/** The environment `target/<name>` with what the file `requirements` beside this one pins. */
export function environment(name: string, requirements: string): Environment {
  const venv = join(here, '..', '..', 'target', name);
  const file = join(here, requirements);
  const python = join(venv, 'bin', 'python');
  async function install(): Promise<void> {
    const wanted = readFileSync(file, 'utf8');
    const stamp = join(venv, '.stamp');
    if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
    const run = promisify(execFile);
    const options = { timeout: INSTALL_MS };
    const pip = ['-m', 'pip', '--disable-pip-version-check', '--retries=1', 'install', '--no-deps'];
    try {
      await run('python3', ['-m', 'venv', '--clear', venv], options);
      await run(python, [...pip, '--only-binary=:all:', '--requirement', file], options);
    } catch (cause) {
      throw new Lacking(`its Python packages could not be installed: ${cause}`, { cause });
    }
    writeFileSync(stamp, wanted);
  }
  let installing: Promise<void> | undefined;
  return {
    python,
    installed() {
      installing ??= install();
      return installing;
    },
  };
}

/** That of the peers that offload. */
const peers: Environment = environment('peers', 'requirements.txt');
export const python: Environment['python'] = peers.python;
export const installed: Environment['installed'] = peers.installed;
