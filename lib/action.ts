import { isNumbers } from './checks.ts';
import { describe } from './errors.ts';

/** Why an answer is no action. */
export interface Refusal {
  readonly code: 'ACTION_LENGTH' | 'ACTION_TYPE';
  readonly received: string;
  readonly expected: string;
}

/** Puts answers of a policy into the form that the native side takes. */
export class ActionBuffer {
  readonly #slots: Float64Array;

  constructor(length: number) {
    this.#slots = new Float64Array(length);
  }

  /** The action that `answer` is, or why it is none. */
  take(answer: unknown): Float64Array | Refusal {
    const { length } = this.#slots;
    if (answer instanceof Float64Array && answer.length === length) return answer;
    const right = isNumbers(answer);
    if (right && answer.length === length) {
      this.#slots.set(answer);
      return this.#slots;
    }
    return {
      code: right ? 'ACTION_LENGTH' : 'ACTION_TYPE',
      received: describe(answer),
      expected: `an array or typed array of ${length} numbers`,
    };
  }
}
