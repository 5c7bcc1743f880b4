import { describeThrown, inOneLine } from '../errors/describe.ts';
import { isKilohertzError } from '../errors/errors.ts';

/** The exit codes of the executable, beside 0 and those of signals. */
export const EXIT = { failed: 1, usage: 2 } as const;

/**
 * The output of a command: for people the result on stdout and everything else on stderr; as JSON one object on stdout and
 * nothing else.
 */
export class Output {
  readonly isJson: boolean;

  constructor(isJson: boolean) {
    this.isJson = isJson;
  }

  /** Whether somebody sees how far a command has come. */
  get isWatched(): boolean {
    return !this.isJson && process.stderr.isTTY === true;
  }

  /** Writes a text for people, on stderr. */
  tell(text: string): void {
    if (!this.isJson) process.stderr.write(text);
  }

  /** Writes the result of a command. */
  done(result: object, lines: readonly string[]): void {
    const text = this.isJson ? [JSON.stringify(result)] : lines.map(inOneLine);
    process.stdout.write(`${text.join('\n')}\n`);
  }

  /** Reports that the words of a command cannot be understood. commander has told people. */
  misused(message: string): void {
    if (this.isJson) this.#error('USAGE', message);
  }

  /** Reports why a command failed. Returns the exit code. */
  failed(error: unknown): number {
    const code = isKilohertzError(error) ? error.code : 'INTERNAL';
    const message = isKilohertzError(error) ? error.message : describeThrown(error);
    if (this.isJson) this.#error(code, message);
    else this.tell(`${code}: ${message}\n`);
    return code.startsWith('OPTION_') ? EXIT.usage : EXIT.failed;
  }

  #error(code: string, message: string): void {
    process.stdout.write(`${JSON.stringify({ error: { code, message } })}\n`);
  }
}
