import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { inOneLine } from '../errors/describe.ts';
import { EXIT, Refusal } from './output.ts';
import type { Paint } from './paint.ts';

/** Why a report was not written. */
export interface Unwritten {
  readonly code: 'REPORT_IO';
  readonly message: string;
}

/** A new file for a report. It is made before the work begins, so that the work is not lost for a file that cannot be. */
export class ReportFile implements Disposable {
  readonly path: string;
  readonly #descriptor: number;
  #isWritten = false;
  #error: Unwritten | undefined;

  /** @throws {Refusal} `REPORT_IO` if the file exists, or cannot be made; `USAGE` without a name */
  constructor(path: string) {
    this.path = path;
    if (path === '') throw new Refusal('USAGE', 'the name of the file is empty', EXIT.usage);
    try {
      this.#descriptor = openSync(path, 'wx');
    } catch (error) {
      throw new Refusal('REPORT_IO', messageOf(error, path), EXIT.failed);
    }
  }

  /** Writes the report. Returns why that failed; the work is told all the same. */
  write(text: string): Unwritten | undefined {
    try {
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#descriptor, bytes, at);
      this.#isWritten = true;
      return undefined;
    } catch (error) {
      this.#error = { code: 'REPORT_IO', message: inOneLine(messageOf(error, this.path)) };
      return this.#error;
    }
  }

  /** Returns what people are told of the report after it was written, or not. `hint` says what to do with it. */
  line(paint: Paint, hint = ''): string {
    if (this.#error) return paint.bad(`${this.#error.code}: ${this.#error.message}`);
    return `${inOneLine(this.path)}: written${hint}`;
  }

  /** Closes the file, and removes it if it was not written. */
  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
    if (!this.#isWritten) unlinkSync(this.path);
  }
}

function messageOf(error: unknown, path: string): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'EEXIST'
    ? `${path} exists already, and is not written over`
    : `${path}: ${message}`;
}
