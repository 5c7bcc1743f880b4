import { types } from 'node:util';
import { isList } from '../checks.ts';
import { describe } from '../errors/describe.ts';
import { numberText } from '../errors/number.ts';
import { CHUNK, REFUSALS } from '../native/contract.ts';
import { ActionBuffer, type Refusal } from './action.ts';
import { type ChunkTick, type Tick, tickOf } from './robot.ts';

/** What a chunk has to be, for messages. */
const EXPECTED = 'a chunk: { actions, dtS }, with a list of actions and the time between them [s]';
/** Why an answer is no chunk, and in which row. */
interface RefusedRow extends Refusal {
  readonly row?: number;
}

/** How many dims of a tensor are looked at. */
const MOST_DIMS = 8;

/** Which share of a step two times may differ and still count as the same. */
const SAME_TIME = 1e-6;

/** How chunks are taken from a policy. */
export interface ChunkLengths {
  /** How many actions a chunk may have. */
  readonly maxRows: number;
  /** Whether an answer that is no chunk is left out. */
  readonly skipsBad: boolean;
  /** How many actions are executed until the next chunk, as the policy is told. */
  readonly executionHorizon: number;
  /** Whether each action is followed by a number for the gripper. */
  readonly hasGripper: boolean;
}

/** Converts chunks of a policy to the form that the native side takes. */
export class ChunkBuffer {
  readonly #frame: Float64Array;
  readonly #row: ActionBuffer;
  /** How many numbers an action has, and a row: with the number for the gripper. */
  readonly #slots: number;
  readonly #width: number;
  readonly #maxRows: number;
  readonly #skipsBad: boolean;
  readonly #executionHorizon: number;
  /** The rows of the last chunk, as they were answered, and the time between them [s]. */
  #last: readonly Float64Array[] = [];
  #lastDtS = 0;
  #episode = 0;

  /**
   * @param length how many numbers an action has
   * @param isPose whether actions begin with a pose, which may then be given as `{ xyz, quat }`
   */
  constructor(length: number, isPose: boolean, lengths: ChunkLengths) {
    const { maxRows, skipsBad, executionHorizon, hasGripper } = lengths;
    this.#width = hasGripper ? length + 1 : length;
    this.#slots = length;
    this.#row = new ActionBuffer(length, isPose);
    this.#maxRows = maxRows;
    this.#skipsBad = skipsBad;
    this.#executionHorizon = executionHorizon;
    this.#frame = new Float64Array(CHUNK.header + maxRows * this.#width);
  }

  /**
   * Returns the chunk in `answer`, valid until the next call; undefined if the policy has nothing new; or why the
   * answer is not a chunk. `timeS` is the time of the question.
   */
  take(answer: unknown, timeS: number): Float64Array | Refusal | undefined {
    if (answer === undefined) return undefined;
    const filled = this.#fill(answer, timeS);
    // The length of a proxied list can be anything.
    const isCount = Number.isSafeInteger(filled) && Number(filled) >= 0;
    const rows: number | RefusedRow =
      typeof filled !== 'number' || isCount
        ? filled
        : refused(`a chunk with ${numberText(filled)} actions`, '');
    if (typeof rows === 'number') {
      const held = Math.min(rows, this.#maxRows);
      this.#frame[0] = rows;
      this.#keep(held);
      return this.#frame.subarray(0, CHUNK.header + held * this.#width);
    }
    if (!this.#skipsBad) return rows;
    this.#frame[0] = CHUNK.none - REFUSALS.indexOf(rows.code);
    this.#frame[1] = rows.row ?? CHUNK.none;
    return this.#frame.subarray(0, CHUNK.header);
  }

  /** Returns what a policy is told beside the observation, which is followed by what the loop knows of its chunks. */
  tick(clock: Float64Array, observation: Float64Array): Tick {
    const [beganS = Number.NaN, latencyS = 0] = observation.subarray(-CHUNK.context);
    const dtS = this.#lastDtS;
    // Actions whose time has passed when the question is asked are over.
    const over = Number.isNaN(beganS) ? this.#last.length : Math.ceil(beganS / dtS - SAME_TIME);
    const chunk: ChunkTick = {
      delaySteps: dtS > 0 ? Math.ceil(latencyS / dtS - SAME_TIME) : 0,
      prefix: this.#last.slice(Math.max(0, over)),
      executionHorizon: this.#executionHorizon,
    };
    return { ...tickOf(clock), chunk };
  }

  /** Whether an episode begins with this observation. It is told once. */
  beginsEpisode(observation: Float64Array): boolean {
    const episode = observation.at(-1) ?? this.#episode;
    const begins = episode !== this.#episode;
    this.#episode = episode;
    return begins;
  }

  /** Keeps the rows that are in the frame. */
  #keep(rows: number): void {
    const { header } = CHUNK;
    const width = this.#width;
    const at = (row: number): number => header + row * width;
    this.#last = Array.from({ length: rows }, (_, row) => this.#frame.slice(at(row), at(row + 1)));
    this.#lastDtS = this.#frame[1] ?? 0;
  }

  /** Copies a chunk. Returns how many rows it has, which may be more than there is room for, or a refusal. */
  #fill(answer: unknown, timeS: number): number | RefusedRow {
    if (typeof answer !== 'object' || answer === null) return refused(describe(answer), '');
    const { actions, dtS, observedAtS = timeS } = Object.assign(Object.create(null), answer);
    if (isList(answer) || actions === undefined) {
      const advice = isList(answer) ? 'Return { actions, dtS }' : '';
      return refused(describe(answer), advice);
    }
    if (typeof dtS !== 'number') return refused(`a chunk whose dtS is ${describe(dtS)}`, '');
    if (typeof observedAtS !== 'number') {
      return refused(`a chunk whose observedAtS is ${describe(observedAtS)}`, '');
    }
    this.#frame[1] = dtS;
    this.#frame[2] = timeS - observedAtS;
    if (isList(actions)) {
      return isFlat(actions) ? this.#flat(actions, actions.length) : this.#rows(actions);
    }
    return this.#tensor(actions);
  }

