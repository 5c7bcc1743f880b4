// What a shell completes: made of the commands that the program has.

import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import test from 'ava';
import { kilohertz, programAtTerminal } from '../fixtures/command-line.ts';
import { Folder } from '../fixtures/recordings.ts';

const run = promisify(execFile);

let script: string | undefined;

/** What bash offers after these words; the last one is being typed. */
async function offered(...words: readonly string[]): Promise<string[]> {
  script ??= (await kilohertz('completion', 'bash')).stdout;
  const line = ['kilohertz', ...words].map((word) => `'${word}'`).join(' ');
  const asked = `COMP_WORDS=(${line}); COMP_CWORD=${words.length}; _kilohertz; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await run('bash', ['-c', `${script}\n${asked}`]);
  return stdout.split('\n').filter((word) => word !== '');
}

test('bash completes commands, those below them, options, and their values', async (t) => {
  t.deepEqual(await offered('re'), ['recover', 'record', 'replay', 'repair']);
  t.deepEqual(await offered('hand', 'g'), ['grasp']);
  t.deepEqual(await offered('hand', 'grasp', '--f'), ['--force']);
  t.deepEqual(await offered('move', '--re'), ['--relative']);
  t.deepEqual(await offered('run', 'policy.js', '--control', 'cart'), [
    'cartesianVelocity',
    'cartesianPose',
    'cartesianTarget',
  ]);
  t.deepEqual(await offered('completion', ''), ['bash', 'zsh']);
  // Names of files are left to the shell.
  t.deepEqual(await offered('plot', 'run'), []);
});

test('every command and every option of --help is completed', async (t) => {
  const { stdout } = await kilohertz('--help');
  const commands = [...stdout.matchAll(/^ {2}([a-z]+) /gm)].map(([, name = '']) => name);
  t.true(commands.length >= 15);
  for (const command of commands) t.deepEqual(await offered(command), [command]);
  const { stdout: help } = await kilohertz('move', '--help');
  for (const [, option = ''] of help.matchAll(/ (--[a-z]+)/g)) {
    t.true((await offered('move', option)).includes(option), option);
  }
});

test('zsh completes too, at a terminal', async (t) => {
  const isThere = await run('zsh', ['-c', 'true']).then(
    () => true,
    () => false,
  );
  if (!isThere) {
    t.log('zsh is not installed: its completions were not tried');
    t.pass();
    return;
  }
  using folder = new Folder();
  const file = folder.at('completion.zsh');
  writeFileSync(file, (await kilohertz('completion', 'zsh')).stdout);
  const zsh = programAtTerminal(t, 'zsh', '-f', '-i');
  zsh.type(`source ${file}; echo sour''ced\n`);
  await zsh.printed(/sourced/);
  zsh.type('kilohertz hand gr\t');
  await zsh.printed(/hand grasp/);
  zsh.type('\u0015kilohertz run policy.js --control cartesianV\t');
  await zsh.printed(/cartesianVelocity/);
  t.regex(zsh.text, /hand grasp/);
});

test('zsh gets the script of bash, through its completions of bash', async (t) => {
  const { code, stdout } = await kilohertz('completion', 'zsh');
  t.is(code, 0);
  t.regex(stdout, /^autoload -U \+X compinit && compinit\nautoload -U \+X bashcompinit/);
  t.regex(stdout, /\ncomplete -o default -F _kilohertz kilohertz\n$/);
  t.is((await kilohertz('completion', 'fish')).code, 2);
});
