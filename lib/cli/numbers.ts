import { InvalidArgumentError } from 'commander';

/** Returns the number that a word is. */
export function number(text: string): number {
  if (text.trim() !== '' && Number.isFinite(Number(text))) return Number(text);
  throw new InvalidArgumentError('Expected a number.');
}
