// What a run has recorded and what it has lost, as commands print it.

import { inOneLine } from '../errors/describe.ts';
import type { RecordingReport } from '../session/recording.ts';
import type { SessionStats } from '../session/stats.ts';
import { EXIT } from './output.ts';
import { counted } from './text.ts';

/**
 * Returns what could not be recorded, for people; no lines if all was recorded. Sets the exit code if something could
 * not: the arm went on, and its recording is not whole.
 *
 * @param cycle the word for a recorded cycle
 */
export function lostLines(
  recording: RecordingReport | undefined,
  { unrecordedCycles }: SessionStats,
  cycle = 'cycle',
): string[] {
  if (!recording) return [];
  const { error, lostCycles, lostValues } = recording;
  const lines: string[] = [];
  if (error) {
    const why = `${error.code}: ${inOneLine(error.message)}`;
    lines.push(`${counted(lostCycles, cycle)} not recorded: ${why}`);
  }
  if (unrecordedCycles > 0) {
    lines.push(`${counted(unrecordedCycles, cycle)} not recorded: writing was too slow`);
  }
  if (lostValues > 0) lines.push(`${counted(lostValues, 'value')} not recorded`);
  if (lines.length > 0) process.exitCode = EXIT.failed;
  return lines;
}

/** Returns what was recorded, for the result as JSON: an error has its message there. */
export function recordedResult(recording: RecordingReport | undefined): object | undefined {
  const error = recording?.error;
  if (!error) return recording;
  return { ...recording, error: { code: error.code, message: error.message } };
}
