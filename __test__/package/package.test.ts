// The packages as a user gets them: made together, installed into an empty folder without the network, without
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
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { npmCli } from '../fixtures/registry.ts';

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(dirname(here));
// Outside of the checkout, whose dependencies would be found, and each time at the same place, so that cargo
// replaces there what it has built before.
const place = createHash('sha256').update(root).digest('hex').slice(0, 12);
const folder = join(tmpdir(), `kilohertz-package-${place}`);
const app = join(folder, 'app');
const installed = join(app, 'node_modules', 'kilohertz');
/** The packages that are published together: their folders below target/packages. */
const OWN = ['kilohertz', 'page', 'linux-x64-gnu'];
/** The files of each package. */
const packed = new Map<string, string[]>();
const tarballs: string[] = [];

function filesOf(name: string): readonly string[] {
  return packed.get(name) ?? [];
}

// On this path there is Node, and the shell that npm starts scripts with; no Rust, no compiler.
const tools = join(folder, 'tools');
const env = { ...process.env, PATH: tools, npm_config_offline: 'true', NODE_OPTIONS: '' };

/**
 * Runs Node. The event loop goes on meanwhile: ava learns only from it that a test is given more time.
 */
function ran(
  args: string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<{ stdout: string; stderr: string }> {
  const running = promisify(execFile)(process.execPath, args, {
    cwd: app,
    env,
    maxBuffer: Number.POSITIVE_INFINITY,
    ...options,
  });
  running.child.stdin?.end();
  return running;
}

/** The same; returns what it printed. */
const node = async (...what: Parameters<typeof ran>): Promise<string> =>
  (await ran(...what)).stdout;

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
  // It asks for `npm` and `objdump`.
  const made = [join(root, 'scripts', 'packages.mjs')];
  await node(made, { cwd: root, env: { ...process.env, NODE_OPTIONS: '' } });
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  // What it depends on comes from this checkout: without the network there is no other place.
  const needed = [...Object.keys(dependencies), '@types/node', 'undici-types'];
  const others = needed.map((name) => join(root, 'node_modules', name));
  for (const place of [...OWN.map((name) => join(root, 'target', 'packages', name)), ...others]) {
    const [{ name, filename, files }] = JSON.parse(
      await node([npm, ...args, place], { cwd: root }),
    ) as [{ name: string; filename: string; files: { path: string }[] }];
    packed.set(
      name,
      files.map(({ path }) => path),
    );
    tarballs.push(join(folder, filename));
  }
  await node([npm, 'install', '--no-audit', '--no-fund', ...tarballs]);
});

test.after.always('clean up', () => {
  rmSync(folder, { recursive: true, force: true });
});

test('the package has the licences, the declarations, the pages and the examples', (t) => {
  for (const path of [
    'LICENSE-APACHE',
    'LICENSE-MIT',
    'NOTICE',
    'README.md',
    'docs/errors.md',
    'examples/hand.ts',
    'index.d.ts',
    'dist/index.js',
    'binding/binding.js',
    'binding/load.js',
  ]) {
    t.true(filesOf('kilohertz').includes(path), path);
  }
});

test('the page is a package of its own, and so is the native binding of a platform', (t) => {
  for (const path of ['index.html', 'page.js', 'page.css', 'meshes/fer/hand.glb', 'NOTICE']) {
    t.true(filesOf('@kilohertz/page').includes(path), path);
  }
  const licences = ['LICENSE-APACHE', 'LICENSE-MIT', 'NOTICE'];
  const all = [...licences, 'README.md', 'kilohertz.linux-x64-gnu.node', 'package.json'];
  t.deepEqual([...filesOf('@kilohertz/linux-x64-gnu')].sort(), all.sort());
});

