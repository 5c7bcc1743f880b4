import type { Command } from 'commander';

/** Adds `kilohertz demo`, which is an example of this package. It reads its own options. */
export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('Drives a simulated arm, blocks the event loop meanwhile, and tells what came of it.')
    .helpOption(false)
    .allowUnknownOption()
    .argument('[options...]', 'those that `kilohertz demo --help` names')
    .action(async () => {
      const words = process.argv.slice(process.argv.indexOf('demo') + 1);
      process.argv.splice(2, process.argv.length, ...words);
      const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
      await import(new URL(`../../examples/demo.${extension}`, import.meta.url).href);
    });
}
