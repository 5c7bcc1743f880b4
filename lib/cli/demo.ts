import { type Command, Option } from 'commander';
import type { Franka } from '../franka/franka.ts';
import type { SessionStats } from '../session/stats.ts';
import { type ArmWords, armOptions, atArm, type Here, MOST_LOST, withArm } from './arm.ts';
import { BLOCK_MS, drive } from './demo/drive.ts';
import { AMPLITUDE, DURATION_S } from './demo/path.ts';
import { report, toJson } from './demo/report.ts';
import { BLOCK_EVERY_S, show } from './demo/show.ts';
import { number } from './numbers.ts';
import { EXIT, type Output } from './output.ts';
import { duration, fixed, table } from './text.ts';

/** What commander makes of the words. */
interface Words extends ArmWords {
  readonly dashboard?: boolean;
  readonly open?: boolean;
  readonly seconds?: number;
}

/** Adds `kilohertz demo`. */
export function addDemo(program: Command, output: Output): void {
  const command = program
    .command('demo')
    .description(
      `Drives a simulated arm for ${DURATION_S} s, blocks the event loop meanwhile, and tells what came of it.`,
    )
    .addOption(
      new Option(
        '--dashboard',
        'show the arm on a page in a browser instead, until it is stopped there or by Ctrl+C; ' +
          `outside of a terminal for ${DURATION_S} s`,
      ).conflicts('json'),
    )
    .addOption(new Option('--open', 'show it, and open the page in a browser').conflicts('json'))
    .addOption(
      new Option('--seconds <number>', 'show it for so many seconds')
        .argParser(number)
        .conflicts('json'),
    );
  armOptions(command, { moves: true }).action((words: Words) => {
    const { dashboard = false, open = false, seconds } = words;
    if (seconds !== undefined && !(seconds > 0)) {
      command.error(`error: --seconds is ${seconds}; expected a number above 0`);
    }
    const isShown = dashboard || open || seconds !== undefined;
    return atArm(words, output, (here) =>
      withArm(here, async (arm) => {
        const again = isShown ? ', again and again' : '';
        await here.confirm([
          `This moves the REAL ARM at ${here.address}, from where it stands now:`,
          `${reach()}; out and back within ${DURATION_S} s${again}.`,
        ]);
        if (isShown) await onPage(arm, here, { open, seconds, output });
        else await measured(arm, here, output);
      }),
    );
  });
}

/** How far each joint goes, in words. */
function reach(): string {
  return AMPLITUDE.flatMap((rad, joint) => (rad ? [`joint ${joint + 1} ${rad} rad`] : [])).join(
    ', ',
  );
}

/** Drives the arm once, and tells what came of it. */
async function measured(arm: Franka, { simulator }: Here, output: Output): Promise<void> {
  output.tell(
    `A policy in TypeScript drives the arm at ${arm.address}, 1 kHz, ${DURATION_S} s.\n` +
      `After ${DURATION_S / 2} s the event loop is blocked for ${BLOCK_MS} ms.\n`,
  );
  using live = output.live();
  const result = await drive(arm, {
    simulator,
    mostLost: MOST_LOST,
    onProgress: (stats, joint1Rad) => live.show(progress(stats, joint1Rad)),
    onBlocked() {
      live.clear();
      output.tell(`The event loop was blocked for ${BLOCK_MS} ms just now.\n`);
    },
  });
  live.clear();
  output.page(toJson(result), report(result, output.paint));
  if (!result.sound) process.exitCode = EXIT.failed;
}

function progress(stats: SessionStats, joint1Rad: number): string {
  const seconds = fixed(stats.iterations * stats.avgPeriodS, 1);
  const rate = fixed(stats.avgPeriodS > 0 ? 1 / stats.avgPeriodS : 0, 1);
  return (
    `${seconds} s  ${rate} Hz  joint 1 at ${fixed(joint1Rad, 3)} rad  ` +
    `p99 jitter ${duration(stats.p99JitterS)}  late ${stats.lateActions}`
  );
}

/** Shows the arm on a page, and tells at the end what was counted. */
async function onPage(
  arm: Franka,
  { simulator }: Here,
  {
    open,
    seconds,
    output,
  }: { readonly open: boolean; readonly seconds: number | undefined; readonly output: Output },
): Promise<void> {
  const durationS = seconds ?? (process.stdout.isTTY ? undefined : DURATION_S);
  const end = durationS === undefined ? 'Ctrl+C' : `${durationS} s`;
  output.tell(
    `A policy in TypeScript drives the arm at ${arm.address}.\n` +
      `Every ${BLOCK_EVERY_S} s the event loop is blocked for ${BLOCK_MS} ms: a band on the page.\n` +
      `It ends by the stop on the page, or ${end}.\n`,
  );
  using live = output.live();
  const { stats, isStopped } = await show(arm, {
    durationS,
    open,
    onProgress({ iterations, avgPeriodS, heldCommands, restCommands, followedCommands }) {
      const time = fixed(iterations * avgPeriodS, 1);
      live.show(
        `${time} s  held ${heldCommands}, at rest ${restCommands}, followed ${followedCommands}`,
      );
    },
    onNoBrowser: (address) =>
      output.tell(`No browser could be opened. Open ${address} in a browser.\n`),
  });
  live.clear();
  const { iterations, heldCommands, restCommands, followedCommands } = stats;
  output.page({ stats, isStopped }, [
    `${isStopped ? 'Stopped' : 'The time is over'}: the arm is at rest.`,
    ...table([
      ['cycles', `${iterations}, ${stats.missedTicks} missed`],
      [
        'held commands',
        `${heldCommands}, then ${restCommands} at rest, ${followedCommands} followed`,
      ],
      ['limits', stats.firstViolation ?? 'kept by every action'],
      ...(simulator ? [['commands lost', `${simulator.counters().commandsLost}`] as const] : []),
    ]),
  ]);
}
