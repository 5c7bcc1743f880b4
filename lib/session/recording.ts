import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { types } from 'node:util';
import {
  bare,
  checkBoolean,
  checkName,
  checkNumber,
  checkText,
  isList,
  isNumbers,
  isUrl,
  ownOptions,
} from '../checks.ts';
import { fromFailure, type KilohertzError, OptionTypeError } from '../errors/errors.ts';
import { calling } from '../errors/native-call.ts';
import type { NativeSession, NativeSessionOptions, NativeValue } from '../native/binding.ts';
import {
  type EpisodeOutcome,
  OUTCOMES,
  PIXEL_ENCODINGS,
  type PixelEncoding,
} from '../native/contract.ts';
import { pathOf, type RecordingFile } from '../record/file.ts';
import { ROBOT_TIME } from '../record/robot-time.ts';

/** A folder for recordings, in which each start of a session has a file of its own. */
export interface RecordFolder {
  /** The folder. It must exist. */
  readonly folder: RecordingFile;
  /**
   * The name of a file. `{n}` becomes the first number from 1 on whose file does not exist yet, and `{time}` the time
   * of the start in UTC, for example `2026-11-27T09-30-00Z`. Default `'run-{time}-{n}.mcap'`.
   */
  readonly name?: string;
}

/** What a session keeps in memory of its newest cycles. */
export interface BlackBoxOptions {
  /**
   * How long the newest cycles are kept [s], from 0.1 to 600. Default 10, which takes 20 MB for an arm; each second more
   * takes 2 MB. Numbers are kept in single precision.
   */
  readonly seconds?: number;
  /**
   * A folder that exists. If a session ends with an error, the cycles are written there, and the error names the file.
   * Without a folder they are written by `error.save(path)` alone.
   */
  readonly folder?: RecordingFile;
}

/** An image as its pixels, in rows from the top without gaps between them. */
export interface PixelImage {
  readonly width: number;
  readonly height: number;
  /** The encoding of a pixel: `mono8`, `rgb8` or `rgba8`. */
  readonly encoding: PixelEncoding;
  readonly data: Uint8Array;
}

/** An image as the bytes of a file. */
export interface FileImage {
  /** The format, for example `png` or `jpeg`. */
  readonly format: string;
  readonly data: Uint8Array;
}

/**
 * A value that can be recorded: a number, numbers, bytes, a text, or an image. A `Uint8Array` counts as bytes; every other
 * typed array as numbers.
 */
export type LogValue = number | ArrayLike<number> | Uint8Array | string | PixelImage | FileImage;

/** Options of `session.log`. */
export interface LogOptions {
  /**
   * The time to which the value belongs, on the clock of `Tick.timeS` [s]. Default: inside the policy's call the time of
   * its question, anywhere else the time of the newest cycle.
   */
  readonly timeS?: number;
}

/** Options of `session.episode`. */
export interface EpisodeOptions {
  /**
   * Whether the episode begins for the policy too, if that is a {@link chunked} one: as {@link ChunkedPolicy.reset} says,
   * in this session. False only marks the recording. Default true.
   */
  readonly reset?: boolean;
  /** What is to be done in the episode, in words, for example `'put the cube into the box'`. Default: no words. */
  readonly task?: string;
}

/** What a session has recorded so far. */
export interface RecordingReport {
  /** The file. */
  readonly path: string;
  /** Cycles in the file. */
  readonly cycles: number;
  /** Values, and beginnings and ends of episodes, in the file. */
  readonly values: number;
  /** Cycles that were lost because writing failed. {@link SessionStats.unrecordedCycles} counts those that found no room. */
  readonly lostCycles: number;
  /**
   * Values that were lost because writing failed, because more than 256 MB waited to be written, or on their way from a
   * policy's process, and values of a process that cannot be recorded.
   */
  readonly lostValues: number;
  /**
   * Of a robot written in JavaScript: fields of cycles that could not be kept, because they were not of the form that they
   * have in the first cycle, or because writing came too late for them. Their numbers are NaN.
   */
  readonly unkeptFields: number;
  /** The size of the file. */
  readonly bytes: number;
  /** Why writing ended early, if it did. The robot goes on then. */
  readonly error: KilohertzError | undefined;
}

