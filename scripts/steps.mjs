// Runs the steps of a script, each announced, timed, and stopped at the first that fails.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Missing, root } from './toolchain.mjs';

const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

// Everything goes to stderr, so that a script's own output can be piped. No step may wait for
// input, so none gets any.
const stdio = ['ignore', 2, 2];

/** Runs `command`; throws a one-line explanation when it fails. */
export function step(title, command, args, { env = {}, cwd = root } = {}) {
  const since = performance.now();
  console.error(`▸ ${title}`);
  const ended = spawnSync(command, args, { cwd, stdio, env: { ...process.env, ...env } });
  if (ended.error) throw new Missing(`${title}: ${ended.error.message}`);
  if (ended.status !== 0) {
    const how = ended.signal ? `was ended by ${ended.signal}` : `failed with ${ended.status}`;
    throw new Missing(`${title}: \`${[command, ...args].join(' ')}\` ${how}.`);
  }
  console.error(`✓ ${title} (${seconds(since)})`);
}

/** Runs a tool out of `node_modules` with this very Node. */
export function tool(title, script, args, options) {
  step(title, process.execPath, [join(root, 'node_modules', script), ...args], options);
}

export const tsc = 'typescript/bin/tsc';
