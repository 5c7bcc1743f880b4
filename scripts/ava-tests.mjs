// The tests of ava, in two halves at the same time. What failed is told once more when both have ended: by then, one half
// has printed over what the other said.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { readStep } from './steps.mjs';
import { avaTimes } from './times.mjs';
import { Missing, root } from './toolchain.mjs';

/** How many lines of a failure are kept, from the line that tells it on. */
const KEPT = 20;
const PASSED = /^ +✔ /;
const FAILED = /^ +(?:✘ |Uncaught exception in |Unhandled rejection in )/;
/** What stands before the reasons of all failures, when a half ends. */
const END = /^ +─+$/;

/** A reader of the lines of ava, and what it has found to be wrong. */
function failures() {
  const told = [];
  let left = 0;
  let isEnd = false;
  const read = (printed) => {
    const line = stripVTControlCharacters(printed);
    if (END.test(line)) isEnd = true;
    else if (FAILED.test(line)) left = KEPT;
    else if (PASSED.test(line)) left = 0;
    if (!isEnd && left === 0) return;
    left = Math.max(left - 1, 0);
    told.push(line);
  };
  return { read, told };
}

/** Runs some files of tests; throws what failed in them. */
async function half(nth, files, tell, env) {
  const script = join(root, 'node_modules', 'ava', 'entrypoints', 'cli.mjs');
  const times = avaTimes(tell);
  const { read, told } = failures();
  const title = `ava, half ${nth + 1}`;
  try {
    await readStep(title, process.execPath, [script, ...files], {
      env,
      read(line) {
        times(line);
        read(line);
      },
    });
  } catch (error) {
    if (!(error instanceof Missing) || told.length === 0) throw error;
    throw new Missing(`${title} failed:\n${told.join('\n')}`);
  }
}

/**
 * Runs all tests of ava; `tell` hears how long each took [s]. ava runs one file after the other, as a session under test
 * wants the cores. Most of the tests wait, and all hold beside others, so two of it run, each with every second file.
 */
export async function avaTests(tell, env) {
  const files = readdirSync(join(root, '__test__'), { recursive: true })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => join('__test__', file))
    .sort();
  const ended = await Promise.allSettled(
    [0, 1].map((which) =>
      half(
        which,
        files.filter((_, nth) => nth % 2 === which),
        tell,
        env,
      ),
    ),
  );
  const failed = ended.filter(({ status }) => status === 'rejected').map(({ reason }) => reason);
  const other = failed.find((reason) => !(reason instanceof Missing));
  if (other) throw other;
  if (failed.length > 0) throw new Missing(failed.map(({ message }) => message).join('\n\n'));
}
