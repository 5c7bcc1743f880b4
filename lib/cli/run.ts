import { once } from 'node:events';
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { KilohertzError } from '../errors/errors.ts';
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
import type { LiveLine } from './live-line.ts';
import { timing } from './moving.ts';
import { number } from './numbers.ts';
import { EXIT, type Output, Refusal } from './output.ts';
import { lostLines, recordedResult } from './recorded.ts';
import { isInterruption, runUntilSignal } from './signals.ts';
import { counted, duration, fixed } from './text.ts';

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
  const isHere = words.in === 'main';
  /** Does work that has code of the policy on this thread, which may hang or end the process. */
  const own = <T>(work: () => Promise<T>, running?: ArmSession): Promise<T> =>
    isHere ? here.unheard(() => toldOfExit(output, work, running)) : work();
  output.ownStdout();
  const policy = await own(() => policyIn(file, words));
  const session: ArmSession = new Session(arm, policy, {
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
  using live = output.live();
  let isTold = false;
  const tell = (stats: SessionStats): void => {
    if (isTold) return;
    isTold = true;
    live.clear();
    const recording = recordedResult(session.recording);
    output.done({ stats, recording }, said(stats, here, session));
  };
  if (isHere) {
    beforeSignal(session, (error) => {
      if (durationS === undefined) tell(session.stats);
      else output.failed(error);
    });
  }
  const options = { dashboard, ...(durationS === undefined ? {} : { durationS }) };
  const stats = await own(async () => {
    const running = runUntilSignal(session, options);
    await show(session, running, live);
    return running;
  }, session);
  tell(stats);
}

/** Tells of a run that a signal ends although nobody listens for it: the process ends right after the `stop` event. */
function beforeSignal(session: ArmSession, tell: (error: KilohertzError) => void): void {
  let error: KilohertzError | undefined;
  session.once('error', (thrown) => {
    error = thrown;
  });
  session.once('stop', () => {
    if (error && isInterruption(error)) tell(error);
  });
}

/** Does work in which code of the policy runs on this thread, and tells if that ends the process. */
async function toldOfExit<T>(
  output: Output,
  work: () => Promise<T>,
  session: ArmSession | undefined,
): Promise<T> {
  const tell = (code: number): void => {
    // The arm is on its way to rest while it is told, and the process ends when it rests.
    void session?.stop();
    const why = `the process ended before the run did, with exit code ${code}: does the policy call process.exit()?`;
    process.exitCode = output.failed(new Refusal('POLICY_CRASHED', why, EXIT.failed));
  };
  process.on('exit', tell);
  try {
    return await work();
  } finally {
    process.off('exit', tell);
  }
}

/** Shows the run while it lasts. */
async function show(session: ArmSession, running: Promise<unknown>, live: LiveLine): Promise<void> {
  const over = running.catch(() => undefined);
  await Promise.race([once(session, 'start').catch(() => undefined), over]);
  for await (const stats of session.snapshots({ intervalS: SHOWN_EVERY_S })) {
    if (!session.isRunning) return;
    const seconds = fixed(stats.iterations * stats.targetPeriodS, 1);
    live.show(`${seconds} s  ${counted(stats.policyAnswers, 'answer')}, ${timing(stats)}`);
  }
}

function said(stats: SessionStats, { name }: Here, session: ArmSession): string[] {
  const seconds = fixed(stats.iterations * stats.targetPeriodS, 1);
  const lines = [
    `${name} was driven for ${seconds} s, ${counted(stats.iterations, 'cycle')}; it is at rest`,
    `${counted(stats.policyAnswers, 'answer')}, ${timing(stats)}, longest ${duration(stats.maxJitterS)}`,
  ];
  if (stats.firstViolation !== null) lines.push(`limits: ${stats.firstViolation}`);
  const { recording } = session;
  if (recording) lines.push(`${recording.path}: ${counted(recording.cycles, 'cycle')}`);
  return [...lines, ...lostLines(recording, stats)];
}

/** Returns the policy that a module exports, where it is to run. */
async function policyIn(file: string, words: Words): Promise<AnyPolicy<RobotState, FrankaAction>> {
  const path = resolve(file);
  const isPython = path.endsWith('.py');
  const place = words.in ?? (isPython ? 'process' : 'worker');
  const refuse = (why: string): Refusal => new Refusal('USAGE', why, EXIT.usage);
  if (isPython && place !== 'process') {
    throw refuse(`a policy in Python runs in a process, not --in ${place}`);
  }
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw refuse(`${path} does not exist`);
  if (!found.isFile()) throw refuse(`${path} is no file that has a policy`);
  if (isPython && words.export === undefined) {
    throw refuse(
      `${file} is in Python: name the function that is the policy, as in --export policy`,
    );
  }
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
  const policy = module[name];
  if (typeof policy !== 'function') throw refuse(`${path} has no function of the name ${name}`);
  // What it answers is checked in each cycle.
  return (args === undefined ? policy : await policy(...args)) as Policy<RobotState, FrankaAction>;
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
