// What is blamed for bad cycles whose cause was made. `benches/blame.bench.ts` makes more of each.

import test from 'ava';
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
/** On a busy machine another cause may be the true one of a case. */
const LEAST_RIGHT = 4;

/** How many of the answers are right, or tell that a busy machine is the true cause. */
function right(answers: readonly Answer[], cause: string): number {
  // Without the permission to run first, another program may be the true cause.
  const others = mayPreempt() ? [] : ['notScheduled', 'ownThreads'];
  return answers.filter((answer) => [cause, ...others].includes(answer)).length;
}

for (const [cause, make] of Object.entries(MAKERS)) {
  const isPermitted = !PERMITTED.some((each) => each === cause) || mayPreempt();
  const promise = isPermitted ? test : test.skip;
  promise(`${cause} is blamed for bad cycles that it made`, async (t) => {
    const answers: readonly Answer[] = await make(COUNT);
    t.true(right(answers, cause) >= LEAST_RIGHT, `${answers}`);
  });
}

for (const [place, collecting] of Object.entries(COLLECTING_IN)) {
  test(`garbageCollection is blamed for bad cycles that it made in the ${place} of a policy`, async (t) => {
    const answers = await garbageIn(collecting, COUNT);
    t.true(right(answers, 'garbageCollection') >= LEAST_RIGHT, `${answers}`);
  });
}

test('nothing of the program is blamed in a run in which it does nothing', async (t) => {
  const causes = await quiet();
  // Garbage of the tests before may be collected here, which is then the true cause.
  const own = ['eventLoopBlocked', 'pageFault', 'policySlow', 'networkLate'];
  t.deepEqual(
    causes.filter((cause) => own.includes(cause)),
    [],
  );
});
