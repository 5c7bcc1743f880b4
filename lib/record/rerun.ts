import { checkSignal } from '../abort.ts';
import { checkNumber, ownOptions } from '../checks.ts';
import { OptionTypeError } from '../errors/errors.ts';
import { lengthsOf } from '../franka/drivers/answers.ts';
import { CHUNK } from '../native/contract.ts';
import type { RobotState } from '../native/robot-state.ts';
import {
  type AnyPolicy,
  type HostedPolicy,
  isAnyPolicy,
  POLICY_FORMS,
} from '../policy/any-policy.ts';
import { type ChunkedPolicy, isChunked } from '../policy/chunked.ts';
import type { Policy } from '../session/robot.ts';
import {
  type Asking,
  AskingElsewhere,
  AskingHere,
  type Patience,
  type Question,
  type RerunTick,
} from './asking.ts';
import {
  isArm,
  lengthOf,
  type RecordedAnswer,
  type RecordedCycle,
  type RecordedField,
  type RecordedRun,
  type RecordedTold,
} from './entries.ts';
import type { RecordingFile } from './file.ts';
import { replay } from './replay.ts';

export type { RerunTick };

/**
 * A policy that is run again: a function, what {@link workerPolicy}, {@link processPolicy} or {@link onnxPolicy} returns, or
 * {@link chunked} of one of them.
 */
export type RerunPolicy<Observation> =
  | ((observation: Observation, tick: RerunTick) => unknown)
  | HostedPolicy<Observation, unknown>
  | ChunkedPolicy<Observation, unknown>;

/** Options of {@link rerun}. */
export interface RerunOptions {
  /** Ends the call when it aborts, with an {@link AbortError}. */
  readonly signal?: AbortSignal;
  /**
   * How long the policy may take to load, and for each answer [s], above 0 to 3600. Default 60. A function that does not
   * return is not ended: it holds this thread.
   */
  readonly timeoutS?: number;
}

/** A number that differs. */
export interface RerunSlot {
  /** The field, with its index if it has several numbers, for example `q[3]`; of a chunk also `dtS` and `observedAtS`. */
  readonly name: string;
  /** The index of the action in a chunk; 0 for a single action. */
  readonly row: number;
  /** What the policy answered in the recorded run; undefined if it had no such action. */
  readonly recorded: number | undefined;
  /** What the policy answers now; undefined if it has no such action, or nothing new. */
  readonly received: number | undefined;
}

/** The first answer that differs. */
export interface RerunDifference {
  /** The cycle of the question. */
  readonly tick: number;
  /** The time of the question, as the policy is told it [s]. */
  readonly timeS: number;
  /** Every number that differs. */
  readonly slots: readonly RerunSlot[];
}

/** How a policy that was run again compares with the recorded one. */
export interface RerunReport {
  /** How many answers were compared. */
  readonly answers: number;
  /** How many of these differ in at least one bit. */
  readonly differing: number;
  /** How many recorded answers could not be compared, because the state of their question was not kept. */
  readonly withoutState: number;
  /** The first answer that differs; undefined if none does. */
  readonly firstDifference: RerunDifference | undefined;
}

/** How many cycles are kept for an answer that comes later: four seconds at 1 kHz. */
const KEPT_CYCLES = 4_096;

/**
 * Asks a policy the questions of a recorded run again, and compares its answers bit by bit with the recorded ones. The
 * policy receives the recorded observations in their order, with the cycle, `timeS` and `periodS` that it had then, and
 * after how long its answer came. A policy in a worker or a process is loaded there and asked as in a session, one
 * question after the other; it ends with the call. Nothing moves.
 *
 * Only questions whose answer is in the recording are asked. So a policy that keeps something from question to question
 * must not have answered `undefined` in between, if its answers are to be the same. The policy's `reset()` is called
 * where an episode of it began. {@link Tick.chunk} is what it was in the run, with the policy's own last chunk.
 *
 * @example
 * const { firstDifference } = await rerun('run.mcap', policy);
 * if (firstDifference) console.log(firstDifference.tick, firstDifference.slots);
 *
 * @throws {OptionTypeError | OptionRangeError} if an argument is invalid
 * @throws {PolicyError} `POLICY_THREW` if the policy throws, `POLICY_CRASHED` if its worker or process ends,
 *   `POLICY_UNSETTLED` if it takes longer than `timeoutS`
 * @throws {InvalidActionError} if an answer is not an action, or not a chunk
 * @throws {AbortError} if `signal` aborts
 * @throws {KilohertzError} `RECORD_IO`, `RECORD_EMPTY`, `RECORD_FOREIGN`, `RECORD_NEWER`, `RECORD_DAMAGED`
 */
