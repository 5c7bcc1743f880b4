// docs/safety.md names tests, and quotes sentences of the pages. This keeps both true.

import { readFileSync } from 'node:fs';
import test from 'ava';

const page = new URL('../../docs/safety.md', import.meta.url);
const text = readFileSync(page, 'utf8');
const rows = text
  .split('\n')
  .filter((line) => line.startsWith('| ') && !/^\| (---|hazard|sentence)/.test(line));

/** Text without the breaks of its lines, as a page is read. */
function inOneLine(words: string): string {
  return words.replace(/\s+/g, ' ');
}

test('each test that docs/safety.md names is there', (t) => {
  const named = [...text.matchAll(/\[`([^`]+)`\]\((\.\.\/[^)]+\.(?:rs|ts))\)/g)];
  t.true(named.length > 30, `${named.length} tests are named`);
  for (const [, name = '', path = ''] of named) {
    const source = readFileSync(new URL(path, page), 'utf8').replaceAll("\\'", "'");
    t.true(source.includes(path.endsWith('.rs') ? `fn ${name}` : name), `${path}: ${name}`);
  }
});

test('each hazard and each promise names a test', (t) => {
  t.true(rows.length > 25);
  for (const row of rows) t.regex(row, /\[`[^`]+`\]\(\.\.\/[^)]+\.(?:rs|ts)\)/);
});

test('each sentence that docs/safety.md quotes stands on the page that it names', (t) => {
  const promises = text.split('## What the pages promise')[1] ?? '';
  const quoted = [
    ...promises.matchAll(/^\| (?!---|sentence)(.+?) \| \[[^\]]+\]\(([^)]+)\) \| \[/gm),
  ];
  t.true(quoted.length > 15);
  t.true(quoted.some(([, , where]) => where === '../README.md'));
  for (const [, words = '', where = ''] of quoted) {
    const read = inOneLine(readFileSync(new URL(where, page), 'utf8')).replaceAll('**', '');
    t.true(read.includes(words.replace(/\.$/, '')), `${where}: ${words}`);
  }
});