/** What a file of the package is for; each kind of file is here, and none else is packed. */
const EXPLAINED: readonly (readonly [RegExp, string])[] = [
  [/^package\.json$/, 'what npm reads'],
  [/^(README|CHANGELOG|DESIGN|CONTRIBUTING|SECURITY)\.md$/, 'pages'],
  [/^docs\/[\w/-]+\.md$/, 'pages'],
  [/^docs\/pictures\/[\w-]+\.(svg|png|webp|gif)$/, 'pictures of the pages'],
  [/^benches\/README\.md$/, 'the figures that README shows'],
  [/^(LICENSE-APACHE|LICENSE-MIT|NOTICE)$/, 'licences'],
  [/^examples\/[\w./-]+$/, 'examples'],
  [/^index\.d\.ts$/, 'the public declarations'],
  [/^dist\/(index|lib\/[\w/-]+)\.js$/, 'the library and its executable'],
  [/^dist\/examples\/[\w./-]+$/, 'the examples as JavaScript, which Node runs out of node_modules'],
  [/^dist\/lib\/offload\/python\/[\w/]+\.py$/, 'the end of a child in Python'],
  [/^binding\/(binding|load)\.js$/, 'finds the native binding'],
];

test('each file of the package is explained: no tests, benches, sources of the binding or stamps', (t) => {
  const unknown = filesOf('kilohertz').filter((path) => !EXPLAINED.some(([of]) => of.test(path)));
  t.deepEqual(unknown, []);
});

test('packages of one version belong together, and nothing of them runs at installation', (t) => {
  const manifests = OWN.map((name) => {
    const file = join(root, 'target', 'packages', name, 'package.json');
    return JSON.parse(readFileSync(file, 'utf8'));
  });
  const [main, page, binding] = manifests;
  for (const manifest of manifests) {
    t.is(manifest.version, main.version);
    t.is(manifest.scripts, undefined);
    t.true(manifest.preferUnplugged, 'yarn may not leave its files in an archive');
    for (const field of ['repository', 'bugs', 'homepage', 'devDependencies', 'private']) {
      t.false(field in manifest, `${manifest.name}: ${field}`);
    }
  }
  t.is(main.dependencies[page.name], main.version);
  t.deepEqual(main.optionalDependencies, { [binding.name]: main.version });
  t.deepEqual([binding.os, binding.cpu, binding.libc], [['linux'], ['x64'], ['glibc']]);
});

test('the executable is installed, and runs as a command of the app', async (t) => {
  const executable = join(app, 'node_modules', '.bin', 'kilohertz');
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const { stdout } = await promisify(execFile)(executable, ['--version'], { env });
  t.is(stdout, `${version}\n`);
  const demo = await promisify(execFile)(executable, ['demo', '--help'], { env });
  t.regex(demo.stdout, /--dashboard/);
});

test('carries every module that a Python child is made of, and no more of Python', (t) => {
  const modules = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' });
  const wanted = modules.filter((file) => file.endsWith('.py')).map((file) => `dist/lib/${file}`);
  t.true(wanted.length > 1);
  const found = filesOf('kilohertz').filter((path) => /^dist\/lib\/.*\.pyc?$/.test(path));
  t.deepEqual(found.sort(), wanted.sort());
});

