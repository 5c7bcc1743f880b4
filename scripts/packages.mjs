// Makes the packages that are published together, in target/packages: kilohertz itself, the page that shows an arm,
// and the native binding for the platform of this machine.
//
//   node scripts/packages.mjs            with the binding as it was built for this machine
//   node scripts/packages.mjs --portable with one that runs on older systems too, built with zig for the glibc that is named
//                                        below; and packed with zopfli, smaller than npm packs. Both come from PyPI

import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { PACKAGES, platform } from '../binding/load.js';
import { withoutOwn } from './sizes.mjs';
import { step, tool } from './steps.mjs';
import { bindingPath, Missing, orExplain, pathsOfThisMachine, root } from './toolchain.mjs';

/** The oldest glibc that the portable binding runs with: that of Debian 10, Ubuntu 20.04 and RHEL 8. */
const GLIBC = '2.28';
const FROM_PYPI = ['ziglang==0.17.1', 'cargo-zigbuild==0.24.1', 'zopfli==0.4.3'];
/** The size that a tarball is to have at most [bytes]. */
const LARGEST = { kilohertz: 1e6, '@kilohertz/page': 2e6, [PACKAGES[platform()]]: 3e6 };

const made = join(root, 'target', 'packages');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const { version, license, engines } = manifest;
const LICENCES = ['LICENSE-APACHE', 'LICENSE-MIT', 'NOTICE'];

function write(folder, content) {
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(content, null, 2)}\n`);
}

/** Writes what a package has that is a part of kilohertz and nothing alone. */
function writePart(folder, content, about) {
  write(folder, { version, license, ...content });
  const readme = `# ${content.name}\n\n${about} It is a part of kilohertz, and of no use alone.\n`;
  writeFileSync(join(folder, 'README.md'), readme);
  for (const file of LICENCES) copyFileSync(join(root, file), join(folder, file));
}

/** An empty folder for a package. */
function folderOf(name) {
  const folder = join(made, basename(name));
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** The package itself: what `files` of package.json names, without what only a checkout can use. */
function main() {
  const folder = folderOf('kilohertz');
  const listed = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 2],
  });
  for (const { path } of JSON.parse(listed)[0].files) {
    const target = join(folder, path);
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(join(root, path), target);
  }
  const {
    private: _,
    scripts,
    devDependencies,
    overrides,
    allowScripts,
    files,
    ...kept
  } = manifest;
  write(folder, {
    ...kept,
    imports: { '#binding': './binding/binding.js' },
    dependencies: { ...manifest.dependencies, '@kilohertz/page': version },
    optionalDependencies: { [PACKAGES[platform()]]: version },
  });
  return folder;
}

function page() {
  const name = '@kilohertz/page';
  const folder = folderOf(name);
  cpSync(join(root, 'dist', 'dashboard'), folder, { recursive: true });
  const description = 'The page on which kilohertz shows an arm';
  const about =
    'The page that `session.dashboard()` of kilohertz serves, and the meshes of the arms.';
  // Its files are read natively, so yarn may not leave them in an archive.
  writePart(folder, { name, description, preferUnplugged: true }, about);
  return folder;
}

