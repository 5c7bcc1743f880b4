// Checks the documentation: rustdoc without warnings, links between the pages, and that every
// TypeScript example in them compiles against index.d.ts and runs.

import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { step, tool, tsc } from './steps.mjs';
import { Missing, orExplain, requireRust, root } from './toolchain.mjs';

const isPage = (name) => name.endsWith('.md');
const guides = readdirSync(join(root, 'docs')).filter(isPage);
const pages = [...readdirSync(root).filter(isPage), ...guides.map((name) => join('docs', name))];

function checkLinks() {
  const broken = [];
  for (const page of pages) {
    const text = readFileSync(join(root, page), 'utf8').replace(/^```[\s\S]*?^```/gm, '');
    for (const [, target] of text.matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      if (!existsSync(resolve(dirname(join(root, page)), target))) {
        broken.push(`${page}: ${target}`);
      }
    }
  }
  if (broken.length > 0) throw new Missing(`links that lead nowhere: ${broken.join(', ')}.`);
}

function checkExamples() {
  // Inside the checkout, so that `kilohertz` is this package.
  const folder = join(root, 'dist', 'docs');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  // What the pages name is found from where the examples run too.
  cpSync(join(root, 'examples'), join(folder, 'examples'), { recursive: true });
  let count = 0;
  const programs = [];
  for (const page of pages) {
    for (const [, code] of readFileSync(join(root, page), 'utf8').matchAll(
      /^```(?:ts|typescript)\n([\s\S]*?)^```/gm,
    )) {
      count += 1;
      // An example that begins with a file's name is that file, for those behind it to import.
      const [, module] = code.match(/^\/\/ (\w+\.ts)\n/) ?? [];
      if (module === undefined) programs.push(`${basename(page, '.md')}-${count}.ts`);
      writeFileSync(join(folder, module ?? programs.at(-1)), `${code}\nexport {};\n`);
    }
  }
  if (count === 0) return;
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      extends: '../../tsconfig.json',
      compilerOptions: {
        declaration: false,
        isolatedDeclarations: false,
        noUnusedLocals: false,
        noUnusedParameters: false,
      },
      include: ['*.ts'],
      exclude: [],
    }),
  );
  tool(`compile ${count} examples of the documentation`, tsc, ['-p', folder]);
  const loader = '--import=@oxc-node/core/register';
  const python = join(root, '__test__', 'python.ts');
  step('install numpy for the examples', process.execPath, [loader, python]);
  const env = { VIRTUAL_ENV: join(root, 'target', 'python') };
  // A machine that stalls for 20 ms ends a session on the wall clock, as it would a real arm's.
  const options = { env, unless: /communication_constraints_violation/ };
  for (const file of programs) {
    step(`run the example ${file}`, process.execPath, [loader, join(folder, file)], options);
  }
}

await orExplain(() => {
  requireRust();
  // A unit in brackets, `[rad]`, reads to rustdoc as a link that leads nowhere.
  const flags = '-D warnings -A rustdoc::broken-intra-doc-links';
  step('cargo doc', 'cargo', ['doc', '--workspace', '--no-deps'], {
    env: { RUSTDOCFLAGS: flags },
  });
  checkLinks();
  checkExamples();
});
