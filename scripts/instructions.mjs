// Counts the instructions of a cycle of the loop body under callgrind, in each control mode, without a socket
// or a clock, and compares them with the rows that are kept in benches/results/instructions.csv. Fails where
// one has more than a tenth more. Needs valgrind (Debian's package) and, the first time, some minutes to
// build; counting takes some 20 s.
//
//   node scripts/instructions.mjs               count and compare
//   node scripts/instructions.mjs --keep        count and keep
//   node scripts/instructions.mjs --profile jointVelocity     the functions of one mode, by their own share

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Missing, orExplain, requireRust, root } from './toolchain.mjs';

const kept = join(root, 'benches', 'results', 'instructions.csv');
const header = 'control,what,instructions';
/** By how much a row may exceed the one that is kept. */
const MOST = 1.1;
/** What is counted: a state as the client decodes it, slots, slots and gate, the loop body without and with limits, and with a recording. */
const WHATS = ['client', 'slots', 'gate', 'free', 'cycle', 'kept'];
const CONTROLS = [
  'jointVelocity',
  'jointPosition',
  'jointTarget',
  'cartesianVelocity',
  'cartesianPose',
  'cartesianTarget',
  'torque',
];

/** Builds the bench, with the lines of its functions; returns its path. */
function built() {
  const args = ['bench', '--package=kilohertz-franka', '--bench=instructions', '--no-run'];
  const lines = execFileSync(
    'cargo',
    [...args, '--target-dir=target/counted', '--message-format=json-render-diagnostics'],
    {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, CARGO_PROFILE_BENCH_DEBUG: 'line-tables-only' },
    },
  );
  const artifacts = lines.split('\n').filter((line) => line.startsWith('{'));
  const executables = artifacts.map((line) => JSON.parse(line).executable).filter(Boolean);
  return executables.at(-1);
}

/** What callgrind collects while one row runs, in a file. */
function collected(bench, what, control, file) {
  const run = spawnSync(
    'valgrind',
    [
      '--tool=callgrind',
      '--toggle-collect=*instructions::counted*',
      `--callgrind-out-file=${file}`,
      bench,
      '--row',
      what,
      control,
    ],
    { encoding: 'utf8' },
  );
  if (run.status !== 0) throw new Error(`${what} ${control}: ${run.stderr}`);
}

function main() {
  requireRust();
  if (spawnSync('valgrind', ['--version']).status !== 0) {
    throw new Missing('valgrind was not found; run: sudo apt install valgrind.');
  }
  const words = process.argv.slice(2);
  const bench = built();
  const cycles = Number(execFileSync(bench, ['--cycles'], { encoding: 'utf8' }));
  const folder = mkdtempSync(join(tmpdir(), 'kilohertz-instructions-'));
  const file = join(folder, 'callgrind.out');
  try {
    if (words[0] === '--profile') {
      collected(bench, 'cycle', words[1] ?? 'jointVelocity', file);
      console.log(execFileSync('callgrind_annotate', [file], { encoding: 'utf8' }));
      return;
    }
    const rows = [];
    for (const control of CONTROLS) {
      for (const what of WHATS) {
        // The client's share is the same in each mode.
        if (what === 'client' && control !== CONTROLS[0]) continue;
        collected(bench, what, control, file);
        const total = Number(readFileSync(file, 'utf8').match(/^summary: (\d+)/m)[1]);
        rows.push({ control, what, instructions: Math.round(total / cycles) });
      }
    }
    compare(rows);
    if (words.includes('--keep')) {
      const lines = rows.map(({ control, what, instructions }) =>
        [control, what, instructions].join(),
      );
      writeFileSync(kept, `${[header, ...lines].join('\n')}\n`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Shows `rows` beside those that are kept; fails where one has too many more, unless they are to be kept. */
function compare(rows) {
  const before = new Map();
  try {
    for (const line of readFileSync(kept, 'utf8').trim().split('\n').slice(1)) {
      const [control, what, instructions] = line.split(',');
      before.set(`${control} ${what}`, Number(instructions));
    }
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  const shown = rows.map((row) => {
    const then = before.get(`${row.control} ${row.what}`);
    return { ...row, kept: then, ratio: then && Number((row.instructions / then).toFixed(3)) };
  });
  console.table(shown);
  const more = shown.filter(({ ratio }) => ratio > MOST);
  if (more.length > 0 && !process.argv.includes('--keep')) {
    const which = more.map(({ control, what, ratio }) => `${control} ${what} ${ratio}x`).join(', ');
    throw new Missing(
      `a cycle takes more instructions than are kept (at most ${MOST}x): ${which}. Find where they go ` +
        'with --profile, or keep the new rows with --keep and say why in the commit.',
    );
  }
}

await orExplain(main);
