import type { NativeArm, NativeHand } from '../../native/binding.ts';
import { CHUNK, type FrankaControl } from '../../native/contract.ts';
import { STATE_LENGTH } from '../../native/robot-state.ts';
import type { CheckedChunkedOptions } from '../../policy/chunked.ts';
import type { Lengths } from '../../policy/worker-messages.ts';
import { ActionBuffer, type Refusal } from '../../session/action.ts';
import { ChunkBuffer } from '../../session/chunk.ts';
import type { Tick } from '../../session/robot.ts';
import { isPose } from '../control.ts';

/** Converts the answers of a policy to the form that the native side takes. */
export interface AnswerBuffer {
  /**
   * Returns the numbers of an answer, valid until the next call; undefined if the policy has nothing new; or why the
   * answer is refused. `timeS` is the time of the question.
   */
  take(answer: unknown, timeS: number): Float64Array | Refusal | undefined;
  /**
   * Returns what the policy is told of its question. `clock` is what the native side wrote of its times; `observation`
   * is what was observed, and what follows it.
   */
  tick(clock: Float64Array, observation: Float64Array): Tick;
  /** Whether an episode begins with this observation, after the first one. It is told once. */
  beginsEpisode(observation: Float64Array): boolean;
}

/** What a policy that drives an arm answers, and the hand that follows its chunks. */
export interface Answers {
  readonly lengths: Lengths;
  readonly hand: NativeHand | undefined;
}

/** Returns what a policy that drives an arm answers. */
export function answersOf(
  arm: NativeArm,
  control: FrankaControl,
  chunks: CheckedChunkedOptions | undefined,
): Answers {
  const hand = chunks?.gripper?.hand;
  const action = arm.actionLength(control);
  const form = { action, isPose: isPose(control), hasGripper: chunks?.gripper !== undefined };
  return { lengths: lengthsOf(form, chunks), hand };
}

/** Returns the sizes of the observations and answers of a policy, whose actions have `action` numbers. */
export function lengthsOf(
  { action, isPose, hasGripper }: { action: number; isPose: boolean; hasGripper: boolean },
  chunks: CheckedChunkedOptions | undefined,
): Lengths {
  const own = { observation: STATE_LENGTH, action, isPose };
  if (chunks === undefined) return { ...own, answer: action };
  const row = hasGripper ? action + 1 : action;
  const answer = CHUNK.header + chunks.maxRows * row;
  const { maxRows, skipsBad, executionHorizon } = chunks;
  const taken = { maxRows, skipsBad, executionHorizon, hasGripper };
  return { ...own, observation: STATE_LENGTH + CHUNK.context, answer, chunks: taken };
}

/** Returns the buffer for answers of these sizes. */
export function answerBuffer({ action, isPose, chunks }: Lengths): AnswerBuffer {
  return chunks === undefined
    ? new ActionBuffer(action, isPose)
    : new ChunkBuffer(action, isPose, chunks);
}
