// What the demo shows: plain lines where the output goes to a file, one live line on a terminal.

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

/** A duration in the unit that suits it. */
export function duration(seconds: number): string {
  const us = seconds * 1e6;
  if (us < 0.1) return `${(us * 1e3).toFixed(0)} ns`;
  if (us < 1_000) return `${us.toFixed(us < 10 ? 1 : 0)} us`;
  if (us < 1_000_000) return `${(us / 1e3).toFixed(us < 10_000 ? 2 : 1)} ms`;
  return `${seconds.toFixed(2)} s`;
}

/** Two columns. */
export function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join('\n');
}

/** Upper edges of the bars [s]: 1, 2, 5 times the powers of ten from 1 us to 1 s. */
const EDGES = [-6, -5, -4, -3, -2, -1].flatMap((power) => [1, 2, 5].map((n) => n * 10 ** power));

/** A histogram with a logarithmic scale both ways, so that a single late cycle is seen. */
export function bars(upperS: Float64Array, counts: Float64Array): string {
  const sums = EDGES.map(() => 0);
  upperS.forEach((upper, index) => {
    const bar = EDGES.findIndex((edge) => upper <= edge * 1.0001);
    const at = bar < 0 ? EDGES.length - 1 : bar;
    sums[at] = (sums[at] ?? 0) + (counts[index] ?? 0);
  });
  const last = sums.findLastIndex((sum) => sum > 0);
  const most = Math.log10(1 + Math.max(...sums));
  return EDGES.slice(0, last + 1)
    .map((edge, index) => {
      const sum = sums[index] ?? 0;
      const bar = '█'.repeat(Math.ceil((40 * Math.log10(1 + sum)) / most));
      return `  ${`≤ ${duration(edge * 1.0000001)}`.padEnd(9)} ${bar} ${sum || ''}`.trimEnd();
    })
    .join('\n');
}

/** The middle one of some numbers. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
