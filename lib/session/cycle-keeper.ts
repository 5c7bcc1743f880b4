import { calling } from '../errors/native-call.ts';
import type { NativeSession } from '../native/binding.ts';
import { Form } from './form.ts';

/** The longest list of what is not kept, in a note. */
const MOST_NAMES = 8;

/**
 * Hands over what a robot written in JavaScript observes and is commanded, for the recording, the black box and those to
 * whom the session is shown. What a value consists of is learnt in the first cycle.
 */
export class CycleKeeper {
  readonly #native: NativeSession;
  #state: Form | undefined;
  #action: Form | undefined;
  #numbers = new Float64Array(0);
  /** The fields of the state that this cycle does not have; and all those that the last cycle did not have. */
  #unobserved: readonly string[] = [];
  #missing = '';
  #note: string | undefined;
  #unkept = 0;

  constructor(native: NativeSession) {
    this.#native = native;
  }

  /** How many fields of cycles could not be kept, because their form was another than in the first cycle. */
  get unkeptFields(): number {
    return this.#unkept;
  }

  /** Takes what was observed, before the policy can change it. */
  observed(observation: unknown): void {
    this.#state ??= Form.of(observation);
    if (!this.#action) {
      // How many numbers a command has is known when the policy has answered.
      this.#numbers = new Float64Array(this.#state.length);
    }
    const missing = this.#state.fill(observation, this.#numbers);
    this.#unobserved = missing.map((name) => `state.${name}`);
  }

  /** Keeps the cycle with what the robot is commanded. */
  commanded(tick: number, action: unknown): void {
    const state = this.#state;
    if (!state) return;
    if (!this.#action) this.#describe(state, Form.of(action));
    const missing = this.#action?.fill(action, this.#numbers.subarray(state.length)) ?? [];
    this.#keep(tick, missing);
  }

  #describe(state: Form, action: Form): void {
    this.#action = action;
    const numbers = new Float64Array(state.length + action.length);
    numbers.set(this.#numbers);
    this.#numbers = numbers;
    calling(() => this.#native.describe([...state.fields], [...action.fields]));
    const leftOut = [
      ...state.leftOut.map((each) => `state.${each}`),
      ...action.leftOut.map((each) => `command.${each}`),
    ];
    if (leftOut.length > 0)
      this.#note = `only numbers and lists of numbers are kept; not kept is ${some(leftOut)}`;
  }

  #keep(tick: number, missing: readonly string[]): void {
    const all = [...this.#unobserved, ...missing.map((name) => `command.${name}`)];
    this.#unkept += all.length;
    const names = all.join();
    // Told once each time that it changes.
    if (names !== this.#missing && all.length > 0) {
      this.#note = `not of the form of the first cycle, and not kept: ${some(all)}`;
    }
    this.#missing = names;
    const note = this.#note;
    this.#note = undefined;
    calling(() => this.#native.keep(tick, this.#numbers, note));
  }
}

/** Returns the first of a list of texts, and how many more there are. */
function some(texts: readonly string[]): string {
  const more = texts.length - MOST_NAMES;
  return texts.slice(0, MOST_NAMES).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
