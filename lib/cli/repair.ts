import type { Command } from 'commander';
import { repairRecording } from '../record/repairing.ts';
import type { Output } from './output.ts';
import { untilSignal } from './signals.ts';
import { counted } from './text.ts';

/** Adds `kilohertz repair`. */
export function addRepair(program: Command, output: Output): void {
  program
    .command('repair')
    .description('Gives a recording that was cut off its index, so that other programs open it.')
    .argument('<recording>', 'a recording, for example run.mcap')
    .option('--json', 'print the result as JSON')
    .action((file: string) =>
      // A repair that has begun is finished: half of one would stay beside the recording.
      untilSignal(
        async () => {
          const repaired = await repairRecording(file);
          const { wasFinished, cycles, leftOutBytes } = repaired;
          output.done({ path: file, ...repaired }, [
            wasFinished
              ? `${file}: was finished already, ${counted(cycles, 'cycle')}`
              : `${file}: repaired, ${counted(cycles, 'cycle')}; ${counted(leftOutBytes, 'byte')} of half a record left out`,
          ]);
        },
        (error) => void output.failed(error),
      ),
    );
}
