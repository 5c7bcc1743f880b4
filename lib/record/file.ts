import { fileURLToPath } from 'node:url';
import { checkText, isUrl } from '../checks.ts';
import { codeOf, OptionRangeError } from '../errors/errors.ts';

/** A file: its path, or a `file:` URL. */
export type RecordingFile = string | URL;

/** What is in no path: NUL, and halves of a character. */
const IMPOSSIBLE = /\0|\p{Surrogate}/u;

/** Returns the path of a file. `what` is the option or the argument. */
export function pathOf(what: string, file: unknown): string {
  const expected = 'the path of a file, or a file: URL';
  if (!isUrl(file)) {
    const path = checkText(what, file, expected);
    if (!IMPOSSIBLE.test(path)) return path;
    throw new OptionRangeError(
      codeOf(what),
      what,
      path,
      `${expected}, without NUL and half characters`,
    );
  }
  try {
    return fileURLToPath(file);
  } catch {
    throw new OptionRangeError(codeOf(what), what, file.href, expected);
  }
}
