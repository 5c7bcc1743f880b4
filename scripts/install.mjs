// Makes the packages, publishes them to a registry on this machine, and installs them from there in empty
// folders. What was seen is kept in __test__/install.result.md.
//
//   node scripts/install.mjs             all of __test__/install
//   node scripts/install.mjs registry    only these of its tests; nothing is kept

import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readStep, step } from './steps.mjs';
import { avaTimes, machine, table } from './times.mjs';
import { Missing, orExplain, root } from './toolchain.mjs';

const made = join(root, 'target', 'packages');
const tests = readdirSync(join(root, '__test__', 'install'))
  .filter((file) => file.endsWith('.install.ts'))
  .map((file) => file.replace('.install.ts', ''));

function page(rows, told) {
  const packages = readdirSync(made)
    .filter((file) => file.endsWith('.tgz'))
    .map((file) => `| ${file} | ${(statSync(join(made, file)).size / 1e6).toFixed(2)} MB |`);
  return `# Installing from a registry

${machine()}. By \`npm run test:install\`; every test passed.

| package | size |
| --- | ---: |
${packages.join('\n')}

${table('test', rows)}

${told.map((line) => `- ${line}`).join('\n')}
`;
}

await orExplain(async () => {
  const named = process.argv.slice(2);
  const unknown = named.find((name) => !tests.includes(name));
  if (unknown) throw new Missing(`${unknown} is unknown; expected ${tests.join(', ')}.`);
  step('make the packages', process.execPath, [join(root, 'scripts', 'packages.mjs')]);
  const ava = join(root, 'node_modules', 'ava', 'entrypoints', 'cli.mjs');
  const chosen = named.length > 0 ? named : tests;
  const files = chosen.map((name) => join('__test__', 'install', `${name}.install.ts`));
  const rows = [];
  const told = [];
  const times = avaTimes((what, seconds) => rows.push({ what, seconds }));
  await readStep('ava', process.execPath, [ava, '--config', 'install.config.js', ...files], {
    env: { FORCE_COLOR: '0' },
    read(line) {
      times(line);
      const [, logged] = line.match(/^ +ℹ (.*)$/) ?? [];
      if (logged) told.push(logged);
    },
  });
  if (named.length > 0) return;
  writeFileSync(join(root, '__test__', 'install.result.md'), page(rows, told));
});
