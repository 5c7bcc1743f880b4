import { abortErrorOf, checkSignal, onAbort, throwIfAborted } from '../abort.ts';
import { checkName, checkNumber, checkObject, checkText, isList, ownOptions } from '../checks.ts';
import { codeOf, KilohertzError, OptionRangeError, OptionTypeError } from '../errors/errors.ts';
import { awaiting } from '../errors/native-call.ts';
import { type NativeDataSetOptions, NativeExport } from '../native/binding.ts';
import { type EpisodeOutcome, OUTCOMES } from '../native/contract.ts';
import { pathOf, type RecordingFile } from './file.ts';
import { checkCallback } from './replay.ts';

/** Options of {@link exportRecording} for a table: a row for each cycle of one recording. */
export interface TableExportOptions {
  /** The format. In CSV numbers are written so that they are read as the same number, and absent values are empty. */
  readonly to: 'csv' | 'parquet';
  /** The file. It must not exist. */
  readonly path: RecordingFile;
  /**
   * The columns: the name of a column (`tick`, `robot_time_s`, `kind`, `state.q[3]`), of a field (`state.q`: all its
   * numbers) or of a group (`state`, `command`, `answer`). Default: all. Of a chunk, `answer` has the first action.
   */
  readonly fields?: readonly string[];
}

/** Options of {@link exportRecording} for a data set of LeRobot, format v3.0: an episode for each recorded one. */
export interface DataSetExportOptions {
  readonly to: 'lerobot';
  /** The folder of the data set. If there is one already, the episodes are added to it. */
  readonly path: RecordingFile;
  /** Frames a second of the robot's time, a whole number from 1 to 10,000. Default 30. */
  readonly fps?: number;
  /**
   * What a frame between two cycles has: what lies on the straight line between both, or what the nearest has. Poses and
   * fields without a unit are those of the nearest cycle in both cases. Default 'linear'.
   */
  readonly resampling?: 'linear' | 'nearest';
  /** What `action` is: what the robot was commanded, or what the policy answered. Default 'commanded'. */
  readonly actions?: 'commanded' | 'answered';
  /** The columns that make up `observation.state`, as in `fields` of a table. Default `['state.q']`. */
  readonly state?: readonly string[];
  /** Channels with numbers, which `observation.state` has after these, for example `gripper/width`. Default none. */
  readonly stateChannels?: readonly string[];
  /** Channels with numbers, which `action` has after the action. Default none. */
  readonly actionChannels?: readonly string[];
  /** The channels of images, for example `camera/wrist`: becomes `observation.images.camera.wrist`. Default none. */
  readonly cameras?: readonly string[];
  /**
   * How images are kept: as PNG in Parquet, exactly; or as videos in H.264, far smaller and not exact. Videos are made by
   * the program `ffmpeg`, which must be on PATH, and need an even width and height. Default 'png'.
   */
  readonly images?: 'png' | 'video';
  /** The task of a run without episodes, which becomes one episode, and of episodes whose task is empty. */
  readonly task?: string;
  /** The outcomes of episodes that are left out. Default `['rerecorded']`. */
  readonly leaveOut?: readonly EpisodeOutcome[];
  /** The type of the robot in the data set. Default: the model in the recording. */
  readonly robotType?: string;
  /**
   * The split that the episodes belong to, by letters, digits and `_ - .`. A split is one range of episodes: add all of
   * `train` before those of `val`. Default 'train'.
   */
  readonly split?: string;
}

/** How far an export has come. */
export interface ExportProgress {
  /** The cycles that were read. */
  readonly cycles: number;
  /** What was read of the files, 0 to 1. */
  readonly share: number;
}

/** What an export is watched and ended with. */
export interface ExportCallOptions {
  /** Called ten times a second, and at the end, with how far the export has come. */
  readonly onProgress?: (progress: ExportProgress) => void;
  /** Stops the export when it aborts. What was written of the recording under way is removed then. */
  readonly signal?: AbortSignal;
}

