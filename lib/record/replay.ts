import { checkSignal, throwIfAborted } from '../abort.ts';
import { ownOptions } from '../checks.ts';
import { KilohertzError, OptionTypeError } from '../errors/errors.ts';
import { awaiting } from '../errors/native-call.ts';
import { NativeRecording, recordedEnd, recordedEpisodes } from '../native/binding.ts';
import type { EpisodeOutcome } from '../native/contract.ts';
import type { RobotState } from '../native/robot-state.ts';
import {
  Entries,
  endOf,
  type RecordedCycle,
  type RecordedEnd,
  type RecordedEntry,
  type RecordedEpisode,
  type RecordedRun,
  runOf,
} from './entries.ts';
import { pathOf, type RecordingFile } from './file.ts';

/** Options of {@link replay}. */
export interface ReplayOptions {
  /**
   * Called with an error `RECORD_DAMAGED` for each part of the file that is damaged. The iteration then goes on behind
   * that part, or ends if nothing can be read there, as the message says. Without `onDamage` the iteration throws the
   * error. What is before a damaged part is read in both cases.
   */
  readonly onDamage?: (error: KilohertzError) => void;
  /** Ends an iteration when it aborts, with an {@link AbortError}. */
  readonly signal?: AbortSignal;
}

/** The name of what a signal aborts, for messages. */
const REPLAY = 'the replay';

/**
 * A recorded run, for `for await`: its cycles, in their order. Each iteration reads the file from its beginning, a part
 * at a time. The file may still be written: an iteration ends where the file ends at that time.
 */
export class Replay<State = RobotState> implements AsyncIterable<RecordedCycle<State>> {
  readonly #path: string;
  readonly #options: ReplayOptions;
  #isWhole: boolean | undefined;

  /** {@link replay} calls it. */
  constructor(path: string, options: ReplayOptions) {
    this.#path = path;
    this.#options = options;
  }

  /** What the recording knows of its run. Each access reads it from the file. */
  get run(): Promise<RecordedRun> {
    return this.#run();
  }

  /**
   * Whether the recording was finished, known after an iteration that came to the end. False if it is still being
   * written, or if its writing was cut off; see {@link repairRecording}.
   */
  get isWhole(): boolean | undefined {
    return this.#isWhole;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<RecordedCycle<State>, void, undefined> {
    for await (const entry of this.entries()) if (entry.type === 'cycle') yield entry;
  }

  /**
   * Returns everything that was recorded, in its order: cycles, what was logged, the marks of episodes, and at last why
   * the run ended.
   */
  async *entries(): AsyncGenerator<RecordedEntry<State>, void, undefined> {
    const { signal, onDamage } = this.#options;
    throwIfAborted(signal, REPLAY);
    const recording = await awaiting(() => NativeRecording.open(this.#path));
    try {
      const entries = new Entries(runOf(recording.run()));
      for (let isLast = false; !isLast; ) {
        try {
          const batch = await awaiting(() => recording.next());
          throwIfAborted(signal, REPLAY);
          for (const entry of entries.of(batch)) {
            yield entry as RecordedEntry<State>;
            throwIfAborted(signal, REPLAY);
          }
          isLast = batch.isLast;
          if (isLast) this.#isWhole = batch.isWhole;
        } catch (error) {
          if (!isDamage(error) || !onDamage) throw error;
          onDamage(error);
        }
      }
    } finally {
      await recording.close();
    }
  }

  /** Returns the episodes of the run, in their order. An episode that begins ends the one before it. */
  async episodes(): Promise<readonly RecordedEpisode[]> {
    const found = await awaiting(() => recordedEpisodes(this.#path));
    return found.map((episode) => ({ ...episode, outcome: episode.outcome as EpisodeOutcome }));
  }

  /**
   * Returns why the run ended; undefined if the file does not tell it, because it is still being written, its process
   * was killed, or an older version has written it. Of a damaged file it is what is told behind the damaged part.
   */
  async end(): Promise<RecordedEnd | undefined> {
    const found = await awaiting(() => recordedEnd(this.#path));
    return found ? endOf(found) : undefined;
  }

  async #run(): Promise<RecordedRun> {
    const recording = await awaiting(() => NativeRecording.open(this.#path));
    try {
      return runOf(recording.run());
    } finally {
      await recording.close();
    }
  }
}

function isDamage(error: unknown): error is KilohertzError {
  return error instanceof KilohertzError && error.code === 'RECORD_DAMAGED';
}

/**
 * Reads a recorded run. Nothing is opened until the run or an entry is asked for.
 *
 * The state of a cycle is a {@link RobotState} if the run is one of an arm. For any other robot it is an object with the
 * fields that {@link RecordedRun.state} names: a number for a field of length 1, else a `Float64Array`; the type
 * parameter tells the compiler which. It is not checked.
 *
 * @example
 * for await (const { tick, state, command } of replay('run.mcap')) console.log(tick, state.q, command);
 *
 * @throws {OptionTypeError | OptionRangeError} if an argument is invalid
 * @throws {KilohertzError} from its methods and the iteration: `RECORD_IO`, `RECORD_EMPTY`, `RECORD_FOREIGN`,
 *   `RECORD_NEWER`, `RECORD_DAMAGED`
 */
export function replay<State = RobotState>(
  file: RecordingFile,
  options: ReplayOptions = {},
): Replay<State> {
  const own = ownOptions('replay()', options, ['onDamage', 'signal']);
  checkSignal(own.signal);
  checkCallback('onDamage', own.onDamage);
  return new Replay(pathOf('file', file), own);
}

/** Checks that a value is a function or undefined. */
export function checkCallback(option: 'onDamage' | 'onProgress', value: unknown): void {
  if (value === undefined || typeof value === 'function') return;
  const code = option === 'onDamage' ? 'OPTION_ON_DAMAGE' : 'OPTION_ON_PROGRESS';
  throw new OptionTypeError(code, option, value, 'a function');
}
