// Sessions for hours, with policies in every place, moves, the hand and recordings; some end by themselves, some are
// stopped, some are killed. Memory, descriptors, threads and children are sampled between the rounds, and judged at the
// end. Started by scripts/soak.mjs, which says what the argument is.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AnyPolicy,
  Franka,
  FrankaHand,
  isKilohertzError,
  type JointVector,
  processPolicy,
  type RobotState,
  replay,
  run,
  Session,
  type SimulatorFault,
  workerPolicy,
} from 'kilohertz';
import swing from '../policies.ts';
import { makeThrowing } from './policies.ts';
import { children, sample } from './samples.ts';
import { afterWarmup, judged, LEAST_SAMPLES, QUANTITIES, type Sample } from './verdict.ts';

const RUN_S = 0.5;
/** How much of a run is its warm-up, and how long that is at most [h]. */
const WARMUP_SHARE = 1 / 3;
const WARMUP_HOURS = 0.25;
/** How often the samples are told [ms]. */
const TOLD_EACH_MS = 30_000;

const hours = Number(process.argv[2]);
const rowsFile = String(process.argv[3]);
const folder = mkdtempSync(join(tmpdir(), 'kilohertz-soak-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const module = new URL('../policies.ts', import.meta.url);
const python = new URL('../policies.py', import.meta.url);
const ending = new URL('./policies.ts', import.meta.url);
type Ending = typeof import('./policies.ts');
type Policy = AnyPolicy<RobotState, JointVector>;

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

const inNode = (): Policy => processPolicy<typeof import('../policies.ts')>(module);
const inPython = (): Policy => processPolicy(python, { export: 'swing' });

/** The places of a policy. */
const PLACES: Readonly<Record<string, () => Policy>> = {
  function: () => swing,
  worker: () => workerPolicy<typeof import('../policies.ts')>(module),
  node: inNode,
  python: inPython,
};

/** A session that is recorded, and whose recording is read. */
async function recorded(arm: Franka, place: string, policy: Policy): Promise<void> {
  const file = join(folder, `${place}.mcap`);
  const session = new Session(arm, policy, { warmupS: 0, record: file });
  await session.run({ durationS: RUN_S });
  let cycles = 0;
  for await (const _ of replay(file)) cycles += 1;
  const kept = session.recording?.cycles ?? 0;
  if (cycles === 0 || cycles !== kept) {
    throw new Error(`${place}: ${cycles} cycles were read of ${kept} that were recorded`);
  }
  rmSync(file);
}

/** Fails if work does not end with this code. */
async function endsWith(code: string, work: Promise<unknown>): Promise<void> {
  const told = await work.then(
    () => 'no error',
    (error: unknown) => (isKilohertzError(error) ? error.code : String(error)),
  );
  if (told !== code) throw new Error(`a session ended with ${told}; expected ${code}`);
}

/** Runs a session until `end`, which is called while it runs, ends it with this code. */
async function endedBy(
  code: string,
  arm: Franka,
  policy: Policy,
  end: () => unknown,
): Promise<void> {
  const session = new Session(arm, policy, { warmupS: 0 });
  const started = once(session, 'start');
  const ending = endsWith(code, session.run({ durationS: 60 }));
  await Promise.race([started, ending]);
  await sleep(100);
  await end();
  await ending;
}

/** Kills the process of the policy while it is asked. */
async function killed(arm: Franka, policy: Policy): Promise<void> {
  const others = new Set(children().map(({ pid }) => pid));
  await endedBy('POLICY_CRASHED', arm, policy, () => {
    for (const { pid } of children()) if (!others.has(pid)) process.kill(pid, 'SIGKILL');
  });
}

/** Moves without a policy, also back to where all began. */
async function moves(arm: Franka): Promise<void> {
  const options = { speed: 1, settleS: 30 };
  await arm.moveTo([0, 0, 0, 0, 0, 0, 0.2], { ...options, relative: true });
  await arm.home(options);
}

/** The hand opens and closes while a session drives the arm. */
async function handBeside(arm: Franka): Promise<void> {
  await using hand = await FrankaHand.connect(address);
  await using session = new Session(arm, swing, { warmupS: 0 });
  await session.start();
  await hand.move(0.04);
  await hand.move(0.06);
  await session.stop();
}

/** A robot written in JavaScript. */
async function ownRobot(): Promise<void> {
  let position = 1;
  const cart = {
    observe: () => position,
    act: (velocity: number) => {
      position += velocity * 1e-3;
    },
    reset: () => {
      position = 1;
    },
  };
  const policy = (seen: number): number => -seen;
  await run(cart, policy, { rateHz: 1000, warmupS: 0, durationS: RUN_S });
}

/** Sessions that others end. */
async function ended(arm: Franka): Promise<void> {
  const stopped = new Session(arm, inNode(), { warmupS: 0 });
  await stopped.start();
  await sleep(100);
  await stopped.stop();
  stopped.checkHealth();
  const signal = AbortSignal.timeout(200);
  await endsWith('ABORT_ERR', run(arm, swing, { warmupS: 0, durationS: 60, signal }));
  const brief = { warmupS: 0, durationS: 60 };
  await endsWith('POLICY_THREW', run(arm, makeThrowing(), brief));
  const exiting = workerPolicy<Ending, 'makeExiting'>(ending, { export: 'makeExiting', args: [] });
  await endsWith('POLICY_CRASHED', run(arm, exiting, brief));
  await killed(arm, inNode());
  await killed(arm, inPython());
}

async function round(): Promise<void> {
  {
    await using arm = await Franka.connect(address);
    for (const [place, policy] of Object.entries(PLACES)) await recorded(arm, place, policy());
    await handBeside(arm);
    await ownRobot();
    await ended(arm);
    await moves(arm);
  }
  // What is lost is the connection, so it is one of its own.
  await using lost = await Franka.connect(address);
  const reset = (): Promise<void> => inject({ kind: 'resetConnection' });
  await endedBy('FRANKA_CONNECTION_LOST', lost, swing, reset);
}

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
console.log(`soak: ${hours} h, of which ${warmup.toFixed(3)} h of warm-up\n${machine}`);
const samples: Sample[] = [];
let told = Number.NEGATIVE_INFINITY;
// On a busy machine a round takes long; then the run goes on until there is enough to judge.
while (passed() < hours || afterWarmup(samples, warmup).length < LEAST_SAMPLES) {
  await round();
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
