import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { inOneLine } from '../errors/describe.ts';
import { EXIT, type Output, Refusal } from './output.ts';
import { Paint } from './paint.ts';

const CODE = 'NOT_CONFIRMED';

/** What a person is to confirm. */
export interface Confirmation {
  /** Whether it was confirmed beforehand, by `--yes`. */
  readonly yes: boolean | undefined;
  /** What will happen, in lines. */
  readonly lines: readonly string[];
  /** The word that is to be typed. */
  readonly word: string;
  readonly signal: AbortSignal;
}

/**
 * Says what will happen, and waits until a person types a word. Nothing is asked where `--yes` was given.
 *
 * @throws {Refusal} `NOT_CONFIRMED` if something else is typed, if there is no terminal to ask at, or on a signal
 */
export async function confirm(
  output: Output,
  { yes, lines, word, signal }: Confirmation,
): Promise<void> {
  const paint = new Paint(process.stderr);
  const [first = '', ...others] = lines.map(inOneLine);
  output.tell([paint.strong(first), ...others, ''].join('\n'));
  if (yes) return;
  const isSeen = process.stdin.isTTY === true && process.stderr.isTTY === true;
  if (!isSeen || output.isJson) {
    const why = output.isJson ? 'with --json nothing is asked' : 'there is no terminal to ask at';
    throw new Refusal(CODE, `${why}: add --yes if all of this is meant`, EXIT.usage);
  }
  await discardTyped();
  process.stderr.write(`Type "${word}" to go on: `);
  const typed = await answer(signal);
  if (typed === word) return;
  // Nobody has ended the line of the question.
  if (typed === undefined) process.stderr.write('\n');
  const why = signal.aborted ? `${signal.reason} came` : `"${word}" was not typed`;
  throw new Refusal(CODE, `nothing was done, because ${why}`, EXIT.failed);
}

/** How long lines that were typed before the question are looked for [ms]. */
const DISCARDING_MS = 100;

/** Throws away the lines that were typed before the question was seen: they confirm nothing. */
async function discardTyped(): Promise<void> {
  const discard = (): void => undefined;
  process.stdin.on('data', discard);
  await sleep(DISCARDING_MS);
  process.stdin.off('data', discard);
  process.stdin.pause();
}

/** Returns the line that a person types; undefined if the terminal is closed or a signal comes before. */
async function answer(signal: AbortSignal): Promise<string | undefined> {
  // Not as a terminal of its own: Ctrl+C stays a signal then.
  const lines = createInterface({ input: process.stdin, terminal: false });
  try {
    const typed = once(lines, 'line', { signal }).then(([line]) => String(line).trim());
    const closed = once(lines, 'close').then(() => undefined);
    return await Promise.race([typed.catch(() => undefined), closed]);
  } finally {
    lines.close();
    process.stdin.pause();
  }
}
