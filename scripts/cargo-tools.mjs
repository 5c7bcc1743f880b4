// Cargo's subcommands that checks use, each at one version, installed once below `target/`.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { step } from './steps.mjs';
import { requireRust, root } from './toolchain.mjs';

const versions = {
  'cargo-cyclonedx': '0.5.9',
  'cargo-deny': '0.20.2',
  'cargo-mutants': '27.1.0',
};

/** The path of cargo's subcommand `name`; installs it where it is missing, which takes a minute or two. */
export function cargoTool(name) {
  requireRust();
  const folder = join(root, 'target', 'tools', `${name}-${versions[name]}`);
  const path = join(folder, 'bin', name);
  if (!existsSync(path)) {
    const what = ['--version', versions[name], '--locked', '--debug', '--root', folder];
    step(`install ${name} ${versions[name]}`, 'cargo', ['install', name, ...what]);
  }
  return path;
}
