import type { Command } from 'commander';
import { type ArmWords, armOptions, atArm, withArm } from './arm.ts';
import type { Output } from './output.ts';

/** Adds `kilohertz recover`. */
export function addRecover(program: Command, output: Output): void {
  const command = program
    .command('recover')
    .description('Clears the errors of a reflex, after their cause was removed.');
  armOptions(command, { moves: true }).action((words: ArmWords) =>
    atArm(words, output, (here) =>
      withArm(here, async (arm) => {
        const { robot_mode, current_errors } = await arm.state();
        const errors = current_errors.join(', ') || 'no errors';
        await here.confirm([
          `This recovers the REAL ARM at ${here.address}, which is in mode ${robot_mode}: ${errors}.`,
          'It can be moved by every program afterwards.',
        ]);
        await arm.recover();
        const after = await arm.state();
        const left = after.current_errors.join(', ') || 'no errors';
        output.done(
          {
            before: { mode: robot_mode, errors: current_errors },
            after: { mode: after.robot_mode, errors: after.current_errors },
          },
          [
            `${here.name} was in mode ${robot_mode}: ${errors}`,
            `it is in mode ${after.robot_mode}: ${left}`,
          ],
        );
      }),
    ),
  );
}
