// The tests of the page in a browser, which `npm run test:page` runs.
export default {
  files: ['__test__/dashboard/*.browser.ts'],
  extensions: { ts: 'module' },
  nodeArguments: ['--import=@oxc-node/core/register'],
  workerThreads: false,
  concurrency: 1,
  serial: true,
  timeout: '10m',
};
