import { execFile } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';

/** How long a program may take [ms]. */
const LIMIT_MS = 20_000;

/** What a program printed, and how it ended. */
export interface Printed {
  readonly text: string;
  readonly isFine: boolean;
}

/**
 * The machine that is looked at: the files below a folder. `/` is this machine. Any other folder has the files of a
 * machine under their own paths, and what its programs print in `commands/`: a file a call, whose name has the words of
 * the call with `_` between them and in place of each `/`.
 */
export class Machine {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** Whether it is the machine that this program runs on. */
  get isThis(): boolean {
    return this.#root === '/';
  }

  /** Returns the text of a file, without blanks around it; undefined if it cannot be read. */
  read(path: string): string | undefined {
    try {
      return readFileSync(this.#at(path), 'utf8').trim();
    } catch {
      return undefined;
    }
  }

  /** Returns the names in a folder; none if it cannot be read. */
  list(path: string): string[] {
    try {
      return readdirSync(this.#at(path)).sort();
    } catch {
      return [];
    }
  }

  has(path: string): boolean {
    return existsSync(this.#at(path));
  }

  /** Returns where a symbolic link leads; undefined if it is none. */
  link(path: string): string | undefined {
    try {
      return readlinkSync(this.#at(path));
    } catch {
      return undefined;
    }
  }

  /** Whether this user may write a file. Of another machine's files only their mode is known. */
  mayWrite(path: string): boolean {
    try {
      if (!this.isThis) return (statSync(this.#at(path)).mode & 0o200) !== 0;
      accessSync(this.#at(path), constants.W_OK);
      return true;
    } catch {
      return false;
    }
  }

  /** Runs a program that only looks. Returns undefined if it is not installed. */
  async run(program: string, ...words: readonly string[]): Promise<Printed | undefined> {
    if (!this.isThis) {
      const text = this.read(join('commands', [program, ...words].join('_').replaceAll('/', '_')));
      return text === undefined ? undefined : { text, isFine: true };
    }
    return new Promise((resolve) => {
      const options = { timeout: LIMIT_MS, env: { ...process.env, LC_ALL: 'C' } };
      execFile(program, words, options, (error, stdout, stderr) => {
        const isMissing = error !== null && 'code' in error && error.code === 'ENOENT';
        const text = (stdout || stderr).trim();
        resolve(isMissing ? undefined : { text, isFine: error === null });
      });
    });
  }

  #at(path: string): string {
    return join(this.#root, path);
  }
}

/** Returns the numbers of a list of the kernel, as `0-2,5`. */
export function numbersIn(list: string): number[] {
  return list.split(',').flatMap((range) => {
    const [from, to = from] = range.trim().split('-').map(Number);
    if (from === undefined || to === undefined || range.trim() === '') return [];
    return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
  });
}

/** Returns a field of a file with lines as `Cpus_allowed_list:\t0-3`. */
export function fieldIn(text: string | undefined, name: string): string | undefined {
  const line = text?.split('\n').find((each) => each.startsWith(`${name}:`));
  return line?.slice(name.length + 1).trim();
}
