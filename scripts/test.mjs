// Everything that must hold, from the types to the packed package. Stops at the first failure.
//
//   node scripts/test.mjs           all of it
//   node scripts/test.mjs types     only the named parts: types, rust, loom, ava
//   node scripts/test.mjs --times   tells what takes how long, too: a table in Markdown, on stdout

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { avaTests } from './ava-tests.mjs';
import { rustTests } from './rust-tests.mjs';
import { step, tool, tsc } from './steps.mjs';
import { machine, table } from './times.mjs';
import { orExplain, requireRust, root } from './toolchain.mjs';

/** One of: what ran, and how long it took [s]. */
const slow = [];
/** How many of the slowest are told. */
const SLOWEST = 10;
const isTimed = process.argv.includes('--times');

const tell = (what, seconds) => slow.push({ what, seconds });

/** Without colours, which would stand in what is read. */
const PLAIN = { FORCE_COLOR: '0' };

const parts = {
  types() {
    tool('check types', tsc, ['-p', 'tsconfig.json']);
    tool('check types of the page', tsc, ['-p', 'dashboard']);
  },
  rust() {
    requireRust();
    return rustTests(tell);
  },
  loom() {
    // Loom replaces the atomics of one crate and explores every interleaving; it wants its own
    // flags, and so its own target folder.
    const target = join(root, 'target', 'loom');
    for (const crate of ['kilohertz-core', 'kilohertz-offload']) {
      const manifest = readFileSync(join(root, 'crates', crate, 'Cargo.toml'), 'utf8');
      if (!/\bloom\b/.test(manifest)) continue;
      requireRust();
      const args = ['test', '-p', crate, '--release', '--lib', 'loom', '--target-dir', target];
      step(`loom ${crate}`, 'cargo', args, {
        env: { RUSTFLAGS: `${process.env.RUSTFLAGS ?? ''} --cfg loom`.trim() },
      });
    }
  },
  ava: () => avaTests(tell, isTimed ? PLAIN : {}),
};

await orExplain(async () => {
  const named = process.argv.slice(2).filter((word) => !word.startsWith('--'));
  const lasted = [];
  try {
    for (const name of named.length > 0 ? named : Object.keys(parts)) {
      const since = performance.now();
      await parts[name]();
      lasted.push({ what: name, seconds: (performance.now() - since) / 1000 });
    }
  } finally {
    if (isTimed) tellTimes(lasted);
  }
});

function tellTimes(lasted) {
  const slowest = slow.toSorted((one, other) => other.seconds - one.seconds).slice(0, SLOWEST);
  const tables = [table('part', lasted)];
  if (slowest.length > 0) tables.push(table('slowest', slowest));
  console.log([machine(), ...tables].join('\n\n'));
}
