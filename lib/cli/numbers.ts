import { InvalidArgumentError } from 'commander';

/** Returns the number that a word is. */
export function number(text: string): number {
  if (text.trim() !== '' && Number.isFinite(Number(text))) return Number(text);
  throw new InvalidArgumentError('Expected a number.');
}

/** Returns the numbers that words are, one word at a time: for an argument that takes several. */
export function numbers(text: string, before: readonly number[] = []): number[] {
  return [...before, number(text)];
}
