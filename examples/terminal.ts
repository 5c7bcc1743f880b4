// What the examples show: plain lines where the output goes to a file, one live line on a terminal.

/** A line that is rewritten in place on a terminal, and printed once a second elsewhere. */
export class Progress {
  readonly #stream: NodeJS.WriteStream;
  #printedAt = Number.NEGATIVE_INFINITY;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  update(line: string): void {
    if (this.#stream.isTTY) {
      this.#stream.write(`\r\x1b[2K${line.slice(0, (this.#stream.columns || 80) - 1)}`);
      return;
    }
    if (performance.now() - this.#printedAt < 950) return;
    this.#printedAt = performance.now();
    this.#stream.write(`${line}\n`);
  }

  /** Leaves the live line; what follows starts on a line of its own. */
  end(): void {
    if (this.#stream.isTTY) this.#stream.write('\r\x1b[2K');
  }
}

/** Two columns. */
export function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join('\n');
}

/** The middle one of some numbers. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
