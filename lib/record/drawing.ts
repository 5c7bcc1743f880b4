import { checkName, checkNumber, ownOptions } from '../checks.ts';
import { awaiting } from '../errors/native-call.ts';
import { plotRecording } from '../native/binding.ts';
import { endOf, type RecordedEnd } from './entries.ts';
import { pathOf, type RecordingFile } from './file.ts';
import { ROBOT_TIME } from './robot-time.ts';

/** Options of {@link plot}. */
export interface PlotOptions {
  /** The robot's time at which the picture begins [s]. Default: the first cycle. */
  readonly fromS?: number;
  /** The robot's time at which the picture ends [s]. Default: the last cycle. */
  readonly toS?: number;
  /** The colours: `'auto'` (default) are those that the reader prefers, `'light'` and `'dark'` are fixed. */
  readonly colors?: 'auto' | 'light' | 'dark';
  /** A file for the page. It must not exist. Default: the page is returned alone. */
  readonly path?: RecordingFile;
}

/**
 * Draws a recording: one page of SVG with joints against commands, torques, how each command came about, answers, the
 * jitter of the cycles, violations and events. Of a file that is still being written it draws what is there. Every
 * extreme of a long run is in the picture.
 *
 * @returns the page, a text of SVG of at most about 1 MB
 * @throws {OptionTypeError | OptionRangeError} if an option is invalid
 * @throws {KilohertzError} `RECORD_IO`, `RECORD_EMPTY`, `RECORD_FOREIGN`, `RECORD_NEWER`, `RECORD_DAMAGED`;
 *   `RECORD_INVALID_ARGUMENT` if the picture would end before it begins, or if the recording has no cycle in its time
 */
export async function plot(file: RecordingFile, options: PlotOptions = {}): Promise<string> {
  return (await drawing(file, options)).page;
}

/** A recording as a picture. */
export interface Drawing {
  /** The page, a text of SVG. */
  readonly page: string;
  /** Why the run ended; undefined if the recording does not tell it. */
  readonly end: RecordedEnd | undefined;
}

/** Draws a recording as {@link plot} does, and returns with the page why the run ended. */
export async function drawing(file: RecordingFile, options: PlotOptions): Promise<Drawing> {
  const own = ownOptions('plot()', options, ['fromS', 'toS', 'colors', 'path']);
  const path = pathOf('file', file);
  const { fromS, toS, colors = 'auto' } = own;
  const from = fromS === undefined ? undefined : checkNumber('fromS', fromS, ROBOT_TIME);
  const to = toS === undefined ? undefined : checkNumber('toS', toS, ROBOT_TIME);
  const scheme = checkName('colors', colors, ['auto', 'light', 'dark']);
  const into = own.path === undefined ? undefined : pathOf('path', own.path);
  const { page, end } = await awaiting(() => plotRecording(path, from, to, scheme, into));
  return { page, end: end ? endOf(end) : undefined };
}
