// The package as a user gets it: packed, installed into an empty folder without the network, without
// Rust and without a compiler, then compiled against and run.

import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(dirname(here));
// Outside of the checkout, whose dependencies would be found, and each time at the same place, so that cargo
// replaces there what it has built before.
const place = createHash('sha256').update(root).digest('hex').slice(0, 12);
const folder = join(tmpdir(), `kilohertz-package-${place}`);
const app = join(folder, 'app');
const installed = join(app, 'node_modules', 'kilohertz');
let packed: string[] = [];
let tarballs: string[] = [];

// On this path there is Node, and the shell that npm starts scripts with; no Rust, no compiler.
const tools = join(folder, 'tools');
const env = { ...process.env, PATH: tools, npm_config_offline: 'true', NODE_OPTIONS: '' };

/**
 * Runs Node. The event loop goes on meanwhile: ava learns only from it that a test is given more time.
 */
async function node(
  args: string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  const running = promisify(execFile)(process.execPath, args, {
    cwd: app,
    env,
    maxBuffer: Number.POSITIVE_INFINITY,
    ...options,
  });
  running.child.stdin?.end();
  return (await running).stdout;
}

/** npm's own script: the one that runs us, or else the one beside this Node. */
function npmCli(): string {
  const running = process.env['npm_execpath'];
  if (running && basename(running) === 'npm-cli.js') return running;
  return `${execFileSync('npm', ['root', '--global'], { encoding: 'utf8' }).trim()}/npm/bin/npm-cli.js`;
}

interface Said {
  moved: boolean;
  iterations: number;
  targetPeriodS: number;
  sameClass: boolean;
}

/** Runs a program of the user's; each drives a robot at 100 Hz for 0.2 s and prints what came of it. */
async function drives(t: ExecutionContext, program: string): Promise<void> {
  const { iterations, ...said }: Said = JSON.parse(await node([program]));
  t.deepEqual(said, { moved: true, targetPeriodS: 0.01, sameClass: true });
  t.true(iterations > 0);
}

test.before('pack and install', async (t) => {
  t.timeout(10 * 60_000, 'packing and installing');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  mkdirSync(tools);
  symlinkSync(process.execPath, join(tools, 'node'));
  symlinkSync('/bin/sh', join(tools, 'sh'));
  cpSync(join(here, 'consumer'), app, { recursive: true });
  writeFileSync(
    join(app, 'package.json'),
    JSON.stringify({ name: 'app', type: 'module', private: true }),
  );

  const npm = npmCli();
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  // What it depends on comes from this checkout: without the network there is no other place.
  const needed = [...Object.keys(dependencies), '@types/node', 'undici-types'].map((name) =>
    join(root, 'node_modules', name),
  );
  const packages: { filename: string; files: { path: string }[] }[] = [];
  for (const place of [root, ...needed]) {
    packages.push(JSON.parse(await node([npm, ...args, place], { cwd: root }))[0]);
  }
  packed = packages[0]?.files.map(({ path }) => path) ?? [];
  tarballs = packages.map(({ filename }) => join(folder, filename));
  await node([npm, 'install', '--no-audit', '--no-fund', ...tarballs]);
});

test.after.always('clean up', () => {
  rmSync(folder, { recursive: true, force: true });
});

test('carries the licences, the declarations, the binding and the sources it can be built from', (t) => {
  for (const path of [
    'LICENSE-APACHE',
    'LICENSE-MIT',
    'NOTICE',
    'README.md',
    'docs/errors.md',
    'index.d.ts',
    'dist/index.js',
    'dist/dashboard/index.html',
    'dist/dashboard/meshes/fer/hand.glb',
    'binding/binding.js',
    'Cargo.lock',
    'crates/kilohertz-node/build.rs',
    'scripts/install.mjs',
  ]) {
    t.true(packed.includes(path), path);
  }
  t.true(packed.some((path) => /^binding\/kilohertz\..*\.node$/.test(path)));
});

test('the executable is installed, and runs as a command of the app', async (t) => {
  const executable = join(app, 'node_modules', '.bin', 'kilohertz');
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const { stdout } = await promisify(execFile)(executable, ['--version'], { env });
  t.is(stdout, `${version}\n`);
});

test('carries every module that a Python child is made of, and no more of Python', (t) => {
  const modules = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' });
  const wanted = modules.filter((file) => file.endsWith('.py')).map((file) => `dist/lib/${file}`);
  t.true(wanted.length > 1);
  t.deepEqual(packed.filter((path) => /^dist\/.*\.pyc?$/.test(path)).sort(), wanted.sort());
});

