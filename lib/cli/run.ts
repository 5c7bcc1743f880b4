import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { inOneLine } from '../errors/describe.ts';
import type { FrankaAction } from '../franka/action.ts';
import type { Franka } from '../franka/franka.ts';
import { CONTROLS, type FrankaControl } from '../native/contract.ts';
import type { RobotState } from '../native/robot-state.ts';
import type { AnyPolicy } from '../policy/any-policy.ts';
import { processPolicy } from '../policy/process-policy.ts';
import { workerPolicy } from '../policy/worker-policy.ts';
import type { Policy } from '../session/robot.ts';
import { Session } from '../session/session.ts';
import type { SessionStats } from '../session/stats.ts';
import { type ArmWords, armOptions, atArm, type Here, withArm } from './arm.ts';
import { timing } from './moving.ts';
import { number } from './numbers.ts';
import { EXIT, type Output, Refusal } from './output.ts';
import { duration, fixed } from './text.ts';

const PLACES = ['worker', 'process', 'main'] as const;
/** How often the live line is written [s]. */
const SHOWN_EVERY_S = 0.25;

/** What commander makes of the words. */
interface Words extends ArmWords {
  readonly export?: string;
  readonly args?: readonly unknown[];
  readonly in?: (typeof PLACES)[number];
  readonly control: FrankaControl;
  readonly rate?: number;
  readonly duration?: number;
  readonly limits?: 'stop' | 'clamp';
  readonly record?: string;
  readonly dashboard?: boolean;
}

/** Adds `kilohertz run`. */
export function addRun(program: Command, output: Output): void {
  const command = program
    .command('run')
    .description('Runs a policy on the arm: an export of a module in JavaScript or Python.')
    .argument('<module>', 'the file of the policy, for example policy.js or policy.py')
    .option('--export <name>', 'the name of the export (default: default; in Python there is none)')
    .option('--args <json>', 'the arguments of a factory, which makes the policy, as [0.5]', list)
    .addOption(
      new Option(
        '--in <place>',
        'the thread or process of the policy (default: worker; for Python: process)',
      ).choices(PLACES),
    )
    .addOption(
      new Option('--control <mode>', 'what its actions are')
        .choices(CONTROLS)
        .default('jointVelocity'),
    )
    .option('--rate <hertz>', 'how often it is asked (default: 1000)', number)
    .option('--duration <seconds>', 'how long it runs (default: until Ctrl+C)', number)
    .addOption(
      new Option('--limits <what>', 'what is done to an action that breaks a limit (default: stop)') //
        .choices(['stop', 'clamp']),
    )
    .option('--record <file>', 'record the run into a new file, for example run.mcap')
    .option('--dashboard', 'show the run on a page in a browser');
  armOptions(command, { moves: true }).action((file: string, words: Words) =>
    atArm(words, output, (here) =>
      withArm(here, (arm) => drive(arm, here, { file, words, output }), words.control),
    ),
  );
}

type ArmSession = Session<RobotState, FrankaAction | undefined>;

interface Asked {
  readonly file: string;
  readonly words: Words;
  readonly output: Output;
}

async function drive(arm: Franka, here: Here, { file, words, output }: Asked): Promise<void> {
  const { rate, limits, record, dashboard = false, duration: durationS } = words;
  output.ownStdout();
  const policy = await policyIn(file, words);
  const session = new Session(arm, policy, {
    ...(rate === undefined ? {} : { rateHz: rate }),
    ...(limits === undefined ? {} : { limits }),
    ...(record === undefined ? {} : { record }),
  });
  const howLong = durationS === undefined ? 'until Ctrl+C' : `for ${durationS} s`;
  await here.confirm([
    `The policy in ${file} drives the REAL ARM at ${here.address}, ${howLong}.`,
    `Its actions are of the mode ${words.control}; it is asked ${rate ?? 1000} times a second.`,
  ]);
  if (here.signal.aborted) return;
  // Without a duration Ctrl+C is how the run is meant to end: the session itself listens for it.
  const ending = durationS === undefined ? {} : { durationS };
  const running = session.run({ ...ending, dashboard });
  await show(session, running, output);
  const stats = await running;
  output.done({ stats, recording: session.recording }, said(stats, here, session));
  // The arm was driven as asked, and its recording is not whole.
  if (session.recording?.error) process.exitCode = EXIT.failed;
}

/** Shows the run while it lasts. */
async function show(session: ArmSession, running: Promise<unknown>, output: Output): Promise<void> {
  using live = output.live();
  const over = running.catch(() => undefined);
  await Promise.race([once(session, 'start').catch(() => undefined), over]);
  for await (const stats of session.snapshots({ intervalS: SHOWN_EVERY_S })) {
    const seconds = fixed(stats.iterations * stats.targetPeriodS, 1);
    live.show(`${seconds} s  ${stats.policyAnswers} answers, ${timing(stats)}`);
  }
}

function said(stats: SessionStats, { name }: Here, session: ArmSession): string[] {
  const seconds = fixed(stats.iterations * stats.targetPeriodS, 1);
  const lines = [
    `${name} was driven for ${seconds} s, ${stats.iterations} cycles; it is at rest`,
    `${stats.policyAnswers} answers, ${timing(stats)}, longest ${duration(stats.maxJitterS)}`,
  ];
  if (stats.firstViolation !== null) lines.push(`limits: ${stats.firstViolation}`);
  const recording = session.recording;
  if (recording) lines.push(`${recording.path}: ${recording.cycles} cycles`);
  if (recording?.error) {
    const { code, message } = recording.error;
    lines.push(`${recording.lostCycles} cycles were not recorded: ${code}: ${inOneLine(message)}`);
  }
  return lines;
}

/** Returns the policy that a module exports, where it is to run. */
async function policyIn(file: string, words: Words): Promise<AnyPolicy<RobotState, FrankaAction>> {
  const path = resolve(file);
  const isPython = path.endsWith('.py');
  const place = words.in ?? (isPython ? 'process' : 'worker');
  if (isPython && place !== 'process') {
    throw new Refusal('USAGE', `a policy in Python runs in a process, not --in ${place}`, 2);
  }
  if (!existsSync(path)) throw new Refusal('USAGE', `${path} does not exist`, EXIT.usage);
  const url = pathToFileURL(path);
  const { args } = words;
  const options = {
    ...(words.export === undefined ? {} : { export: words.export }),
    ...(args === undefined ? {} : { args }),
  };
  if (place === 'worker') return workerPolicy(url, options);
  if (place === 'process') return processPolicy(url, options);
  const name = words.export ?? 'default';
  const module: Record<string, unknown> = await import(url.href);
  const found = module[name];
  if (typeof found !== 'function') {
    throw new Refusal('USAGE', `${path} has no function of the name ${name}`, EXIT.usage);
  }
  // What it answers is checked in each cycle.
  return (args === undefined ? found : await found(...args)) as Policy<RobotState, FrankaAction>;
}

function list(text: string): unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value)) return value;
  } catch {
    // Told below.
  }
  throw new InvalidArgumentError('Expected a list in JSON, as [0.5, "fast"].');
}
