/** How long the demo blocks the event loop [ms]. */
export const BLOCK_MS = 300;

/** Keeps the whole thread busy, as a long synchronous call would. */
export function block(): void {
  const end = performance.now() + BLOCK_MS;
  while (performance.now() < end);
}
