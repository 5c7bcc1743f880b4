// What the demo found, as people and as programs read it.

import { bars } from '../bars.ts';
import type { Paint } from '../paint.ts';
import { duration, fixed, table } from '../text.ts';
import type { Answers, DemoResult } from './drive.ts';

/** Returns the lines for people. */
export function report(result: DemoResult, paint: Paint): string[] {
  const { stats, longestGapS, commandsLost, answers } = result;
  const blockedTicks = result.block.toTick - result.block.fromTick;
  const lost = commandsLost && [
    [
      'commands lost to the block',
      `${commandsLost.blocked} of ${commandsLost.all}; at most ${commandsLost.mostInARow} in a row`,
    ] as const,
  ];
  const pair = ({ p50S, p99S }: Answers): string => `${duration(p50S)} / ${duration(p99S)}`;
  const { leftAlone, keptAwake } = answers;
  const rows = table([
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
    ...(lost ?? []),
    ['answer p50 / p99, cores left alone', pair(leftAlone)],
    ['the same, kept awake', `${pair(keptAwake)} (${keptAwake.how}: ${keptAwake.reason})`],
    ['joint 1 went to', `${fixed(result.reachedRad, 3)} rad from its start`],
    ['and came back within', `${fixed(result.endErrorRad * 1e3, 2)} mrad`],
  ]);
  const verdict = result.sound
    ? [paint.good('Sound: the arm did what it should, and the blocked event loop did not stop it.')]
    : result.problems.map((problem) => paint.bad(`NOT SOUND: ${problem}`));
  return [
    ...rows,
    '',
    'jitter of every cycle (each bar is a logarithm):',
    ...bars(result.jitter),
    '',
    ...verdict,
  ];
}

/** Returns the result with ordinary arrays, for JSON. */
export function toJson(result: DemoResult): object {
  const { upperS, counts } = result.jitter;
  return { ...result, jitter: { upperS: Array.from(upperS), counts: Array.from(counts) } };
}
