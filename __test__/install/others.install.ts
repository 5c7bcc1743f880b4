// Other package managers, test runners and bundlers of a user's, each in an empty folder, from the registry.
// They install much, so `.ci/run` leaves them out; `npm run test:install` keeps what they told in install.result.md.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { consumer, type Place, Registry } from '../fixtures/registry.ts';

const VERSIONS = {
  jest: '30.5.2',
  pnpm: '10.24.0',
  vite: '7.2.4',
  vitest: '3.2.4',
  webpack: '5.113.0',
  'webpack-cli': '6.0.1',
  esbuild: '0.28.2',
  yarn: '1.22.22',
  '@yarnpkg/cli-dist': '4.18.1',
} as const;
const at = (name: keyof typeof VERSIONS): string => `${name}@${VERSIONS[name]}`;

let registry: Registry;

test.before('the registry has the packages', async () => {
  registry = await Registry.start();
});

test.after.always('the registry ends', () => registry?.[Symbol.asyncDispose]());

/** A user's folder in which npm has installed kilohertz and something else. */
async function withNpm(name: string, ...more: readonly string[]): Promise<Place> {
  const place = registry.place(name, process.execPath);
  consumer(place.folder);
  await place.npm('install', 'kilohertz', ...more, '--ignore-scripts');
  return place;
}

function file(place: Place, name: string, ...lines: readonly string[]): void {
  const path = join(place.folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, `${lines.join('\n')}\n`);
}

async function drives(t: ExecutionContext, place: Place, program: string): Promise<void> {
  const { moved, sameClass } = JSON.parse(await place.node([program]));
  t.true(moved && sameClass, program);
}

const script = (place: Place, ...parts: readonly string[]): string =>
  join(place.folder, 'node_modules', ...parts);

test('pnpm installs it, and it runs', async (t) => {
  const tool = registry.place('pnpm-itself', process.execPath);
  await tool.npm('install', at('pnpm'));
  const place = registry.place('pnpm', process.execPath);
  consumer(place.folder);
  const pnpm = script(tool, 'pnpm', 'bin', 'pnpm.cjs');
  const said = await place.node([pnpm, 'add', 'kilohertz', '--reporter=append-only']);
  t.notRegex(said, /ignored build scripts/i);
  await drives(t, place, 'plain.js');
  await drives(t, place, 'common.cjs');
});

for (const [name, program, config, linker] of [
  ['yarn', 'yarn/bin/yarn.js', '.yarnrc', 'node-modules'],
  ['@yarnpkg/cli-dist', '@yarnpkg/cli-dist/bin/yarn.js', '.yarnrc.yml', 'node-modules'],
  ['@yarnpkg/cli-dist', '@yarnpkg/cli-dist/bin/yarn.js', '.yarnrc.yml', 'pnp'],
] as const) {
  test(`yarn ${VERSIONS[name]} installs it with ${linker}, and it runs`, async (t) => {
    const short = `yarn-${VERSIONS[name].split('.')[0]}-${linker}`;
    const tool = registry.place(`${short}-itself`, process.execPath);
    await tool.npm('install', at(name));
    const place = registry.place(short, process.execPath);
    consumer(place.folder);
    file(
      place,
      config,
      ...(config === '.yarnrc'
        ? [`registry "${registry.address}/"`]
        : [
            `npmRegistryServer: "${registry.address}"`,
            'unsafeHttpWhitelist: ["127.0.0.1"]',
            `nodeLinker: ${linker}`,
            // What was published a moment ago is not taken otherwise.
            'npmMinimalAgeGate: 0',
            'enableTelemetry: false',
            'enableGlobalCache: false',
          ]),
    );
    file(place, 'yarn.lock', '');
    await place.node([script(tool, ...program.split('/')), 'add', 'kilohertz'], {
      HOME: place.folder,
      CI: '',
    });
    // As `yarn node` starts it.
    const options =
      linker === 'pnp'
        ? ['--require=./.pnp.cjs', '--no-warnings', '--experimental-loader=./.pnp.loader.mjs']
        : [];
    for (const program of ['plain.js', 'common.cjs']) {
      const { moved, sameClass } = JSON.parse(await place.node([...options, program]));
      t.true(moved && sameClass, program);
    }
    const threads = JSON.parse(await place.node([...options, 'offload.js']));
    t.deepEqual(threads, { solved: 8, here: 8 });
    // Python and the page's server read files of the package, which must not lie in an archive.
    const executable = ['-c', 'import sys; print(sys.executable)'];
    const python = execFileSync('python3', executable, { encoding: 'utf8' }).trim();
    const { solved } = JSON.parse(await place.node([...options, 'python.js', python]));
    t.is(solved, 8);
  });
}

