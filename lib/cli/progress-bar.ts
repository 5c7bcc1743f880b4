/** How many characters a bar has. */
const WIDTH = 30;
/** Moves the cursor to the start of the line and clears the line. */
const CLEARED = '\r\u001b[K';

/** Shows on a terminal how far something has come, 0 to 1. */
export function showProgress(terminal: NodeJS.WritableStream, share: number): void {
  const filled = Math.round(share * WIDTH);
  const bar = `${'#'.repeat(filled)}${'.'.repeat(WIDTH - filled)}`;
  terminal.write(`${CLEARED}[${bar}] ${Math.floor(share * 100)} %`);
}

/** Removes the bar. */
export function hideProgress(terminal: NodeJS.WritableStream): void {
  terminal.write(CLEARED);
}
