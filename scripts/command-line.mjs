// Keeps docs/command-line.md true: each command has a section there, and each block of its help is what the command
// prints.
//
//   node scripts/command-line.mjs            checks
//   node scripts/command-line.mjs --write    writes the blocks again

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Missing, orExplain, root } from './toolchain.mjs';

const PAGE = 'docs/command-line.md';
const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** What a command prints, without the blanks at the ends of lines. */
function helpOf(words) {
  const args = [join(root, bin.kilohertz), ...words, '--help'];
  const { stdout, status } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  if (status !== 0)
    throw new Missing(`\`kilohertz ${words.join(' ')} --help\` ended with ${status}`);
  return stdout.trim().replace(/ +$/gm, '');
}

/** The names of the commands in a help. */
function commandsIn(help) {
  const [, list = ''] = help.split('\nCommands:\n');
  const names = [...list.matchAll(/^ {2}([a-z]+)/gm)].map(([, name]) => name);
  return names.filter((name) => name !== 'help');
}

/** Checks the page, or writes it. */
export function checkCommandLine(isToWrite = false) {
  const path = join(root, PAGE);
  const page = readFileSync(path, 'utf8');
  const shown = [];
  const stale = [];
  const block = /(```text\n\$ npx kilohertz ?(.*?) ?--help\n)[\s\S]*?(\n```)/g;
  const fresh = page.replace(block, (whole, first, words, last) => {
    shown.push(words);
    const made = `${first}${helpOf(words.split(' ').filter(Boolean))}${last}`;
    if (made !== whole) stale.push(words);
    return made;
  });
  const all = commandsIn(helpOf([])).flatMap((name) => [
    name,
    ...commandsIn(helpOf([name])).map((below) => `${name} ${below}`),
  ]);
  const missing = all.filter((name) => !shown.includes(name));
  if (missing.length > 0) throw new Missing(`${PAGE} has no help of: ${missing.join(', ')}.`);
  if (isToWrite) writeFileSync(path, fresh);
  else if (stale.length > 0) {
    throw new Missing(
      `${PAGE} is not what these commands print: ${stale.join(', ')}. Run \`node scripts/command-line.mjs --write\`.`,
    );
  }
  console.error(`✓ help of ${all.length} commands in ${PAGE}`);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await orExplain(() => checkCommandLine(process.argv.includes('--write')));
}
