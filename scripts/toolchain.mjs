// What the machine has, and what the native binding is called on it. Node built-ins only: this
// file runs before anything is installed.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { platform } from '../binding/load.js';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** A sentence for the user; scripts print it alone, without a stack, and exit with 1. */
export class Missing extends Error {}

/** Runs `main`; what is missing on the machine becomes one line and exit code 1. */
export async function orExplain(main) {
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    if (!(error instanceof Missing)) throw error;
    console.error(`kilohertz: ${error.message}`);
    process.exitCode = 1;
  }
}

export function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const supported = (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22;
  if (!supported) {
    throw new Missing(
      `Node ${process.versions.node} is not supported; install Node 20.19 or later, or 22.12 or later, from https://nodejs.org.`,
    );
  }
}

export function requireRust() {
  const wanted = readFileSync(join(root, 'Cargo.toml'), 'utf8').match(
    /^rust-version = "(\d+)\.(\d+)/m,
  );
  const [major, minor] = [Number(wanted[1]), Number(wanted[2])];
  for (const tool of ['cargo', 'rustc']) {
    const said = spawnSync(tool, ['--version'], { cwd: root, encoding: 'utf8' });
    const found = said.stdout?.match(/ (\d+)\.(\d+)\.\d+/);
    if (said.error || said.status !== 0 || !found) {
      throw new Missing(
        `${tool} was not found or does not run; install Rust ${major}.${minor} or later from https://rustup.rs.`,
      );
    }
    if (Number(found[1]) < major || (Number(found[1]) === major && Number(found[2]) < minor)) {
      throw new Missing(
        `${tool} is version ${found[0].trim()}, but ${major}.${minor} or later is needed; run \`rustup update\`.`,
      );
    }
  }
  // rustc links with `cc` on every Unix; Windows has its own search.
  if (process.platform !== 'win32' && spawnSync('cc', ['--version']).status !== 0) {
    const remedy =
      process.platform === 'darwin'
        ? 'xcode-select --install'
        : 'sudo apt install build-essential (or your system’s gcc package)';
    throw new Missing(
      `the C compiler \`cc\`, which Rust links with, was not found; run: ${remedy}.`,
    );
  }
}

/** The path of the native binding for this platform; binding/load.js looks for this name. */
export function bindingPath() {
  return join(root, 'binding', `kilohertz.${platform()}.node`);
}

/**
 * Flags of rustc that leave paths of this machine out of what it builds, beside those of the environment. The
 * checkout is not among them: cargo names its files from there already.
 */
export function pathsOfThisMachine() {
  const cargo = process.env.CARGO_HOME ?? join(homedir(), '.cargo');
  const shorter = `--remap-path-prefix=${join(cargo, 'registry', 'src')}=registry`;
  return [process.env.RUSTFLAGS, shorter].filter(Boolean).join(' ');
}