/** What was exported. */
export interface ExportedRecording {
  /** The rows of the table, or the frames of the data set that were added. */
  readonly rows: number;
  /** Of a data set: the episodes that were added. 0 for a table. */
  readonly episodes: number;
  /** Of a data set: the episodes that were left out, for their outcome or because they have no cycle. */
  readonly leftOutEpisodes: number;
  /** Of a data set: the frames that lie where cycles are missing. */
  readonly framesInGaps: number;
  /** Whether all recordings were finished. False if one was cut off or is still being written. */
  readonly isWhole: boolean;
}

const TARGETS = ['csv', 'parquet', 'lerobot'] as const;
const TABLE = ['to', 'path', 'fields'] as const satisfies readonly (keyof TableExportOptions)[];
const DATA_SET = [
  'to',
  'path',
  'fps',
  'resampling',
  'actions',
  'state',
  'stateChannels',
  'actionChannels',
  'cameras',
  'images',
  'task',
  'leaveOut',
  'robotType',
  'split',
] as const satisfies readonly (keyof DataSetExportOptions)[];

/** How often the progress is told [ms]. */
const TOLD_EVERY_MS = 100;

/**
 * Exports recordings, in a thread of its own and a part at a time: an hour at 1 kHz needs no more memory than a minute.
 * A table is made of one recording. A data set is made of one or more, which are added in their order.
 *
 * What is exported gets its name when it is whole. No file is overwritten. If the export of a recording to a data set
 * fails, the data set has none of it; it keeps the recordings before. One export at a time adds to a data set: another
 * one is refused meanwhile.
 *
 * @example
 * await exportRecording('run.mcap', { to: 'parquet', path: 'run.parquet', fields: ['tick', 'state.q'] });
 * await exportRecording(['one.mcap', 'two.mcap'], { to: 'lerobot', path: 'data', fps: 30, task: 'pick' });
 *
 * @throws {OptionTypeError | OptionRangeError} if an argument is invalid
 * @throws {AbortError} if `signal` aborts
 * @throws {KilohertzError} `RECORD_INVALID_ARGUMENT` if the recording has no such field or channel or does not fit the
 *   data set, `RECORD_BUSY` while another export adds to it, `RECORD_NO_ENCODER` for videos without `ffmpeg`,
 *   `RECORD_IO`, `RECORD_EMPTY`, `RECORD_FOREIGN`, `RECORD_NEWER`, `RECORD_DAMAGED`
 * @throws what `onProgress` threw
 */
export async function exportRecording(
  files: RecordingFile | readonly RecordingFile[],
  options: TableExportOptions | DataSetExportOptions,
  call: ExportCallOptions = {},
): Promise<ExportedRecording> {
  const { signal, onProgress } = ownOptions('exportRecording()', call, ['onProgress', 'signal']);
  checkSignal(signal);
  checkCallback('onProgress', onProgress);
  const wanted = checked(files, options);
  throwIfAborted(signal, EXPORT);
  const running = new NativeExport();
  const stop = (): void => running.stop();
  const stopListening = onAbort(signal, stop);
  /** What `onProgress` threw. It is not called again then. */
  const thrown: unknown[] = [];
  const tell = (): void => {
    if (thrown.length > 0) return;
    const { cycles, bytes, totalBytes } = running.progress();
    try {
      onProgress?.({ cycles, share: totalBytes > 0 ? Math.min(1, bytes / totalBytes) : 0 });
    } catch (error) {
      thrown.push(error);
      running.stop();
    }
  };
  const told = onProgress && setInterval(tell, TOLD_EVERY_MS);
  try {
    const { paths, to, path, fields, dataSet } = wanted;
    const exported = await awaiting(() => running.run(paths, to, path, fields, dataSet));
    tell();
    if (thrown.length > 0) throw thrown[0];
    return exported;
  } catch (error) {
    if (thrown.length > 0) throw thrown[0];
    const isStopped = error instanceof KilohertzError && error.code === 'RECORD_STOPPED';
    throw (isStopped && abortErrorOf(signal, EXPORT)) || error;
  } finally {
    clearInterval(told);
    stopListening();
  }
}

