// Where chromium is, which the tests, the pictures and a bench of the page need, and how it is installed on Debian.

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { step } from './steps.mjs';
import { Missing } from './toolchain.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** The path of an executable; undefined if there is none. */
function executable(candidates) {
  return candidates.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function inPath(names) {
  const places = (process.env.PATH ?? '').split(delimiter);
  return executable(names.flatMap((name) => places.map((place) => join(place, name))));
}

/** The path of chromium; `KILOHERTZ_CHROMIUM` names another than those in `PATH`. */
export function chromium() {
  const named = process.env.KILOHERTZ_CHROMIUM;
  const found = named ? executable([named]) : inPath(NAMES);
  if (found) return found;
  throw new Missing(
    `chromium was not found ${named ? `at ${named}` : 'in PATH'}; install it (Debian: apt-get install chromium) or set KILOHERTZ_CHROMIUM to its path.`,
  );
}

/** The path of a program in `PATH`, of the Debian package of the same name. */
export function program(name) {
  const found = inPath([name]);
  if (found) return found;
  throw new Missing(`${name} was not found in PATH; install it (Debian: apt-get install ${name}).`);
}

/** Installs chromium where there is none, with Debian's apt-get, as root or with a sudo that asks for no password. */
export function installChromium() {
  if (process.env.KILOHERTZ_CHROMIUM || inPath(NAMES)) return;
  const sudo = process.getuid() === 0 ? [] : ['sudo', '--non-interactive'];
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...words) => {
    const [command, ...args] = [...sudo, 'apt-get', ...words];
    step(`apt-get ${words.join(' ')}`, command, args, { env });
  };
  try {
    apt('update');
    apt('install', '--yes', '--no-install-recommends', 'chromium');
  } catch (error) {
    if (!(error instanceof Missing)) throw error;
    const how =
      'install it as root (Debian: apt-get install chromium), or set KILOHERTZ_CHROMIUM to its path';
    throw new Missing(
      `chromium was not found and could not be installed; ${how}. ${error.message}`,
    );
  }
}
