// Makes a checkout ready to run: dependencies, native binding, JavaScript, declarations. Each step
// is skipped while what it made last time still fits its inputs, so a second run costs a moment.
//
//   node scripts/setup.mjs              all of it
//   node scripts/setup.mjs --no-install what is built, not the dependencies (for npm's `prepare`)
//   node scripts/setup.mjs --install    the dependencies alone
//   node scripts/setup.mjs --force      builds again even when nothing changed

import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { step, tool, tsc } from './steps.mjs';
import {
  bindingPath,
  orExplain,
  pathsOfThisMachine,
  requireNode,
  requireRust,
  root,
} from './toolchain.mjs';

const path = (...parts) => join(root, ...parts);
const force = process.argv.includes('--force');

function filesUnder(place) {
  if (!existsSync(path(place))) return [];
  // What Python keeps beside its modules is no source.
  const isSource = (entry) => entry.isFile() && !entry.name.endsWith('.pyc');
  return readdirSync(path(place), { recursive: true, withFileTypes: true })
    .filter(isSource)
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(root.length + 1))
    .sort();
}

function hashOf(files, ...more) {
  const hash = createHash('sha256').update(more.join('\0'));
  for (const file of files) {
    if (!existsSync(path(file))) continue;
    const content = readFileSync(path(file));
    hash.update(`\0${file}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

/** Runs `make` unless `stamp` says that `product` was made from inputs of this `hash`. */
function unlessFresh(stamp, product, hash, make) {
  const fresh =
    existsSync(product) && existsSync(stamp) && readFileSync(stamp, 'utf8').trim() === hash;
  if (fresh && !force) return;
  rmSync(stamp, { force: true });
  make();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, `${hash}\n`);
}

/** Whether `node_modules` holds what the lockfile asks for; npm notes there what it installed. */
function dependenciesFit() {
  const note = path('node_modules', '.package-lock.json');
  if (!existsSync(note)) return false;
  const installed = JSON.parse(readFileSync(note, 'utf8')).packages;
  const wanted = JSON.parse(readFileSync(path('package-lock.json'), 'utf8')).packages;
  return Object.entries(wanted).every(
    ([name, { version, optional }]) =>
      name === '' || (installed[name] ? installed[name].version === version : optional),
  );
}

function installDependencies() {
  if (dependenciesFit()) return;
  // The scripts that would run are our own, and the steps below do the same.
  const args = ['ci', '--ignore-scripts', '--loglevel=error'];
  const npm = process.env.npm_execpath;
  if (npm?.endsWith('.js')) step('install dependencies', process.execPath, [npm, ...args]);
  else step('install dependencies', 'npm', args);
}

/** The module that exports what the declarations name. */
function exportsOf(declarations) {
  const text = readFileSync(declarations, 'utf8');
  const names = [...text.matchAll(/^export declare (?:class|function|const) (\w+)/gm)]
    .map(([, name]) => name)
    .filter((name) => !name.startsWith('__'));
  const lines = names.map((name) => `export const ${name} = binding.${name};\n`);
  return `// Made by scripts/setup.mjs of binding.d.ts.\n\nimport { load } from './load.js';\n\nconst binding = load();\n${lines.join('')}`;
}

function buildBinding() {
  const sources = filesUnder('crates').filter(
    (file) => !/^crates[\\/][^\\/]+[\\/](tests|benches|examples)[\\/]/.test(file),
  );
  const workspace = ['Cargo.toml', 'Cargo.lock', '.cargo/config.toml', 'rust-toolchain.toml'];
  const options = JSON.parse(readFileSync(path('package.json'), 'utf8')).napi;
  const hash = hashOf(
    [...workspace, ...sources, 'node_modules/@napi-rs/cli/package.json'],
    JSON.stringify(options),
    process.env.RUSTFLAGS ?? '',
  );
  unlessFresh(path('binding', '.stamp'), bindingPath(), hash, () => {
    requireRust();
    // Built beside and moved into place: a process that has the old binding open keeps it.
    const fresh = path('target', 'binding');
    tool(
      'build the native binding',
      '@napi-rs/cli/dist/cli.js',
      [
        ...['build', '--platform', '--release', '--no-js', '--output-dir', fresh],
        ...['--manifest-path', path('crates', 'kilohertz-node', 'Cargo.toml')],
        // Enums of texts are unions of them in the declarations.
        ...['--dts', 'binding.d.ts', '--no-const-enum'],
      ],
      { env: { RUSTFLAGS: pathsOfThisMachine() } },
    );
    writeFileSync(join(fresh, 'binding.js'), exportsOf(join(fresh, 'binding.d.ts')));
    for (const name of [basename(bindingPath()), 'binding.js', 'binding.d.ts']) {
      const placed = path('binding', name);
      mkdirSync(dirname(placed), { recursive: true });
      copyFileSync(join(fresh, name), `${placed}.new`);
      renameSync(`${placed}.new`, placed);
    }
    step('make the contract', process.execPath, [path('scripts', 'contract.mjs')]);
  });
}

function buildTypeScript() {
  const sources = [
    ...['package.json', 'tsconfig.json', 'tsconfig.build.json', 'tsconfig.examples.json'],
    ...['index.ts', 'index.d.ts', 'scripts/roll-up.mjs', 'binding/binding.d.ts'],
    ...['node_modules/typescript/package.json'],
    ...filesUnder('lib'),
    ...filesUnder('examples'),
  ];
  // The roll-up writes index.d.ts, which is also an input: an edited one is made anew.
  const hash = () => hashOf(sources);
  const stamp = path('dist', '.stamp');
  unlessFresh(stamp, path('dist', 'index.js'), hash(), () => {
    rmSync(path('dist'), { recursive: true, force: true });
    tool('compile TypeScript', tsc, ['-p', 'tsconfig.build.json']);
    const isPython = (file) => file.endsWith('.py');
    for (const file of filesUnder('lib').filter(isPython)) {
      mkdirSync(dirname(path('dist', file)), { recursive: true });
      copyFileSync(path(file), path('dist', file));
    }
    step('roll up index.d.ts', process.execPath, [path('scripts', 'roll-up.mjs')]);
    if (sources.some((file) => file.startsWith('examples'))) {
      tool('compile the examples', tsc, ['-p', 'tsconfig.examples.json']);
      // What they load beside modules: models, and what is Python's.
      const filter = (file) => !file.endsWith('.ts');
      cpSync(path('examples'), path('dist', 'examples'), { recursive: true, filter });
    }
  });
  if (readFileSync(stamp, 'utf8').trim() !== hash()) writeFileSync(stamp, `${hash()}\n`);
}

/** Builds the page that shows an arm; after the TypeScript, which empties `dist`. */
function buildDashboard() {
  const sources = [
    ...['scripts/dashboard.mjs', 'scripts/meshes.mjs', 'crates/kilohertz-dashboard/Cargo.toml'],
    ...['esbuild', 'three', 'uplot'].map((name) => `node_modules/${name}/package.json`),
    ...filesUnder('dashboard'),
  ];
  const stamp = path('dist', '.dashboard-stamp');
  unlessFresh(stamp, path('dist', 'dashboard', 'index.html'), hashOf(sources), () => {
    step('build the page', process.execPath, [path('scripts', 'dashboard.mjs')]);
  });
}

await orExplain(() => {
  requireNode();
  if (!process.argv.includes('--no-install')) installDependencies();
  if (process.argv.includes('--install')) return;
  buildBinding();
  buildTypeScript();
  buildDashboard();
});
