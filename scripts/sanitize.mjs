// The crates under the sanitizers that ship with the compiler. The standard library is not built for
// them, so thread's reports from inside it are left out by name (scripts/sanitizers). The last results
// are kept in docs/checks.md.
//
//   node scripts/sanitize.mjs            all of them; each is a build of its own, which takes minutes
//   node scripts/sanitize.mjs realtime   the loop thread: no allocation, no lock, no blocking call
//   node scripts/sanitize.mjs address    memory, of core, offload and the parts of franka with `unsafe`
//   node scripts/sanitize.mjs thread     data races, of core and offload

import { join } from 'node:path';
import { step } from './steps.mjs';
import { Missing, orExplain, requireRust, root } from './toolchain.mjs';

const target = 'x86_64-unknown-linux-gnu';
const named = (kind, names) => names.flatMap((name) => [kind, name]);
/** Shared memory and what is lock-free. */
const shared = [...named('-p', ['kilohertz-core', 'kilohertz-offload']), '--lib', '--tests'];
/** Sockets known by number, and signals. `seam` is arithmetic, and takes long. */
const sockets = [
  ['-p', 'kilohertz-franka', '--lib', '--', '--skip', 'seam'],
  ['-p', 'kilohertz-franka', ...named('--test', ['connecting', 'sessions', 'strangers', 'hand'])],
];

const sanitizers = {
  realtime: { flags: '--cfg rtsan', tests: [['-p', 'kilohertz-franka', '--test', 'realtime']] },
  address: { tests: [shared, ...sockets] },
  thread: { flags: '-Cunsafe-allow-abi-mismatch=sanitizer', tests: [shared] },
};
const variables = { realtime: 'RTSAN_OPTIONS', address: 'ASAN_OPTIONS', thread: 'TSAN_OPTIONS' };

function sanitize(name) {
  const { flags = '', tests } = sanitizers[name];
  const suppressions = join(root, 'scripts', 'sanitizers', `${name}.txt`);
  const options = name === 'address' ? 'detect_leaks=0' : `suppressions=${suppressions}`;
  const env = {
    RUSTC_BOOTSTRAP: '1',
    RUSTFLAGS: `-Zsanitizer=${name} ${flags}`.trim(),
    [variables[name]]: options,
  };
  const where = ['--target', target, '--target-dir', join(root, 'target', 'sanitize', name)];
  // Libraries of others are built for speed otherwise, which takes much longer; the loop is to be fast.
  const quick = name === 'realtime' ? [] : ['--config', 'profile.dev.package."*".opt-level=1'];
  for (const what of tests) {
    step(`${name}: ${what.join(' ')}`, 'cargo', ['test', ...quick, ...where, ...what], { env });
  }
}

await orExplain(() => {
  requireRust();
  const chosen = process.argv.slice(2);
  for (const name of chosen.length > 0 ? chosen : Object.keys(sanitizers)) {
    if (!sanitizers[name]) {
      throw new Missing(`${name} is no sanitizer; expected realtime, address or thread.`);
    }
    sanitize(name);
  }
});
