// How children and threads are started, whatever Node options the program itself has.

import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import type { Started } from '../fixtures/started.ts';

const LOADER = '--import=@oxc-node/core/register';
const program = fileURLToPath(new URL('../fixtures/programs/started.ts', import.meta.url));
const preloaded = fileURLToPath(new URL('../fixtures/preloaded/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'kilohertz-options-'));
test.after.always(() => rmSync(folder, { recursive: true }));

interface Told {
  readonly way: string;
  readonly started: Started;
}

/** Runs Node in the folder of this checkout, or in another, and returns what started.ts has printed. */
async function told(
  args: readonly string[],
  options: { cwd?: string; NODE_OPTIONS?: string } = {},
): Promise<readonly Told[]> {
  const { cwd = process.cwd(), NODE_OPTIONS = '' } = options;
  const env = { ...process.env, NODE_OPTIONS, PWD: '/' };
  const running = promisify(execFile)(process.execPath, args, { cwd, env, timeout: 100_000 });
  const { stdout } = await running;
  const lines = stdout.split('\n').filter((line) => line.startsWith('{"way"'));
  return lines.map((line) => JSON.parse(line) as Told);
}

/** Options that concern the program itself. Files with the names of their values would be run in its place. */
const OF_THE_PROGRAM = [
  '--title',
  'X',
  '--inspect-port',
  '0',
  '--test-name-pattern',
  'X',
  '--test-reporter=dot',
  '--cpu-prof',
  `--cpu-prof-dir=${folder}`,
  '--heap-prof',
  `--heap-prof-dir=${folder}`,
  '--heapsnapshot-near-heap-limit=1',
  '--heapsnapshot-signal=SIGUSR2',
  '--report-on-signal',
  '--trace-exit',
];

/** Options that a thread cannot be given, because they hold for its process. */
const SET_BY_PROCESS = '--max-semi-space-size=8 --zero-fill-buffers';

test('children and threads get what loads modules and what sets memory, from any folder, and nothing else', async (t) => {
  writeFileSync(join(folder, 'env'), 'FROM_FILE=1\n');
  const all = await told(
    [
      ...OF_THE_PROGRAM,
      `--env-file=${join(folder, 'env')}`,
      '-r',
      './__test__/fixtures/preloaded/first.cjs',
      '--import',
      './__test__/fixtures/preloaded/second.mjs',
      '-C',
      'custom',
      '--no-warnings',
      '--max_old_space_size=300',
      '--stack-trace-limit=7',
      LOADER,
      program,
    ],
    { NODE_OPTIONS: `--title=Y --no-deprecation --report-on-signal ${SET_BY_PROCESS}` },
  );
  t.deepEqual(
    all.map(({ way }) => way),
    [
      ...['mpify', 'mpify in a child', 'InferenceThread', 'mpify in a thread'],
      ...['asyncify', 'workerPolicy', 'processPolicy'],
    ],
  );
  const ofThread = [
    `--require=${preloaded}first.cjs`,
    `--import=file://${preloaded}second.mjs`,
    '--conditions=custom',
    '--no-warnings',
  ];
  const ofProcess = ['--max-old-space-size=300', '--stack-trace-limit=7'];
  for (const { way, started } of all) {
    const isThread = ['InferenceThread', 'asyncify', 'workerPolicy'].includes(way);
    const isBehindThread = way === 'mpify in a thread';
    const ofChild = isBehindThread ? [...ofProcess, ...ofThread] : [...ofThread, ...ofProcess];
    const expected = isThread ? ofThread : ofChild;
    const inEnvironment = isBehindThread
      ? `${SET_BY_PROCESS} --no-deprecation`
      : `--no-deprecation ${SET_BY_PROCESS}`;
    // The loader is found by its name, as the program's folder finds it.
    t.deepEqual(started.options.slice(0, -1), expected, way);
    t.regex(started.options.at(-1) ?? '', /^--import=data:.*oxc-node/, way);
    t.deepEqual(started.preloaded, ['first.cjs', 'second.mjs'], way);
    t.is(started.nodeOptions, isThread ? '--no-deprecation' : inEnvironment, way);
    t.is(started.stackTraceLimit, 7, way);
    t.deepEqual(started.env, [], way);
  }
  const profiles = readdirSync(folder).filter((name) => name.endsWith('.cpuprofile'));
  const profiled = new Set(profiles.map((name) => name.split('.')[3]));
  t.is(profiled.size, 1, `only the program itself writes profiles: ${profiles}`);
});

for (const [name, before] of [
  ['--test --test-name-pattern', ['--test', '--test-name-pattern', 'X']],
  ['--test-only --test-reporter', ['--test-only', '--test-reporter', 'spec']],
  ['--inspect-port', ['--inspect-port', '0']],
  ['--inspect', ['--inspect=127.0.0.1:0']],
  ['--title', ['--title', 'check']],
] as const) {
  test(`a child of node ${name} is not such a program itself`, async (t) => {
    const { stdout } = await promisify(execFile)(process.execPath, [...before, LOADER, program], {
      env: { ...process.env, NODE_OPTIONS: '', ONLY: 'child' },
      timeout: 100_000,
    });
    t.regex(stdout, /"way":"mpify"/);
    t.notRegex(stdout, /name-pattern|inspect|--title|--test/);
  });
}

for (const flag of ['-e', '--eval', '-p', '--print', '-pe']) {
  test(`a program that is given with ${flag} starts children and threads`, async (t) => {
    const module = new URL('../../index.ts', import.meta.url).href;
    const url = new URL('../fixtures/started.ts', import.meta.url).href;
    // With --print a program is CommonJS.
    const text = `(async () => {
      const { mpify, InferenceThread, asyncify } = await import(${JSON.stringify(module)});
      const child = await mpify(${JSON.stringify(url)}, 'makeStarted');
      console.log(JSON.stringify({ way: 'mpify', started: await child.started() }));
      child.stop();
      const thread = new InferenceThread(${JSON.stringify(url)});
      await thread.start();
      console.log(JSON.stringify({ way: 'thread', started: await thread.run('started') }));
      await thread.stop();
      const pool = asyncify(${JSON.stringify(url)}, 'started');
      console.log(JSON.stringify({ way: 'pool', started: await pool() }));
    })()`;
    const typed = flag.includes('p') ? [] : ['--input-type=module'];
    const all = await told([...typed, LOADER, flag, text]);
    t.deepEqual(
      all.map(({ way }) => way),
      ['mpify', 'thread', 'pool'],
    );
    for (const { started } of all) t.is(started.options.length, 1, String(started.options));
  });
}

test('NODE_OPTIONS are passed on as options are, with paths that hold in any folder', async (t) => {
  const spaced = join(folder, 'a folder');
  mkdirSync(spaced);
  copyFileSync(join(preloaded, 'first.cjs'), join(spaced, 'first.cjs'));
  const register = import.meta.resolve('@oxc-node/core/register');
  const [child, , thread] = await told([program], {
    cwd: folder,
    NODE_OPTIONS: `--title=Y --require "./a folder/first.cjs" --import=${register} --trace-exit`,
  });
  const expected = `"--require=${spaced}/first.cjs" --import=${register}`;
  t.is(child?.started.nodeOptions, expected);
  t.deepEqual(child?.started.preloaded, ['first.cjs']);
  t.is(thread?.started.nodeOptions, expected);
  t.deepEqual(thread?.started.preloaded, ['first.cjs']);
});

test('what a program loads is found also if it changes its working directory before it imports this package', async (t) => {
  const early = fileURLToPath(new URL('../fixtures/programs/early.ts', import.meta.url));
  const preloads = ['first.cjs', 'second.mjs'].map(
    (name) => `./__test__/fixtures/preloaded/${name}`,
  );
  const [first = '', second = ''] = preloads;
  const [child] = await told(['--require', first, '--import', second, LOADER, early]);
  t.deepEqual(child?.started.preloaded, ['first.cjs', 'second.mjs']);
});

test('NODE_OPTIONS of the option env are those of the child', async (t) => {
  const { mpify } = await import('../../index.ts');
  const url = new URL('../fixtures/started.ts', import.meta.url);
  const env = { NODE_OPTIONS: '--title=Z --stack-trace-limit=9' };
  type Made = typeof import('../fixtures/started.ts')['makeStarted'];
  const child = await mpify.with({ env })<Made>(url, 'makeStarted');
  t.teardown(() => child.stop());
  const { nodeOptions, stackTraceLimit } = await child.started();
  t.is(nodeOptions, env.NODE_OPTIONS);
  t.is(stackTraceLimit, 9);
});

/** Returns those of these options that a program which was started with them passes on to its threads. */
function passedToThreads(
  threadOptions: () => { execArgv: string[] },
  options: string[],
): readonly string[] {
  const { execArgv } = process;
  try {
    process.execArgv = options;
    return threadOptions().execArgv;
  } finally {
    process.execArgv = execArgv;
  }
}

test('a thread takes every option that is passed on to threads', async (t) => {
  const { threadOptions } = await import('../../lib/offload/node-options.ts');
  // Options that name a file or a module are left out. Permissions end the process if one is given alone.
  const known = passedToThreads(
    threadOptions,
    [...process.allowedNodeEnvironmentFlags].filter(
      (name) => !/^--no-|^-\w$|import$|require$|loader$|permission|allow/.test(name),
    ),
  );
  t.true(known.length > 20, String(known));
  for (const name of known) {
    const values: Readonly<Record<string, string>> = {
      '--unhandled-rejections': 'strict',
      '--dns-result-order': 'verbatim',
      '--max-http-header-size': '16000',
      '--network-family-autoselection-attempt-timeout': '500',
      '--experimental-default-type': 'module',
      '--experimental-specifier-resolution': 'node',
    };
    const value = values[name] ?? (/conditions|disable-warning/.test(name) ? 'x' : undefined);
    const option = value === undefined ? name : `${name}=${value}`;
    // An option that a thread does not take makes the constructor throw.
    t.notThrows(() => new Worker('', { eval: true, execArgv: [option] }).unref(), option);
  }
});