test('carries what README and the pages of docs/ link to, but for tests of this repository', (t) => {
  const pages = packed.filter((path) => /^(README\.md|docs\/.+\.md)$/.test(path));
  t.true(pages.length > 20);
  for (const page of pages) {
    const text = readFileSync(join(installed, page), 'utf8').replace(/^```[\s\S]*?^```/gm, '');
    const targets = [...text.matchAll(/\]\(([^)#\s]+)/g), ...text.matchAll(/src="([^"]+)"/g)]
      .map(([, target = '']) => target)
      .filter((target) => !/^[a-z]+:/.test(target));
    for (const target of targets) {
      const path = join(dirname(page), target);
      t.true(
        packed.includes(path) || (page !== 'README.md' && path.startsWith('__test__/')),
        `${page}: ${path}`,
      );
    }
  }
});

test('carries nothing that only the checkout needs', (t) => {
  const unwanted =
    /(^|\/)(__test__|node_modules|target|\.stamp)(\/|$)|^dist\/(examples|docs)\/|\.tgz$/;
  t.deepEqual(
    packed.filter((path) => unwanted.test(path)),
    [],
  );
});

/** Compiles the user's program with a compiler of this checkout. */
function compile(compiler: string, ...args: string[]): Promise<string> {
  const options = { env: { ...env, NODE_OPTIONS: '--max-old-space-size=2048' } };
  return node([join(root, 'node_modules', compiler, 'bin', 'tsc'), '-p', '.', ...args], options);
}

test('compiles in a TypeScript program with its own declarations, strictly', async (t) => {
  await t.notThrowsAsync(compile('typescript'));
  await drives(t, 'typed.js');
});

test('compiles with the least TypeScript that it asks for', async (t) => {
  const { peerDependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  const said = await compile('typescript-least', '--version');
  const [version] = said.match(/\d+\.\d+/) ?? [];
  t.is(peerDependencies.typescript, `>=${version}`);
  const options = JSON.parse(readFileSync(join(app, 'tsconfig.json'), 'utf8'));
  const config = join(app, 'tsconfig.least.json');
  // It knows no later target.
  const compilerOptions = { ...options.compilerOptions, target: 'es2022', noEmit: true };
  writeFileSync(config, JSON.stringify({ ...options, compilerOptions }));
  await t.notThrowsAsync(compile('typescript-least', '-p', config));
  rmSync(config);
});

test('wants the types of Node, of a version that it fits, only where a program has them', async (t) => {
  const { peerDependencies, peerDependenciesMeta } = JSON.parse(
    readFileSync(join(installed, 'package.json'), 'utf8'),
  );
  t.is(peerDependencies['@types/node'], '>=20.19.0');
  for (const name of Object.keys(peerDependencies)) t.true(peerDependenciesMeta[name].optional);

  const install = (...more: string[]): Promise<string> => {
    const files = tarballs.filter((file) => !/types-node|undici/.test(file));
    return node([npmCli(), 'install', '--no-audit', '--no-fund', ...files, ...more], {
      cwd: plain,
    });
  };
  const plain = join(folder, 'plain');
  mkdirSync(plain);
  const name = JSON.stringify({ name: 'plain', type: 'module', private: true });
  writeFileSync(join(plain, 'package.json'), name);
  await t.notThrowsAsync(install());
  t.false(existsSync(join(plain, 'node_modules', '@types')), 'a program without types has none');

  const old = join(folder, 'old-types');
  mkdirSync(old);
  const manifest = JSON.stringify({ name: '@types/node', version: '18.19.0' });
  writeFileSync(join(old, 'package.json'), manifest);
  const refused = await t.throwsAsync(install(`@types/node@file:${old}`));
  const error = refused as Error & { stderr: string };
  t.regex(error.stderr, /ERESOLVE/);
  t.regex(error.stderr, /peerOptional @types\/node@">=20\.19\.0" from kilohertz/);
});

test('runs in plain JavaScript', async (t) => {
  await drives(t, 'plain.js');
});

test('runs in CommonJS', async (t) => {
  await drives(t, 'common.cjs');
});

test('calls functions of the user on other threads, from ES modules and from CommonJS', async (t) => {
  for (const program of ['offload.js', 'offload.cjs']) {
    t.deepEqual(JSON.parse(await node([program])), { solved: 8, here: 8 }, program);
  }
});

test('has an object of the user in a Python process', async (t) => {
  const executable = ['-c', 'import sys; print(sys.executable)'];
  const python = execFileSync('python3', executable, { encoding: 'utf8' }).trim();
  const { solved, path } = JSON.parse(await node(['python.js', python])) as {
    solved: number;
    path: string[];
  };
  t.is(solved, 8);
  t.deepEqual(
    path.filter((place) => place.startsWith(installed)),
    [],
  );
});

// Even with the dependencies of the checkout's own build it takes long, so it is left to the full check.
const whenChecked = process.env['CI'] ? test : test.skip;

whenChecked('builds its binding from source where none that fits came with it', async (t) => {
  t.timeout(30 * 60_000, 'a build from source');
  const prebuilt = packed.find((path) => path.endsWith('.node')) as string;
  rmSync(join(installed, prebuilt));
  await t.throwsAsync(node(['plain.js']));

  await node([join(installed, 'scripts', 'install.mjs')], {
    env: { ...process.env, CARGO_NET_OFFLINE: 'true', CARGO_TARGET_DIR: join(root, 'target') },
  });
  await drives(t, 'plain.js');
});

test('says in one line what is missing where it cannot be built', async (t) => {
  const copy = join(folder, 'bare');
  cpSync(installed, copy, { recursive: true });
  rmSync(join(copy, 'binding'), { recursive: true });
  const failed = await t.throwsAsync(node([join(copy, 'scripts', 'install.mjs')]));
  const error = failed as Error & { code: number; stderr: string };
  t.is(error.code, 1);
  t.regex(error.stderr, /^kilohertz: .*cargo was not found.*rustup\.rs\.\n$/);
});
