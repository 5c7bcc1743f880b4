// Sessions for hours, with policies in every place, moves, the hand and recordings; some end by themselves, some are
// stopped, some are killed. Memory, descriptors, threads and children are sampled between the rounds, and judged at the
// end. Started by scripts/soak.mjs, which says what the arguments are.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { SimulatorFault } from 'kilohertz';
import { KINDS, round } from './kinds.ts';
import { sample } from './samples.ts';
import { afterWarmup, judged, LEAST_SAMPLES, QUANTITIES, type Sample } from './verdict.ts';

/** How much of a run is its warm-up, and how long that is at most [h]. */
const WARMUP_SHARE = 1 / 3;
const WARMUP_HOURS = 0.25;
/** How often the samples are told [ms]. */
const TOLD_EACH_MS = 30_000;

const [text = '', rowsFile = '', ...chosen] = process.argv.slice(2);
const hours = Number(text);
const all = Object.keys(KINDS);
const unknown = chosen.filter((kind) => !all.includes(kind));
if (unknown.length > 0) {
  console.error(`soak: ${unknown.join(', ')}; expected kinds of sessions: ${all.join(', ')}`);
  process.exit(2);
}
const kinds = chosen.length > 0 ? chosen : all;
const folder = mkdtempSync(join(tmpdir(), 'kilohertz-soak-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

const simulator = fork(new URL('../simulator.ts', import.meta.url));
simulator.once('exit', (code, signal) => {
  console.error(`the process of the simulator ended with ${code ?? signal}`);
  process.exit(1);
});
const [address] = (await once(simulator, 'message')) as [string];

async function inject(fault: SimulatorFault): Promise<void> {
  const injected = once(simulator, 'message');
  simulator.send(fault);
  await injected;
}

const given = { address, folder, reset: () => inject({ kind: 'resetConnection' }) };

function keepRows(samples: readonly Sample[]): void {
  const names = ['hours', ...QUANTITIES] as const;
  const lines = samples.map((each) => names.map((name) => Number(each[name].toFixed(5))).join(','));
  mkdirSync(dirname(rowsFile), { recursive: true });
  writeFileSync(rowsFile, `${[names.join(','), ...lines].join('\n')}\n`);
}

const since = performance.now();
const passed = (): number => (performance.now() - since) / 3_600e3;
const warmup = Math.min(WARMUP_SHARE * hours, WARMUP_HOURS);
const machine = `Linux ${release()}, ${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}`;
console.log(
  `soak: ${hours} h, of which ${warmup.toFixed(3)} h of warm-up\n${kinds.join(', ')}\n${machine}`,
);
const samples: Sample[] = [];
let told = Number.NEGATIVE_INFINITY;
// On a busy machine a round takes long; then the run goes on until there is enough to judge.
while (passed() < hours || afterWarmup(samples, warmup).length < LEAST_SAMPLES) {
  await round(kinds, given);
  const now = await sample(passed(), samples.at(-1));
  samples.push(now);
  keepRows(samples);
  if (performance.now() - told < TOLD_EACH_MS) continue;
  told = performance.now();
  const texts = QUANTITIES.map((name) => `${name} ${Number(now[name].toFixed(1))}`);
  const load = loadavg()[0]?.toFixed(1);
  console.log(
    `${now.hours.toFixed(3)} h, round ${samples.length}: ${texts.join(', ')}; load ${load}`,
  );
}
simulator.removeAllListeners('exit');
const gone = once(simulator, 'exit');
simulator.disconnect();
await gone;

const verdict = judged(afterWarmup(samples, warmup));
const digits = (value: number): number => Number(value.toFixed(2));
console.table(
  verdict.map(({ quantity, first, last, perHour, allowed, isWithin }) => ({
    quantity,
    'first third': digits(first),
    'last third': digits(last),
    'grown an hour': digits(perHour),
    'may grow by': digits(allowed),
    held: isWithin ? 'yes' : 'NO',
  })),
);
const grown = verdict.filter(({ isWithin }) => !isWithin).map(({ quantity }) => quantity);
console.log(`${samples.length} rounds in ${passed().toFixed(3)} h; rows: ${rowsFile}`);
if (grown.length > 0) {
  console.error(`soak: more than may be: ${grown.join(', ')}`);
  process.exitCode = 1;
}
