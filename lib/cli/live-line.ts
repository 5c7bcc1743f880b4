import { inOneLine } from '../errors/describe.ts';

/** How many characters a bar has. */
const WIDTH = 30;
/** Moves the cursor to the start of the line and clears the line. */
const CLEARED = '\r\u001b[K';

/** A line of a terminal that is rewritten in place. */
export class LiveLine implements Disposable {
  readonly #terminal: NodeJS.WriteStream | undefined;
  #isShown = false;

  /** @param terminal where the line is shown; undefined if nobody sees it */
  constructor(terminal: NodeJS.WriteStream | undefined) {
    this.#terminal = terminal;
  }

  /** Shows a text instead of the one before. */
  show(text: string): void {
    if (!this.#terminal) return;
    // A line that the terminal breaks cannot be cleared.
    this.#terminal.write(CLEARED + inOneLine(text).slice(0, (this.#terminal.columns || 80) - 1));
    this.#isShown = true;
  }

  /** Removes the line. */
  clear(): void {
    if (this.#isShown) this.#terminal?.write(CLEARED);
    this.#isShown = false;
  }

  [Symbol.dispose](): void {
    this.clear();
  }
}

/** Returns a bar of how far something has come, 0 to 1. */
export function bar(share: number): string {
  const filled = Math.round(share * WIDTH);
  return `[${'#'.repeat(filled)}${'.'.repeat(WIDTH - filled)}] ${Math.floor(share * 100)} %`;
}
