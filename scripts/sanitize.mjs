// The crates under the sanitizers that ship with the compiler. The standard library is not built for
// them, so thread's reports from inside it are left out by name (scripts/sanitizers). The last results
// are kept in docs/checks.md.
//
//   node scripts/sanitize.mjs            all of them; each is a build of its own, which takes minutes
//   node scripts/sanitize.mjs realtime   the loop thread: no allocation, no lock, no blocking call
//   node scripts/sanitize.mjs address    memory, of core, offload and the parts of franka with `unsafe`
//   node scripts/sanitize.mjs thread     data races, of core and offload
//   node scripts/sanitize.mjs addon      memory, of the addon in Node: a part of ava's tests

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { step } from './steps.mjs';
import { bindingPath, Missing, orExplain, requireRust, root } from './toolchain.mjs';

const target = 'x86_64-unknown-linux-gnu';
const named = (kind, names) => names.flatMap((name) => [kind, name]);
/** Shared memory and what is lock-free. */
const shared = [...named('-p', ['kilohertz-core', 'kilohertz-offload']), '--lib', '--tests'];
/** Sockets known by number, and signals. `seam` is arithmetic, and takes long. */
const sockets = [
  ['-p', 'kilohertz-franka', '--lib', '--', '--skip', 'seam'],
  ['-p', 'kilohertz-franka', ...named('--test', ['connecting', 'sessions', 'strangers', 'hand'])],
];

/** Libraries of others are built for speed otherwise, which takes much longer. */
const quick = ['--config', 'profile.dev.package."*".opt-level=1'];
const placeOf = (name) => join(root, 'target', 'sanitize', name);
const whereOf = (name) => ['--target', target, '--target-dir', placeOf(name)];
const environmentOf = (name, flags = '') => ({
  RUSTC_BOOTSTRAP: '1',
  RUSTFLAGS: `-Zsanitizer=${name} ${flags}`.trim(),
});

const sanitizers = {
  // One test at a time: the runtime writes into a suppression while it compares it, so a second thread may not find it.
  realtime: {
    flags: '--cfg rtsan',
    tests: [['-p', 'kilohertz-franka', '--test', 'realtime', '--', '--test-threads=1']],
  },
  address: { tests: [shared, ...sockets] },
  thread: { flags: '-Cunsafe-allow-abi-mismatch=sanitizer', tests: [shared] },
};
const variables = { realtime: 'RTSAN_OPTIONS', address: 'ASAN_OPTIONS', thread: 'TSAN_OPTIONS' };

function sanitize(name) {
  const { flags = '', tests } = sanitizers[name];
  const suppressions = join(root, 'scripts', 'sanitizers', `${name}.txt`);
  const options = name === 'address' ? 'detect_leaks=0' : `suppressions=${suppressions}`;
  const env = { ...environmentOf(name, flags), [variables[name]]: options };
  const how = [...(name === 'realtime' ? [] : quick), ...whereOf(name)];
  for (const what of tests) {
    step(`${name}: ${what.join(' ')}`, 'cargo', ['test', ...how, ...what], { env });
  }
}

/** What of the addon ava goes through: sessions, moves, the hand, models, memory shared with threads and processes. */
const ADDON_TESTS = [
  ...['model', 'configuration', 'move-to', 'hand', 'closing', 'states', 'robot-state'].map(
    (name) => `franka/${name}`,
  ),
  ...['worker-policy', 'process-policy', 'hostile-children'].map((name) => `policy/${name}`),
  ...['mpify', 'offload'].map((name) => `offload/${name}`),
];

/**
 * The compiler's runtime as a library of its own, to be loaded into a Node that was not built with it. Without what
 * only a program may have: a section that runs before it.
 */
function runtime(kind) {
  const { stdout } = spawnSync('rustc', ['--print', 'target-libdir', '--target', target], {
    encoding: 'utf8',
  });
  const libraries = stdout.trim();
  const archive = readdirSync(libraries).find((name) => name.endsWith(`_rt.${kind}.a`));
  if (!archive)
    throw new Missing(`this Rust has no runtime of the sanitizer ${kind} for ${target}.`);
  const parts = placeOf(`${kind}-runtime`);
  rmSync(parts, { recursive: true, force: true });
  mkdirSync(parts, { recursive: true });
  step(`unpack ${archive}`, 'ar', ['x', join(libraries, archive)], { cwd: parts });
  const objects = readdirSync(parts).filter((name) => !name.includes('preinit'));
  const library = join(parts, `${kind}.so`);
  const args = ['-shared', '-o', library, ...objects, '-lpthread', '-ldl', '-lm', '-lrt'];
  step(`link ${basename(library)}`, 'cc', args, { cwd: parts });
  return library;
}

/** Runs tests with an addon that was built for the sanitizer, in a copy of what they need. */
function sanitizeAddon() {
  const [kind, copy] = ['address', placeOf('addon')];
  step('build the addon', 'cargo', ['build', '-p', 'kilohertz-node', ...quick, ...whereOf(kind)], {
    env: environmentOf(kind),
  });
  const library = runtime('asan');
  rmSync(copy, { recursive: true, force: true });
  const files = ['package.json', 'index.ts', 'index.d.ts', 'tsconfig.json', 'ava.config.js'];
  for (const name of [...files, 'lib', '__test__', 'dist', 'examples', 'docs', 'binding']) {
    cpSync(join(root, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  // The tests' Python is made without the sanitizer, which would make its installation take minutes.
  const python = join('__test__', 'fixtures', 'python.ts');
  step('python', process.execPath, ['--import=@oxc-node/core/register', python]);
  symlinkSync(join(root, 'target'), join(copy, 'target'));
  const built = join(placeOf(kind), target, 'debug', 'libkilohertz_node.so');
  cpSync(built, join(copy, 'binding', basename(bindingPath())));
  const tests = ADDON_TESTS.map((name) => `__test__/${name}.test.ts`);
  const ava = ['node_modules/ava/entrypoints/cli.mjs', '--timeout=15m', ...tests];
  step('address: ava', process.execPath, ava, {
    cwd: copy,
    env: { LD_PRELOAD: library, ASAN_OPTIONS: 'detect_leaks=0' },
  });
}

await orExplain(() => {
  requireRust();
  const chosen = process.argv.slice(2);
  for (const name of chosen.length > 0 ? chosen : [...Object.keys(sanitizers), 'addon']) {
    if (name === 'addon') sanitizeAddon();
    else if (sanitizers[name]) sanitize(name);
    else throw new Missing(`${name} is no sanitizer; expected realtime, address, thread or addon.`);
  }
});
