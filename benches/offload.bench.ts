// Calls of work elsewhere, there and back: ours beside the peers, each in a process of its own,
// in blocks that alternate within one run. Figures are medians over the blocks; bars are ratios of medians.

import { aiofranka } from './peers/aiofranka.ts';
import { apart } from './peers/apart.ts';
import { type Contender, KINDS, type Kind, Lacking, type Started } from './peers/contender.ts';
import { forPeers, keep, median, once, percentile, type Row, show } from './rows.ts';

const ROUNDS = once ? 1 : forPeers ? 8 : 24;
/** Calls of the small kinds in a block: in short ones the system keeps both ends on one processor. */
const SMALL = Number(process.env['BENCH_CALLS'] ?? 4000);

/** Calls in a block, after a few that are not counted. */
const CALLS: Readonly<Record<Kind, number>> = once
  ? { 'no-op': 5, observation: 5, '307 kB': 2, '6.2 MB': 1 }
  : { 'no-op': SMALL, observation: SMALL, '307 kB': 200, '6.2 MB': 20 };

const CONTENDERS: readonly Contender[] = [
  apart('asyncify', './asyncify.ts'),
  apart('InferenceThread', './inference-thread.ts'),
  apart('mpify', './mpify.ts'),
  apart('mpify, Python', './mpify-python.ts'),
  apart('piscina', './piscina.ts'),
  apart('comlink', './comlink.ts'),
  apart('postMessage', './post-message.ts'),
  apart('fork, advanced', './fork.ts'),
  ...aiofranka,
];

/** Ours is to take at most so many times as long as theirs. */
interface Bar {
  readonly ours: string;
  readonly kind: Kind;
  readonly theirs: string;
  readonly atMost: number;
}

/** In short blocks, where both ends share a processor. */
const IN_BURSTS: readonly Bar[] = [
  { ours: 'InferenceThread', kind: 'no-op', theirs: 'postMessage', atMost: 1.1 },
  { ours: 'mpify', kind: 'no-op', theirs: 'postMessage', atMost: 1.1 },
];

/** In long ones, where each end has one of its own. */
const FLAT_OUT: readonly Bar[] = [
  { ours: 'asyncify', kind: 'no-op', theirs: 'piscina', atMost: 1.3 },
  { ours: 'asyncify', kind: 'no-op', theirs: 'aiofranka asyncify', atMost: 0.5 },
  { ours: 'InferenceThread', kind: 'no-op', theirs: 'piscina', atMost: 0.3 },
  { ours: 'InferenceThread', kind: 'no-op', theirs: 'aiofranka CudaInferenceThread', atMost: 0.2 },
  { ours: 'InferenceThread', kind: '307 kB', theirs: 'piscina', atMost: 0.25 },
  { ours: 'InferenceThread', kind: '6.2 MB', theirs: 'piscina', atMost: 0.35 },
  { ours: 'mpify', kind: 'observation', theirs: 'fork, advanced', atMost: 0.6 },
  { ours: 'mpify', kind: 'observation', theirs: 'aiofranka mpify', atMost: 0.15 },
  { ours: 'mpify', kind: '6.2 MB', theirs: 'fork, advanced', atMost: 0.12 },
  { ours: 'mpify', kind: '6.2 MB', theirs: 'aiofranka mpify', atMost: 0.05 },
  { ours: 'mpify, Python', kind: 'observation', theirs: 'aiofranka mpify', atMost: 0.4 },
  { ours: 'mpify, Python', kind: '6.2 MB', theirs: 'aiofranka mpify', atMost: 0.08 },
];

const BARS = SMALL < 4000 ? IN_BURSTS : FLAT_OUT;

const running: { name: string; started: Started }[] = [];
for (const { name, start } of CONTENDERS) {
  try {
    running.push({ name, started: await start() });
  } catch (error) {
    if (!(error instanceof Lacking)) throw error;
    console.log(`left out: ${name}; ${error.message}`);
  }
}

const rows: Row[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  for (const what of KINDS) {
    // Each is the first now and then: what the one before left behind is not always the same one's.
    const turn = round % running.length;
    for (const { name: who, started } of [...running.slice(turn), ...running.slice(0, turn)]) {
      const calls = CALLS[what];
      await started.measure(what, Math.ceil(calls / 20));
      const times = await started.measure(what, calls);
      rows.push({
        round,
        who,
        what,
        calls,
        p50Us: percentile(times, 0.5),
        p99Us: percentile(times, 0.99),
      });
    }
  }
}
for (const { started } of running) await started.stop();

/** The median of a column over the blocks. */
function of(who: string, what: Kind, column: string): number {
  const mine = rows.filter((row) => row['who'] === who && row['what'] === what);
  return median(mine.map((row) => Number(row[column])));
}

const us = (value: number): number => Number(value.toFixed(1));
show(
  'one call, there and back [us]; medians over the blocks',
  KINDS.flatMap((what) =>
    running.map(({ name: who }) => ({
      what,
      who,
      p50Us: us(of(who, what, 'p50Us')),
      p99Us: us(of(who, what, 'p99Us')),
    })),
  ),
);
show(
  'p50 of ours as a multiple of theirs',
  BARS.flatMap(({ ours, kind, theirs, atMost }) => {
    const [mine, other] = [of(ours, kind, 'p50Us'), of(theirs, kind, 'p50Us')];
    if (Number.isNaN(other)) return [];
    const ratio = Number((mine / other).toFixed(2));
    return [
      {
        what: `${ours}, ${kind}`,
        ourUs: us(mine),
        theirs,
        theirUs: us(other),
        ratio,
        bar: `<= ${atMost}`,
        // Nothing is measured by a few calls.
        held: once ? '' : ratio <= atMost ? 'yes' : 'NO',
      },
    ];
  }),
);
keep(SMALL === 4000 || forPeers ? 'offload' : `offload-${SMALL}`, rows);
