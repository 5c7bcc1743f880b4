import { types } from 'node:util';
import { checkSignal } from '../abort.ts';
import { ownOptions } from '../checks.ts';
import { InvalidActionError, OptionTypeError } from '../errors/errors.ts';
import type { AnswerBuffer } from '../franka/drivers/answers.ts';
import { CHUNK } from '../native/contract.ts';
import type { RobotState } from '../native/robot-state.ts';
import { type CheckedChunkedOptions, type ChunkedPolicy, isChunked } from '../policy/chunked.ts';
import { askAnew, resetPolicy } from '../policy/episode.ts';
import { ActionBuffer, type Refusal } from '../session/action.ts';
import { ChunkBuffer } from '../session/chunk.ts';
import { policyThrew } from '../session/policy-failure.ts';
import type { Policy, Tick } from '../session/robot.ts';
import {
  lengthOf,
  type RecordedAnswer,
  type RecordedField,
  type RecordedRun,
  type RecordedTold,
} from './entries.ts';
import type { RecordingFile } from './file.ts';
import { replay } from './replay.ts';

/** What a policy that is run again receives beside the observation. */
export interface RerunTick extends Tick {
  /** How long after the question the recorded answer came, by the robot's clock [s]. */
  readonly answeredAfterS: number;
}

/** A policy that is run again: a function, or {@link chunked} of one. */
export type RerunPolicy<Observation> =
  | ((observation: Observation, tick: RerunTick) => unknown)
  | ChunkedPolicy<Observation, unknown>;

/** Options of {@link rerun}. */
export interface RerunOptions {
  /** Ends the call when it aborts, with an {@link AbortError}. */
  readonly signal?: AbortSignal;
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
 * after how long its answer came. Nothing moves.
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
 * @throws {PolicyError} `POLICY_THREW` if the policy throws
 * @throws {InvalidActionError} if an answer is not an action, or not a chunk
 * @throws {AbortError} if `signal` aborts
 * @throws {KilohertzError} `RECORD_IO`, `RECORD_EMPTY`, `RECORD_FOREIGN`, `RECORD_NEWER`, `RECORD_DAMAGED`
 */
export async function rerun<Observation = RobotState>(
  file: RecordingFile,
  policy: RerunPolicy<Observation>,
  options: RerunOptions = {},
): Promise<RerunReport> {
  const { signal } = ownOptions('rerun()', options, ['signal']);
  checkSignal(signal);
  const asked: unknown = isChunked<Observation, unknown>(policy) ? policy.policy : policy;
  if (typeof asked !== 'function') {
    throw new OptionTypeError('OPTION_POLICY', 'policy', asked, 'a function, or chunked() of one');
  }
  const recording = replay<Observation>(file, signal ? { signal } : {});
  const chunks = isChunked(policy) ? policy.options : undefined;
  const answers = new Answers(await recording.run, chunks);
  const questions = new Questions();
  const states = new Map<number, { readonly state: Observation; readonly robotTimeS: number }>();
  let [compared, differing, withoutState] = [0, 0, 0];
  let firstDifference: RerunDifference | undefined;
  await reset(asked as Policy<Observation, unknown>);
  for await (const { tick, state, robotTimeS, answer } of recording) {
    states.set(tick, { state, robotTimeS });
    if (states.size > KEPT_CYCLES)
      for (const first of states.keys()) {
        states.delete(first);
        break;
      }
    if (!answer) continue;
    const question = states.get(answer.tick);
    if (!question) {
      withoutState += 1;
      continue;
    }
    const clock = questions.tick(answer.tick, question.robotTimeS, robotTimeS);
    const { told, isAnew } = answers.question(clock, answer.told);
    const given = await ask(asked as Policy<Observation, unknown>, question.state, told, isAnew);
    const slots = answers.differences(answer, given, told, question.robotTimeS);
    compared += 1;
    if (slots.length === 0) continue;
    differing += 1;
    firstDifference ??= { tick: told.tick, timeS: told.timeS, slots };
  }
  return { answers: compared, differing, withoutState, firstDifference };
}

/** Resets a policy for its first episode. */
async function reset(policy: object): Promise<void> {
  try {
    await resetPolicy(policy);
  } catch (cause) {
    throw policyThrew(undefined, cause)({});
  }
}

/** Asks a policy. It is reset before if an episode begins. */
async function ask<Observation>(
  policy: Policy<Observation, unknown>,
  observation: Observation,
  tick: RerunTick,
  isAnew: boolean,
): Promise<unknown> {
  try {
    return await (isAnew ? askAnew(policy, observation, tick) : policy(observation, tick));
  } catch (cause) {
    throw policyThrew(tick.tick, cause)({ tick: tick.tick });
  }
}

const NS_PER_S = 1e9;

/** The times of questions, as a session tells them: differences of whole nanoseconds. */
class Questions {
  #firstNs: number | undefined;
  #lastNs = 0;

