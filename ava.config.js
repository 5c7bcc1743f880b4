// One file and one test at a time: a session under test needs the machine's cores for itself.
export default {
  files: ['__test__/**/*.test.ts'],
  extensions: { ts: 'module' },
  nodeArguments: ['--import=@oxc-node/core/register'],
  workerThreads: false,
  concurrency: 1,
  serial: true,
  timeout: '2m',
};
