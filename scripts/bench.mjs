// The benches: in the crates, and benches/*.bench.ts for what crosses into JavaScript.
//
//   node scripts/bench.mjs                        all of them
//   node scripts/bench.mjs --once                 each once, to see that it runs (no figures)
//   node scripts/bench.mjs rust [name ...]        those of the crates only, and of them only these
//   node scripts/bench.mjs criterion [name ...] [-- argument ...]
//                                                 those of criterion only; the arguments are criterion's,
//                                                 as in `-- --save-baseline before` or `-- tick`
//   node scripts/bench.mjs picture                samples `state to command` and keeps its picture
//   node scripts/bench.mjs node [name ...]        the Node benches only
//   node scripts/bench.mjs peers                  the loop and calls beside their peers: one table, in ten minutes

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from './chromium.mjs';
import { step, tool } from './steps.mjs';
import { orExplain, requireRust, root } from './toolchain.mjs';

const words = process.argv.slice(2);
const end = words.includes('--') ? words.indexOf('--') : words.length;
const passed = words.slice(end + 1);
const once = words.slice(0, end).includes('--once');
const [kind, ...names] = words.slice(0, end).filter((word) => !word.startsWith('--'));
/** The benches that criterion runs: it samples, and compares with a baseline. */
const CRITERION = ['channels', 'chunks', 'cycle', 'lateness', 'lines'];

function rustBenches() {
  const json = execFileSync('cargo', ['metadata', '--format-version=1', '--no-deps'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  return JSON.parse(json).packages.flatMap(({ targets }) =>
    targets.filter((target) => target.kind.includes('bench')).map((target) => target.name),
  );
}

/** Runs these, or all. */
function rust(names, env = {}) {
  requireRust();
  const all = kind === 'criterion' ? CRITERION : rustBenches();
  const chosen = all.filter((name) => names.length === 0 || names.includes(name));
  if (chosen.length === 0) return;
  // Where no figures are wanted, the dependencies are those that the tests were built with.
  const profile = once ? ['--profile', 'dev'] : [];
  const args = ['bench', ...profile, '--workspace', ...chosen.flatMap((name) => ['--bench', name])];
  const told = [...(once ? ['--test'] : []), ...passed];
  step(`cargo bench ${chosen.join(' ')}`, 'cargo', [...args, '--', ...told], { env });
}

/** The addon with the bare echo, which is not in the package. */
function buildEcho() {
  tool('build the echo', '@napi-rs/cli/dist/cli.js', [
    ...['build', '--platform', '--release', '--esm', '--output-dir', join(root, 'target', 'echo')],
    ...['--manifest-path', join(root, 'crates', 'kilohertz-node', 'Cargo.toml')],
    ...['--js', 'binding.js', '--dts', 'binding.d.ts', '--features', 'echo'],
  ]);
}

/** Where chromium is; without it the bench leaves out what needs it. */
function browser() {
  try {
    return { KILOHERTZ_CHROMIUM: chromium() };
  } catch (error) {
    console.error(`kilohertz: ${error.message}`);
    return {};
  }
}

/** Runs these, or all. */
function node(names, env = {}) {
  const folder = join(root, 'benches');
  if (!existsSync(folder)) return;
  for (const file of readdirSync(folder).sort()) {
    const name = file.match(/^(.*)\.bench\.ts$/)?.[1];
    if (!name || (names.length > 0 && !names.includes(name))) continue;
    if (name === 'wakes') buildEcho();
    const args = ['--expose-gc', '--import=@oxc-node/core/register', join(folder, file)];
    const own = name === 'dashboard' ? browser() : {};
    const options = { env: { ...env, ...own } };
    step(`node bench ${name}`, process.execPath, once ? [...args, '--once'] : args, options);
  }
}

/** The benches in which others do the same as kilohertz. */
const PEERS = { rust: ['in_memory', 'clients'], node: ['loops', 'blocked-gap', 'offload'] };

/** Runs those benches for a shorter time, with rows of their own, and makes one table of them. */
function peers() {
  const results = join(root, 'benches', 'results');
  // What is left out of this run must not be in its table.
  const old = once ? [] : readdirSync(results).filter((file) => file.startsWith('peers'));
  for (const file of old) rmSync(join(results, file));
  const env = { BENCH_PEERS: '1', BENCH_CALLS: '500' };
  rust(PEERS.rust, env);
  node(PEERS.node, env);
  if (once) return;
  const table = join(root, 'benches', 'peers', 'table.ts');
  step('the table', process.execPath, ['--import=@oxc-node/core/register', table]);
}

/** Keeps the picture of a group, on white: criterion leaves its background to the page. */
function picture() {
  const group = 'state to command';
  step(`cargo bench cycle, ${group}`, 'cargo', ['bench', '--bench', 'cycle', '--', group]);
  const drawn = readFileSync(join(root, 'target/criterion', group, 'report/violin.svg'), 'utf8');
  const title = '<title>State to command in each control mode</title>';
  const white = '<rect width="100%" height="100%" fill="white"/>';
  writeFileSync(
    join(root, 'benches/state-to-command.svg'),
    drawn.replaceAll(`${group}/`, '').replace(/<svg[^>]*>/, (svg) => `${svg}\n${title}\n${white}`),
  );
}

await orExplain(() => {
  if (kind === 'picture') return picture();
  if (kind === 'peers') return peers();
  if (kind !== 'node') rust(names);
  if (kind !== 'rust' && kind !== 'criterion') node(names);
});
