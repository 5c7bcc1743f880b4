import type { Command } from 'commander';
import { inOneLine } from '../errors/describe.ts';
import { isKilohertzError } from '../errors/errors.ts';
import type { Franka } from '../franka/franka.ts';
import type { RobotState } from '../native/robot-state.ts';
import { Session } from '../session/session.ts';
import { type ArmWords, armOptions, atArm, type Here, withArm } from './arm.ts';
import { number } from './numbers.ts';
import type { Output } from './output.ts';
import { lostLines } from './recorded.ts';
import { runUntilSignal } from './signals.ts';
import { counted, fixed, shellWord } from './text.ts';

/** How often a state is recorded [Hz]. */
const RATE_HZ = 100;

/** What is recorded of a state, with libfranka's names. */
const FIELDS = [
  'time',
  'q',
  'dq',
  'tau_J',
  'tau_ext_hat_filtered',
  'O_T_EE',
  'O_F_ext_hat_K',
] as const satisfies readonly (keyof RobotState)[];

type Observed = Pick<RobotState, (typeof FIELDS)[number]>;

/** What commander makes of the words. */
interface Words extends ArmWords {
  readonly rate: number;
  readonly duration?: number;
}

/** Adds `kilohertz record`. */
export function addRecord(program: Command, output: Output): void {
  const command = program
    .command('record')
    .description(
      'Records the states of an arm that a person guides by hand. Nothing is commanded; `run --record` records a policy.',
    )
    .argument('<recording>', 'a new file, for example taught.mcap')
    .option('--rate <hertz>', 'how many states a second, to about 300', number, RATE_HZ)
    .option('--duration <seconds>', 'for how long (default: until Ctrl+C)', number);
  armOptions(command, { moves: false }).action((file: string, words: Words) =>
    atArm(words, output, (here) =>
      withArm(here, (arm) => record(arm, here, { file, words, output })),
    ),
  );
}

async function record(
  arm: Franka,
  { name }: Here,
  {
    file,
    words,
    output,
  }: { readonly file: string; readonly words: Words; readonly output: Output },
): Promise<void> {
  using live = output.live();
  // A robot that is only looked at. Its command is where the arm is, which a model that learns from it is to answer.
  const guided = {
    observe: async (): Promise<Observed> => {
      const state = await arm.state();
      return Object.fromEntries(FIELDS.map((field) => [field, state[field]])) as Observed;
    },
    act: (): void => undefined,
    reset: (): void => undefined,
  };
  const session = new Session(guided, ({ q }: Observed) => q, {
    rateHz: words.rate,
    warmupS: 0,
    record: file,
  });
  // What cannot be kept is not worth showing an arm for.
  session.on('recordingFailed', () => void session.stop());
  const shown = setInterval(() => live.show(`recording ${name}: ${session.stepCount} states`), 250);
  // Without a duration Ctrl+C is how the recording is meant to end: the session itself listens for it.
  const ending = words.duration === undefined ? {} : { durationS: words.duration };
  const stats = await runUntilSignal(session, ending)
    .catch((error: unknown) => {
      throw causeOf(error);
    })
    .finally(() => clearInterval(shown));
  const { recording } = session;
  const { cycles = 0, lostCycles = 0, error } = recording ?? {};
  const { missedTicks, unrecordedCycles } = stats;
  const seconds = fixed((cycles + unrecordedCycles + missedTicks) / words.rate, 1);
  live.clear();
  if (error) {
    const kept = `only ${counted(cycles, 'state')} could be kept, and ${lostCycles} were lost`;
    output.tell(`${inOneLine(file)}: ${kept}\n`);
    throw error;
  }
  const missed = { missedStates: missedTicks, unrecordedStates: unrecordedCycles };
  const result = { path: file, cycles, ...missed };
  output.done(result, [
    `${file}: ${counted(cycles, 'state')} of ${name}, ${seconds} s; ${missedTicks} missed`,
    ...lostLines(recording, stats, 'state'),
    `\`kilohertz replay ${shellWord(file)}\` moves the arm along them`,
  ]);
}

/** Returns the error of the arm, which the session tells as the cause of its own. */
function causeOf(error: unknown): unknown {
  const isOfRobot = isKilohertzError(error) && error.code === 'ROBOT_THREW';
  return isOfRobot && isKilohertzError(error.cause) ? error.cause : error;
}
