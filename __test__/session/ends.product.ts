// Every place with every way to end, three times, and writes what was seen to `ends.result.md`:
//
//   npm run test:ends [-- ROUNDS]

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import {
  allOf,
  type Case,
  ENDS,
  FAULTS,
  LOOPING,
  namespace,
  OWN_WAYS,
  refused,
  sentBy,
} from '../fixtures/endings.ts';
import { until } from '../fixtures/waiting.ts';

const ROUNDS = Number(process.argv[2] ?? 3);

const PLACES = {
  main: 'a run on the main thread',
  worker: 'a run in a worker',
  move: 'a `moveTo`',
  hand: "a hand's command",
  python: 'a policy in a Python process',
  'worker policy': 'a policy in a worker',
  started: 'a session begun with `start()`',
  'signal-exit': '`signal-exit` is loaded',
  execa: 'a child of `execa` runs',
  'libfranka-rs': "`client: 'libfranka-rs'`",
  first: 'process 1 of a namespace',
};

type Place = keyof typeof PLACES;

const made = namespace();

const LISTENS: Case = { way: 'listens', sent: 'SIGTERM', by: 0 };
const WAYS: readonly Case[] = [
  ...[...ENDS, ...FAULTS].map(sentBy),
  ...LOOPING,
  ...OWN_WAYS,
  { ...LISTENS, lines: [...refused('SIGTERM'), 'listened'] },
];

/** A way to end in a place; undefined where it is among what remains. */
function caseOf(place: Place, way: Case): Case | undefined {
  // The thread that overflows has not started the motion.
  if (place === 'worker' && way.way === 'overflow') return undefined;
  if (place === 'started' && way.way === 'listens') {
    return { ...way, place, lines: ['error SESSION_INTERRUPTED', ...(way.lines ?? [])] };
  }
  if (place === 'execa' || place === 'signal-exit') return withListeners(place, way);
  if (place !== 'first') return { ...way, place };
  return { ...way, ...asFirst(way), words: 'words' in made ? made.words : [] };
}

/** The kernel spares process 1 the default action of what is sent, and no fault. */
function asFirst({ way, sent, by }: Case): Partial<Case> {
  if (way === 'waits') return { by: 0, lines: refused(signalText(sent)) };
  if (way === 'loop') return endsOnlyTheMotion(sent ?? 0);
  // Spared SIGABRT, abort() goes on to a fault.
  if (by === 'SIGABRT') return { by: 'SIGSEGV' };
  return { by };
}

/** A listener that has no turn keeps the process; signals but the first three are its own. */
function withListeners(place: Place, way: Case): Case | undefined {
  if (way.way !== 'loop') return { ...way, place };
  if (way.sent !== 'SIGTERM') return undefined;
  return { ...way, place, ...endsOnlyTheMotion(way.sent) };
}

/** The motion is finished; then nothing but SIGKILL ends the process. */
function endsOnlyTheMotion(sent: NodeJS.Signals | number): Partial<Case> {
  return {
    by: 'SIGKILL',
    meddle: async ({ pid, simulator, process: child }) => {
      process.kill(pid, sent);
      await until(() => simulator.counters().motionsFinished === 1, 'the motion is finished');
      child.kill('SIGKILL');
    },
  };
}

function signalText(sent: Case['sent']): string {
  return typeof sent === 'number' ? `signal ${sent}` : (sent ?? '');
}

function wayText({ way, sent }: Case): string {
  const texts: Record<string, string> = {
    waits: signalText(sent),
    loop: `${sent}, JavaScript in an endless loop`,
    listens: `${sent}, which the program listens for`,
    abort: '`process.abort()`',
    heap: 'the heap is full',
    overflow: 'the stack overflows',
    exit: '`process.exit()`',
    throw: 'an uncaught exception',
    reject: 'an unhandled rejection',
  };
  return texts[way] ?? way;
}

const places = (Object.keys(PLACES) as Place[]).filter(
  (place) => place !== 'first' || 'words' in made,
);
const since = performance.now();
const cells = WAYS.flatMap((way) =>
  places.flatMap((place) => {
    const each = caseOf(place, way);
    return each ? [{ way, place, each, right: 0 }] : [];
  }),
);
const failures: string[] = [];
for (let round = 1; round <= ROUNDS; round += 1) {
  const results = await allOf(cells.map(({ each }) => each));
  for (const failure of results) if (failure !== undefined) console.error(failure);
  for (const [index, cell] of cells.entries()) {
    const failure = results[index];
    if (failure === undefined) cell.right += 1;
    else failures.push(`round ${round}: ${failure}`);
  }
  console.error(
    `round ${round} of ${ROUNDS}: ${cells.length} ends, ${failures.length} wrong so far`,
  );
}

const rows = WAYS.map((way) => {
  const columns = places.map((place) => {
    const cell = cells.find((each) => each.way === way && each.place === place);
    return cell ? `${cell.each.by}, ${cell.right}/${ROUNDS}` : 'remains';
  });
  return `| ${[wayText(way), ...columns].join(' | ')} |`;
});
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
const [cpu] = cpus();
const minutes = ((performance.now() - since) / 60e3).toFixed(1);
const right = cells.reduce((sum, cell) => sum + cell.right, 0);
writeFileSync(
  new URL('./ends.result.md', import.meta.url),
  `# Every way to end in every place

Written by \`npm run test:ends\`, whose last result this is.

| | |
| --- | --- |
| date | ${new Date().toISOString().slice(0, 10)} |
| commit | ${commit} |
| machine | ${cpus().length} x ${cpu?.model ?? process.arch} |
| kernel | ${release()} |
| Node | ${process.version} |
| took | ${minutes} min, two ends at a time |
| right | ${right} of ${ROUNDS * cells.length} |

An end is right where the simulated arm has seen one motion begun and finished, none aborted, no reflex and
no motion behind it (of a hand: its command was stopped, and no other begun), and the process has ended, within
15 s, by the signal or with the code that the cell names (128 and the number of a realtime signal). Where the code is 0 the program lives on, and is told by
\`SESSION_INTERRUPTED\` of the motion that was ended, and of the next, which was refused. The other number of a cell
says in how many rounds the end was right. Where SIGKILL ends a loop, the signal has finished the motion, and the
process lived on: it is process 1, or has a listener that has no turn. What remains is told by [How a program ends](../../docs/ends.md).

| | ${places.map((place) => PLACES[place]).join(' | ')} |
| --- |${' --- |'.repeat(places.length)}
${rows.join('\n')}

## What was wrong

${failures.length === 0 ? 'Nothing.' : failures.map((each) => `- \`${each.trim().replaceAll('\n', '` / `')}\``).join('\n')}
`,
);
if (failures.length > 0) process.exitCode = 1;
