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
   * Returns what the policy is told of its question. `clock` has the tick, time [s] and period [s]; `observation` is
   * what was observed, and what follows it.
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
  return { lengths: lengthsOf(arm, control, chunks), hand: chunks?.gripper?.hand };
}

/** Returns the sizes of the observations and answers of a policy that drives an arm. */
function lengthsOf(
  arm: NativeArm,
  control: FrankaControl,
  chunks: CheckedChunkedOptions | undefined,
): Lengths {
  const action = arm.actionLength(control);
  const own = { observation: STATE_LENGTH, action, isPose: isPose(control) };
  if (chunks === undefined) return { ...own, answer: action };
  const row = chunks.gripper === undefined ? action : action + 1;
  const answer = CHUNK.header + chunks.maxRows * row;
  const { maxRows, skipsBad, executionHorizon, gripper } = chunks;
  const taken = { maxRows, skipsBad, executionHorizon, hasGripper: gripper !== undefined };
  return { ...own, observation: STATE_LENGTH + CHUNK.news, answer, chunks: taken };
}

/** Returns the buffer for answers of these sizes. */
export function answerBuffer({ action, isPose, chunks }: Lengths): AnswerBuffer {
  return chunks === undefined
    ? new ActionBuffer(action, isPose)
    : new ChunkBuffer(action, isPose, chunks);
}
