// Runs the tests several times beside processes that compute without end, as on a machine that others use
// too, and keeps what was seen in __test__/loaded.result.md.
//
//   node scripts/loaded.mjs           all tests, three times
//   node scripts/loaded.mjs 1 types   once, and only these parts, as scripts/test.mjs calls them

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { buildRustTests } from './rust-tests.mjs';
import { machine } from './times.mjs';
import { Missing, orExplain, root } from './toolchain.mjs';

const BUSY = 4;
const CORES = 2;
/** How many lines of a failure are kept. */
const KEPT = 40;

/** Computes until whoever started it has gone. */
const COMPUTE = `
  const { ppid } = process;
  while (process.ppid === ppid) for (let i = 0; i < 1e7; i += 1);
`;

/** What a command begins with that is to run on some of the cores alone. */
function onFewCores() {
  if (cpus().length <= CORES) return [];
  if (spawnSync('taskset', ['--version']).error) {
    throw new Missing(`taskset was not found; ${CORES} of ${cpus().length} cores are to be used`);
  }
  return ['taskset', '--cpu-list', `0-${CORES - 1}`];
}

function start(words, options) {
  const [command, ...args] = [...onFewCores(), process.execPath, ...words];
  return spawn(command, args, { cwd: root, ...options });
}

/** One run of the tests: its tables, and of a failure what was told last. */
async function run(parts) {
  const since = performance.now();
  const child = start([join(root, 'scripts', 'test.mjs'), '--times', ...parts], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: [], stderr: [] };
  for (const stream of ['stdout', 'stderr']) {
    createInterface(child[stream]).on('line', (line) => {
      console.error(line);
      said[stream].push(line);
    });
  }
  const [status] = await once(child, 'close');
  const seconds = (performance.now() - since) / 1000;
  const isPassed = status === 0;
  return { isPassed, seconds, load: loadavg()[0], tables: said.stdout, told: said.stderr };
}

function section({ isPassed, tables, told }, nth) {
  const failure = isPassed ? [] : ['', '```text', ...told.slice(-KEPT), '```'];
  return [`## Run ${nth + 1}`, '', ...tables, ...failure].join('\n');
}

function page(runs, parts) {
  const what = parts.length > 0 ? `the tests of ${parts.join(', ')}` : 'all tests';
  const rows = runs.map(({ isPassed, seconds, load }, nth) => {
    const result = isPassed ? 'passed' : '**failed**';
    return `| ${nth + 1} | ${result} | ${seconds.toFixed(0)} s | ${load.toFixed(1)} |`;
  });
  return `# Tests on a busy machine

${machine()}. By \`npm run test:loaded\`: ${what}, ${runs.length} times, on ${CORES} cores beside ${BUSY} processes that compute without end.

| run | result | took | load at its end |
| --- | --- | ---: | ---: |
${rows.join('\n')}

${runs.map(section).join('\n\n')}
`;
}

await orExplain(async () => {
  const words = process.argv.slice(2);
  const times = /^\d+$/.test(words[0] ?? '') ? Number(words.shift()) : 3;
  // What is compiled need not be compiled beside them.
  if (words.length === 0 || words.includes('rust')) await buildRustTests();
  const busy = Array.from({ length: BUSY }, () => start(['--eval', COMPUTE], { stdio: 'ignore' }));
  const runs = [];
  try {
    while (runs.length < times) {
      runs.push(await run(words));
      // Kept after each, so that one that is broken off leaves what came before it.
      writeFileSync(join(root, '__test__', 'loaded.result.md'), page(runs, words));
    }
  } finally {
    for (const process of busy) process.kill();
  }
  const failed = runs.filter(({ isPassed }) => !isPassed).length;
  if (failed > 0) throw new Missing(`${failed} of ${times} runs failed`);
});
