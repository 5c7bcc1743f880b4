// docs/safety.md names tests, and quotes sentences of the pages. This keeps both true.

import { readdirSync, readFileSync } from 'node:fs';
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

test('SECURITY.md lists each variable of the environment that this package reads, and no other of its loader', (t) => {
  const security = readFileSync(new URL('../../SECURITY.md', import.meta.url), 'utf8');
  const listed = security.split('## What the environment can change')[1] ?? '';
  const lib = new URL('../../lib/', import.meta.url);
  const files = readdirSync(lib, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => new URL(name, lib));
  const loader = readFileSync(new URL('../../binding/load.js', import.meta.url), 'utf8');
  const read = new Set<string>();
  for (const text of [loader, ...files.map((file) => readFileSync(file, 'utf8'))]) {
    if (!/\benv\b/.test(text)) continue;
    const names = /\b(?:NAPI_RS|NODE|KILOHERTZ|ELECTRON|VIRTUAL|CONDA|UV)_[A-Z_]+\b/g;
    for (const [name] of text.matchAll(names)) read.add(name);
  }
  t.true(read.size >= 8, [...read].join());
  for (const name of read) t.true(listed.includes(`\`${name}\``), name);
  for (const [, name = ''] of listed.matchAll(/`(NAPI_RS_[A-Z_]+)`/g)) t.true(read.has(name), name);
});
