// What is blamed for bad cycles whose cause was made. `benches/blame.bench.ts` makes more of each.

import test, { type ExecutionContext } from 'ava';
import {
  type Answer,
  COLLECTING_IN,
  garbageIn,
  MAKERS,
  mayPreempt,
  PERMITTED,
  quiet,
} from '../fixtures/made-causes.ts';

const COUNT = 5;
const LEAST_RIGHT = 4;
/** On a busy machine another cause may be the true one of some cases. Then as many are made again, so many times. */
const ROUNDS = 6;

/** How many of the answers are right, or tell that a busy machine is the true cause. */
function right(answers: readonly Answer[], cause: string): number {
  // Without the permission to run first, another program may be the true cause.
  const others = mayPreempt() ? [] : ['notScheduled', 'ownThreads'];
  return answers.filter((answer) => [cause, ...others].includes(answer)).length;
}

/** In one of the rounds nearly all bad cycles are blamed on what made them. */
async function isBlamed(
  t: ExecutionContext,
  cause: string,
  make: (count: number) => Promise<readonly Answer[]>,
): Promise<void> {
  const rounds: (readonly Answer[])[] = [];
  do {
    rounds.push(await make(COUNT));
    if (right(rounds.at(-1) ?? [], cause) >= LEAST_RIGHT) {
      t.pass();
      return;
    }
  } while (rounds.length < ROUNDS);
  t.fail(rounds.join('; '));
}

for (const [cause, make] of Object.entries(MAKERS)) {
  const isPermitted = !PERMITTED.some((each) => each === cause) || mayPreempt();
  const promise = isPermitted ? test : test.skip;
  promise(`${cause} is blamed for bad cycles that it made`, (t) => isBlamed(t, cause, make));
}

for (const [place, collecting] of Object.entries(COLLECTING_IN)) {
  test(`garbageCollection is blamed for bad cycles that it made in the ${place} of a policy`, (t) =>
    isBlamed(t, 'garbageCollection', (count) => garbageIn(collecting, count)));
}

test('nothing of the program is blamed in a run in which it does nothing', async (t) => {
  // Garbage of the tests before may be collected here, which is then the true cause.
  const own = ['eventLoopBlocked', 'pageFault', 'policySlow', 'networkLate'];
  const rounds: (readonly string[])[] = [];
  do rounds.push((await quiet()).filter((cause) => own.includes(cause)));
  while (rounds.at(-1)?.length !== 0 && rounds.length < ROUNDS);
  t.deepEqual(rounds.at(-1), [], rounds.join('; '));
});