  tick(tick: number, askedAtS: number, answeredAtS: number): RerunTick {
    const ns = nanoseconds(askedAtS);
    const periodS = this.#firstNs === undefined ? 0 : seconds(ns - this.#lastNs);
    this.#firstNs ??= ns;
    this.#lastNs = ns;
    const answeredAfterS = seconds(nanoseconds(answeredAtS) - ns);
    return { tick, timeS: seconds(ns - this.#firstNs), periodS, answeredAfterS };
  }
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
  readonly #buffer: AnswerBuffer;
  readonly #isChunked: boolean;

  constructor({ action, answer }: RecordedRun, chunks: CheckedChunkedOptions | undefined) {
    this.#names = answer.flatMap(namesOf);
    this.#width = lengthOf(answer);
    const length = lengthOf(action);
    const isPose = action[0]?.length === POSE;
    this.#isChunked = chunks !== undefined;
    if (chunks === undefined) {
      this.#buffer = new ActionBuffer(length, isPose);
      return;
    }
    const { maxRows, skipsBad, executionHorizon } = chunks;
    const hasGripper = this.#width > length;
    this.#buffer = new ChunkBuffer(length, isPose, {
      maxRows,
      skipsBad,
      executionHorizon,
      hasGripper,
    });
  }

  /** Returns what the policy is told of a question, and whether an episode begins with it. */
  question(clock: RerunTick, told: RecordedTold | undefined): { told: RerunTick; isAnew: boolean } {
    const { tick, timeS, periodS, answeredAfterS } = clock;
    const { beganS = Number.NaN, latencyS = 0, episode = 0 } = told ?? {};
    const news = Float64Array.of(beganS, latencyS, episode);
    const asked = this.#buffer.tick(Float64Array.of(tick, timeS, periodS), news);
    return { told: { ...asked, answeredAfterS }, isAnew: this.#buffer.beginsEpisode(news) };
  }

  /** Returns every number in which an answer differs from the recorded one. */
  differences(
    recorded: RecordedAnswer,
    given: unknown,
    { tick, timeS }: RerunTick,
    askedAtS: number,
  ): RerunSlot[] {
    const { rows, dtS, beforeS } = this.#rows(given, tick, timeS);
    const slots: RerunSlot[] = [];
    const compare = (name: string, row: number, was?: number, received?: number): void => {
      if (!Object.is(was, received)) slots.push({ name, row, recorded: was, received });
    };
    if (this.#isChunked && rows.length > 0) {
      compare('dtS', 0, recorded.stepS, dtS);
      compare('observedAtS', 0, recorded.timeS, seconds(nanoseconds(askedAtS)) - beforeS);
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

  /** Returns the actions of an answer; none if the policy has nothing new. */
  #rows(given: unknown, tick: number, timeS: number): Given {
    const frame = this.#taken(this.#buffer.take(given, timeS), given, tick);
    if (!frame) return { rows: [], dtS: 0, beforeS: 0 };
    if (!this.#isChunked) return { rows: [frame.slice()], dtS: 0, beforeS: 0 };
    const numbers = frame.subarray(CHUNK.header);
    const count = numbers.length / this.#width;
    const at = (row: number): number => row * this.#width;
    const rows = Array.from({ length: count }, (_, row) => numbers.slice(at(row), at(row + 1)));
    const [, dtS = 0, beforeS = 0] = frame;
    return { rows, dtS, beforeS };
  }

  #taken(
    answer: Float64Array | Refusal | undefined,
    given: unknown,
    tick: number,
  ): Float64Array | undefined {
    if (answer === undefined || types.isFloat64Array(answer)) return answer;
    const { code, received, expected, advice } = answer;
    const message = `the policy returned ${received} for cycle ${tick}; expected ${expected}${advice && `. ${advice}`}`;
    throw new InvalidActionError(code, message, given, expected, { tick });
  }
}

/** How many numbers a pose has. */
const POSE = 16;

function namesOf({ name, length }: RecordedField): string[] {
  return length === 1 ? [name] : Array.from({ length }, (_, index) => `${name}[${index}]`);
}
