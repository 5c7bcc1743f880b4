// The main job, end to end: a policy in TypeScript drives an arm at 1 kHz for 10 s, and half-way the event loop is
// blocked for 300 ms on purpose.

import { once } from 'node:events';
import { block } from '../../bench/loads.ts';
import type { Franka } from '../../franka/franka.ts';
import type { Realtime } from '../../session/realtime.ts';
import type { Histogram } from '../../session/records.ts';
import { Session } from '../../session/session.ts';
import type { SessionStats } from '../../session/stats.ts';
import type { FrankaSimulator } from '../../simulator/simulator.ts';
import { idleGaps, longestGap } from './gaps.ts';
import { AMPLITUDE, DURATION_S, followPath } from './path.ts';

/** How long the event loop is blocked [ms]. */
export const BLOCK_MS = 300;
/** How far from where it should be the arm may end [rad]. */
const TOLERANCE_RAD = 0.005;
/** How long it is looked how fast answers are, once each way [s]. */
const ANSWERS_S = 1;
/** How often it is told how far the run is [s]. */
const TOLD_EVERY_S = 0.25;
const STILL = new Float64Array(7);

/** How the demo drives an arm. */
export interface DriveOptions {
  /** The simulator that has the arm; undefined for an arm at an address. */
  readonly simulator: FrankaSimulator | undefined;
  /** How many commands in a row a real arm may miss before it stops. */
  readonly mostLost: number;
  /** Is told how far the run is, and where joint 1 is, from its start [rad]. */
  readonly onProgress: (stats: SessionStats, joint1Rad: number) => void;
  /** Is told when the event loop was blocked. */
  readonly onBlocked: () => void;
}

/** How long the answers of a policy took that were in time. */
export interface Answers {
  readonly p50S: number;
  readonly p99S: number;
  /** What was done to keep the cores awake, and why. */
  readonly how: string;
  readonly reason: string;
}

/** What the demo found. */
export interface DemoResult {
  /** Whether the run was as it must be. */
  readonly sound: boolean;
  /** Why not. */
  readonly problems: readonly string[];
  readonly robot: string;
  readonly durationS: number;
  readonly stats: SessionStats;
  readonly jitter: Histogram;
  /** The block of the event loop, and the ticks during it. */
  readonly block: { readonly ms: number; readonly fromTick: number; readonly toTick: number };
  readonly longestGapS: {
    readonly blocked: number;
    readonly idleMedian: number;
    readonly idleWorst: number;
  };
  /** Commands that the simulated arm missed: during the block, all in all, and the most in a row. */
  readonly commandsLost:
    | { readonly blocked: number; readonly all: number; readonly mostInARow: number }
    | undefined;
  /** How far the arm went. */
  readonly reachedRad: number;
  /** How far from its start it ended, joint by joint the worst. */
  readonly endErrorRad: number;
  readonly realtime: string;
  /** While the cores may go idle, and as a session does by default. */
  readonly answers: { readonly leftAlone: Answers; readonly keptAwake: Answers };
}

