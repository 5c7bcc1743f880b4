// Everything that must hold, from the types to the packed package. Stops at the first failure.
//
//   node scripts/test.mjs           all of it
//   node scripts/test.mjs types     only the named parts: types, rust, loom, ava

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { step, tool, tsc } from './steps.mjs';
import { orExplain, requireRust, root } from './toolchain.mjs';

const parts = {
  types() {
    tool('check types', tsc, ['-p', 'tsconfig.json']);
  },
  rust() {
    requireRust();
    step('cargo test', 'cargo', ['test', '--workspace', '--features', 'kilohertz-core/echo']);
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
  ava() {
    tool('ava', 'ava/entrypoints/cli.mjs', []);
  },
};

await orExplain(() => {
  const named = process.argv.slice(2);
  for (const name of named.length > 0 ? named : Object.keys(parts)) parts[name]();
});
