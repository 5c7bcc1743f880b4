import { closeSync, openSync, unlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { checkText, isUrl } from '../checks.ts';
import { describeThrown, inOneLine, isError, textIn } from '../errors/describe.ts';
import { codeOf, KilohertzError, OptionRangeError } from '../errors/errors.ts';

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
    return fileURLToPath(file.href);
  } catch {
    throw new OptionRangeError(codeOf(what), what, file.href, expected);
  }
}

/** What to do where a file cannot be created, by the code of the system. */
const ADVICE: ReadonlyMap<string | undefined, string> = new Map([
  ['EEXIST', 'name a file that does not exist: recordings are not overwritten'],
  ['ENOENT', 'name a file in a folder that exists'],
  ['ENOTDIR', 'name a file, in a folder'],
  ['EACCES', 'choose a place that this user may use'],
  ['EPERM', 'choose a place that this user may use'],
  ['EROFS', 'choose a place that can be written'],
  ['ENOSPC', 'free space there, or choose another place'],
  ['EDQUOT', 'free space there, or choose another place'],
]);

/**
 * Checks that a file can be created, and leaves none behind. What records into it may then still be refused, as by
 * another program that creates it meanwhile.
 *
 * @throws {KilohertzError} `RECORD_IO` if it cannot be created, as where a session records into it
 */
export function checkCreatable(path: string): void {
  try {
    closeSync(openSync(path, 'wx'));
    unlinkSync(path);
  } catch (error) {
    // Without Node's name of the call and the path, which is named already.
    const why = describeThrown(error).replace(/^Error: |, \w+ '.*$/gs, '');
    const code = isError(error) ? textIn(error, 'code') : undefined;
    const advice = ADVICE.get(code) ?? 'check the disk that the file is on';
    const message = `${inOneLine(path)} cannot be created: ${why}; ${advice}`;
    throw Object.assign(new KilohertzError('RECORD_IO', message), { path });
  }
}
