// Runs when the package is installed: does nothing where the native binding that came with it fits
// this machine, and otherwise builds one from the sources beside it.

import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  bindingLoads,
  bindingPath,
  Missing,
  orExplain,
  requireNode,
  requireRust,
  root,
} from './toolchain.mjs';

const library = {
  darwin: 'libkilohertz_node.dylib',
  win32: 'kilohertz_node.dll',
};

await orExplain(() => {
  requireNode();
  // A checkout has the TypeScript sources, which the package leaves out; `prepare` builds there.
  if (existsSync(join(root, 'index.ts')) || bindingLoads()) return;

  const why = `no native binding for ${process.platform}-${process.arch} came with the package`;
  try {
    requireRust();
  } catch (error) {
    throw new Missing(`${why}, and it cannot be built here: ${error.message}`);
  }
  console.error(`kilohertz: ${why}; building it from source, which takes a minute or two.`);
  const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');
  const args = ['build', '--release', '--locked', '--package', 'kilohertz-node'];
  const ended = spawnSync('cargo', [...args, '--target-dir', target], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (ended.status !== 0) {
    throw new Missing(`${why}, and building it failed; the output of cargo above says why.`);
  }
  const built = join(target, 'release', library[process.platform] ?? 'libkilohertz_node.so');
  mkdirSync(dirname(bindingPath()), { recursive: true });
  copyFileSync(built, bindingPath());
  if (!process.env.CARGO_TARGET_DIR) rmSync(target, { recursive: true, force: true });
  if (!bindingLoads()) throw new Missing(`the native binding was built, but does not load.`);
});
