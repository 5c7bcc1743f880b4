import type { Histogram, SessionStats } from 'kilohertz';
import { bars, duration, table } from './terminal.ts';

/** How long the answers of a policy took that were in time. */
export interface Answers {
  readonly p50S: number;
  readonly p99S: number;
  /** What was done to keep the cores awake, and why. */
  readonly how: string;
  readonly reason: string;
}

/** What the demo found. */
export interface Result {
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
  /** Commands that the simulated arm missed during the block, and all in all. */
  readonly commandsLost: { readonly blocked: number; readonly all: number } | undefined;
  /** How far the arm went. */
  readonly reachedRad: number;
  /** How far from its start it ended, joint by joint the worst. */
  readonly endErrorRad: number;
  readonly realtime: string;
  /** While the cores may go idle, and as a session does by default. */
  readonly answers: { readonly leftAlone: Answers; readonly keptAwake: Answers };
}

/** The result as people read it. */
export function report(result: Result): string {
  const { stats, longestGapS, commandsLost } = result;
  const blockedTicks = result.block.toTick - result.block.fromTick;
  const rows: [string, string][] = [
    ['robot', result.robot],
    ['loop thread', result.realtime],
    ['iterations', `${stats.iterations} in ${result.durationS} s`],
    ['overruns', `${stats.overruns}`],
    ['missed ticks', `${stats.missedTicks}`],
    ['late actions', `${stats.lateActions} (the block lasted ${blockedTicks} cycles)`],
    ['held commands', `${stats.heldCommands}, then ${stats.restCommands} at rest`],
    ['limits', stats.firstViolation ?? 'kept by every action'],
    [
      'jitter p50 / p95 / p99 / max',
      [stats.p50JitterS, stats.p95JitterS, stats.p99JitterS, stats.maxJitterS]
        .map(duration)
        .join(' / '),
    ],
    [
      'state to command p50 / p99',
      `${duration(stats.p50ExecutionS)} / ${duration(stats.p99ExecutionS)}, JavaScript included`,
    ],
    ['longest gap while blocked', duration(longestGapS.blocked)],
    [
      'longest gap in as long, idle',
      `${duration(longestGapS.idleMedian)} median, ${duration(longestGapS.idleWorst)} worst`,
    ],
  ];
  if (commandsLost) {
    rows.push(['commands lost to the block', `${commandsLost.blocked} of ${commandsLost.all}`]);
  }
  const { leftAlone, keptAwake } = result.answers;
  const pair = ({ p50S, p99S }: Answers): string => `${duration(p50S)} / ${duration(p99S)}`;
  rows.push(
    ['answer p50 / p99, cores left alone', pair(leftAlone)],
    ['the same, kept awake', `${pair(keptAwake)} (${keptAwake.how}: ${keptAwake.reason})`],
  );
  rows.push(
    ['joint 1 went to', `${result.reachedRad.toFixed(3)} rad from its start`],
    ['and came back within', `${(result.endErrorRad * 1e3).toFixed(2)} mrad`],
  );
  const verdict = result.sound
    ? '  Sound: the arm did what it should, and the blocked event loop did not stop it.'
    : result.problems.map((problem) => `  NOT SOUND: ${problem}`).join('\n');
  return [
    '',
    table(rows),
    '',
    '  jitter of every cycle (both axes logarithmic)',
    bars(result.jitter.upperS, result.jitter.counts),
    '',
    verdict,
  ].join('\n');
}

/** The result as programs read it. */
export function toJson(result: Result): string {
  const { jitter, ...others } = result;
  const buckets = { upperS: Array.from(jitter.upperS), counts: Array.from(jitter.counts) };
  return JSON.stringify({ ...others, jitter: buckets }, undefined, 2);
}
