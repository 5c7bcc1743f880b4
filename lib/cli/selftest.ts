import { createRequire } from 'node:module';
import { homedir, hostname, userInfo } from 'node:os';
import type { Command } from 'commander';
import { doctor } from '../doctor/doctor.ts';
import { inOneLine } from '../errors/describe.ts';
import { type SelftestProgress, type SelftestStep, selftest } from '../selftest/selftest.ts';
import { type ArmWords, armOptions, atArm } from './arm.ts';
import { number } from './numbers.ts';
import { EXIT, type Output } from './output.ts';
import type { Paint } from './paint.ts';
import { ReportFile } from './report-file.ts';
import { duration, fixed } from './text.ts';

/** What commander makes of the words. */
interface Words extends ArmWords {
  readonly hand: boolean;
  readonly speed?: number;
  readonly report?: string;
}

/** Adds `kilohertz selftest`. */
export function addSelftest(program: Command, output: Output): void {
  const command = program
    .command('selftest')
    .description(
      'Moves the arm through every control mode, slowly and by a few centimetres, and its hand; about a minute.',
    )
    .option('--no-hand', 'leave the hand out')
    .option('--speed <share>', 'the speed of the moves, 0.01 to 0.3 (default: 0.1)', number)
    .option(
      '--report <file>',
      'write a new file for a bug report, with what doctor finds; without names of users and folders',
    );
  armOptions(command, { moves: true }).action((words: Words) =>
    atArm(words, output, async (here) => {
      const { hand, speed, report: file } = words;
      using kept = file === undefined ? undefined : new ReportFile(file);
      await here.confirm([
        `This moves the REAL ARM at ${here.address} to its ready pose,`,
        'then in each control mode by 0.04 rad a joint or 2 cm upwards, and back; about a minute.',
        ...(hand ? ['Its hand closes and opens as far as it goes.'] : []),
      ]);
      // Before the steps: an arm has one client at a time.
      const robot = here.simulator ? {} : { robot: here.address };
      const found =
        file === undefined ? undefined : await doctor({ signal: here.signal, ...robot });
      using live = output.live();
      const report = await selftest(here.address, {
        hand,
        ...(speed === undefined ? {} : { speed }),
        signal: here.signal,
        onProgress: (progress) => live.show(shown(progress)),
      });
      live.clear();
      const arm = here.simulator ? `simulator of an ${report.generation}` : report.generation;
      const told = { ...versions(), arm, selftest: report, doctor: found };
      const error = kept?.write(`${withoutNames(JSON.stringify(told, undefined, 2))}\n`);
      const written = kept && (error ? { error } : { path: kept.path });
      output.page({ ...report, ...written }, [
        `the selftest of ${inOneLine(here.name)}`,
        ...report.steps.flatMap((step) => lineOf(step, output.paint)),
        report.verdict === 'passed' ? output.paint.good('passed') : output.paint.bad('failed'),
        ...(kept ? [kept.line(output.paint)] : []),
      ]);
      if (report.verdict === 'failed' || error) process.exitCode = EXIT.failed;
    }),
  );
}

function shown({ name, index, count }: SelftestProgress): string {
  return `${index + 1} of ${count}: ${name} …`;
}

function lineOf({ name, verdict, reason, code, figures }: SelftestStep, paint: Paint): string[] {
  const colours = { passed: 'good', failed: 'bad', skipped: 'faint' } as const;
  const first = `${paint[colours[verdict]](verdict.padEnd(7))} ${name.padEnd(18)}`;
  const why = [code, reason].filter((part) => part !== undefined).join(': ');
  const { p99JitterS, lateActions, heldCommands, behindRad, endErrorRad } = figures ?? {};
  const parts = [
    ...(p99JitterS === undefined ? [] : [`p99 jitter ${duration(p99JitterS)}`]),
    ...(lateActions === undefined ? [] : [`${lateActions} late, ${heldCommands} held`]),
    ...(behindRad === undefined ? [] : [`behind ${fixed(behindRad, 4)} rad`]),
    ...(endErrorRad === undefined ? [] : [`end ${fixed(endErrorRad, 4)} rad`]),
  ];
  const line = `${first} ${parts.join(', ')}`.trimEnd();
  return why === '' ? [line] : [line, `        ${inOneLine(why)}`];
}

function versions(): object {
  const { version } = createRequire(import.meta.url)('kilohertz/package.json');
  const { platform, arch } = process;
  return { kilohertz: version, node: process.version, platform, arch };
}

/** Returns a text without the folders, the name of the user and the name of the computer. */
export function withoutNames(text: string): string {
  const names: readonly (readonly [string, string])[] = [
    [known(() => process.cwd()), 'FOLDER'],
    [known(homedir), 'HOME'],
    [known(() => userInfo().username), 'USER'],
    [hostname(), 'COMPUTER'],
  ];
  return names.reduce((left, [name, instead]) => {
    // They are words of every report, and name nobody.
    if (['', '/', 'root', 'localhost'].includes(name)) return left;
    const whole = new RegExp(`(?<!\\w)${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?!\\w)`, 'g');
    return left.replace(whole, instead);
  }, text);
}

/** Returns a name; an empty one if the system knows none, as of users in some containers and of a removed folder. */
function known(name: () => string): string {
  try {
    return name();
  } catch {
    return '';
  }
}
