// Tests the page in chromium; keeps its pictures in target/page.
//
//   npm run test:page
//   npm run test:page -- --install      installs chromium first where there is none (Debian)
//
// `KILOHERTZ_CHROMIUM` names another chromium than those in `PATH`.

import { chromium, installChromium } from './chromium.mjs';
import { tool } from './steps.mjs';
import { orExplain } from './toolchain.mjs';

await orExplain(() => {
  const words = process.argv.slice(2);
  if (words.includes('--install')) installChromium();
  const args = ['--config', 'page.config.js', ...words.filter((word) => word !== '--install')];
  tool('test the page', 'ava/entrypoints/cli.mjs', args, {
    env: { KILOHERTZ_CHROMIUM: chromium() },
  });
});
