import type { Command } from 'commander';
import { view } from '../dashboard/view.ts';
import { number } from './numbers.ts';
import type { Output } from './output.ts';
import { aborted, untilSignal } from './signals.ts';

/** What commander makes of the words. */
interface Words {
  readonly port?: number;
  readonly host?: string;
}

/** Adds `kilohertz view`. */
export function addView(program: Command, output: Output): void {
  program
    .command('view')
    .description('Plays one recording or two in a browser, until Ctrl+C.')
    .argument('<recordings...>', 'recordings, for example run.mcap')
    .option('--port <number>', 'the port (default: any that is free)', number)
    .option('--host <address>', 'the IP address of this host (default: 127.0.0.1)')
    .option('--json', 'print the address as JSON')
    .action(async (files: string[], { port, host }: Words) => {
      await untilSignal(async (signal) => {
        await using page = await view(files, {
          ...(port === undefined ? {} : { port }),
          ...(host === undefined ? {} : { host }),
        });
        const { address } = page;
        output.done({ address }, [`${address}: open it in a browser; Ctrl+C ends it`]);
        await aborted(signal);
      });
    });
}
