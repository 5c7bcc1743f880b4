// One file and one test at a time: a session under test wants the machine's cores. `scripts/ava-tests.mjs` runs three of it.
export default {
  files: ['__test__/**/*.test.ts'],
  extensions: { ts: 'module' },
  nodeArguments: ['--import=@oxc-node/core/register'],
  workerThreads: false,
  concurrency: 1,
  serial: true,
  // Without the end of any test. The longest takes half a minute; on a machine that others keep busy, several.
  timeout: '6m',
};
