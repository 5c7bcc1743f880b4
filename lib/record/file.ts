import { fileURLToPath } from 'node:url';
import { checkText, isUrl } from '../checks.ts';
import { codeOf, OptionRangeError } from '../errors/errors.ts';

/** A file: its path, or a `file:` URL. */
export type RecordingFile = string | URL;

/** Returns the path of a file. `what` is the option or the argument. */
export function pathOf(what: string, file: unknown): string {
  const expected = 'the path of a file, or a file: URL';
  if (!isUrl(file)) return checkText(what, file, expected);
  try {
    return fileURLToPath(file);
  } catch {
    throw new OptionRangeError(codeOf(what), what, file.href, expected);
  }
}
