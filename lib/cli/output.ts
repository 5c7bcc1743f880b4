import { describeThrown, inLines, inOneLine, isError, textIn } from '../errors/describe.ts';
import { isKilohertzError } from '../errors/errors.ts';
import { keepStdout } from '../offload/child.ts';
import { LiveLine } from './live-line.ts';
import { Paint } from './paint.ts';

/** The exit codes of the executable, beside 0 and those of signals. */
export const EXIT = { failed: 1, usage: 2 } as const;

/** Why a command did nothing, with its code and the exit code of the executable. */
export class Refusal extends Error {
  readonly code: string;
  readonly exitCode: number;

  /** @param message it may have what a user typed: what a terminal would obey is escaped */
  constructor(code: string, message: string, exitCode: number) {
    super(inOneLine(message));
    this.code = code;
    this.exitCode = exitCode;
  }
}

/**
 * The output of a command: for people the result on stdout and everything else on stderr; as JSON one object on stdout and
 * nothing else.
 */
export class Output {
  readonly isJson: boolean;
  /** Colours for what is written to stdout. */
  readonly paint: Paint = new Paint(process.stdout);
  readonly #gone = new AbortController();
  /** Writes to stdout, also after {@link Output.ownStdout}. */
  readonly #write: (text: string) => boolean = process.stdout.write.bind(process.stdout);

  constructor(isJson: boolean) {
    this.isJson = isJson;
    // Nobody can be told that nobody can be told.
    process.stderr.on('error', () => undefined);
    // Who reads stdout may have gone, as `head` does, or the terminal is closed.
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      this.#gone.abort();
      if (error.code === 'EPIPE' || error.code === 'EIO') return;
      process.stderr.write(`OUTPUT_IO: nothing more can be written: ${inOneLine(error.message)}\n`);
      process.exitCode = EXIT.failed;
    });
  }

  /** Aborts when nobody reads stdout any more. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** Sends to stderr what others print, as a policy does, so that JSON is alone on stdout. */
  ownStdout(): void {
    if (!this.isJson) return;
    process.stdout.write = process.stderr.write.bind(process.stderr);
    keepStdout();
  }

  /** Whether somebody sees how far a command has come. */
  get isWatched(): boolean {
    return !this.isJson && process.stderr.isTTY === true;
  }

  /** Returns a line that shows how far a command has come. It shows nothing where nobody sees it. */
  live(): LiveLine {
    return new LiveLine(this.isWatched ? process.stderr : undefined);
  }

  /** Writes a text for people, on stderr. */
  tell(text: string): void {
    if (!this.isJson) process.stderr.write(text);
  }

  /** Writes the result of a command. */
  done(result: object, lines: readonly string[]): void {
    this.page(result, lines.map(inOneLine));
  }

  /** The same with lines that may be coloured: what they have of elsewhere must be on one line already. */
  page(result: object, lines: readonly string[]): void {
    const text = this.isJson ? [JSON.stringify(result)] : lines;
    this.#write(`${text.join('\n')}\n`);
  }

  /** Reports that the words of a command cannot be understood. commander has told people. */
  misused(message: string): void {
    if (this.isJson) this.#error('USAGE', inLines(message));
  }

  /** Reports why a command failed. Returns the exit code. */
  failed(thrown: unknown): number {
    const error = isWithoutFolder(thrown) ? new Refusal('USAGE', NO_FOLDER, EXIT.usage) : thrown;
    const isKnown = isKilohertzError(error) || error instanceof Refusal;
    const code = isKnown ? error.code : 'INTERNAL';
    const message = isKnown ? error.message : describeThrown(error);
    if (this.isJson) this.#error(code, message);
    else this.tell(`${code}: ${message}\n`);
    if (error instanceof Refusal) return error.exitCode;
    return code.startsWith('OPTION_') || isOfOption(error) ? EXIT.usage : EXIT.failed;
  }

  #error(code: string, message: string): void {
    this.#write(`${JSON.stringify({ error: { code, message } })}\n`);
  }
}

const NO_FOLDER =
  'the folder in which this was started has been removed; change to one that exists, as by cd ~';

/** Whether an error tells that the working directory was removed, by Node's name of the system call. */
function isWithoutFolder(error: unknown): boolean {
  return isError(error) && textIn(error, 'syscall') === 'uv_cwd';
}

/** Whether an error is about the value of an option, as a column that a recording has not, and not about a file. */
function isOfOption(error: unknown): boolean {
  if (!isKilohertzError(error)) return false;
  return error.code === 'RECORD_INVALID_ARGUMENT' && !('path' in error);
}