export async function rerun<Observation = RobotState>(
  file: RecordingFile,
  policy: RerunPolicy<Observation>,
  options: RerunOptions = {},
): Promise<RerunReport> {
  const { signal, timeoutS = 60 } = ownOptions('rerun()', options, ['signal', 'timeoutS']);
  checkSignal(signal);
  const patience = { signal, timeoutS: checkNumber('timeoutS', timeoutS, TIMEOUT) };
  checkPolicy(policy);
  const recording = replay<Observation>(file, signal ? { signal } : {});
  const run = await recording.run;
  const asking = askingOf(run, policy, patience);
  const answers = new Answers(run, isChunked(policy));
  const questions = new Questions();
  const states = new Map<number, Asked<Observation>>();
  let [compared, differing, withoutState] = [0, 0, 0];
  let firstDifference: RerunDifference | undefined;
  try {
    await asking.begin();
    for await (const { tick, state, robotTimeS, monotonicNs, wallNs, answer } of recording) {
      states.set(tick, { state, robotTimeS, monotonicNs, wallNs });
      if (states.size > KEPT_CYCLES)
        for (const first of states.keys()) {
          states.delete(first);
          break;
        }
      if (!answer) continue;
      const asked = states.get(answer.tick);
      if (!asked) {
        withoutState += 1;
        continue;
      }
      const question = questions.of(answer, asked, robotTimeS);
      const slots = answers.differences(answer, await asking.ask(question), question.askedNs);
      compared += 1;
      if (slots.length === 0) continue;
      differing += 1;
      firstDifference ??= { tick: question.tick, timeS: question.timeS, slots };
    }
  } finally {
    await asking.end();
  }
  return { answers: compared, differing, withoutState, firstDifference };
}

const TIMEOUT = { from: 0, above: true, to: 3600, unit: 's' } as const;

/** Returns the policy itself, which may be in chunks. */
function inside<Observation>(policy: RerunPolicy<Observation>): unknown {
  return isChunked<Observation, unknown>(policy) ? policy.policy : policy;
}

function checkPolicy(policy: RerunPolicy<never>): void {
  const asked = inside(policy);
  if (isAnyPolicy(asked)) return;
  throw new OptionTypeError('OPTION_POLICY', 'policy', asked, POLICY_FORMS);
}

/** Returns how a policy is asked the questions of a run. */
function askingOf<Observation>(
  run: RecordedRun,
  policy: RerunPolicy<Observation>,
  patience: Patience,
): Asking<Observation> {
  const action = lengthOf(run.action);
  const isPose = run.action[0]?.length === POSE;
  const hasGripper = lengthOf(run.answer) > action;
  const chunks = isChunked(policy) ? policy.options : undefined;
  const lengths = lengthsOf({ action, isPose, hasGripper }, chunks);
  const asked = inside(policy) as AnyPolicy<Observation, unknown>;
  if (typeof asked === 'function') {
    return new AskingHere(asked as Policy<Observation, unknown>, lengths, patience);
  }
  if (!isArm(run)) throw noArm(policy);
  const elsewhere = asked as HostedPolicy<RobotState, unknown>;
  const asking: unknown = new AskingElsewhere(elsewhere, lengths, run.periodS, patience);
  return asking as Asking<Observation>;
}

function noArm(policy: unknown): OptionTypeError {
  const expected =
    'a function: policies in a worker or a process see the states of arms only, and this recording has others';
  return new OptionTypeError('OPTION_POLICY', 'policy', policy, expected);
}

const NS_PER_S = 1e9;

/** A cycle in which the policy may have been asked. */
type Asked<Observation> = Pick<
  RecordedCycle<Observation>,
  'state' | 'robotTimeS' | 'monotonicNs' | 'wallNs'
>;

/** The questions of a run, with the times that a session tells: differences of whole nanoseconds. */
class Questions {
  #firstNs: number | undefined;
  #lastNs = 0;