/** The name of what a signal aborts, for messages. */
const EXPORT = 'the export';

/** An export whose options are checked. */
interface Wanted {
  readonly paths: string[];
  readonly to: (typeof TARGETS)[number];
  readonly path: string;
  readonly fields: string[] | undefined;
  readonly dataSet: NativeDataSetOptions | undefined;
}

function checked(files: unknown, options: TableExportOptions | DataSetExportOptions): Wanted {
  checkObject('the options object of exportRecording()', options);
  const to = checkName('to', Object.assign(Object.create(null), options).to, TARGETS);
  const list: readonly unknown[] = Array.isArray(files) ? files : [files];
  const paths = list.map((file) => pathOf('files', file));
  const most = to === 'lerobot' ? Number.POSITIVE_INFINITY : 1;
  if (paths.length === 0 || paths.length > most) {
    const expected =
      most === 1 ? 'one recording, as a table is made of one' : 'at least one recording';
    throw new OptionRangeError('OPTION_FILES', 'files', files, expected);
  }
  if (to !== 'lerobot') {
    const own = ownOptions('exportRecording()', options as TableExportOptions, TABLE);
    const fields = own.fields === undefined ? undefined : checkTexts('fields', own.fields);
    if (fields?.length === 0) {
      throw new OptionRangeError('OPTION_FIELDS', 'fields', own.fields, 'at least one name');
    }
    return { paths, to, path: pathOf('path', own.path), fields, dataSet: undefined };
  }
  const own = ownOptions('exportRecording()', options as DataSetExportOptions, DATA_SET);
  const { fps = 30, resampling = 'linear', actions = 'commanded', state, task, robotType } = own;
  const { stateChannels = [], actionChannels = [], cameras = [], leaveOut } = own;
  const { images = 'png', split } = own;
  const dataSet: NativeDataSetOptions = {
    fps: checkNumber('fps', fps, { from: 1, to: 10_000, integer: true, unit: 'frames a second' }),
    takesNearest: checkName('resampling', resampling, ['linear', 'nearest']) === 'nearest',
    takesAnswers: checkName('actions', actions, ['commanded', 'answered']) === 'answered',
    stateChannels: checkTexts('stateChannels', stateChannels),
    actionChannels: checkTexts('actionChannels', actionChannels),
    cameras: checkTexts('cameras', cameras),
    makesVideos: checkName('images', images, ['png', 'video']) === 'video',
  };
  if (state !== undefined) dataSet.state = checkTexts('state', state);
  if (task !== undefined) dataSet.task = checkText('task', task, 'a text');
  if (robotType !== undefined) dataSet.robotType = checkText('robotType', robotType, 'a text');
  if (split !== undefined) dataSet.split = checkText('split', split, 'a text');
  if (leaveOut !== undefined) {
    dataSet.leftOut = checkTexts('leaveOut', leaveOut).map((name) =>
      checkName('leaveOut', name, OUTCOMES),
    );
  }
  return { paths, to, path: pathOf('path', own.path), fields: undefined, dataSet };
}

/** Checks that a value is a list of texts. */
function checkTexts(option: string, value: unknown): string[] {
  const expected = 'a list of names';
  if (!isList(value)) throw new OptionTypeError(codeOf(option), option, value, expected);
  return Array.from(value, (name, nth) => {
    if (typeof name === 'string' && name !== '') return name;
    const Refusal = name === '' ? OptionRangeError : OptionTypeError;
    throw new Refusal(codeOf(option), `${option}[${nth}]`, name, 'a name');
  });
}
