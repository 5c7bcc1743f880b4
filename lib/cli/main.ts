#!/usr/bin/env node
// The executable `kilohertz`. Each command is a file that adds itself to the program.

import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { addDemo } from './demo.ts';
import { addExport } from './export.ts';
import { EXIT, Output } from './output.ts';
import { addPlot } from './plot.ts';
import { addRepair } from './repair.ts';
import { addView } from './view.ts';

const { version } = createRequire(import.meta.url)('kilohertz/package.json');

// Who reads stdout may have gone, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

const output = new Output(process.argv.includes('--json'));
const program = new Command('kilohertz')
  .description('What one does with a robot and its recordings, from the terminal.')
  .version(version)
  .showHelpAfterError('(--help tells more)')
  .configureOutput({ writeErr: (text) => output.tell(text) })
  .exitOverride();
addDemo(program);
addExport(program, output);
addPlot(program, output);
addRepair(program, output);
addView(program, output);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    if (error.exitCode !== 0) output.misused(error.message);
    process.exitCode = error.exitCode === 0 ? 0 : EXIT.usage;
  } else {
    process.exitCode = output.failed(error);
  }
}