const NAME = 'run-{time}-{n}.mcap';
const SECONDS = { from: 0.1, to: 600, unit: 's' } as const;

/** Where a session records. */
export type RecordTarget = string | { readonly folder: string; readonly name: string };

/** What the options say about recording. */
export interface CheckedRecording {
  readonly target: RecordTarget | undefined;
  readonly native: Pick<NativeSessionOptions, 'blackBoxS' | 'blackBoxFolder'>;
}

/** Checks the options about recording. */
export function checkRecording(
  record: RecordingFile | RecordFolder | undefined,
  blackBox: BlackBoxOptions | false | undefined,
): CheckedRecording {
  return { target: checkTarget(record), native: checkBlackBox(blackBox) };
}

function checkTarget(record: RecordingFile | RecordFolder | undefined): RecordTarget | undefined {
  if (record === undefined) return undefined;
  if (typeof record === 'string' || isUrl(record)) return pathOf('record', record);
  const own = ownOptions('record', record, ['folder', 'name'], 'the path of a file');
  const { name = NAME } = own;
  checkText('record.name', name, `the name of a file, as in '${NAME}'`);
  if (/[/\\]/.test(name)) {
    const expected = 'a name without / and \\: the folder is an option of its own';
    throw new OptionTypeError('OPTION_RECORD_NAME', 'record.name', name, expected);
  }
  return { folder: pathOf('record.folder', own.folder), name };
}

function checkBlackBox(given: BlackBoxOptions | false = {}): CheckedRecording['native'] {
  if (given === false) return {};
  const { seconds = 10, folder } = ownOptions('blackBox', given, ['seconds', 'folder'], 'false');
  return {
    blackBoxS: checkNumber('blackBox.seconds', seconds, SECONDS),
    ...(folder === undefined ? {} : { blackBoxFolder: pathOf('blackBox.folder', folder) }),
  };
}

/** Returns the file of a recording that begins now. */
export function fileFor(target: RecordTarget): string {
  if (typeof target === 'string') return target;
  const time = new Date().toISOString().replace(/\.\d+/, '').replaceAll(':', '-');
  const named = (n: number): string =>
    join(target.folder, target.name.replaceAll('{time}', time).replaceAll('{n}', String(n)));
  let n = 1;
  while (target.name.includes('{n}') && existsSync(named(n))) n += 1;
  return named(n);
}

/** Returns what a recording keeps of options and robot, as JSON. */
export function runInfo(options: object, robot: object): string {
  const versions = { node: process.versions.node, platform: `${process.platform}-${process.arch}` };
  // Half characters would make a text that the native side does not read.
  const whole = (_: string, value: unknown): unknown =>
    typeof value === 'string' ? value.replace(/\p{Surrogate}/gu, '\ufffd') : value;
  return JSON.stringify({ options, robot, versions }, whole);
}

/** Returns a copy of numbers. */
function numbersIn(value: ArrayLike<number>): Float64Array {
  try {
    return Float64Array.from(value);
  } catch {
    const expected = 'numbers whose memory was not transferred to another thread';
    throw new OptionTypeError('OPTION_VALUE', 'value', value, expected);
  }
}

/** Returns a value for the native side. */
function nativeValue(value: unknown): NativeValue {
  if (typeof value === 'number') return bare({ numbers: Float64Array.of(value) });
  if (typeof value === 'string') {
    return bare({ bytes: Buffer.from(value), mediaType: 'text/plain; charset=utf-8' });
  }
  if (types.isUint8Array(value)) return bare({ bytes: value, mediaType: '' });
  if (isNumbers(value)) return bare({ numbers: numbersIn(value) });
  const expected =
    'a number, numbers, bytes, a text, { width, height, encoding, data } or { format, data }';
  if (
    typeof value !== 'object' ||
    value === null ||
    isList(value) ||
    !Object.hasOwn(value, 'data')
  ) {
    throw new OptionTypeError('OPTION_VALUE', 'value', value, expected);
  }
  const hasFormat = Object.hasOwn(value, 'format');
  const known = hasFormat ? ['format', 'data'] : ['width', 'height', 'encoding', 'data'];
  const image = ownOptions('value', value as Partial<PixelImage & FileImage>, known);
  if (!types.isUint8Array(image.data)) {
    throw new OptionTypeError('OPTION_VALUE_DATA', 'value.data', image.data, 'a Uint8Array');
  }
  if (image.format !== undefined) {
    const format = checkText('value.format', image.format, "a format, as in 'png'");
    return bare({ bytes: image.data, format });
  }
  const size = { from: 1, to: 65_536, integer: true, unit: 'pixels' } as const;
  return bare({
    bytes: image.data,
    encoding: checkName('value.encoding', image.encoding, PIXEL_ENCODINGS),
    width: checkNumber('value.width', image.width, size),
    height: checkNumber('value.height', image.height, size),
  });
}