test('Node 22 runs it, a TypeScript program without a compiler included', async (t) => {
  const place = registry.place('node-22', registry.nodeOf(22));
  consumer(place.folder);
  await place.npm('install', 'kilohertz', '--ignore-scripts');
  t.regex(await place.node(['--version']), /^v22\./);
  await drives(t, place, 'plain.js');
  await drives(t, place, 'typed.ts');
});

/** A test of a user's policy, for a runner whose `test` and `expect` are global. */
const POLICY_TEST = [
  "import { Franka, FrankaSimulator, isKilohertzError, run } from 'kilohertz';",
  "test('the policy moves the arm', async () => {",
  '  const simulator = await FrankaSimulator.start({ friction: false, lostPacketLimit: 10_000 });',
  '  const arm = await Franka.connect(simulator.address);',
  '  const stats = await run(arm, (state) => state.dq_d, { durationS: 0.2, limits: "clamp" });',
  '  expect(stats.iterations).toBeGreaterThan(50);',
  '  const wrong = run(arm, () => [NaN, 0, 0, 0, 0, 0, 0], { durationS: 0.2 });',
  '  const error = await wrong.catch((thrown) => thrown);',
  '  expect(isKilohertzError(error)).toBe(true);',
  "  expect(error.code).toBe('ACTION_NOT_FINITE');",
  '  await arm.close();',
  '  await simulator.stop();',
  '}, 60_000);',
];

test('a policy is tested under Jest', async (t) => {
  const place = await withNpm('jest', at('jest'));
  file(place, 'policy.test.js', ...POLICY_TEST);
  file(place, 'jest.config.js', 'export default { transform: {}, testTimeout: 60_000 };');
  const jest = script(place, 'jest', 'bin', 'jest.js');
  await t.notThrowsAsync(place.node(['--experimental-vm-modules', jest, '--runInBand']));
});

for (const pool of ['threads', 'forks', 'vmThreads', 'vmForks']) {
  test(`a policy is tested under Vitest, pool ${pool}`, async (t) => {
    const place = await withNpm(`vitest-${pool}`, at('vitest'));
    file(place, 'policy.test.js', ...POLICY_TEST);
    const options = `{ globals: true, pool: '${pool}', include: ['policy.test.js'] }`;
    file(place, 'vitest.config.js', `export default { test: ${options} };`);
    await t.notThrowsAsync(place.node([script(place, 'vitest', 'vitest.mjs'), 'run']));
  });
}

test('esbuild leaves it out of a bundle, and the bundle runs', async (t) => {
  const place = await withNpm('esbuild', at('esbuild'));
  const [folder = ''] = readdirSync(script(place, '@esbuild'));
  t.truthy(folder);
  const bundle = ['plain.js', '--bundle', '--platform=node', '--format=esm'];
  const esbuild = script(place, 'esbuild', 'bin', 'esbuild');
  await place.node([esbuild, ...bundle, '--external:kilohertz', '--outfile=bundle.js']);
  await drives(t, place, 'bundle.js');
});

test('Vite leaves it out of a bundle for the server, and the bundle runs', async (t) => {
  const place = await withNpm('vite', at('vite'));
  const rollup = "{ input: 'plain.js', external: ['kilohertz'] }";
  file(
    place,
    'vite.config.js',
    `export default { build: { ssr: true, target: 'esnext', rollupOptions: ${rollup} }, ssr: { external: ['kilohertz'] } };`,
  );
  await place.node([script(place, 'vite', 'bin', 'vite.js'), 'build']);
  await drives(t, place, 'dist/plain.js');
});

test('webpack leaves it out of a bundle, and the bundle runs', async (t) => {
  const place = await withNpm('webpack', at('webpack'), at('webpack-cli'));
  file(
    place,
    'webpack.config.js',
    "export default { mode: 'production', target: 'node', entry: './plain.js',",
    "  experiments: { outputModule: true }, output: { module: true, filename: 'bundle.js' },",
    "  externals: { kilohertz: 'module kilohertz' } };",
  );
  await place.node([script(place, 'webpack', 'bin', 'webpack.js')]);
  await drives(t, place, 'dist/bundle.js');
});

test('the least TypeScript that it asks for compiles with its declarations', async (t) => {
  const place = await withNpm('least', 'typescript@5.4.5', '@types/node@20.19.0');
  const config = join(place.folder, 'tsconfig.json');
  const { compilerOptions, ...rest } = JSON.parse(readFileSync(config, 'utf8'));
  const options = { ...compilerOptions, target: 'es2022', noEmit: true };
  writeFileSync(config, JSON.stringify({ ...rest, compilerOptions: options }));
  await t.notThrowsAsync(place.node([script(place, 'typescript', 'bin', 'tsc'), '-p', '.']));
});
