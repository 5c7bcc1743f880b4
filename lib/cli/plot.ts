import { rmSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { type PlotOptions, plot } from '../record/drawing.ts';
import type { RecordedEnd } from '../record/entries.ts';
import { replay } from '../record/replay.ts';
import { number } from './numbers.ts';
import { EXIT, type Output, Refusal } from './output.ts';
import { endLine, endResult } from './run-end.ts';
import { checkTimes, type Times } from './times.ts';

/** What commander makes of the words. */
interface Words extends Times {
  readonly out?: string;
  readonly colors: NonNullable<PlotOptions['colors']>;
}

/** What a page without a cycle says. */
const EMPTY = '>no cycles<';

/** Adds `kilohertz plot`. */
export function addPlot(program: Command, output: Output): void {
  const command = program
    .command('plot')
    .description('Draws a recording: one page of SVG, for a browser.')
    .argument('<recording>', 'a recording, for example run.mcap')
    .option('--out <file>', 'a new SVG file (default: the name of the recording with .svg)')
    .option('--from <seconds>', "the robot's time at which the picture begins", number)
    .option('--to <seconds>', "the robot's time at which the picture ends", number)
    .addOption(
      new Option('--colors <which>', 'the colours')
        .choices(['auto', 'light', 'dark'])
        .default('auto'),
    )
    .option('--json', 'print the result as JSON')
    .action(async (file: string, words: Words) => {
      checkTimes(words, command);
      const { out, from, to, colors } = words;
      const path = out ?? `${file.replace(/\.mcap$/, '')}.svg`;
      const page = await plot(file, {
        path,
        colors,
        ...(from === undefined ? {} : { fromS: from }),
        ...(to === undefined ? {} : { toS: to }),
      });
      const end = await replay(file).end();
      if ((from ?? to) !== undefined && page.includes(EMPTY)) {
        rmSync(path);
        throw await missed(file, end);
      }
      output.done({ path, end: endResult(end) }, [
        `${path}: written; open it in a browser`,
        endLine(file, end),
      ]);
    });
}

/** Returns the refusal of a time in which a recording has nothing: it says which time it has. */
async function missed(file: string, end: RecordedEnd | undefined): Promise<Refusal> {
  let first: number | undefined;
  let last = end?.robotTimeS;
  for await (const { robotTimeS } of replay(file)) {
    first ??= robotTimeS;
    // The end tells it of a long recording, without reading all of it.
    if (end) break;
    last = robotTimeS;
  }
  const has = first === undefined ? 'no cycle' : `${first} s to ${last} s`;
  const why = `there is no cycle between --from and --to: ${file} has ${has}`;
  return new Refusal('USAGE', why, EXIT.usage);
}
