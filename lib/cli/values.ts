import { type Command, InvalidArgumentError } from 'commander';

/** Returns the word that is the value of an option, and refuses the next option in its place. */
export function value(word: string): string {
  if (!word.startsWith('-')) return word;
  throw new InvalidArgumentError(
    'The value is missing. A file whose name begins with a dash is ./-name.',
  );
}

/** Refuses options as values, in a command and those below it. An option with a parser of its own refuses them itself. */
export function checkValues(command: Command): void {
  for (const option of command.options) {
    if (option.required && option.parseArg === undefined) option.argParser(value);
  }
  for (const each of command.commands) checkValues(each);
}
