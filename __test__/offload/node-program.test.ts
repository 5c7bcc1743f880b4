// Programs whose own file does not start Node, and programs that do not run with Node.

import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { mpify } from '../../index.ts';
import { program } from '../fixtures/programs.ts';

const file = fileURLToPath(new URL('../fixtures/programs/host.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'kilohertz-host-'));
test.after.always(() => rmSync(folder, { recursive: true }));

/** Writes a shell script. */
function script(name: string, ...lines: string[]): string {
  const path = join(folder, name);
  writeFileSync(path, ['#!/bin/sh', ...lines, ''].join('\n'));
  chmodSync(path, 0o755);
  return path;
}

test('in a single executable a child is refused, and execPath names the Node to start', async (t) => {
  const { lines, code, stderr } = await program('host', 'sea').ended;
  t.is(code, 0, stderr);
  t.is(lines.filter((line) => line.startsWith('begun')).length, 1);
  t.regex(lines[1] ?? '', /^mpify OffloadError OFFLOAD_NO_NODE: .*single executable.*execPath/);
  t.deepEqual(lines.slice(2), ['InferenceThread 10', 'asyncify 10'], 'threads need no other Node');
  const named = await program('host', 'sea', process.execPath).ended;
  t.is(named.lines[1], 'mpify  undefined', named.stderr);
});

test('Electron runs as Node in the child, and only there', async (t) => {
  const { lines, code, stderr } = await program('host', 'electron').ended;
  t.is(code, 0, stderr);
  t.is(lines[1], 'mpify  ELECTRON_RUN_AS_NODE=1', 'what the child starts does not get it');
  const named = await program('host', 'electron', process.execPath).ended;
  t.is(named.lines[1], 'mpify  undefined', 'a Node that is named is no Electron');
});

test('a program that would start itself in place of a child ends, and the caller is told', async (t) => {
  const again = script(
    'again',
    `exec '${process.execPath}' --import=@oxc-node/core/register '${file}' node "$@"`,
  );
  const { lines, code, stderr } = await program('host', 'node', again).ended;
  t.is(code, 0, stderr);
  t.is(lines.filter((line) => line.startsWith('begun')).length, 2, 'it was started once more');
  const told = lines.find((line) => line.startsWith('mpify')) ?? '';
  t.regex(told, /^mpify OffloadError OFFLOAD_NO_NODE: .*\/again starts this program again/);
  t.regex(stderr, /was started as Node, to run .*child\.ts, and it is another program/);
});

test('a Node that is not there, and a script that does not end with exec, are told', async (t) => {
  const none = await program('host', 'node', join(folder, 'none')).ended;
  t.regex(none.lines[1] ?? '', /OFFLOAD_CRASHED: .*cannot be started: spawn .*none ENOENT/);
  const between = script('between', `'${process.execPath}' "$@"`, 'exit $?');
  const { lines } = await program('host', 'node', between).ended;
  t.regex(lines.join('\n'), /OFFLOAD_CRASHED: .*ended with code 97; .*\n.*must end with exec/);
});

test('a script that closes the descriptors of the child is told', async (t) => {
  const closing = script('closing', `exec '${process.execPath}' "$@" 3>&- 4>&- 5>&-`);
  const { lines } = await program('host', 'node', closing).ended;
  t.regex(lines.join('\n'), /OFFLOAD_CRASHED: .*ended with code 97; .*\n.*must leave them open/);
});

test('a Node and an environment that no process can be started with are refused by name', async (t) => {
  const url = new URL('../fixtures/remote.ts', import.meta.url);
  const told = [
    [
      { execPath: `${process.execPath}/node` },
      'OFFLOAD_CRASHED',
      /node\/node, cannot be started: .*ENOTDIR/,
    ],
    [{ execPath: 'no\0de' }, 'OPTION_EXEC_PATH', /^execPath is "no/],
    [{ python: 'pyth\0on' }, 'OPTION_PYTHON', /^python is "pyth/],
    [{ env: { A: 'x\0y' } }, 'OPTION_ENV', /^env\.A is .*without the character NUL/],
    [{ env: { 'A=B': 'x' } }, 'OPTION_ENV', /^a name in env is "A=B"/],
    [{ env: { '': 'x' } }, 'OPTION_ENV', /^a name in env is ""/],
    [{ env: { A: 'x'.repeat(2 ** 20) } }, 'OFFLOAD_CRASHED', /cannot be started: .*E2BIG/],
  ] as const;
  for (const [options, code, message] of told) {
    const starting = async (): Promise<unknown> => mpify.with(options)(url, 'makePolicy');
    await t.throwsAsync(starting, { code, message });
  }
});

test('a program whose working directory was removed has a child in Python', async (t) => {
  const { lines, stderr } = await program('homeless').ended;
  t.deepEqual(lines, ['1'], stderr);
});

for (const runtime of ['bun', 'deno']) {
  test(`what ${runtime} cannot do is refused before anything is started`, async (t) => {
    const { lines, code, stderr } = await program('host', runtime).ended;
    t.is(code, 0, stderr);
    for (const line of lines.slice(1, 3)) {
      t.regex(line, /OffloadError OFFLOAD_NO_NODE: .* needs Node, and this is (Bun|Deno) 1\.2\.3/);
    }
    t.is(lines[3], 'asyncify 10');
  });

  // The path of a real one, for example that of the npm package of its name.
  const real = process.env[`KILOHERTZ_${runtime.toUpperCase()}`];
  (real ? test : test.skip)(`the real ${runtime} refuses a child and a thread`, async (t) => {
    // Deno finds what a package imports only if it is installed as one.
    mkdirSync(join(folder, runtime, 'node_modules'), { recursive: true });
    writeFileSync(join(folder, runtime, 'package.json'), '{}');
    const root = fileURLToPath(new URL('../..', import.meta.url));
    symlinkSync(root, join(folder, runtime, 'node_modules', 'kilohertz'));
    const url = new URL('../fixtures/plain.js', import.meta.url).href;
    const text = `
      import { InferenceThread, mpify } from 'kilohertz';
      const works = [() => mpify('${url}', 'make'), () => new InferenceThread('${url}').start()];
      for (const work of works) await work().catch(({ code }) => console.log(code));`;
    const path = join(folder, runtime, 'refused.mjs');
    writeFileSync(path, text);
    const options = runtime === 'deno' ? ['-A', '--node-modules-dir=manual'] : [];
    const running = promisify(execFile)(real ?? '', ['run', ...options, path], { timeout: 60_000 });
    const { stdout } = await running;
    t.is(stdout, 'OFFLOAD_NO_NODE\nOFFLOAD_NO_NODE\n');
  });
}