/** Drives the arm there and back, blocks the event loop meanwhile, and returns what came of it. */
export async function drive(arm: Franka, options: DriveOptions): Promise<DemoResult> {
  const { simulator, mostLost, onProgress, onBlocked } = options;
  const start = (await arm.state()).q_d.slice();
  const policy = followPath(start);
  let position = 0;
  let reachedRad = 0;
  const session = new Session(
    arm,
    (state, tick) => {
      position = (state.q[0] ?? 0) - (start[0] ?? 0);
      reachedRad = Math.max(reachedRad, position);
      return policy(state, tick);
    },
    { rateHz: 1000, recordTicks: 2 * DURATION_S * 1000 },
  );

  const blocked = { fromTick: 0, toTick: 0, lost: 0 };
  const blockOnce = (): void => {
    const lost = simulator?.counters().commandsLost ?? 0;
    blocked.fromTick = session.stepCount;
    block(BLOCK_MS);
    blocked.toTick = session.stepCount;
    blocked.lost = (simulator?.counters().commandsLost ?? 0) - lost;
    onBlocked();
  };
  const running = session.run({ durationS: DURATION_S });
  // Its end is awaited below; a failure before that must not be told twice.
  running.catch(() => undefined);
  await Promise.race([once(session, 'start'), running]);
  const blocking = setTimeout(blockOnce, (DURATION_S / 2) * 1e3);
  for await (const stats of session.snapshots({ intervalS: TOLD_EVERY_S })) {
    if (session.isRunning) onProgress(stats, position);
  }
  clearTimeout(blocking);
  const stats = await running;

  const { q } = simulator ? simulator.joints() : await arm.state();
  const endErrorRad = Math.max(...start.map((rad, joint) => Math.abs(rad - (q[joint] ?? 0))));
  const records = session.takeRecords();
  const realtime = realtimeOf(session);
  const leftAlone = await answers(arm, false);
  const keptAwake = await answers(arm, 'auto');
  const counters = simulator?.counters();
  const { fromTick, toTick } = blocked;
  const name = arm.generation.toUpperCase();
  const idle = idleGaps(records, Math.max(toTick - fromTick, 1), fromTick, toTick);
  const problems = problemsOf(stats, {
    endErrorRad,
    reachedRad,
    blockedTicks: toTick - fromTick,
    lostInARow: counters?.longestLostRun ?? 0,
    mostLost,
  });
  return {
    sound: problems.length === 0,
    problems,
    robot: simulator ? `simulated ${name}, over TCP and UDP` : `${name} at ${arm.address}`,
    durationS: DURATION_S,
    stats,
    jitter: session.histogram('jitter'),
    block: { ms: BLOCK_MS, fromTick, toTick },
    longestGapS: {
      blocked: longestGap(records, fromTick, toTick),
      idleMedian: idle[Math.floor(idle.length / 2)] ?? Number.NaN,
      idleWorst: idle.at(-1) ?? Number.NaN,
    },
    commandsLost: counters && {
      blocked: blocked.lost,
      all: counters.commandsLost,
      mostInARow: counters.longestLostRun,
    },
    endErrorRad,
    reachedRad,
    realtime,
    answers: { leftAlone, keptAwake },
  };
}

/** How long the policy's answers take, with the cores kept awake or left alone, while the arm stands. */
async function answers(arm: Franka, keepAwake: 'auto' | false): Promise<Answers> {
  const session = new Session(arm, () => STILL, {
    recordTicks: 2 * ANSWERS_S * 1000,
    realtime: { keepAwake },
  });
  await session.run({ durationS: ANSWERS_S });
  const inTime = session.takeRecords().filter(({ kind }) => kind === 'fresh');
  const tookS = inTime.map(({ askedS, answeredS }) => answeredS - askedS).sort((a, b) => a - b);
  const share = (of: number): number => tookS[Math.floor(of * (tookS.length - 1))] ?? Number.NaN;
  const { threads = 0, reason = '' } = session.realtime?.keepAwake ?? {};
  const heldOff = session.realtime?.idleLatencyUs.granted ? 'idle states held off' : undefined;
  const busy = threads > 0 ? `${threads} core${threads > 1 ? 's' : ''} kept busy` : undefined;
  const how = [heldOff, busy].filter((word) => word !== undefined).join(', ') || 'left alone';
  return { p50S: share(0.5), p99S: share(0.99), how, reason };
}

/** What was not as it must be. Late answers are not among it: the machine may be busy. */
function problemsOf(
  stats: SessionStats,
  found: {
    readonly endErrorRad: number;
    readonly reachedRad: number;
    readonly blockedTicks: number;
    readonly lostInARow: number;
    readonly mostLost: number;
  },
): string[] {
  const problems: string[] = [];
  const expected = DURATION_S * 1000;
  if (stats.iterations + stats.missedTicks < 0.9 * expected) {
    problems.push(`${stats.iterations} iterations; ${expected} were due`);
  }
  if (found.blockedTicks < 0.5 * BLOCK_MS) {
    problems.push(`the loop made ${found.blockedTicks} cycles in the ${BLOCK_MS} ms of the block`);
  }
  const way = Math.max(...AMPLITUDE);
  if (Math.abs(found.reachedRad - way) > 0.05 * way) {
    problems.push(`joint 1 went ${found.reachedRad.toFixed(3)} rad; ${way} were due`);
  }
  if (found.endErrorRad > TOLERANCE_RAD) {
    problems.push(`the arm ended ${found.endErrorRad.toFixed(4)} rad from where it should`);
  }
  if (found.lostInARow >= found.mostLost) {
    problems.push(
      `the arm missed ${found.lostInARow} commands in a row, because this machine was late; ` +
        `a real arm stops at ${found.mostLost}`,
    );
  }
  return problems;
}

function realtimeOf({ realtime }: { readonly realtime: Realtime | undefined }): string {
  const priority = realtime?.priority;
  if (priority?.granted) return `SCHED_FIFO ${priority.asked}`;
  return `ordinary scheduling (${priority?.reason ?? 'not asked for more'})`;
}
