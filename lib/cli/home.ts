import type { Command } from 'commander';
import { type ArmWords, armOptions, atArm, withArm } from './arm.ts';
import { showMove } from './moving.ts';
import { number } from './numbers.ts';
import type { Output } from './output.ts';
import { fixed, listed } from './text.ts';

/** What commander makes of the words. */
interface Words extends ArmWords {
  readonly speed?: number;
}

/** Adds `kilohertz home`. */
export function addHome(program: Command, output: Output): void {
  const command = program
    .command('home')
    .description("Moves the arm to libfranka's ready pose: the elbow bent, the hand pointing down.")
    .option('--speed <share>', "the share of the arm's speed, 0.01 to 1 (default: 0.2)", number);
  armOptions(command, { moves: true }).action((words: Words) =>
    atArm(words, output, (here) =>
      withArm(here, async (arm) => {
        const speed = words.speed ?? 0.2;
        const { q } = await arm.state();
        await here.confirm([
          `This moves the REAL ARM at ${here.address} to its ready pose, at speed ${speed}.`,
          `Its joints are at ${listed(q)} rad. The way is straight in joint space.`,
        ]);
        const { durationS } = await showMove(output, here, (options) =>
          arm.home({ speed, ...options }),
        );
        const end = await arm.state();
        output.done({ durationS, q: Array.from(end.q) }, [
          `${here.name} is at its ready pose after ${fixed(durationS, 1)} s`,
        ]);
      }),
    ),
  );
}
