import { type Command, Option } from 'commander';
import { drawing, type PlotOptions } from '../record/drawing.ts';
import { number } from './numbers.ts';
import type { Output } from './output.ts';
import { endLine, endResult } from './run-end.ts';
import { checkTimes, type Times } from './times.ts';

/** What commander makes of the words. */
interface Words extends Times {
  readonly out?: string;
  readonly colors: NonNullable<PlotOptions['colors']>;
}

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
      const { end } = await drawing(file, {
        path,
        colors,
        ...(from === undefined ? {} : { fromS: from }),
        ...(to === undefined ? {} : { toS: to }),
      });
      output.done({ path, end: endResult(end) }, [
        `${path}: written; open it in a browser`,
        endLine(file, end),
      ]);
    });
}
