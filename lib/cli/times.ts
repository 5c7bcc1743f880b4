import type { Command } from 'commander';

/** The part of a recording that a command is about. */
export interface Times {
  readonly from?: number;
  readonly to?: number;
}

/** Says how to use the command if a part of a recording ends before it begins. */
export function checkTimes({ from, to }: Times, command: Command): void {
  if (from === undefined || to === undefined || from < to) return;
  command.error(`error: --from ${from} is not before --to ${to}`);
}
