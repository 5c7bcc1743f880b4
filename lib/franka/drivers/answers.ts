import type { NativeArm } from '../../native/binding.ts';
import { CHUNK, type FrankaControl } from '../../native/contract.ts';
import { STATE_LENGTH } from '../../native/robot-state.ts';
import type { Lengths } from '../../policy/worker-messages.ts';
import { ActionBuffer, type Refusal } from '../../session/action.ts';
import { ChunkBuffer, type ChunkLengths } from '../../session/chunk.ts';
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
}

/** Returns the sizes of the observations and answers of a policy that drives an arm. */
export function lengthsOf(
  arm: NativeArm,
  control: FrankaControl,
  chunks: ChunkLengths | undefined,
): Lengths {
  const action = arm.actionLength(control);
  const own = { observation: STATE_LENGTH, action, isPose: isPose(control) };
  if (chunks === undefined) return { ...own, answer: action };
  const answer = CHUNK.header + chunks.maxRows * action;
  return { ...own, observation: STATE_LENGTH + CHUNK.news, answer, chunks };
}

/** Returns the buffer for answers of these sizes. */
export function answerBuffer({ action, isPose, chunks }: Lengths): AnswerBuffer {
  return chunks === undefined
    ? new ActionBuffer(action, isPose)
    : new ChunkBuffer(action, isPose, chunks);
}
