import type { HomeOptions } from '../franka/move-to.ts';
import type { SessionStats } from '../session/stats.ts';
import type { Here } from './arm.ts';
import { bar } from './live-line.ts';
import type { Output } from './output.ts';
import { duration, fixed } from './text.ts';

/** Moves the arm while a bar shows how far it is. Returns how long the motion took by the arm's clock [s]. */
export async function showMove(
  output: Output,
  { signal }: Here,
  move: (options: Required<Pick<HomeOptions, 'signal' | 'onProgress'>>) => Promise<SessionStats>,
): Promise<{ readonly stats: SessionStats; readonly durationS: number }> {
  using live = output.live();
  let durationS = 0;
  const stats = await move({
    signal,
    onProgress(progress) {
      durationS = progress.durationS;
      const times = `${fixed(progress.elapsedS, 1)} of ${fixed(durationS, 1)} s`;
      live.show(`${bar(progress.share)}  ${times}`);
    },
  });
  return { stats, durationS };
}

/** Returns what is told of the timing of a motion. */
export function timing(stats: SessionStats): string {
  const { lateActions, heldCommands } = stats;
  return `${lateActions} late, ${heldCommands} held; p99 jitter ${duration(stats.p99JitterS)}`;
}
