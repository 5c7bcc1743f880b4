// Which Python runs a module. docs/offloading.md tells the order.

import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isError, textIn } from '../errors/describe.ts';
import { OffloadError } from '../errors/errors.ts';
import { upwards } from './folders.ts';

/** A Python interpreter, and how it was found. */
export interface Interpreter {
  readonly path: string;
  /** What named it, for messages, for example `VIRTUAL_ENV`. */
  readonly by: string;
}

/** What is known of the program that looks for an interpreter. */
export interface Surroundings {
  /** The environment variables of the child. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The working directory. */
  readonly cwd: string;
  /** The file of the program, if there is one. */
  readonly program: string | undefined;
}

const INSTEAD =
  'Install Python 3.9 or newer, activate an environment, or name an interpreter with { python: ... }';

/**
 * Returns the Python for a module.
 *
 * @param python the interpreter that was asked for: no other is looked for then
 * @throws {OffloadError} `OFFLOAD_PYTHON` if there is none; the message says where it was looked for
 */
export function findInterpreter(
  url: string,
  python: string | undefined,
  { env, cwd, program }: Surroundings,
): Interpreter {
  if (python !== undefined) return { path: python, by: 'the option python' };
  const missing: string[] = [];
  for (const { by, folder } of environments(url, env, cwd, program)) {
    const path = join(folder, 'bin', 'python');
    const why = whyNot(path);
    if (why === undefined) return { path, by };
    missing.push(`${by}: ${path} ${why}`);
  }
  for (const name of ['VIRTUAL_ENV', 'CONDA_PREFIX', 'UV_PROJECT_ENVIRONMENT']) {
    if (!env[name]) missing.push(`${name}: not set`);
  }
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  for (const name of ['python3', 'python']) {
    for (const folder of folders) {
      const path = join(folder, name);
      const why = whyNot(path);
      if (why === undefined) return { path, by: 'PATH' };
      // That most folders of PATH have no Python says nothing.
      if (why !== NOT_THERE) missing.push(`PATH: ${path} ${why}`);
    }
  }
  missing.push(`PATH: no python3 and no python in its ${folders.length} folders`);
  throw new OffloadError(
    'OFFLOAD_PYTHON',
    `no Python was found for ${fileURLToPath(url)}. ${INSTEAD}. It was looked for here:\n${missing.join('\n')}`,
  );
}

/** An environment, which has its interpreter in `bin`. */
interface Environment {
  readonly by: string;
  readonly folder: string;
}

/** Returns the environments in which Python is looked for, the first first. */
function environments(
  url: string,
  env: Surroundings['env'],
  cwd: string,
  program: string | undefined,
): Environment[] {
  const { VIRTUAL_ENV, CONDA_PREFIX, CONDA_DEFAULT_ENV, UV_PROJECT_ENVIRONMENT } = env;
  const conda = CONDA_PREFIX ? [{ by: 'CONDA_PREFIX', folder: CONDA_PREFIX }] : [];
  // conda activates its base environment by itself: it is no choice for this program.
  const isBase = CONDA_DEFAULT_ENV === 'base' || CONDA_DEFAULT_ENV === 'root';
  const starts = [dirname(fileURLToPath(url)), ...(program ? [dirname(program)] : []), cwd];
  const above = [...new Set(starts.flatMap(upwards))];
  return [
    ...(VIRTUAL_ENV ? [{ by: 'VIRTUAL_ENV', folder: VIRTUAL_ENV }] : []),
    ...(isBase ? [] : conda),
    ...(UV_PROJECT_ENVIRONMENT ? [ofProject(UV_PROJECT_ENVIRONMENT, above, cwd)] : []),
    ...above
      .map((folder) => ({ by: '.venv', folder: join(folder, '.venv') }))
      .filter(({ folder }) => isFolder(folder)),
    ...(isBase ? conda : []),
  ];
}

/** Returns uv's environment. A relative path begins at the folder of the project, which has a `pyproject.toml`. */
function ofProject(path: string, above: readonly string[], cwd: string): Environment {
  const by = 'UV_PROJECT_ENVIRONMENT';
  if (isAbsolute(path)) return { by, folder: path };
  const project = above.find(
    (folder) => whyNot(join(folder, 'pyproject.toml'), false) === undefined,
  );
  return { by, folder: resolve(project ?? cwd, path) };
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

const NOT_THERE = 'is not there';

/** Returns why a file is no program; undefined if it is one. */
function whyNot(path: string, mustRun = true): string | undefined {
  try {
    if (!statSync(path).isFile()) return 'is no file';
    accessSync(path, mustRun ? constants.X_OK : constants.R_OK);
    return undefined;
  } catch (error) {
    const code = isError(error) ? textIn(error, 'code') : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return NOT_THERE;
    return code === 'EACCES' ? 'may not be run by this user' : `cannot be used (${code})`;
  }
}
