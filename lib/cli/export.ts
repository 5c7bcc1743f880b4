import { type Command, Option } from 'commander';
import {
  type DataSetExportOptions,
  type ExportedRecording,
  type ExportProgress,
  exportRecording,
  type TableExportOptions,
} from '../record/exporting.ts';
import { bar } from './live-line.ts';
import { number } from './numbers.ts';
import type { Output } from './output.ts';
import { untilSignal } from './signals.ts';
import { counted } from './text.ts';
import { value } from './values.ts';

/** What commander makes of the words. */
interface Words extends Partial<Omit<DataSetExportOptions, 'to' | 'path' | 'leaveOut'>> {
  readonly csv?: string;
  readonly parquet?: string;
  readonly lerobot?: string;
  readonly fields?: readonly string[];
}

const OF_DATA_SET = [
  'fps',
  'resampling',
  'actions',
  'state',
  'stateChannels',
  'actionChannels',
  'cameras',
  'images',
  'task',
  'robotType',
  'split',
] as const satisfies readonly (keyof Words)[];
const list = (text: string): string[] => value(text).split(',');

/** Adds `kilohertz export`. */
export function addExport(program: Command, output: Output): void {
  const command = program
    .command('export')
    .description('Exports recordings: a table of one, or a data set of one or more.')
    .argument('<recordings...>', 'recordings, for example run.mcap')
    .addOption(new Option('--csv <file>', 'a new CSV file').conflicts(['parquet', 'lerobot']))
    .addOption(new Option('--parquet <file>', 'a new Parquet file').conflicts(['csv', 'lerobot']))
    .addOption(
      new Option(
        '--lerobot <folder>',
        'a data set of LeRobot v3.0, new or to be added to',
      ).conflicts(['csv', 'parquet', 'fields']),
    )
    .option('--fields <names>', 'columns of a table, as tick,state.q,command (default: all)', list)
    .option('--fps <number>', 'frames a second of a data set (default: 30)', number)
    .addOption(
      new Option(
        '--resampling <how>',
        'what a frame between two cycles has (default: linear)',
      ).choices(['linear', 'nearest']),
    )
    .addOption(
      new Option('--actions <which>', 'what action is in a data set (default: commanded)').choices([
        'commanded',
        'answered',
      ]),
    )
    .option('--state <names>', 'columns of observation.state (default: state.q)', list)
    .option('--state-channels <names>', 'channels that observation.state has beside', list)
    .option('--action-channels <names>', 'channels that action has beside', list)
    .option('--cameras <names>', 'channels of images, as camera/wrist', list)
    .addOption(
      new Option('--images <how>', 'how images are kept (default: png)').choices(['png', 'video']),
    )
    .option('--task <text>', 'the task of a run that has no episodes')
    .option('--robot-type <text>', "the robot's type (default: the model in the recording)")
    .option('--split <name>', 'the split that the episodes belong to (default: train)')
    .option('--json', 'print the result as JSON');
  command.action(async (files: string[], words: Words) => {
    const options = optionsIn(words, command);
    await untilSignal(
      async (signal) => {
        using live = output.live();
        const onProgress = ({ share }: ExportProgress): void => live.show(bar(share));
        const exported = await exportRecording(files, options, { signal, onProgress });
        live.clear();
        output.done({ path: String(options.path), ...exported }, said(options, exported, files));
      },
      (error) => void output.failed(error),
    );
  });
}

/** Returns the options of the export. Says how to use the command if the words do not name one. */
function optionsIn(words: Words, command: Command): TableExportOptions | DataSetExportOptions {
  const { csv, parquet, lerobot, fields } = words;
  const given = OF_DATA_SET.filter((name) => words[name] !== undefined);
  if (lerobot !== undefined) {
    const own = Object.fromEntries(given.map((name) => [name, words[name]]));
    return { to: 'lerobot', path: lerobot, ...own };
  }
  const path = csv ?? parquet;
  if (path === undefined) {
    return command.error('error: expected one of --csv FILE, --parquet FILE, --lerobot FOLDER');
  }
  const [first] = given;
  if (first !== undefined) {
    const option = command.options.find((option) => option.attributeName() === first);
    return command.error(`error: ${option?.long} is an option of --lerobot`);
  }
  return { to: csv === undefined ? 'parquet' : 'csv', path, ...(fields && { fields }) };
}

/** Returns what people are told. */
function said(
  { to, path }: TableExportOptions | DataSetExportOptions,
  { rows, episodes, leftOutEpisodes, framesInGaps, isWhole }: ExportedRecording,
  files: readonly string[],
): string[] {
  const table = `${path}: ${counted(rows, 'row')}`;
  const dataSet =
    `${path}: ${counted(rows, 'frame')} of ${counted(episodes, 'episode')} added; ` +
    `${counted(leftOutEpisodes, 'episode')} left out, ${counted(framesInGaps, 'frame')} in gaps`;
  const lines = [to === 'lerobot' ? dataSet : table];
  if (!isWhole) {
    lines.push(`A recording was not finished: ${files.join(', ')}. All that it has was exported.`);
  }
  return lines;
}
