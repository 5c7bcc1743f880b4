// The tests of ava, in parts at the same time. What failed is told once more when all have ended: by then, one part has
// printed over what the others said.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { readStep } from './steps.mjs';
import { avaTimes } from './times.mjs';
import { Missing, root } from './toolchain.mjs';

/** How many parts run at the same time. */
const AT_ONCE = 3;
/** How many lines of a failure are kept, from the line that tells it on. */
const KEPT = 20;
const PASSED = /^ +✔ /;
const FAILED = /^ +(?:✘ |Uncaught exception in |Unhandled rejection in )/;
/** What stands before the reasons of all failures, when a part ends. */
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
async function runPart(nth, files, tell, env) {
  const script = join(root, 'node_modules', 'ava', 'entrypoints', 'cli.mjs');
  const times = avaTimes(tell);
  const { read, told } = failures();
  const title = `ava, part ${nth + 1}`;
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
 * wants the cores. Most of the tests wait, and all hold beside others, so several of it run, each with some of the files.
 */
export async function avaTests(tell, env) {
  const files = readdirSync(join(root, '__test__'), { recursive: true })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => join('__test__', file))
    .sort();
  const parts = Array.from({ length: AT_ONCE }, (_, part) =>
    files.filter((_, nth) => nth % AT_ONCE === part),
  );
  const running = parts.map((part, nth) => runPart(nth, part, tell, env));
  const ended = await Promise.allSettled(running);
  const failed = ended.filter(({ status }) => status === 'rejected').map(({ reason }) => reason);
  const other = failed.find((reason) => !(reason instanceof Missing));
  if (other) throw other;
  if (failed.length > 0) throw new Missing(failed.map(({ message }) => message).join('\n\n'));
}
