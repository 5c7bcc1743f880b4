// One file and one test at a time: a session under test wants the machine's cores. `scripts/ava-tests.mjs` runs three of it.
export default {
  files: ['__test__/**/*.test.ts'],
  extensions: { ts: 'module' },
  nodeArguments: ['--import=@oxc-node/core/register'],
  workerThreads: false,
  concurrency: 1,
  serial: true,
  // How long no test may end. The longest takes half a minute, and minutes on a machine that others keep busy.
  timeout: '6m',
};
