// Where the size of the native binding comes from.
//
//   node scripts/sizes.mjs FILE        of a binding that still has its symbols, as scripts/packages.mjs leaves it in
//                                      target/portable: the code of each library, as it is and packed

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { Missing, orExplain } from './toolchain.mjs';

/** Code of this project. What it has of libraries with parameters for types counts as theirs. */
const OWN = /^kilohertz_/;

const packed = (bytes) => gzipSync(bytes, { level: 9 }).length;

function run(tool, args) {
  return execFileSync(tool, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
}

/** The code of a binding: where each function is in the file, and whose it is. */
function functionsOf(file) {
  const section = run('readelf', ['-SW', file]).match(
    /\.text\s+PROGBITS\s+([0-9a-f]+)\s+([0-9a-f]+)/,
  );
  const [address, offset] = section.slice(1).map((text) => Number.parseInt(text, 16));
  const functions = new Map();
  for (const line of run('nm', ['-S', '--demangle', file]).split('\n')) {
    const symbol = line.match(/^([0-9a-f]+) ([0-9a-f]+) [tT] (.*)/);
    if (!symbol) continue;
    const [at, length] = symbol.slice(1, 3).map((text) => Number.parseInt(text, 16));
    // The crate is the first name: `<&mut crate::Type as other::Trait>::function`.
    const owner = symbol[3].match(/^(?:<|&|mut |\*|const |\[|\()*([A-Za-z_]\w*)/)?.[1] ?? 'other';
    // Functions of the same code have one address.
    functions.set(at, { owner, from: at - address + offset, length });
  }
  if (functions.size === 0) throw new Missing(`${file} has no symbols.`);
  return [...functions.values()].sort((one, other) => one.from - other.from);
}

/** The code of each owner of a binding, the largest first [bytes]. */
function owners(file) {
  const bytes = readFileSync(file);
  const all = new Map();
  for (const { owner, from, length } of functionsOf(file)) {
    all.set(owner, [...(all.get(owner) ?? []), bytes.subarray(from, from + length)]);
  }
  const rows = [...all].map(([owner, codes]) => {
    const code = Buffer.concat(codes);
    return { owner, bytes: code.length, packed: packed(code) };
  });
  return rows.sort((one, other) => other.packed - one.packed);
}

/** A binding without the code of this project. `stripped` is the binding without symbols, `file` with them. */
export function withoutOwn(file, stripped) {
  const bytes = readFileSync(stripped);
  const kept = [];
  let end = 0;
  // Stripping moves no code.
  for (const { owner, from, length } of functionsOf(file)) {
    if (!OWN.test(owner)) continue;
    kept.push(bytes.subarray(end, from));
    end = Math.max(end, from + length);
  }
  return Buffer.concat([...kept, bytes.subarray(end)]);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await orExplain(() => {
    const [file] = process.argv.slice(2);
    if (!file) throw new Missing('name the file of a binding, as in target/portable.');
    console.table(owners(file).filter((row) => row.packed > 10_000));
  });
}
