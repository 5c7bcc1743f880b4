// A motion that goes somewhere and comes back: four joints, out slowly, back faster, from rest to
// rest.

/** How far each joint goes [rad]. */
export const AMPLITUDE: readonly number[] = [0.6, 0.25, 0, 0.35, 0, 0.4, 0];

/** The share of the way at a share of the duration, both 0 to 1, and how fast it changes. */
export function out(share: number): { way: number; speed: number } {
  const turn = 0.7;
  const clamped = Math.min(Math.max(share, 0), 1);
  if (clamped < turn) {
    const phase = (Math.PI * clamped) / turn;
    return { way: (1 - Math.cos(phase)) / 2, speed: (Math.PI / turn / 2) * Math.sin(phase) };
  }
  const phase = (Math.PI * (clamped - turn)) / (1 - turn);
  return { way: (1 + Math.cos(phase)) / 2, speed: (-Math.PI / (1 - turn) / 2) * Math.sin(phase) };
}