/** What is logged, checked. */
export interface Logged {
  readonly channel: string;
  readonly timeS: number | undefined;
  readonly value: NativeValue;
}

/**
 * Checks what is to be logged.
 *
 * @throws {OptionTypeError | OptionRangeError} if it cannot be recorded
 */
export function checkLogged(channel: unknown, value: unknown, options: LogOptions): Logged {
  const name = checkText('channel', channel, "a name, as in 'camera/wrist'");
  const { timeS } = ownOptions('log()', options, ['timeS']);
  const checked = timeS === undefined ? undefined : checkNumber('timeS', timeS, ROBOT_TIME);
  return { channel: name, timeS: checked, value: nativeValue(value) };
}

/**
 * Records a value in the file of a session. `isAsked` says whether a policy of this thread is answering a question. Returns
 * whether it is to be written.
 */
export function logValue(
  native: NativeSession | undefined,
  isAsked: boolean,
  channel: string,
  value: LogValue,
  options: LogOptions,
): boolean {
  const logged = checkLogged(channel, value, options);
  if (!native) return false;
  const now = (): number => (isAsked ? native.askedS : native.robotTimeS);
  const timeS = logged.timeS === undefined ? now() : logged.timeS + native.firstS;
  return calling(() => native.log(logged.channel, timeS, logged.value));
}

/** An episode of a run: an attempt at a task. */
export class Episode {
  /** The number of the episode in its run, from 0. */
  readonly index: number;
  /** What is to be done. */
  readonly task: string;
  readonly #native: NativeSession;
  #isOver = false;

  /** Begins an episode. Only for use inside this package. */
  constructor(native: NativeSession, index: number, task: string) {
    this.index = index;
    this.task = task;
    this.#native = native;
    calling(() => native.mark(index, task));
  }

  /** Whether the episode has ended. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Ends the episode. A second call changes nothing.
   *
   * @param outcome `'success'`, `'failure'`, `'unknown'` (default), or `'rerecorded'`: the episode is to be left out,
   * because it is recorded again
   */
  end(outcome: EpisodeOutcome = 'unknown'): void {
    const name = checkName('outcome', outcome, OUTCOMES);
    if (this.#isOver) return;
    this.#isOver = true;
    calling(() => this.#native.mark(this.index, this.task, name));
  }
}

/** Returns the options of an episode, with their defaults. */
export function checkEpisode(options: EpisodeOptions): Required<EpisodeOptions> {
  const { task = '', reset = true } = ownOptions('episode()', options, ['task', 'reset']);
  if (typeof task !== 'string') {
    throw new OptionTypeError('OPTION_TASK', 'task', task, 'a text');
  }
  return { task, reset: checkBoolean('reset', reset) };
}

/** Returns what a session has recorded so far; undefined if it is not recorded. */
export function recordingOf(
  native: NativeSession | undefined,
  unkeptFields: number,
): RecordingReport | undefined {
  const told = native?.recording();
  if (!told) return undefined;
  return {
    path: told.path,
    cycles: told.cycles,
    values: told.others,
    lostCycles: told.lostCycles,
    lostValues: told.lostOthers + told.droppedValues,
    unkeptFields: unkeptFields + told.unkeptFields,
    bytes: told.bytes,
    error: told.error ? fromFailure(told.error) : undefined,
  };
}
