// How often the right cause is blamed for bad cycles: each cause is made that a program can make, and a quiet run. What
// cannot be made here, idle states and time that a hypervisor takes, is tested with files of the kernel.

import {
  type Answer,
  COLLECTING_IN,
  garbageIn,
  MAKERS,
  mayPreempt,
  PERMITTED,
  quiet,
} from '../__test__/fixtures/made-causes.ts';
import { keep, once, type Row, show } from './rows.ts';

const COUNT = once ? 2 : 10;
const ROUNDS = once ? 1 : 3;
/** The bar: so many of the cases are right. */
const BAR = 0.9;

/** What is made, under its name in the table, and the cause that is right. */
interface Made {
  readonly name: string;
  readonly cause: string;
  readonly make: (count: number) => Promise<readonly Answer[]>;
}

const made: readonly Made[] = [
  ...Object.entries(MAKERS).map(([cause, make]) => ({ name: cause, cause, make })),
  ...Object.entries(COLLECTING_IN).map(([place, policy]) => ({
    name: `garbageCollection, ${place}`,
    cause: 'garbageCollection',
    make: (count: number) => garbageIn(policy, count),
  })),
];

const rows: Row[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  for (const { name, cause, make } of made) {
    if (PERMITTED.some((each) => each === cause) && !mayPreempt()) continue;
    const answers = await make(COUNT);
    const right = answers.filter((answer) => answer === cause).length;
    const unknown = answers.filter((answer) => answer === 'unknown' || answer === 'none').length;
    const others = [...new Set(answers.filter((answer) => answer !== cause))].join(' ');
    rows.push({ round, cause: name, cases: answers.length, right, unknown, others: others || '-' });
  }
  const causes = await quiet();
  const unknown = causes.filter((cause) => cause === 'unknown').length;
  const others = [...new Set(causes)].join(' ') || '-';
  rows.push({ round, cause: 'quiet', cases: causes.length, right: unknown, unknown, others });
}
show('what is blamed for bad cycles whose cause was made', rows);
keep('blame', rows);
for (const { name } of made) {
  const own = rows.filter((row) => row['cause'] === name);
  const sum = (name: string): number => own.reduce((all, row) => all + Number(row[name]), 0);
  if (own.length === 0) console.log(`${name}: not permitted here`);
  else {
    const isHeld = sum('right') >= BAR * sum('cases');
    console.log(
      `${name}: ${sum('right')} of ${sum('cases')} (bar 9 of 10: ${isHeld ? 'held' : 'not held'})`,
    );
  }
}
