// What the commands of an arm share: which arm it is, how it is connected to, and what is asked before it moves.

import { type Command, InvalidArgumentError } from 'commander';
import type { FrankaAction } from '../franka/action.ts';
import { Franka } from '../franka/franka.ts';
import type { FrankaControl, FrankaGeneration } from '../native/contract.ts';
import { FrankaSimulator } from '../simulator/simulator.ts';
import { confirm } from './confirm.ts';
import type { Output } from './output.ts';
import { type Unheard, untilSignal } from './signals.ts';

/** How many commands in a row a simulated arm may miss. A machine that stalls is told of, and does not end a motion. */
const PATIENCE = 1000;
/** How many an arm may miss: a real one stops then. */
export const MOST_LOST = 20;

/** The words of every command of an arm. */
export interface ArmWords {
  readonly robot?: string;
  readonly yes?: boolean;
}

/** Where the arm is that a command is about. */
export interface Place {
  /** The address of the arm, for `Franka.connect`. */
  readonly address: string;
  /** What it is called in what is printed. */
  readonly name: string;
  /** The simulator that has the arm; undefined if the arm is at an address that was given, and may be real. */
  readonly simulator: FrankaSimulator | undefined;
}

/** A place whose command runs until a signal comes. */
export interface Here extends Place {
  readonly signal: AbortSignal;
  readonly unheard: Unheard;
  /** Tells what will happen and asks whether it is meant, if the arm may be real. */
  confirm(lines: readonly string[]): Promise<void>;
}

/** Adds the options of a command of an arm. */
export function armOptions(command: Command, { moves }: { readonly moves: boolean }): Command {
  command.option(
    '--robot <address>',
    'the address of the arm; fr3 or fer for a simulator of one (default: fr3)',
    robotWord,
  );
  if (moves) command.option('-y, --yes', 'do not ask before a real arm moves');
  return command.option('--json', 'print the result as JSON');
}

/** Returns an address, and refuses the next option in its place. What else is wrong with it is told by `connect`. */
export function addressWord(word: string): string {
  if (word.startsWith('-')) throw new InvalidArgumentError('The address is missing.');
  return word;
}

/** Returns the word of `--robot`: an address, or the simulator of an arm. */
function robotWord(word: string): string {
  const name = word.toLowerCase();
  if (word !== name && isSimulated(name)) {
    throw new InvalidArgumentError(`Did you mean ${name}, for a simulator?`);
  }
  return addressWord(word);
}

function isSimulated(robot: string): robot is FrankaGeneration {
  return robot === 'fr3' || robot === 'fer';
}

/** Does what a command does, at its arm or at a simulator, until it is over or a signal comes. */
export function atArm(
  words: ArmWords,
  output: Output,
  work: (here: Here) => Promise<void>,
): Promise<void> {
  return untilSignal(
    (signal, unheard) =>
      atPlace(words.robot ?? 'fr3', output, (place) =>
        work({
          ...place,
          signal,
          unheard,
          async confirm(lines) {
            if (place.simulator) return;
            const warning = 'Clear its way. Keep a hand on the emergency stop.';
            const all = [...lines, warning];
            await confirm(output, { yes: words.yes, lines: all, word: 'move', signal });
          },
        }),
      ),
    (error) => void output.failed(error),
  );
}

/** Connects to the arm, and closes the connection after the work. */
export async function withArm<const Control extends FrankaControl = 'jointVelocity'>(
  here: Here,
  work: (arm: Franka<Control, FrankaAction<Control>>) => Promise<void>,
  control: Control = 'jointVelocity' as Control,
): Promise<void> {
  await using arm = await Franka.connect(here.address, { control, signal: here.signal });
  await work(arm as Franka<Control, FrankaAction<Control>>);
}

async function atPlace(
  robot: string,
  output: Output,
  work: (place: Place) => Promise<void>,
): Promise<void> {
  if (!isSimulated(robot)) {
    return work({ address: robot, name: `the arm at ${robot}`, simulator: undefined });
  }
  await using simulator = await FrankaSimulator.start({
    generation: robot,
    lostPacketLimit: PATIENCE,
  });
  const name = `a simulator of an ${robot.toUpperCase()}`;
  await work({ address: simulator.address, name, simulator });
  const { longestLostRun } = simulator.counters();
  if (longestLostRun < MOST_LOST) return;
  output.tell(
    `This machine was late: the simulator missed ${longestLostRun} commands in a row. ` +
      `A real arm stops at ${MOST_LOST}. \`kilohertz doctor\` says what to do.\n`,
  );
}