  of<Observation>(
    { tick, told }: RecordedAnswer,
    { state: observation, robotTimeS: askedAtS, monotonicNs, wallNs }: Asked<Observation>,
    answeredAtS: number,
  ): Question<Observation> {
    const askedNs = nanoseconds(askedAtS);
    const periodNs = this.#firstNs === undefined ? 0 : askedNs - this.#lastNs;
    this.#firstNs ??= askedNs;
    this.#lastNs = askedNs;
    return {
      observation,
      tick,
      askedNs,
      periodNs,
      timeS: seconds(askedNs - this.#firstNs),
      periodS: seconds(periodNs),
      hostNs: Number(monotonicNs),
      wallTimeS: Number(wallNs) / NS_PER_S,
      answeredAfterS: seconds(nanoseconds(answeredAtS) - askedNs),
      context: contextOf(told),
    };
  }
}

/** Returns what a policy that answers in chunks was told, as the loop hands it over. */
function contextOf({
  beganS = Number.NaN,
  latencyS = 0,
  episode = 0,
}: Partial<RecordedTold> = {}): Float64Array {
  return Float64Array.of(beganS, latencyS, episode);
}

function nanoseconds(timeS: number): number {
  return Math.round(timeS * NS_PER_S);
}

/** Returns seconds, rounded as the loop rounds them: whole seconds, and nanoseconds beside. */
function seconds(ns: number): number {
  const whole = Math.floor(ns / NS_PER_S);
  return whole + (ns - whole * NS_PER_S) / NS_PER_S;
}

/** An answer, as it is compared. */
interface Given {
  /** Its actions; none if the policy has nothing new. */
  readonly rows: readonly Float64Array[];
  /** Of a chunk: the time between its actions, and how long before the question it was observed [s]. */
  readonly dtS: number;
  readonly beforeS: number;
}

/** Compares answers with recorded ones. */
class Answers {
  readonly #names: readonly string[];
  /** How many numbers an action of an answer has. */
  readonly #width: number;
  readonly #isChunked: boolean;

  constructor({ answer }: RecordedRun, isChunked: boolean) {
    this.#names = answer.flatMap(namesOf);
    this.#width = lengthOf(answer);
    this.#isChunked = isChunked;
  }

  /** Returns every number in which an answer differs from the recorded one. */
  differences(
    recorded: RecordedAnswer,
    received: Float64Array | undefined,
    askedNs: number,
  ): RerunSlot[] {
    const { rows, dtS, beforeS } = this.#given(received);
    const slots: RerunSlot[] = [];
    const compare = (name: string, row: number, was?: number, now?: number): void => {
      if (!Object.is(was, now)) slots.push({ name, row, recorded: was, received: now });
    };
    if (this.#isChunked && rows.length > 0) {
      compare('dtS', 0, recorded.stepS, dtS);
      compare('observedAtS', 0, recorded.timeS, seconds(askedNs) - beforeS);
    }
    // Of further rows the first says that there are more.
    const most = Math.min(rows.length, recorded.actions.length + 1);
    for (let row = 0; row < Math.max(most, recorded.actions.length); row += 1) {
      const [before, now] = [recorded.actions[row], rows[row]];
      for (const [slot, name] of this.#names.entries()) {
        compare(name, row, before?.[slot], now?.[slot]);
      }
    }
    return slots;
  }

  /** Returns the actions in the numbers of an answer; none if the policy has nothing new. */
  #given(numbers: Float64Array | undefined): Given {
    if (!numbers) return { rows: [], dtS: 0, beforeS: 0 };
    if (!this.#isChunked) return { rows: [numbers], dtS: 0, beforeS: 0 };
    // A chunk that was left out has a number below 0 in the place of its count.
    const [count = 0, dtS = 0, beforeS = 0] = numbers;
    const held = Math.min(count, (numbers.length - CHUNK.header) / this.#width);
    const at = (row: number): number => CHUNK.header + row * this.#width;
    const rows = Array.from({ length: Math.max(0, held) }, (_, row) =>
      numbers.subarray(at(row), at(row + 1)),
    );
    return { rows, dtS, beforeS };
  }
}

/** How many numbers a pose has. */
const POSE = 16;

function namesOf({ name, length }: RecordedField): string[] {
  return length === 1 ? [name] : Array.from({ length }, (_, index) => `${name}[${index}]`);
}
