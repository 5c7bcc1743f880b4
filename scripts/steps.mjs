// Runs the steps of a script, each announced, timed, and stopped at the first that fails.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Missing, root } from './toolchain.mjs';

const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

// Everything goes to stderr, so that a script's own output can be piped. No step may wait for
// input, so none gets any.
const stdio = ['ignore', 2, 2];

/**
 * Runs `command`; throws a one-line explanation when it fails. Where what it writes to stderr fits
 * `unless`, it is run once more, twice at the most.
 */
export function step(title, command, args, { env = {}, cwd = root, unless } = {}) {
  const since = performance.now();
  console.error(`▸ ${title}`);
  const options = { cwd, stdio, env: { ...process.env, ...env } };
  let ended = unless ? undefined : spawnSync(command, args, options);
  for (let left = 3; !ended && left > 0; left -= 1) {
    const tried = spawnSync(command, args, { ...options, stdio: ['ignore', 2, 'pipe'] });
    process.stderr.write(tried.stderr);
    if (tried.status === 0 || left === 1 || !unless.test(tried.stderr)) ended = tried;
  }
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