test('carries what README links to, and what its pages link to, but for tests and sources of the repository', (t) => {
  const pages = filesOf('kilohertz').filter((path) => /^(README\.md|docs\/.+\.md)$/.test(path));
  t.true(pages.length > 20);
  for (const page of pages) {
    const text = readFileSync(join(installed, page), 'utf8').replace(/^```[\s\S]*?^```/gm, '');
    const targets = [...text.matchAll(/\]\(([^)#\s]+)/g), ...text.matchAll(/src="([^"]+)"/g)]
      .map(([, target = '']) => target)
      .filter((target) => !/^[a-z]+:/.test(target));
    for (const target of targets) {
      const path = join(dirname(page), target);
      t.true(
        filesOf('kilohertz').includes(path) ||
          (page !== 'README.md' && /^(__test__|crates)\//.test(path)),
        `${page}: ${path}`,
      );
    }
  }
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

  const plain = join(folder, 'plain');
  /** What npm says about its own installation, whether it goes through with it or not. */
  const install = async (...more: string[]): Promise<string> => {
    const files = tarballs.filter((file) => !/types-node|undici/.test(file));
    const words = [npmCli(), 'install', '--no-audit', '--no-fund', ...files, ...more];
    const { stderr } = await ran(words, { cwd: plain }).catch(
      (error: Error & { stderr: string }) => error,
    );
    return stderr;
  };
  const types = join(plain, 'node_modules', '@types');
  mkdirSync(plain);
  const name = JSON.stringify({ name: 'plain', type: 'module', private: true });
  writeFileSync(join(plain, 'package.json'), name);
  t.notRegex(await install(), /ERESOLVE|error/);
  t.true(existsSync(join(plain, 'node_modules', 'kilohertz')));
  t.false(existsSync(types), 'a program without types has none');

  const old = join(folder, 'old-types');
  mkdirSync(old);
  const manifest = JSON.stringify({ name: '@types/node', version: '18.19.0' });
  writeFileSync(join(old, 'package.json'), manifest);
  // Some versions of npm end with this as an error, others warn and install the rest.
  const told = await install(`@types/node@file:${old}`);
  t.regex(told, /ERESOLVE/);
  t.regex(told, /peerOptional @types\/node@">=20\.19\.0" from kilohertz/);
  t.false(existsSync(types), 'types that do not fit are not installed');
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

test('works with the permissions of Node, and says which one is missing', async (t) => {
  writeFileSync(join(app, 'maker.js'), 'export const make = () => ({ one: () => 1 });\n');
  const text = `
    import { mpify } from 'kilohertz';
    import { solve } from './solve.js';
    const made = mpify.with({ processGroup: true })(new URL('./maker.js', import.meta.url), 'make');
    made.catch(() => undefined);
    for (const work of [async () => solve(4), async () => (await made).one()]) {
      console.log(await work().catch(({ code, message }) => code + message));
    }
    await made.then((child) => child.stop(), () => undefined);`;
  writeFileSync(join(app, 'permitted.js'), text);
  const known = process.allowedNodeEnvironmentFlags;
  const permission = known.has('--permission') ? '--permission' : '--experimental-permission';
  const run = async (...more: string[]): Promise<string[]> => {
    const options = [permission, `--allow-fs-read=${app}`, '--allow-addons', ...more];
    return (await node([...options, 'permitted.js'])).trim().split('\n');
  };
  t.deepEqual(await run('--allow-worker', '--allow-child-process'), ['8', '1']);
  const refused = await run();
  t.regex(refused[0] ?? '', /^SYSTEM.*without --allow-worker/);
  t.regex(refused[1] ?? '', /^SYSTEM.*without --allow-child-process/);
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

/** The package and what came with it in another folder, where the native binding may be changed. */
function copyOf(name: string): { readonly app: string; readonly binding: string } {
  const copy = join(folder, name);
  mkdirSync(copy);
  cpSync(app, copy, { recursive: true });
  return { app: copy, binding: join(copy, 'node_modules', '@kilohertz', 'linux-x64-gnu') };
}

/** What Node says where the binding does not load. */
async function refusal(t: ExecutionContext, cwd: string, ...args: string[]): Promise<string> {
  const failed = await t.throwsAsync(node(args.length > 0 ? args : ['plain.js'], { cwd }));
  return String((failed as Error & { stderr: string }).stderr);
}

test('says which binding was looked for where none came, and what to do', async (t) => {
  const { app: cwd, binding } = copyOf('missing');
  rmSync(binding, { recursive: true });
  const said = await refusal(t, cwd);
  t.regex(said, /BindingError: the native binding for linux-x64-gnu is not installed/);
  t.regex(
    said,
    /binding\/kilohertz\.linux-x64-gnu\.node, and no package @kilohertz\/linux-x64-gnu/,
  );
  t.regex(said, /--omit=optional/);
  t.regex(said, /docs\/errors\.md#binding_missing/);
  t.regex(said, /code: 'BINDING_MISSING'/);
});

test('says what the system answers to a damaged binding, and to one for a newer system', async (t) => {
  const { app: cwd, binding } = copyOf('damaged');
  const file = join(binding, 'kilohertz.linux-x64-gnu.node');
  const whole = readFileSync(file);
  writeFileSync(file, whole.subarray(0, 4096));
  t.regex(await refusal(t, cwd), /kilohertz\.linux-x64-gnu\.node does not load: .*damaged/);
  writeFileSync(file, 'no library');
  t.regex(await refusal(t, cwd), /invalid ELF header|file too short.*damaged/);

  const newer = Buffer.from(whole);
  const text = newer.toString('latin1');
  const [version = ''] = text.match(/GLIBC_2\.\d\d/) ?? [];
  newer.write('GLIBC_9.99'.slice(0, version.length), text.indexOf(version), 'latin1');
  writeFileSync(file, newer);
  const said = await refusal(t, cwd);
  t.regex(said, /does not load: .*version `GLIBC_9\.99' not found/);
  t.regex(said, /It needs GLIBC 9\.99, and this system has \d\.\d+\./);
});

test('says what to do about a binding for another processor, about Node without addons, and about a wrong variable', async (t) => {
  const { app: cwd, binding } = copyOf('elsewhere');
  const file = join(binding, 'kilohertz.linux-x64-gnu.node');
  const other = readFileSync(file);
  // The number of the processor in the head of the file: 183 is arm64, 62 is x64.
  other.writeUInt16LE(process.arch === 'x64' ? 183 : 62, 18);
  writeFileSync(file, other);
  t.regex(await refusal(t, cwd), /does not load: .*made for another platform/);
  t.regex(
    await refusal(t, app, '--no-addons', 'plain.js'),
    /addons is disabled\. Node was started with --no-addons.*--allow-addons.*#binding_refused/,
  );
  const options = { cwd: app, env: { ...env, NAPI_RS_NATIVE_LIBRARY_PATH: './none.node' } };
  const failed = await t.throwsAsync(node(['plain.js'], options));
  t.regex(
    String((failed as Error & { stderr: string }).stderr),
    /there is no \/.*none\.node, which NAPI_RS_NATIVE_LIBRARY_PATH names\. .*#binding_missing/,
  );
});

test('refuses a binding of another version', async (t) => {
  const { app: cwd, binding } = copyOf('other-version');
  const file = join(binding, 'package.json');
  const manifest = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, JSON.stringify({ ...manifest, version: '0.0.9' }));
  t.regex(await refusal(t, cwd), /BINDING_VERSION|kilohertz is version 0\.1\.0, and .* 0\.0\.9/);
});

test('names the platform where there is no package for it', async (t) => {
  const elsewhere = (change: string): string[] => [
    '--import',
    `data:text/javascript,${encodeURIComponent(change)}`,
    'plain.js',
  ];
  const mac = `Object.defineProperty(process, 'platform', { value: 'darwin' });`;
  const said = await refusal(t, app, ...elsewhere(mac));
  t.regex(said, /no native binding for darwin-x64; there is one for linux-x64-gnu/);
  const musl = 'process.report.getReport = () => ({ header: {} });';
  t.regex(await refusal(t, app, ...elsewhere(musl)), /linux-x64-musl.*musl instead of glibc/);
});

test('a bundle is told to leave the package out, and works with it left out', async (t) => {
  const esbuild = join(root, 'node_modules', 'esbuild', 'bin', 'esbuild');
  for (const format of ['esm', 'cjs']) {
    const bundle = (name: string, ...more: string[]): Promise<string> =>
      promisify(execFile)(
        esbuild,
        [
          'plain.js',
          '--bundle',
          '--platform=node',
          `--format=${format}`,
          ...more,
          `--outfile=${name}`,
        ]
          // Top-level await is only for modules.
          .map((word) => (format === 'cjs' && word === 'plain.js' ? 'common.cjs' : word)),
        { cwd: app },
      ).then(({ stderr }) => stderr);
    const extension = format === 'esm' ? 'mjs' : 'cjs';
    await bundle(`bundled.${extension}`);
    const said = await refusal(t, app, `bundled.${extension}`);
    t.regex(said, /kilohertz is in a bundle.*--external:kilohertz/, format);
    await bundle(`left-out.${extension}`, '--external:kilohertz');
    await drives(t, `left-out.${extension}`);
  }
});
