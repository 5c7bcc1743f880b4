// The module and the function of work that runs in another thread or process.

import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isUrl } from '../checks.ts';
import { OffloadError, OptionTypeError } from '../errors/errors.ts';

/** The place of a function: the URL of its module and its name, with a space between them. */
export type Place = `${string} ${string}`;

/** Returns the two parts of a place. A URL contains no space; a name may. */
export function partsOf(place: Place): { url: string; name: string } {
  const end = place.indexOf(' ');
  return { url: place.slice(0, end), name: place.slice(end + 1) };
}

/** Returns the message for a module that does not export a function of this name. */
export function exportsNone(url: string, name: string, exported: readonly string[]): string {
  return `${url} exports no function ${name}; it exports ${exported.join(', ') || 'nothing'}`;
}

/**
 * Checks that a module can be loaded again in another thread or process, and returns its URL.
 *
 * @throws {OptionTypeError} if the argument is not a URL
 * @throws {OffloadError} `OFFLOAD_ENTRY_POINT` if the module is the program itself
 */
export function checkModule(module: string | URL): string {
  const url = isUrl(module) ? module.href : module;
  if (typeof url !== 'string' || !isPlace(url)) {
    const expected = "import.meta.url, or a URL as in new URL('./solve.js', import.meta.url)";
    throw new OptionTypeError('OPTION_MODULE', 'module', module, expected);
  }
  if (isEntryPoint(url)) {
    throw new OffloadError(
      'OFFLOAD_ENTRY_POINT',
      `${url} is the program itself and would run again in every thread; move the function into a ` +
        'module of its own and import it from there',
    );
  }
  return url;
}

/** Whether a text is a URL and, if it is that of a file, one of a file on this computer. */
function isPlace(url: string): boolean {
  try {
    if (new URL(url).protocol === 'file:') fileURLToPath(url);
    return true;
  } catch {
    return false;
  }
}

/** Whether node was started with this module: as a file, by `--eval`, or on standard input. */
function isEntryPoint(url: string): boolean {
  const { protocol, pathname } = new URL(url);
  if (protocol !== 'file:') return false;
  if (/\/\[(eval\d*|stdin)\]$/.test(decodeURIComponent(pathname))) return true;
  const program = process.argv[1];
  if (program === undefined) return false;
  const path = fileURLToPath(new URL(pathname, url));
  const require = createRequire(import.meta.url);
  return require.main?.filename === path || resolved(require, program) === path;
}

/** Returns the file that node runs for `node program`, with links resolved and the extension added. */
function resolved(require: NodeJS.Require, program: string): string {
  try {
    return require.resolve(program);
  } catch {
    return program;
  }
}
