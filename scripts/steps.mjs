// Runs the steps of a script, each announced, timed, and stopped at the first that fails.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Missing, root } from './toolchain.mjs';

const secondsSince = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

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
  tell(title, [command, ...args], since, ended);
}

/** Runs `command` and hands each line that it prints to `read`, with where it was printed; shows it too, unless `isQuiet`. */
export async function readStep(title, command, args, { env = {}, isQuiet = false, read }) {
  const since = performance.now();
  console.error(`▸ ${title}`);
  const child = spawn(command, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  for (const stream of ['stdout', 'stderr']) {
    createInterface(child[stream]).on('line', (line) => {
      if (!isQuiet) console.error(line);
      read(line, stream);
    });
  }
  const [status, signal] = await once(child, 'close').catch((error) => {
    throw new Missing(`${title}: ${error.message}`);
  });
  tell(title, [command, ...args], since, { status, signal });
}

function tell(title, words, since, { status, signal }) {
  if (status !== 0) {
    const how = signal ? `was ended by ${signal}` : `failed with ${status}`;
    throw new Missing(`${title}: \`${words.join(' ')}\` ${how}.`);
  }
  console.error(`✓ ${title} (${secondsSince(since)})`);
}

/** Runs a tool out of `node_modules` with this very Node. */
export function tool(title, script, args, options) {
  step(title, process.execPath, [join(root, 'node_modules', script), ...args], options);
}

export const tsc = 'typescript/bin/tsc';
