// Checks the documentation: rustdoc without warnings, links between the pages and to their sections, the help of each
// command, and that every example compiles against index.d.ts and runs.
//
//   node scripts/docs.mjs                    all of it
//   node scripts/docs.mjs links examples     only the named parts: rustdoc, links, commands, examples
//   node scripts/docs.mjs examples limits    the examples of the pages whose name contains the word

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { checkCommandLine } from './command-line.mjs';
import { step, tool, tsc } from './steps.mjs';
import { Missing, orExplain, requireRust, root } from './toolchain.mjs';

const isPage = (name) => name.endsWith('.md');
const pages = [
  ...readdirSync(root).filter(isPage),
  ...readdirSync(join(root, 'docs'), { recursive: true })
    .filter(isPage)
    .map((name) => join('docs', name)),
  join('benches', 'README.md'),
].sort();

const FENCED = /^(`{3,})[^\n]*\n[\s\S]*?^\1/gm;

/** The names of a page's sections in links, as GitHub makes them. */
function sectionsOf(text) {
  const names = [];
  for (const [, heading] of text.replace(FENCED, '').matchAll(/^#{1,6} +(.+?) *$/gm)) {
    const name = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-');
    const before = names.filter((other) => other.replace(/-\d+$/, '') === name).length;
    names.push(before === 0 ? name : `${name}-${before}`);
  }
  return names;
}

/** What a page links to: other files, their sections, pictures. */
function linksOf(text) {
  const prose = text.replace(FENCED, '').replace(/`[^`\n]*`/g, '');
  const links = [
    ...prose.matchAll(/\]\(([^)\s]+)\)/g),
    ...prose.matchAll(/(?:src|srcset|href)="([^"\s]+)"/g),
  ];
  return links.map(([, target]) => target).filter((target) => !/^[a-z]+:/.test(target));
}

function checkLinks() {
  const broken = [];
  for (const page of pages) {
    const place = join(root, page);
    for (const target of linksOf(readFileSync(place, 'utf8'))) {
      const [path, section] = target.split('#');
      const file = path === '' ? place : resolve(dirname(place), path);
      const isThere =
        existsSync(file) &&
        (section === undefined ||
          !isPage(file) ||
          sectionsOf(readFileSync(file, 'utf8')).includes(section));
      if (!isThere) broken.push(`${page}: ${target}`);
    }
  }
  if (broken.length > 0) throw new Missing(`links that lead nowhere: ${broken.join(', ')}.`);
  console.error(`✓ links of ${pages.length} pages`);
}

/**
 * Writes the examples of a page into a folder of its own; returns the programs among them. An example that begins
 * with a file's name, as `// policy.ts` or `# policy.py`, is that file, for those of the page to load.
 */
function writeExamples(page, folder) {
  const programs = [];
  const text = readFileSync(join(root, page), 'utf8');
  for (const [, language, code] of text.matchAll(/^```(ts|js|py)\n([\s\S]*?)^```/gm)) {
    const [, module] = code.match(/^(?:\/\/|#) ([\w-]+\.(?:ts|js|py))\n/) ?? [];
    if (module === undefined && language !== 'ts') continue;
    mkdirSync(folder, { recursive: true });
    const file = join(folder, module ?? `example-${programs.length + 1}.ts`);
    writeFileSync(file, language === 'ts' ? `${code}\nexport {};\n` : code);
    if (module === undefined) programs.push(file);
  }
  return programs;
}

/** An example that ends its process, or sends it a signal, has one of its own. */
const ENDS = /process\.(exit|kill)\(/;

function checkExamples(words) {
  // Inside the checkout, so that `kilohertz` is this package.
  const folder = join(root, 'dist', 'docs');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const wanted = pages.filter((page) => words.every((word) => page.includes(word)));
  const byPage = wanted.map((page) => [
    page,
    writeExamples(page, join(folder, page.replace(/\.md$/, ''))),
  ]);
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
      include: ['**/*.ts'],
      exclude: [],
    }),
  );
  const count = byPage.reduce((sum, [, programs]) => sum + programs.length, 0);
  tool(`compile ${count} examples of the documentation`, tsc, ['-p', folder]);
  // Workers and pools of the examples load TypeScript too: the loader is an option, which they inherit.
  const loader = '--import=@oxc-node/core/register';
  step('install numpy for the examples', process.execPath, [
    loader,
    join(root, '__test__', 'fixtures', 'python.ts'),
  ]);
  const one = join(folder, 'one-by-one.mjs');
  writeFileSync(one, 'for (const file of process.argv.slice(2)) await import(file);\n');
  const env = { VIRTUAL_ENV: join(root, 'target', 'python') };
  // A machine that stalls for 20 ms ends a session on the wall clock, as it would a real arm's.
  const options = { env, unless: /communication_constraints_violation/ };
  for (const [page, programs] of byPage) {
    const alone = programs.filter((file) => ENDS.test(readFileSync(file, 'utf8')));
    const together = programs.filter((file) => !alone.includes(file));
    for (const files of [together, ...alone.map((file) => [file])]) {
      if (files.length === 0) continue;
      const title = `run of ${page}: ${files.map((file) => relative(dirname(file), file)).join(', ')}`;
      step(title, process.execPath, [loader, one, ...files], options);
    }
  }
}

const parts = {
  rustdoc() {
    requireRust();
    // A unit in brackets, `[rad]`, reads to rustdoc as a link that leads nowhere.
    const flags = '-D warnings -A rustdoc::broken-intra-doc-links';
    step('cargo doc', 'cargo', ['doc', '--workspace', '--no-deps'], {
      env: { RUSTDOCFLAGS: flags },
    });
  },
  links: checkLinks,
  commands: () => checkCommandLine(),
  examples: checkExamples,
};

await orExplain(() => {
  const given = process.argv.slice(2);
  const named = given.filter((word) => Object.hasOwn(parts, word));
  const words = given.filter((word) => !named.includes(word));
  for (const name of named.length > 0 ? named : Object.keys(parts)) parts[name](words);
});
