// What README and the pages of docs/ promise about themselves.

import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import { CONTROLS, COUNTERS, SIMULATOR_COUNTERS } from '../../lib/native/contract.ts';

const root = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const readme = read('README.md');
const pages = readdirSync(new URL('docs/', root)).filter((name) => name.endsWith('.md'));
const decisions = readdirSync(new URL('docs/decisions/', root)).filter(
  (name) => name !== 'README.md',
);

test('README is a page: at most 150 lines, with the two commands', (t) => {
  t.true(readme.split('\n').length <= 150);
  t.regex(readme, /^ {4}npm run demo$/m);
  t.regex(readme, /^ {4}npm test$/m);
});

test('no page has a line that would install a package of this name from a registry', (t) => {
  for (const path of ['README.md', ...pages.map((name) => `docs/${name}`)]) {
    const lines = read(path).split('\n');
    const wrong = lines.filter((line) =>
      /\b(npm|pnpm|yarn|bun|npx)\b.*\b(i|install|add|exec|x|npx)\b[^#]* kilohertz(@\S+)?(\s|`|$)/.test(
        line,
      ),
    );
    t.deepEqual(wrong, [], path);
  }
});

test("each of README's figures stands in the table of the peers, and their command and date above them", (t) => {
  const [, after = ''] = readme.split('## Five figures');
  const [section = ''] = after.split('\n## ');
  const [, date = ''] = /`npm run bench -- peers`[^|]* on (\d{4}-\d{2}-\d{2})/.exec(section) ?? [];
  const rows = section.split('\n').filter((line) => line.includes('**'));
  t.is(rows.length, 5);
  const [, peers = ''] = read('benches/README.md').split('\n## Beside its peers');
  const [table = ''] = peers.split('\n## ');
  t.true(table.includes(date), date);
  for (const [, figure = ''] of rows.join('\n').matchAll(/\*\*(.+?)\*\*/g)) {
    t.true(table.includes(` ${figure} |`), figure);
  }
});

test("README's index has every page, and that of the decisions every decision", (t) => {
  for (const name of pages) t.true(readme.includes(`(docs/${name})`), name);
  const index = read('docs/decisions/README.md');
  t.true(decisions.length > 20);
  for (const name of decisions) t.true(index.includes(`(${name})`), name);
});

test('each decision has its context, choice, reason and consequences', (t) => {
  for (const name of decisions) {
    const headings = [...read(`docs/decisions/${name}`).matchAll(/^## (.+)$/gm)].map(
      ([, title]) => title,
    );
    t.deepEqual(headings, ['Context', 'Choice', 'Why', 'Consequences'], name);
  }
});

/** Pages about what was done, not about how to do something. */
const RECORDS = ['safety.md', 'checks.md'];

for (const name of pages.filter((page) => !RECORDS.includes(page))) {
  test(`docs/${name} begins with a program`, (t) => {
    const [, first = ''] = read(`docs/${name}`).split(/^# .+\n+/m);
    t.true(first.startsWith('```ts\n'));
  });
}

test('each code that docs/errors.md explains stands in its table of classes', (t) => {
  const [table = '', explained = ''] = read('docs/errors.md').split('## Options\n');
  const codes = [...explained.matchAll(/^### ([A-Z_]+)$/gm)].map(([, code = '']) => code);
  t.true(codes.length > 40);
  for (const code of codes) t.true(table.includes(`\`${code}\``), code);
});

test('each counter and each control mode stands on the pages that explain it', (t) => {
  const missing = (page: string, names: readonly string[]): readonly string[] =>
    names.filter((name) => !read(`docs/${page}`).includes(`\`${name}\``));
  t.deepEqual(missing('statistics.md', COUNTERS), []);
  t.deepEqual(missing('simulator.md', SIMULATOR_COUNTERS), []);
  for (const page of ['control-modes.md', 'late-policies.md', 'slow-policies.md', 'chunks.md']) {
    t.deepEqual(missing(page, CONTROLS), [], page);
  }
});

test('the pictures have a title, and colours for a light and for a dark page', (t) => {
  for (const name of ['arm', 'run']) {
    const picture = read(`docs/pictures/${name}.svg`);
    t.regex(picture, /<title>.+<\/title>/);
    t.true(picture.includes('prefers-color-scheme: dark'));
    t.true(readme.includes(`docs/pictures/${name}.svg`));
  }
});
