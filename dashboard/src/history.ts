// The newest seconds of an arm, column by column, for charts and for the path of the end effector.

import { type Counts, type Fields, type Frame, KINDS, type Kind } from './frames.ts';

/** How far back charts go [s]. */
export const WINDOW_S = 10;
/** 60 frames a second, and some room. */
const CAPACITY = 900;

/** Columns of the newest frames. They are shifted only when they are full, so that what is drawn is one piece. */
export class History {
  readonly fields: Fields;
  #timesS = new Float64Array(2 * CAPACITY);
  #columns: Float32Array[];
  #kinds: Record<Kind, Float64Array>;
  #start = 0;
  #end = 0;
  #last: Frame | undefined;

  constructor(fields: Fields) {
    this.fields = fields;
    this.#columns = Array.from({ length: fields.length }, () => new Float32Array(2 * CAPACITY));
    const column = () => new Float64Array(2 * CAPACITY);
    this.#kinds = {
      ...{ fresh: column(), followed: column(), held: column() },
      ...{ rest: column(), lost: column() },
    };
  }

  get newest(): Frame | undefined {
    return this.#last;
  }

  get length(): number {
    return this.#end - this.#start;
  }

  /** The robot's times [s]. */
  get timesS(): Float64Array {
    return this.#timesS.subarray(this.#start, this.#end);
  }

  /** The values of a column since the oldest time. */
  column(nth: number): Float32Array {
    return this.#columns[nth]?.subarray(this.#start, this.#end) ?? new Float32Array();
  }

  /** How many cycles of a kind lie between each frame and the one before. */
  kind(kind: Kind): Float64Array {
    return this.#kinds[kind].subarray(this.#start, this.#end);
  }

  clear(): void {
    this.#start = 0;
    this.#end = 0;
    this.#last = undefined;
  }

  /** Adds a frame. After one that is older than the newest, or of a session whose counts began anew, only it is left. */
  add(frame: Frame): void {
    const last = this.#last;
    const isNew = last !== undefined && frame.counts.cycles < last.counts.cycles;
    if (last !== undefined && (frame.timeS < last.timeS || isNew)) this.clear();
    else if (last !== undefined && frame.timeS === last.timeS) {
      // The last frame of a session comes again once all of its cycles are counted.
      for (const kind of KINDS) {
        const counted = this.#kinds[kind];
        const at = this.#end - 1;
        counted[at] = (counted[at] ?? 0) + frame.counts[kind] - last.counts[kind];
      }
      this.#last = frame;
      return;
    }
    if (this.#end === 2 * CAPACITY) this.#shift();
    this.#timesS[this.#end] = frame.timeS;
    for (const [nth, column] of this.#columns.entries()) {
      column[this.#end] = frame.values[nth] ?? NaN;
    }
    const before: Counts | undefined = this.#last?.counts;
    for (const kind of KINDS) {
      this.#kinds[kind][this.#end] = before === undefined ? 0 : frame.counts[kind] - before[kind];
    }
    this.#end += 1;
    this.#last = frame;
    const oldest = frame.timeS - WINDOW_S;
    while (this.#end - this.#start > 1 && (this.#timesS[this.#start] ?? oldest) < oldest) {
      this.#start += 1;
    }
    this.#start = Math.max(this.#start, this.#end - CAPACITY);
  }

  #shift(): void {
    const kinds = KINDS.map((kind) => this.#kinds[kind]);
    for (const column of [this.#timesS, ...this.#columns, ...kinds]) {
      column.copyWithin(0, this.#start, this.#end);
    }
    this.#end -= this.#start;
    this.#start = 0;
  }
}
