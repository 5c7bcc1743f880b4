// The tests of the installation from a registry, which `npm run test:install` runs.
import page from './page.config.js';

export default { ...page, files: ['__test__/install/*.install.ts'] };
