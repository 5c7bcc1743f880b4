// Writes index.d.ts: every public declaration on one page, from what tsc emitted into dist/types.

import { spawnSync } from 'node:child_process';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Missing, orExplain, root } from './toolchain.mjs';

const emitted = join(root, 'dist', 'types');
const header =
  '// Every public declaration of kilohertz. Made from lib/ by `npm run build`; edit it there.\n\n';

function run(script, args, input) {
  const ended = spawnSync(process.execPath, [join(root, 'node_modules', script), ...args], {
    cwd: root,
    encoding: 'utf8',
    input,
  });
  if (ended.status !== 0) throw new Missing(`roll up index.d.ts: ${ended.stderr || ended.error}`);
  return ended.stdout;
}

await orExplain(() => {
  const project = join(emitted, 'tsconfig.json');
  const options = { noEmit: true, declaration: true };
  writeFileSync(
    project,
    JSON.stringify({
      extends: '../../tsconfig.json',
      compilerOptions: options,
      files: ['index.d.ts'],
      include: [],
    }),
  );
  const rolled = join(emitted, 'rolled-up.d.ts');
  run('dts-bundle-generator/dist/bin/dts-bundle-generator.js', [
    ...['--project', project, '--out-file', rolled, '--silent', '--no-banner', '--no-check'],
    ...['--export-referenced-types=false', join(emitted, 'index.d.ts')],
  ]);
  const page = header + readFileSync(rolled, 'utf8').replace(/\n*export \{\};\n*$/, '\n');
  const formatted = run(
    '@biomejs/biome/bin/biome',
    ['format', '--stdin-file-path=page.d.ts'],
    page,
  );
  const target = join(root, 'index.d.ts');
  writeFileSync(`${target}.new`, formatted);
  renameSync(`${target}.new`, target);
});
