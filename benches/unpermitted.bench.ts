// What `keepAwake: 'auto'` gives a user who may use neither SCHED_FIFO nor /dev/cpu_dma_latency, beside `keepAwake: false`:
// question to answer at 1 kHz, in alternating rounds of one run. Run by root it goes on as a user without
// either; run by anybody else, as that user.

import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import {
  type AnyPolicy,
  Franka,
  FrankaSimulator,
  type JointVector,
  type RealtimeOptions,
  RobotError,
  type RobotState,
  Session,
  type SessionStats,
  workerPolicy,
} from 'kilohertz';
import swing from './policies.ts';
import { keep, median, once, percentile, type Row, show } from './rows.ts';

const ROUNDS = once ? 1 : 10;
const DURATION_S = once ? 0.3 : 2;
/** Tells the process that measures from the one that starts it. */
const MEASURE = '--measure';
/** `nobody`. */
const USER = '65534';

const policies: Readonly<Record<string, AnyPolicy<RobotState, JointVector>>> = {
  'main thread': swing,
  worker: workerPolicy<typeof import('./policies.ts')>(new URL('./policies.ts', import.meta.url)),
};
const AWAKE = [false, 'auto'] as const;

if (process.argv.includes(MEASURE)) process.stdout.write(`${JSON.stringify(await measured())}\n`);
else report();

async function measured(): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const simulator = await FrankaSimulator.start();
  const robot = await Franka.connect(simulator.address);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [policy, run] of Object.entries(policies)) {
      // Each is the first in every other round.
      for (const keepAwake of round % 2 === 0 ? AWAKE : AWAKE.toReversed()) {
        const { session, stats, reflexes } = await driven(robot, run, { keepAwake });
        const inTime = session.takeRecords().filter(({ kind }) => kind === 'fresh');
        const answers = inTime.map(({ askedS, answeredS }) => 1e6 * (answeredS - askedS));
        const told = session.realtime;
        rows.push({
          round,
          policy,
          keepAwake: String(keepAwake),
          answerP50Us: percentile(answers, 0.5),
          answerP99Us: percentile(answers, 0.99),
          late: stats.lateActions,
          iterations: stats.iterations,
          reflexes,
          threads: told?.keepAwake.threads ?? 0,
          wakeUs: told?.keepAwake.wakeUs ?? Number.NaN,
          permitted: String(told?.priority.granted || told?.idleLatencyUs.granted),
        });
      }
    }
  }
  await robot.close();
  await simulator.stop();
  return rows;
}

/** Runs one round; where a busy machine left the arm without commands for too long, again. */
async function driven(
  robot: Franka,
  policy: AnyPolicy<RobotState, JointVector>,
  realtime: RealtimeOptions,
): Promise<{ session: Session<RobotState, JointVector>; stats: SessionStats; reflexes: number }> {
  for (let reflexes = 0; ; reflexes += 1) {
    const session = new Session(robot, policy, { warmupS: 0.1, recordTicks: 20_000, realtime });
    try {
      return { session, stats: await session.run({ durationS: DURATION_S }), reflexes };
    } catch (error) {
      if (!(error instanceof RobotError) || error.code !== 'FRANKA_REFLEX' || reflexes === 9)
        throw error;
      await robot.recover();
    }
  }
}

/** What starts a process as a user without either permission. */
function unpermitted(): readonly string[] {
  if (process.getuid?.() !== 0) return [];
  const ids = [`--reuid=${USER}`, `--regid=${USER}`, '--clear-groups'];
  const rights = ['--no-new-privs', '--bounding-set=-all', '--inh-caps=-all'];
  return ['setpriv', ...ids, ...rights, 'prlimit', '--rtprio=0', '--'];
}

function report(): void {
  const words = unpermitted();
  const file = fileURLToPath(import.meta.url);
  const here = [process.execPath, '-e', 'require("node:fs").accessSync(process.argv[1])', file];
  try {
    const [program, ...args] = [...words, ...here] as [string, ...string[]];
    execFileSync(program, args, { stdio: ['ignore', 'inherit', 'pipe'] });
  } catch (error) {
    const needed = `setpriv and prlimit of util-linux, and a checkout that user ${USER} can read`;
    console.log(`left out: run by root it needs ${needed}; ${(error as Error).message}`);
    return;
  }
  const measures = [...process.execArgv, file, MEASURE, ...(once ? ['--once'] : [])];
  const [program, ...args] = [...words, process.execPath, ...measures] as [string, ...string[]];
  const run = spawnSync(program, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 26,
  });
  if (run.status !== 0) throw run.error ?? new Error(`measuring ended with ${run.status}`);
  const rows = JSON.parse(run.stdout.trim().split('\n').at(-1) ?? '[]') as readonly Row[];
  if (rows.some((row) => row['permitted'] === 'true')) {
    console.log(
      'left out: this user may use SCHED_FIFO or /dev/cpu_dma_latency; run it as one who may not',
    );
    return;
  }
  tell(rows);
  keep('unpermitted', rows);
}

function tell(rows: readonly Row[]): void {
  const of = (policy: string, keepAwake: string, column: string): number =>
    median(
      rows
        .filter((row) => row['policy'] === policy && row['keepAwake'] === keepAwake)
        .map((row) => Number(row[column])),
    );
  const bars = [
    { column: 'answerP50Us', name: 'p50 [us]', bar: '<= 0.5x', holds: (is: number) => is <= 0.5 },
    { column: 'answerP99Us', name: 'p99 [us]', bar: '<= 0.5x', holds: (is: number) => is <= 0.5 },
    {
      column: 'iterations',
      name: 'iterations',
      bar: '>= 0.99x',
      holds: (is: number) => is >= 0.99,
    },
  ];
  show(
    `question to answer of a user without SCHED_FIFO and /dev/cpu_dma_latency; medians over ${ROUNDS} rounds`,
    Object.keys(policies).flatMap((policy) =>
      bars.map(({ column, name, bar, holds }) => {
        const [left, kept] = [of(policy, 'false', column), of(policy, 'auto', column)];
        const ratio = Number((kept / left).toFixed(3));
        return {
          policy,
          what: name,
          'keepAwake: false': Number(left.toFixed(1)),
          "'auto'": Number(kept.toFixed(1)),
          ratio,
          bar,
          // Nothing is measured by a few cycles.
          held: once ? '' : holds(ratio) ? 'yes' : 'NO',
        };
      }),
    ),
  );
  const chosen = rows.filter((row) => row['keepAwake'] === 'auto');
  const kept = chosen.filter((row) => Number(row['threads']) > 0).length;
  const wakeUs = median(chosen.map((row) => Number(row['wakeUs'])));
  console.log(
    `'auto' kept cores busy in ${kept} of ${chosen.length} rounds; a wake took ${wakeUs} us`,
  );
}
