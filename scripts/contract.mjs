// Writes what both sides know, as the addon tells it: lib/native/contract.ts, and contract.py for the Python end.
// They are committed; `.ci/run` fails where they are stale.
//
//   node scripts/contract.mjs

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Missing, orExplain, root } from './toolchain.mjs';

const SOURCE = 'crates/kilohertz-node/src/contract.rs';
const TYPESCRIPT = join(root, 'lib', 'native', 'contract.ts');
const PYTHON = join(root, 'lib', 'offload', 'python', '_kilohertz', 'contract.py');

const quoted = (text) => JSON.stringify(text).replaceAll('"', "'");
const key = (name) => (/^[a-z]\w*$/i.test(name) ? name : quoted(name));
const isList = ({ keys }) => keys.every((name, nth) => name === String(nth + 1));

function* typescript({ names, numbers }) {
  yield `// What both sides know. Made from ${SOURCE} by \`npm run build\`; edit it there.\n`;
  for (const { name, typeName, about, values } of names) {
    const all = values.map(quoted);
    yield `/** ${about} */\nexport type ${typeName} = ${all.join(' | ')};\n`;
    if (name) yield `export const ${name}: readonly ${typeName}[] = [${all.join(', ')}];\n`;
  }
  for (const table of numbers.filter(({ isForPython }) => !isForPython)) {
    const { name, about, keys, values } = table;
    const content = isList(table)
      ? `: readonly number[] = [${values.join(', ')}]`
      : ` = {${keys.map((name, nth) => `${key(name)}: ${values[nth]}`).join(', ')}} as const`;
    yield `/** ${about} */\nexport const ${name}${content};\n`;
  }
}

const constant = (name) => name.replace(/([a-z])([A-Z])/g, '$1_$2').toUpperCase();

/** A list of names, for Python. */
function tuple(name, about, values) {
  const lines = values.map((value) => `    "${value}",\n`);
  return `\n# ${about}\n${name} = (\n${lines.join('')})\n\n`;
}

/** What the Python end reads and writes. */
function* python({ names, numbers }) {
  yield `"""What both sides know. Made from ${SOURCE} by \`npm run build\`; edit it there."""\n\n`;
  const refusals = names.find(({ name }) => name === 'REFUSALS');
  yield tuple('REFUSALS', refusals.about, refusals.values);
  const shared = [
    'CALL',
    'ANSWER',
    'TAG',
    'ARRAY',
    'PACKING',
    'LOGGED',
    'COLLECTED',
    'EXIT',
    'CHUNK',
    'INPUT',
  ];
  for (const { name, about, keys, values, isForPython } of numbers) {
    if (!isForPython && !shared.includes(name)) continue;
    if (name === 'ARRAY') {
      yield tuple('ARRAYS', about, keys);
      continue;
    }
    yield `\nclass ${name[0]}${name.slice(1).toLowerCase()}:\n    """${about}"""\n\n`;
    for (const [nth, entry] of keys.entries()) yield `    ${constant(entry)} = ${values[nth]}\n`;
    yield '\n';
  }
}

function place(target, text) {
  if (existsSync(target) && readFileSync(target, 'utf8') === text) return;
  writeFileSync(`${target}.new`, text);
  renameSync(`${target}.new`, target);
}

await orExplain(async () => {
  const { contract } = await import(pathToFileURL(join(root, 'binding', 'binding.js')).href);
  const told = contract();
  const biome = join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome');
  const { status, stdout, stderr, error } = spawnSync(
    process.execPath,
    [biome, 'format', '--stdin-file-path=contract.ts'],
    { cwd: root, encoding: 'utf8', input: [...typescript(told)].join('\n') },
  );
  if (status !== 0) throw new Missing(`make contract.ts: ${stderr || error}`);
  place(TYPESCRIPT, stdout);
  place(PYTHON, `${[...python(told)].join('').trimEnd()}\n`);
});
