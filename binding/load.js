// Finds the native binding, loads it, and says what is wrong where none fits. It is plain JavaScript: sources
// and package load the same file, and it may load nothing else of this package.

import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The package of each platform that is built and published together with this one. */
export const PACKAGES = { 'linux-x64-gnu': '@kilohertz/linux-x64-gnu' };

const PAGE = 'docs/installing.md';

/** What Node ends with where the native binding is missing or does not load. */
class BindingError extends Error {
  name = 'BindingError';

  constructor(code, told, causes = []) {
    super(`${told} (docs/errors.md#${code.toLowerCase()})`);
    this.code = code;
    if (causes.length > 0) this.cause = causes.length === 1 ? causes[0] : new AggregateError(causes);
  }
}

/** The C library of this Linux: `gnu`, or `musl` as on Alpine. */
function libc() {
  process.report.excludeNetwork = true;
  return process.report.getReport().header.glibcVersionRuntime ? 'gnu' : 'musl';
}

/** What this platform is called, for example `linux-x64-gnu`. */
export function platform() {
  const { platform, arch } = process;
  if (platform === 'linux') return `${platform}-${arch}-${libc()}`;
  return platform === 'win32' ? `${platform}-${arch}-msvc` : `${platform}-${arch}`;
}

/** The folder of this package; `undefined` where this file has become a part of a bundle. */
function ownFolder() {
  try {
    // A bundle in CommonJS has no URL here.
    const folder = dirname(dirname(fileURLToPath(import.meta.url)));
    const { name } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    return name === 'kilohertz' ? folder : undefined;
  } catch {
    return undefined;
  }
}

function bundled() {
  return new BindingError(
    'BINDING_BUNDLED',
    'kilohertz is in a bundle, and its native binding and its threads are files that a bundle has not. ' +
      'Mark kilohertz as external and install it beside the bundle: esbuild --external:kilohertz; ' +
      "Vite: ssr: { external: ['kilohertz'] }, build: { rollupOptions: { external: ['kilohertz'] } }; " +
      "webpack: externals: { kilohertz: 'module kilohertz' }",
  );
}

function unsupported(name) {
  const known = Object.keys(PACKAGES).join(', ');
  const why = name.endsWith('-musl')
    ? 'This Linux has musl instead of glibc; use an image with glibc, for example node:22-slim instead of node:22-alpine'
    : `${PAGE} says what this platform would need`;
  return new BindingError(
    'BINDING_PLATFORM',
    `there is no native binding for ${name}; there is one for ${known}. ${why}`,
  );
}

function missing(name, looked) {
  return new BindingError(
    'BINDING_MISSING',
    `the native binding for ${name} is not installed: there is no ${looked.join(', and no ')}. ` +
      `It comes in the package ${PACKAGES[name]}, an optional dependency. npm leaves it out with --omit=optional, ` +
      'or where node_modules or a lockfile was made on another platform: delete node_modules and install again, ' +
      'on this platform and without that option',
  );
}

/** What runs this program, for example `Node 20.19.0`. */
function runtime() {
  const { bun, deno, node } = process.versions;
  if (bun) return `Bun ${bun}`;
  return deno ? `Deno ${deno}` : `Node ${node}`;
}

/** What a refusal of Node or of the system's loader means, and what to do about it. */
function remedy(said, file) {
  if (/addons is disabled/i.test(said))
    return 'Node was started with --no-addons, or with --permission and without --allow-addons. The native binding is an addon: let Node load addons';
  const [, needed] = /version [`'](GLIBC_[\d.]+)' not found/.exec(said) ?? [];
  if (needed) {
    const { glibcVersionRuntime: found } = process.report.getReport().header;
    return `It needs ${needed.replace('_', ' ')}, and this system has ${found ?? 'an older one'}. Use a newer distribution, or build the binding on this one (${PAGE})`;
  }
  if (/ld-linux|libc\.so\.6|Error relocating|symbol not found/i.test(said))
    return 'It needs glibc, and this system seems to have another C library. Use an image with glibc, for example node:22-slim';
  if (/undefined symbol/i.test(said))
    return `It needs Node 20.19 or later, and this is ${runtime()}`;
  // The system's loader answers so to a file for another processor.
  if (said.includes(`${file}: cannot open shared object file`))
    return 'The file is made for another platform. Delete node_modules and install again on this platform';
  const [, library] = /([^\s:]+): cannot open shared object file/i.exec(said) ?? [];
  if (library) return `It needs ${library}, which this system does not have. Install that library`;
  if (/cut off|invalid ELF|too short|file too|not a mach-o|bad magic|truncated|ELF load|wrong ELF class/i.test(said))
    return 'The file is damaged, or made for another platform. Delete node_modules and install again on this platform';
  if (/permission denied|operation not permitted|failed to map segment/i.test(said))
    return 'This user may not read the file, or the system lets no program run from there. Install as this user, on a file system that is not mounted with noexec';
  return 'Delete node_modules and install again on this platform';
}

function refused(file, error) {
  const said = String(error?.message ?? error);
  return new BindingError(
    'BINDING_REFUSED',
    `the native binding ${file} does not load: ${said.replace(/\s+/g, ' ').replace(/[\s.]+$/, '')}. ${remedy(said, file)}`,
    [error],
  );
}

/**
 * Refuses a library that lacks its end: the system would read behind the end of the file, and end the process without a
 * word. The table of its sections is the last in a file, and the head says where.
 */
function expectWhole(file) {
  const head = Buffer.alloc(64);
  const descriptor = openSync(file, 'r');
  readSync(descriptor, head);
  closeSync(descriptor);
  if (head.toString('latin1', 1, 4) !== 'ELF') return;
  const wanted = Number(head.readBigUInt64LE(40)) + head.readUInt16LE(58) * head.readUInt16LE(60);
  const { size } = statSync(file);
  if (size < wanted) throw new Error(`it is cut off: it has ${size} of ${wanted} bytes`);
}

/** Loads the binding. An error says which file was looked for, what the system said of it, and what to do. */
export function load() {
  const named = process.env.NAPI_RS_NATIVE_LIBRARY_PATH;
  const folder = ownFolder();
  if (!folder) throw bundled();
  const require = createRequire(join(folder, 'package.json'));
  const open = (file) => {
    try {
      expectWhole(file);
      return require(file);
    } catch (error) {
      throw refused(file, error);
    }
  };
  if (named) {
    const file = resolve(named);
    if (existsSync(file)) return open(file);
    throw new BindingError(
      'BINDING_MISSING',
      `there is no ${file}, which NAPI_RS_NATIVE_LIBRARY_PATH names. Correct this variable, or remove it`,
    );
  }
  const name = platform();
  const beside = join(folder, 'binding', `kilohertz.${name}.node`);
  if (existsSync(beside)) return open(beside);
  const from = PACKAGES[name];
  if (!from) throw unsupported(name);
  let manifest;
  try {
    manifest = require.resolve(`${from}/package.json`);
  } catch {
    throw missing(name, [beside, `package ${from}`]);
  }
  const { version: own } = require('./package.json');
  const { version } = require(manifest);
  if (version !== own) {
    throw new BindingError(
      'BINDING_VERSION',
      `kilohertz is version ${own}, and ${from} beside it is version ${version}; both have to be the same. Install kilohertz again`,
    );
  }
  const file = join(dirname(manifest), `kilohertz.${name}.node`);
  if (!existsSync(file)) throw missing(name, [beside, file]);
  return open(file);
}