function binding(file, floor) {
  const name = PACKAGES[platform()];
  const [os, cpu, libc] = platform().split('-');
  const folder = folderOf(name);
  const main = `kilohertz.${platform()}.node`;
  copyFileSync(file, join(folder, main));
  // What is left is what the loader needs.
  step('strip the native binding', 'strip', ['--strip-all', join(folder, main)]);
  expectNoPaths(join(folder, main));
  const description = `The native binding of kilohertz for ${platform()}`;
  const fits = {
    os: [os],
    cpu: [cpu],
    ...(libc ? { libc: [libc === 'gnu' ? 'glibc' : libc] } : {}),
  };
  const about = `${description}, with glibc ${floor} or later.`;
  writePart(folder, { name, description, main, engines, preferUnplugged: true, ...fits }, about);
  return folder;
}

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(2)} MB`;

/** The newest version of glibc that a library asks for. */
function floorOf(file) {
  const asked = spawnSync('objdump', ['--dynamic-syms', file], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (asked.status !== 0) {
    throw new Missing('objdump was not found; run: sudo apt install binutils.');
  }
  const all = [...asked.stdout.matchAll(/GLIBC_(\d+)\.(\d+)/g)].map(([, major, minor]) => [
    Number(major),
    Number(minor),
  ]);
  const [major = 0, minor = 0] =
    all.sort((one, other) => other[0] - one[0] || other[1] - one[1])[0] ?? [];
  return `${major}.${minor}`;
}

const isLater = (one, other) =>
  one.localeCompare(other, undefined, { numeric: true, sensitivity: 'base' }) > 0;

/** Installs what portable packages need; returns where its programs are. */
function toolsFromPypi() {
  const folder = join(root, 'target', 'tools', 'zig');
  const bin = join(folder, 'bin');
  if (!existsSync(join(bin, 'pip')))
    step('make a place for zig and zopfli', 'python3', ['-m', 'venv', folder]);
  const quiet = ['--quiet', '--disable-pip-version-check'];
  step('install zig and zopfli', join(bin, 'pip'), ['install', ...quiet, ...FROM_PYPI]);
  return bin;
}

/** Packs a file that is packed already, smaller. What is in it stays. */
function pressed(packed, bin) {
  const code =
    'import gzip, sys, zopfli.gzip as z; i, o = sys.stdin.buffer, sys.stdout.buffer; o.write(z.compress(gzip.decompress(i.read())))';
  const options = { input: packed, maxBuffer: 1 << 28, stdio: ['pipe', 'pipe', 2] };
  const smaller = execFileSync(join(bin, 'python'), ['-c', code], options);
  if (!gunzipSync(smaller).equals(gunzipSync(packed)))
    throw new Missing('zopfli has changed what it packed.');
  return smaller;
}

/** Builds the binding for systems as old as `GLIBC`. */
function portable(bin) {
  const into = join(root, 'target', 'portable');
  tool(
    `build the native binding for glibc ${GLIBC}`,
    '@napi-rs/cli/dist/cli.js',
    [
      ...['build', '--platform', '--profile', 'dist', '--no-js', '--output-dir', into],
      ...['--target', `x86_64-unknown-linux-gnu.${GLIBC}`, '--cross-compile'],
      ...['--manifest-path', join(root, 'crates', 'kilohertz-node', 'Cargo.toml')],
    ],
    { env: { PATH: `${bin}:${process.env.PATH}`, RUSTFLAGS: pathsOfThisMachine() } },
  );
  const file = join(into, basename(bindingPath()));
  const floor = floorOf(file);
  if (isLater(floor, GLIBC))
    throw new Missing(`the binding needs glibc ${floor}, later than ${GLIBC}.`);
  return file;
}

/** Nothing of the machine that built it may stand in a library. */
function expectNoPaths(file) {
  const text = readFileSync(file, 'latin1');
  for (const place of [root, process.env.HOME]) {
    if (place && place !== '/' && text.includes(`${place}/`)) {
      throw new Missing(`${file} has paths of this machine, below ${place}.`);
    }
  }
}

await orExplain(() => {
  const name = platform();
  if (!PACKAGES[name]) {
    throw new Missing(
      `no package is published for ${name}; docs/installing.md says what it would need.`,
    );
  }
  rmSync(made, { recursive: true, force: true });
  const bin = process.argv.includes('--portable') ? toolsFromPypi() : undefined;
  const file = bin ? portable(bin) : bindingPath();
  const press = (packed) => (bin ? pressed(packed, bin) : packed);
  const folders = [main(), page(), binding(file, floorOf(file))];
  for (const folder of folders) {
    const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', made];
    const options = { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 2] };
    const [{ name, filename }] = JSON.parse(execFileSync('npm', args, options));
    const tarball = join(made, filename);
    writeFileSync(tarball, press(readFileSync(tarball)));
    const { size } = statSync(tarball);
    console.log(`${join('target', 'packages', filename)}  ${megabytes(size)}`);
    if (size > LARGEST[name])
      console.error(`it is larger than the ${megabytes(LARGEST[name])} that it is to have`);
  }
  if (!bin) return;
  const stripped = join(folders[2], basename(bindingPath()));
  const floor = press(gzipSync(withoutOwn(file, stripped), { level: 9 })).length;
  console.error(
    `the native binding without the code of this project would have ${megabytes(floor)}`,
  );
});
