import type { NativeArm, NativeChunks } from '../../native/binding.ts';
import { CHUNK, type FrankaControl } from '../../native/contract.ts';
import { STATE_LENGTH } from '../../native/robot-state.ts';
import type { Lengths } from '../../policy/worker-messages.ts';
import { ActionBuffer, type Refusal } from '../../session/action.ts';
import { ChunkBuffer } from '../../session/chunk.ts';
import { isPose } from '../control.ts';

/** Converts the answers of a policy to the form that the native side takes. */
export interface AnswerBuffer {
  /**
   * Returns the numbers of an answer, valid until the next call; undefined if the policy has nothing new; or why the
   * answer is refused. `timeS` is the time of the question.
   */
  take(answer: unknown, timeS: number): Float64Array | Refusal | undefined;
}

/** Returns the sizes of the observations and answers of a policy that drives an arm. */
export function lengthsOf(
  arm: NativeArm,
  control: FrankaControl,
  chunks: NativeChunks | undefined,
): Lengths {
  const action = arm.actionLength(control);
  const own = { observation: STATE_LENGTH, action, isPose: isPose(control) };
  if (chunks === undefined) return { ...own, answer: action };
  const { rows: maxRows, skipsBad } = chunks;
  return { ...own, answer: CHUNK.header + maxRows * action, chunks: { maxRows, skipsBad } };
}

/** Returns the buffer for answers of these sizes. */
export function answerBuffer({ action, isPose, chunks }: Lengths): AnswerBuffer {
  return chunks === undefined
    ? new ActionBuffer(action, isPose)
    : new ChunkBuffer(action, isPose, chunks);
}
