// Runs sessions for so many hours, with policies in every place, moves, the hand and recordings, and fails if memory,
// descriptors, threads or children grow.
//
//   node scripts/soak.mjs HOURS            a fraction is allowed: 0.05 is three minutes, as .ci/run does
//   node scripts/soak.mjs HOURS KIND ...   sessions of these kinds alone, to find out which of them grows
//
// A run of all kinds for an hour and longer keeps its rows in benches/results/soak.csv, another one in target/soak.csv.

import { join } from 'node:path';
import { step } from './steps.mjs';
import { Missing, orExplain, root } from './toolchain.mjs';

/** The longest run [h]: four weeks. */
const LONGEST = 672;

/**
 * Free memory is given back at once, so that a leak can be seen. By default the allocator keeps some 200 MB of large
 * pieces, and one arena of its own for each of up to 16 threads, which grow for minutes; V8 keeps between 15 and 50 MB for
 * its young objects.
 */
const GIVES_BACK = {
  MALLOC_MMAP_THRESHOLD_: '131072',
  MALLOC_TRIM_THRESHOLD_: '131072',
  MALLOC_ARENA_MAX: '2',
};
const SMALL_HEAP = '--max-semi-space-size=1';

await orExplain(() => {
  const [text, ...kinds] = process.argv.slice(2);
  const hours = Number(text);
  if (text === undefined || !(hours > 0 && hours <= LONGEST)) {
    const got = text ?? 'nothing';
    throw new Missing(
      `soak: ${got}; expected a number of hours above 0 to ${LONGEST}, as in: npm run soak -- 0.05`,
    );
  }
  if (process.platform !== 'linux') {
    throw new Missing(`soak: ${process.platform}; expected Linux, whose /proc is read`);
  }
  const isKept = hours >= 1 && kinds.length === 0;
  const rows = join(root, ...(isKept ? ['benches', 'results'] : ['target']), 'soak.csv');
  const program = join(root, 'benches', 'soak', 'soak.ts');
  const node = ['--expose-gc', SMALL_HEAP, '--import=@oxc-node/core/register'];
  const words = [...node, program, String(hours), rows, ...kinds];
  step(`soak of ${hours} h`, process.execPath, words, { env: GIVES_BACK });
});
