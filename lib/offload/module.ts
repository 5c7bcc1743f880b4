// The module that work in another thread or process is loaded from, and the function in it.

import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isUrl } from '../checks.ts';
import { OffloadError, OptionTypeError } from '../errors/errors.ts';

/** Where a function is found: the URL of its module and its name, with a space between. */
export type Place = `${string} ${string}`;

/** The two parts of a place. A URL has no space in it; a name may. */
export function partsOf(place: Place): { url: string; name: string } {
  const end = place.indexOf(' ');
  return { url: place.slice(0, end), name: place.slice(end + 1) };
}

/** What is said where a module has no function of a name. */
export function exportsNone(url: string, name: string, exported: readonly string[]): string {
  return `${url} exports no function ${name}; it exports ${exported.join(', ') || 'nothing'}`;
}

/**
 * A module that can be loaded once more elsewhere, as its URL.
 *
 * @throws {OptionTypeError} where it is no URL
 * @throws {OffloadError} `OFFLOAD_ENTRY_POINT` where it is the program itself
 */
export function checkModule(module: string | URL): string {
  const url = String(module);
  if (!(isUrl(module) || (typeof module === 'string' && URL.canParse(module)))) {
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

/** Whether a module is what node was started with: a file, `--eval`, or standard input. */
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

/** The file that node runs for `node program`: links followed, the extension found. */
function resolved(require: NodeJS.Require, program: string): string {
  try {
    return require.resolve(program);
  } catch {
    return program;
  }
}
