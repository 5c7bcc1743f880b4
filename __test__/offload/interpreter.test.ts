// Where Python is found, and what is said if it is not. The environments are folders with a script.

import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { mpify, type OffloadError } from '../../index.ts';
import { findInterpreter, type Surroundings } from '../../lib/offload/interpreter.ts';
import { venv } from '../fixtures/python.ts';
import { rejection } from '../fixtures/waiting.ts';

const python = await venv();
const root = realpathSync(mkdtempSync(join(tmpdir(), 'kilohertz-interpreter-')));
test.after.always(() => rmSync(root, { recursive: true }));

let folders = 0;

/** A new folder. */
function folder(): string {
  folders += 1;
  const path = join(root, `${folders}`);
  mkdirSync(path);
  return path;
}

/** Makes a program of this name, which is the Python of the tests and tells its own path. */
function program(path: string, mode = 0o755): string {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, `#!/bin/sh\nFOUND=${path} exec ${python} "$@"\n`);
  chmodSync(path, mode);
  return path;
}

/** An environment: a folder with bin/python. */
function environment(path = folder()): string {
  program(join(path, 'bin', 'python'));
  return path;
}

/** A project with a module in src/. */
function project(): { folder: string; url: string } {
  const path = folder();
  mkdirSync(join(path, 'src'));
  return { folder: path, url: pathToFileURL(join(path, 'src', 'policy.py')).href };
}

function found(url: string, given: Partial<Surroundings> = {}): string {
  const around = { env: { PATH: '' }, cwd: '/', program: undefined, ...given };
  const { path, by } = findInterpreter(url, undefined, around);
  return `${by} ${path}`;
}

test('the order: the option, VIRTUAL_ENV, CONDA_PREFIX, UV_PROJECT_ENVIRONMENT, .venv, PATH', (t) => {
  const { folder: home, url } = project();
  const names = ['VIRTUAL_ENV', 'CONDA_PREFIX', 'UV_PROJECT_ENVIRONMENT'] as const;
  const made = Object.fromEntries(names.map((name) => [name, environment()]));
  environment(join(home, '.venv'));
  const bin = join(folder(), 'bin');
  program(join(bin, 'python3'));
  const env: Record<string, string> = { ...made, PATH: bin };
  const around = { env, cwd: '/', program: undefined };
  t.is(findInterpreter(url, '/my/python', around).path, '/my/python');
  for (const name of names) {
    t.is(found(url, { env }), `${name} ${made[name]}/bin/python`);
    delete env[name];
  }
  t.is(found(url, { env }), `.venv ${home}/.venv/bin/python`);
  rmSync(join(home, '.venv'), { recursive: true });
  t.is(found(url, { env }), `PATH ${bin}/python3`);
});

test("conda's base environment, which it activates by itself, comes behind .venv", (t) => {
  const { folder: home, url } = project();
  const base = environment();
  const env = { CONDA_PREFIX: base, CONDA_DEFAULT_ENV: 'base', PATH: '' };
  t.is(found(url, { env }), `CONDA_PREFIX ${base}/bin/python`);
  environment(join(home, '.venv'));
  t.is(found(url, { env }), `.venv ${home}/.venv/bin/python`);
  const named = { ...env, CONDA_DEFAULT_ENV: 'policies' };
  t.is(found(url, { env: named }), `CONDA_PREFIX ${base}/bin/python`);
});

test('.venv is looked for from the module upwards, then from the program, then from the working directory', (t) => {
  const { folder: home, url } = project();
  const [beside, cwd] = [folder(), folder()];
  const given = { cwd: join(cwd, 'deep', 'er'), program: join(beside, 'bin', 'main.js') };
  environment(join(cwd, '.venv'));
  t.is(found(url, given), `.venv ${cwd}/.venv/bin/python`);
  environment(join(beside, '.venv'));
  t.is(found(url, given), `.venv ${beside}/.venv/bin/python`);
  environment(join(home, '.venv'));
  t.is(found(url, given), `.venv ${home}/.venv/bin/python`);
  environment(join(home, 'src', '.venv'));
  t.is(found(url, given), `.venv ${home}/src/.venv/bin/python`, 'the nearest');
});

test('a relative UV_PROJECT_ENVIRONMENT begins at the project, which has a pyproject.toml', (t) => {
  const { folder: home, url } = project();
  writeFileSync(join(home, 'pyproject.toml'), '');
  environment(join(home, 'envs', 'a'));
  const env = { UV_PROJECT_ENVIRONMENT: 'envs/a', PATH: '' };
  t.is(found(url, { env }), `UV_PROJECT_ENVIRONMENT ${home}/envs/a/bin/python`);
});

test('an environment without a Python that can be run is passed over, and told if there is no other', (t) => {
  const { folder: home, url } = project();
  const [gone, isFolder, noProgram] = [join(root, 'gone'), folder(), folder()];
  mkdirSync(join(isFolder, 'bin', 'python'), { recursive: true });
  program(join(noProgram, 'bin', 'python'), 0o644);
  mkdirSync(join(home, '.venv'));
  const bin = folder();
  mkdirSync(join(bin, 'python3'));
  const env = {
    VIRTUAL_ENV: gone,
    CONDA_PREFIX: isFolder,
    UV_PROJECT_ENVIRONMENT: noProgram,
    PATH: `${bin}:/nowhere`,
  };
  const error = t.throws(() => found(url, { env }), { code: 'OFFLOAD_PYTHON' });
  const lines = error.message.split('\n').map((line) => line.trim());
  for (const line of [
    `VIRTUAL_ENV: ${gone}/bin/python is not there`,
    `CONDA_PREFIX: ${isFolder}/bin/python is no file`,
    `UV_PROJECT_ENVIRONMENT: ${noProgram}/bin/python may not be run by this user`,
    `.venv: ${home}/.venv/bin/python is not there`,
    `PATH: ${bin}/python3 is no file`,
    'PATH: no python3 and no python in its 2 folders',
  ]) {
    t.true(lines.includes(line), `${line} in:\n${error.message}`);
  }
  t.regex(error.message, /Install Python 3\.9 or newer, activate an environment, or name an inter/);
  const without = t.throws(() => found(url, {}), { code: 'OFFLOAD_PYTHON' });
  t.regex(without.message, /VIRTUAL_ENV: not set/);
  const other = environment();
  t.is(
    found(url, { env: { ...env, UV_PROJECT_ENVIRONMENT: other } }),
    `UV_PROJECT_ENVIRONMENT ${other}/bin/python`,
  );
});

test('the environment variables of the child count, and its Python is the one that runs', async (t) => {
  const home = environment();
  const made = await mpify.with({ env: { VIRTUAL_ENV: home } })(
    new URL('../fixtures/remote.py', import.meta.url),
    'make_policy',
  );
  t.teardown(() => made.stop());
  t.is(await made.variable('FOUND'), join(home, 'bin', 'python'));
});

test('a Python that is found and cannot be started is told with what named it', async (t) => {
  const home = folder();
  mkdirSync(join(home, 'bin'));
  writeFileSync(join(home, 'bin', 'python'), '#!/nowhere/sh\n');
  chmodSync(join(home, 'bin', 'python'), 0o755);
  const call = mpify.with({ env: { VIRTUAL_ENV: home } })(
    new URL('../fixtures/remote.py', import.meta.url),
    'make_policy',
  );
  const error = (await rejection(call)) as OffloadError;
  t.is(error.code, 'OFFLOAD_PYTHON');
  t.regex(error.message, /bin\/python cannot be started: .*ENOENT.* It was found by VIRTUAL_ENV\./);
});
