// Builds the page that shows an arm, dashboard/, into dist/dashboard. `scripts/setup.mjs` calls it.
//
//   node scripts/dashboard.mjs

import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { convert, MESHES, MODELS, meshFolder } from './meshes.mjs';
import { orExplain, root } from './toolchain.mjs';

const source = join(root, 'dashboard');
const made = join(root, 'dist', 'dashboard');

await orExplain(async () => {
  rmSync(made, { recursive: true, force: true });
  await build({
    entryPoints: [
      { in: join(source, 'src', 'main.ts'), out: 'page' },
      { in: join(source, 'page.css'), out: 'page' },
    ],
    outdir: made,
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['es2022'],
    legalComments: 'inline',
    logLevel: 'warning',
  });
  copyFileSync(join(source, 'index.html'), join(made, 'index.html'));
  const folder = meshFolder();
  for (const model of MODELS) {
    mkdirSync(join(made, 'meshes', model), { recursive: true });
    for (const name of MESHES) {
      const file = `${name}.glb`;
      writeFileSync(join(made, 'meshes', model, file), convert(join(folder, model, file)));
    }
  }
});
