// Tests the page in chromium; keeps its pictures in target/page.
//
//   npm run test:page
//
// `KILOHERTZ_CHROMIUM` names another chromium than those in `PATH`.

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { tool } from './steps.mjs';
import { Missing, orExplain } from './toolchain.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

function chromium() {
  const named = process.env.KILOHERTZ_CHROMIUM;
  const places = (process.env.PATH ?? '').split(delimiter);
  const candidates = named
    ? [named]
    : NAMES.flatMap((name) => places.map((place) => join(place, name)));
  const found = candidates.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  if (found) return found;
  throw new Missing(
    `chromium was not found ${named ? `at ${named}` : 'in PATH'}; install it (Debian: apt-get install chromium) or set KILOHERTZ_CHROMIUM to its path.`,
  );
}

await orExplain(() => {
  const args = ['--config', 'page.config.js', ...process.argv.slice(2)];
  const env = { KILOHERTZ_CHROMIUM: chromium() };
  tool('test the page', 'ava/entrypoints/cli.mjs', args, { env });
});
