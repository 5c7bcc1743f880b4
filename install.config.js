// The tests of the installation from a registry, which `npm run test:install` runs.
export default {
  files: ['__test__/install/*.install.ts'],
  extensions: { ts: 'module' },
  nodeArguments: ['--import=@oxc-node/core/register'],
  workerThreads: false,
  concurrency: 1,
  serial: true,
  timeout: '10m',
};
