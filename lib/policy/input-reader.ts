// The inputs of a policy, where it runs.

import { calling } from '../errors/native-call.ts';
import { NativeJoinedInputs } from '../native/binding.ts';
import { ARRAY, INPUT } from '../native/contract.ts';
import { withShape } from '../offload/codec/shape.ts';
import type { Input } from '../session/robot.ts';

type Numbers = ArrayBufferView & { readonly length: number };
type NumbersClass = new (buffer: ArrayBuffer) => Numbers;

const CLASSES = new Map(Object.entries(ARRAY).map(([name, kind]) => [kind as number, name]));
/** How many numbers precede the shape in what is told of a value. */
const HEAD = 5;

/** Reads the inputs of a policy. */
export class InputReader {
  readonly #native: NativeJoinedInputs;
  readonly #all: TakenInput[] = [];
  readonly #named: Record<string, Input> = Object.create(null);

  /** @param memory the descriptor of the memory */
  constructor(memory: number) {
    this.#native = calling(() => NativeJoinedInputs.join(memory));
  }

  /** Returns the inputs that there are now, for a new question. They are read when the policy looks at them. */
  look(): Readonly<Record<string, Input>> {
    const native = this.#native;
    if (!native.changed()) return this.#named;
    for (let index = this.#all.length; index < native.count; index += 1) {
      this.#all.push(new TakenInput(native, index));
    }
    for (const input of this.#all) {
      if (input.look()) this.#named[input.name] = input;
      else delete this.#named[input.name];
    }
    return this.#named;
  }
}

class TakenInput implements Input {
  readonly name: string;
  readonly #native: NativeJoinedInputs;
  readonly #index: number;
  readonly #head = new Float64Array(HEAD + INPUT.dims);
  /** What tells the value that was taken from others. */
  #taken = -1;
  #isOld = true;
  #value: unknown;
  /** The bytes of the array, and what they are of. */
  #bytes = new Uint8Array();
  #form = '';

  constructor(native: NativeJoinedInputs, index: number) {
    this.#native = native;
    this.#index = index;
    this.name = native.name(index) ?? '';
  }

  get value(): unknown {
    if (this.#isOld) this.#take();
    return this.#value;
  }

  get hostTimeS(): number {
    if (this.#isOld) this.#take();
    return this.#head[1] ?? Number.NaN;
  }

  /** Looks whether there is a newer value. Returns whether there is one at all. */
  look(): boolean {
    const newest = this.#native.newest(this.#index);
    if (newest !== this.#taken) this.#isOld = true;
    return newest >= 0;
  }

  #take(): void {
    this.#isOld = false;
    // What was removed since the question stays as it was.
    if (!this.#native.take(this.#index, this.#head)) return;
    const [word = -1, , kind = 0, length = 0, dims = 0] = this.#head;
    this.#taken = word;
    if (kind === INPUT.plain) {
      const bytes = Buffer.alloc(length);
      this.#native.copy(bytes);
      this.#value = JSON.parse(bytes.toString());
      this.#form = '';
      return;
    }
    const shape = [...this.#head.subarray(HEAD, HEAD + dims)];
    const form = `${kind} ${shape}`;
    // A policy may have transferred its array to another thread.
    if (form !== this.#form || this.#bytes.byteLength !== length) {
      this.#form = form;
      this.#bytes = new Uint8Array(length);
      const Class = globalThis[CLASSES.get(kind) as 'Uint8Array'] as unknown as NumbersClass;
      this.#value = withShape(new Class(this.#bytes.buffer), shape);
    }
    this.#native.copy(this.#bytes);
  }
}
