// Two files at a time: most of the tests wait, and all hold beside others. Within a file one test at a time.
export default {
  files: ['__test__/**/*.test.ts'],
  extensions: { ts: 'module' },
  nodeArguments: ['--import=@oxc-node/core/register'],
  workerThreads: false,
  concurrency: 2,
  serial: true,
  timeout: '2m',
};
