// Why a recorded run ended, as commands print it.

import { cut, inOneLine } from '../errors/describe.ts';
import type { RecordedEnd } from '../record/entries.ts';

/** The most characters of a message that people are shown. */
const LONGEST = 1_000;

/** Returns why the run of a recording ended, for people. */
export function endLine(file: string, end: RecordedEnd | undefined): string {
  if (!end) return `${file} does not tell why its run ended`;
  const code = end.code === undefined ? '' : ` with ${end.code}`;
  return `the run of ${file} ended${code}: ${inOneLine(cut(end.message, LONGEST))}`;
}

/** Returns why a run ended for the result as JSON; null if that is not known. */
export function endResult(end: RecordedEnd | undefined): object | null {
  if (!end) return null;
  const { tick, robotTimeS, code, message } = end;
  return { tick, robotTimeS, code, message };
}
