// The tests of the crates. Most of them wait: for an arm that moves at its own pace, or for a fault to show. So
// several binaries run at the same time, which `cargo test` does not do.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { basename, dirname } from 'node:path';
import { readStep, step } from './steps.mjs';
import { Missing } from './toolchain.mjs';

const AT_ONCE = 3;
const ARGS = ['--workspace', '--features', 'kilohertz-core/echo'];

/** Builds the test binaries; gives of each its name, its file and the folder in which it runs. */
export async function buildRustTests() {
  const binaries = [];
  await readStep(
    'build of the Rust tests',
    'cargo',
    [...['test', ...ARGS, '--no-run', '--message-format=json-render-diagnostics']],
    {
      isQuiet: true,
      read(line, stream) {
        if (stream !== 'stdout') return console.error(line);
        const { reason, profile, executable, target, manifest_path } = JSON.parse(line);
        if (reason !== 'compiler-artifact' || !profile.test || !executable) return;
        const folder = dirname(manifest_path);
        binaries.push({ name: `${basename(folder)}: ${target.name}`, executable, folder });
      },
    },
  );
  return binaries;
}

/** Runs one test binary, and shows what it printed when it has ended. */
async function run({ name, executable, folder }) {
  const since = performance.now();
  const child = spawn(executable, [], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, CARGO_MANIFEST_DIR: folder },
  });
  const printed = [];
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (part) => printed.push(part));
  const [status, signal] = await once(child, 'close');
  const seconds = (performance.now() - since) / 1000;
  console.error(`▸ ${name}`);
  process.stderr.write(Buffer.concat(printed));
  console.error(`${status === 0 ? '✓' : '✗'} ${name} (${seconds.toFixed(1)} s)`);
  return { name, seconds, ended: signal ?? status };
}

/** Runs all tests of the crates; `tell` hears how long the build and each binary took [s]. */
export async function rustTests(tell) {
  const since = performance.now();
  const left = await buildRustTests();
  tell('build of the Rust tests', (performance.now() - since) / 1000);
  const failed = [];
  const runner = async () => {
    while (left.length > 0 && failed.length === 0) {
      const { name, seconds, ended } = await run(left.shift());
      tell(name, seconds);
      if (ended !== 0) failed.push(`${name} ended with ${ended}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, runner));
  if (failed.length > 0) throw new Missing(`Rust tests: ${failed.join('; ')}.`);
  step('examples in the documentation', 'cargo', ['test', ...ARGS, '--doc']);
}