  /** Copies a list of actions. */
  #rows(rows: ArrayLike<unknown>): number | RefusedRow {
    const { length } = rows;
    for (let row = 0; row < Math.min(length, this.#maxRows); row += 1) {
      const [given, grip] = this.#parts(rows[row]);
      const action = this.#row.take(given);
      const from = CHUNK.header + row * this.#width;
      if (types.isFloat64Array(action)) {
        if (typeof grip !== 'number') {
          const received = `a chunk whose actions[${row}] has ${describe(grip)} for the gripper`;
          return { ...refused(received, ''), row };
        }
        this.#frame.set(action, from);
        if (this.#width > this.#slots) this.#frame[from + this.#slots] = grip;
        continue;
      }
      const { code, received, expected, advice } = action ?? {
        ...refused('undefined', ''),
        expected: 'an action',
      };
      const shown = `a chunk whose actions[${row}] is ${received}`;
      return { code, received: shown, expected, advice, row };
    }
    return length;
  }

  /** Returns an action and the number for the gripper; 0 if rows have no such number. */
  #parts(row: unknown): [unknown, unknown] {
    if (this.#width === this.#slots) return [row, 0];
    if (isList(row)) {
      // One more than there may be says that there are too many, however many there are.
      const length = Math.min(row.length, this.#width + 1);
      const numbers = Array.from({ length }, (_, index) => row[index]);
      return [numbers.slice(0, -1), numbers.at(-1)];
    }
    if (typeof row !== 'object' || row === null || !Object.hasOwn(row, 'gripper')) {
      return [row, undefined];
    }
    return [row, Reflect.get(row, 'gripper')];
  }

  /** Copies the numbers of actions, one after the other. */
  #flat(numbers: ArrayLike<unknown>, length: number): number | Refusal {
    const rows = length / this.#width;
    if (!Number.isInteger(rows)) {
      const received = `a chunk whose actions are ${length} numbers`;
      return lengths(received, `a multiple of the ${this.#width} numbers of an action`);
    }
    const most = Math.min(rows, this.#maxRows) * this.#width;
    for (let index = 0; index < most; index += 1) {
      const value = numbers[index];
      if (typeof value !== 'number') {
        return refused(`a chunk whose actions[${index}] is ${describe(value)}`, '');
      }
      this.#frame[CHUNK.header + index] = value;
    }
    return rows;
  }

  /** Copies a tensor. */
  #tensor(tensor: unknown): number | Refusal {
    const shown = `a chunk whose actions are ${describe(tensor)}`;
    if (typeof tensor !== 'object' || tensor === null) return refused(shown, '');
    const { data, dims } = tensor as { readonly data?: unknown; readonly dims?: unknown };
    if (!isList(data) || !isList(dims)) return refused(shown, 'Return a list, or { data, dims }');
    const sizes = Array.from({ length: Math.min(dims.length, MOST_DIMS) }, (_, nth) => dims[nth]);
    while (sizes.length > 2 && sizes[0] === 1) sizes.shift();
    const [rows, slots] = sizes;
    if (sizes.length !== 2 || slots !== this.#width || rows !== data.length / this.#width) {
      const shape = sizes.map((size) => describe(size)).join(', ');
      const received = `a chunk whose actions have the dims [${shape}] and ${data.length} numbers`;
      return lengths(received, `the dims [rows, ${this.#width}]`);
    }
    return this.#flat(data, data.length);
  }
}

/** Whether a list has numbers and not actions. */
function isFlat(list: ArrayLike<unknown>): boolean {
  return list.length > 0 && typeof list[0] === 'number';
}

function refused(received: string, advice: string): Refusal {
  return { code: 'ACTION_TYPE', received, expected: EXPECTED, advice };
}

function lengths(received: string, expected: string): Refusal {
  return { code: 'ACTION_LENGTH', received, expected, advice: '' };
}
