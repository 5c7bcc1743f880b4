// How often the right cause is blamed for bad cycles: each cause is made that a program can make, and a quiet run. What
// cannot be made here, idle states and time that a hypervisor takes, is tested with files of the kernel.

import { MAKERS, mayPreempt, PERMITTED, quiet } from '../__test__/fixtures/made-causes.ts';
import { keep, once, type Row, show } from './rows.ts';

const COUNT = once ? 2 : 10;
const ROUNDS = once ? 1 : 3;
/** The bar: so many of the cases are right. */
const BAR = 0.9;

const rows: Row[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [cause, make] of Object.entries(MAKERS)) {
    if (PERMITTED.some((each) => each === cause) && !mayPreempt()) continue;
    const answers = await make(COUNT);
    const right = answers.filter((answer) => answer === cause).length;
    const unknown = answers.filter((answer) => answer === 'unknown' || answer === 'none').length;
    const others = [...new Set(answers.filter((answer) => answer !== cause))].join(' ');
    rows.push({ round, cause, cases: answers.length, right, unknown, others: others || '-' });
  }
  const causes = await quiet();
  const unknown = causes.filter((cause) => cause === 'unknown').length;
  const others = [...new Set(causes)].join(' ') || '-';
  rows.push({ round, cause: 'quiet', cases: causes.length, right: unknown, unknown, others });
}
show('what is blamed for bad cycles whose cause was made', rows);
keep('blame', rows);
for (const cause of Object.keys(MAKERS)) {
  const own = rows.filter((row) => row['cause'] === cause);
  const sum = (name: string): number => own.reduce((all, row) => all + Number(row[name]), 0);
  if (own.length === 0) console.log(`${cause}: not permitted here`);
  else {
    const isHeld = sum('right') >= BAR * sum('cases');
    console.log(
      `${cause}: ${sum('right')} of ${sum('cases')} (bar 9 of 10: ${isHeld ? 'held' : 'not held'})`,
    );
  }
}
