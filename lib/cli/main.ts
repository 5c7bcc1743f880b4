#!/usr/bin/env node
// The executable `kilohertz`. Each command is a file that adds itself to the program.

import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { inLines } from '../errors/describe.ts';
import { addBench } from './bench.ts';
import { addCompletion } from './completion.ts';
import { addDemo } from './demo.ts';
import { addDoctor } from './doctor.ts';
import { addExport } from './export.ts';
import { addHand } from './hand.ts';
import { addHome } from './home.ts';
import { addMove } from './move.ts';
import { EXIT, Output } from './output.ts';
import { addPlot } from './plot.ts';
import { addRecord } from './record.ts';
import { addRecover } from './recover.ts';
import { addRepair } from './repair.ts';
import { addReplay } from './replay.ts';
import { addRun } from './run.ts';
import { addSelftest } from './selftest.ts';
import { addState } from './state.ts';
import { checkValues } from './values.ts';
import { addView } from './view.ts';

const { version } = createRequire(import.meta.url)('kilohertz/package.json');

const words = process.argv.slice(2);
// Behind `--` are names of files.
const end = words.indexOf('--');
const output = new Output(words.slice(0, end < 0 ? words.length : end).includes('--json'));
const program = new Command('kilohertz')
  .description('What one does with an arm and its recordings, from the terminal.')
  .version(version)
  .showHelpAfterError('(--help tells more)')
  .configureOutput({
    writeErr: (text) => output.tell(text),
    // It has words of the user, in which a terminal must find no commands.
    outputError: (text, write) => write(`${inLines(text.trimEnd())}\n`),
  })
  .exitOverride();
addDemo(program, output);
addDoctor(program, output);
addBench(program, output);
addRun(program, output);
addState(program, output);
addHome(program, output);
addMove(program, output);
addRecover(program, output);
addHand(program, output);
addSelftest(program, output);
addRecord(program, output);
addReplay(program, output);
addView(program, output);
addPlot(program, output);
addExport(program, output);
addRepair(program, output);
addCompletion(program, output);
checkValues(program);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    if (error.exitCode !== 0) {
      // commander has shown its help, and names no reason.
      const isHelp = error.code === 'commander.help';
      const message = isHelp ? 'error: expected the name of a command' : error.message;
      if (isHelp) output.tell(`${message}\n`);
      output.misused(message);
    }
    process.exitCode = error.exitCode === 0 ? 0 : EXIT.usage;
  } else {
    process.exitCode = output.failed(error);
  }
}
