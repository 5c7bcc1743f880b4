// The Python of the contenders that need one: a virtual environment under target/. Packages are installed
// without what they depend on: the parts that are used need none of it.

import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { once } from '../rows.ts';
import { Lacking } from './contender.ts';

const run = promisify(execFile);
const here: string = import.meta.dirname;

/** How long a step of an installation may take [ms]; most take some 10 s, with a physics engine a minute. */
const INSTALL_MS = 300_000;

/** A virtual environment under target/. */
export interface Environment {
  /** Its interpreter, once {@link installed}. */
  readonly python: string;
  /** Resolves when the environment is there; rejects with {@link Lacking} where it cannot be had. */
  installed(): Promise<void>;
}

/** What an environment is made of, if not of `python3` and packages that are built already. */
export interface Made {
  /** Finds the interpreter; rejects with {@link Lacking} where there is none. */
  readonly interpreter?: () => Promise<string>;
  /** A file that pins what is not installed: its source distributions are unpacked in the folder `source` of the environment. */
  readonly sources?: string;
}

/** The environment `target/<name>` with what the file `requirements`, named from this folder, pins. */
export function environment(name: string, requirements: string, made: Made = {}): Environment {
  const venv = join(here, '..', '..', 'target', name);
  const file = join(here, requirements);
  const python = join(venv, 'bin', 'python');
  const source = join(venv, 'source');
  const sources = made.sources === undefined ? undefined : join(here, made.sources);
  async function install(): Promise<void> {
    const pinned = [file, ...(sources === undefined ? [] : [sources])];
    const wanted = pinned.map((each) => readFileSync(each, 'utf8')).join('');
    const stamp = join(venv, '.stamp');
    if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
    if (sources !== undefined && once) {
      throw new Lacking('its source is not fetched for a run that measures nothing');
    }
    const interpreter = (await made.interpreter?.()) ?? 'python3';
    const options = { timeout: INSTALL_MS };
    const pip = ['-m', 'pip', '--disable-pip-version-check', '--retries=1'];
    const built = ['install', '--no-deps', '--only-binary=:all:', '--requirement', file];
    try {
      await run(interpreter, ['-m', 'venv', '--clear', venv], options);
      await run(python, [...pip, ...built], options);
      if (sources !== undefined) {
        const names = readFileSync(sources, 'utf8').matchAll(/^[\w-]+/gm);
        // What builds them may be built already.
        const kinds = ['--only-binary=:all:', `--no-binary=${[...names].join(',')}`];
        const fetched = ['download', '--no-deps', ...kinds, '--dest', source];
        await run(python, [...pip, ...fetched, '--requirement', sources], options);
        for (const archive of readdirSync(source)) {
          const words = ['-m', 'tarfile', '--filter=data', '-e', join(source, archive), source];
          await run(python, words, options);
        }
      }
    } catch (cause) {
      const { stderr, message } = cause as Error & { stderr?: string };
      const lines = (stderr?.trim() || message).split('\n');
      const why = lines.filter((line) => /error/i.test(line)).at(-1) ?? lines.at(-1);
      throw new Lacking(`its Python packages could not be installed: ${why}`, { cause });
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

/** Finds a Python of this version: on the path, or one of pyenv. */
export async function pythonOf(version: string): Promise<string> {
  const folder = join(process.env['PYENV_ROOT'] ?? join(homedir(), '.pyenv'), 'versions');
  const versions = existsSync(folder) ? readdirSync(folder) : [];
  const ofPyenv = versions
    .filter((name) => name.startsWith(`${version}.`))
    .map((name) => join(folder, name, 'bin', 'python3'));
  for (const candidate of [`python${version}`, ...ofPyenv]) {
    const { stdout } = await run(candidate, ['--version']).catch(() => ({ stdout: '' }));
    if (stdout.startsWith(`Python ${version}.`)) return candidate;
  }
  throw new Lacking(`it needs Python ${version}, which was not found on the path or in pyenv`);
}

/** That of the peers that need no more than their own files. */
const peers: Environment = environment('peers', 'requirements.txt');
export const python: Environment['python'] = peers.python;
export const installed: Environment['installed'] = peers.installed;
