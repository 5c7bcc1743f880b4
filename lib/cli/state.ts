import { stripVTControlCharacters } from 'node:util';
import type { Command } from 'commander';
import { inOneLine } from '../errors/describe.ts';
import type { Franka } from '../franka/franka.ts';
import { poseOf } from '../franka/pose.ts';
import type { RobotState } from '../native/robot-state.ts';
import { type ArmWords, armOptions, atArm, type Here, withArm } from './arm.ts';
import { number } from './numbers.ts';
import type { Output } from './output.ts';
import type { Paint } from './paint.ts';
import { columns, fixed, table, toDegrees } from './text.ts';

/** How often the page is written with `--watch` [Hz]. */
const RATE_HZ = 5;

/** What commander makes of the words. */
interface Words extends ArmWords {
  readonly watch?: boolean;
  readonly rate?: number;
}

/** Adds `kilohertz state`. */
export function addState(program: Command, output: Output): void {
  const command = program
    .command('state')
    .description("Prints the arm's state. Nothing moves.")
    .option('--watch', 'go on, until Ctrl+C: the page is rewritten in place on a terminal')
    .option('--rate <hertz>', `how often with --watch (default: ${RATE_HZ})`, number);
  armOptions(command, { moves: false }).action((words: Words) => {
    const { watch: goesOn = false, rate } = words;
    if (rate !== undefined && !goesOn) command.error('error: --rate goes with --watch');
    return atArm(words, output, (here) =>
      withArm(here, async (arm) => {
        if (goesOn) return watch(arm, here, rate ?? RATE_HZ, output);
        const state = await arm.state();
        output.page(toJson(arm, here, state), page(arm, here, state, output.paint));
      }),
    );
  });
}

/** Writes a page for each state, until a signal comes or nobody reads any more. */
async function watch(arm: Franka, here: Here, rateHz: number, output: Output): Promise<void> {
  const signal = AbortSignal.any([here.signal, output.gone]);
  const isRewritten = process.stdout.isTTY && !output.isJson;
  let before: readonly string[] = [];
  try {
    for await (const state of arm.states({ rateHz, signal })) {
      const lines = page(arm, here, state, output.paint);
      const rows = rowsOf(before, process.stdout.columns);
      // To the first row of the page before, and what is below is cleared.
      if (isRewritten && rows > 0) process.stdout.write(`\u001b[${rows}A\u001b[0J`);
      output.page(toJson(arm, here, state), lines);
      before = lines;
    }
  } catch (error) {
    // The signal is how it ends.
    if (!signal.aborted) throw error;
  }
}

/** Returns how many rows lines take on a terminal, which breaks those that are wider than itself. */
function rowsOf(lines: readonly string[], columns: number): number {
  const width = columns || Number.POSITIVE_INFINITY;
  const rows = lines.map((line) => Math.ceil(stripVTControlCharacters(line).length / width));
  return rows.reduce((sum, own) => sum + Math.max(1, own), 0);
}

function toJson(arm: Franka, { address }: Here, state: RobotState): object {
  const { generation, serverVersion } = arm;
  return { address, generation, fciVersion: serverVersion, state };
}

function page(arm: Franka, { name }: Here, state: RobotState, paint: Paint): string[] {
  const errors = state.current_errors.join(', ');
  const last = state.last_motion_errors.join(', ');
  const mode = state.robot_mode;
  const { xyz, quat } = poseOf(Array.from(state.O_T_EE) as unknown as Parameters<typeof poseOf>[0]);
  const isReady = mode === 'Idle' || mode === 'Move';
  return [
    paint.strong(`${inOneLine(name)}: ${arm.generation.toUpperCase()}, FCI ${arm.serverVersion}`),
    ...table([
      ['time', `${fixed(state.time, 3)} s`],
      ['mode', isReady ? paint.good(mode) : paint.doubtful(mode)],
      ['errors', errors === '' ? 'none' : paint.bad(errors)],
      ['errors of the last motion', last || 'none'],
      ['q [rad]', columns(state.q)],
      ['q [degrees]', columns(toDegrees(state.q), 1)],
      ['dq [rad/s]', columns(state.dq)],
      ['tau_J [N m]', columns(state.tau_J, 2)],
      ['tau_ext_hat_filtered [N m]', columns(state.tau_ext_hat_filtered, 2)],
      ['end effector, x y z [m]', columns(xyz)],
      ['end effector, x y z w', columns(quat)],
      ['O_F_ext_hat_K [N, N m]', columns(state.O_F_ext_hat_K, 2)],
      ['end effector [kg], load [kg]', columns([state.m_ee, state.m_load])],
      ['commands received', `${fixed(state.control_command_success_rate * 100, 0)} %`],
    ]),
  ];
}
