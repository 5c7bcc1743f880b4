// `kilohertz run`: where a policy runs, and how a run ends.

import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { type FrankaSimulator, replay, SessionInterruptedError } from '../../index.ts';
import { untilSignal } from '../../lib/cli/signals.ts';
import { armFor, isRested, speed } from '../fixtures/arms.ts';
import { EXECUTABLE, kilohertz, type Running, started } from '../fixtures/command-line.ts';
import { PageClient } from '../fixtures/page-client.ts';
import { Folder, folderFor } from '../fixtures/recordings.ts';
import { until } from '../fixtures/waiting.ts';

const POLICY = join(import.meta.dirname, '..', 'fixtures', 'plain-policy.js');
const PYTHON_POLICY = join(import.meta.dirname, '..', 'fixtures', 'standing_policy.py');
const SWING = [POLICY, '--export', 'swing', '--args', '[0.3]'];

/** Whether nothing moves any more. */
const rests = (simulator: FrankaSimulator): boolean => speed(simulator) < 1e-3;

/** Where a policy does harm after half a second of motion. Returns its file; a second file tells that it has begun to. */
function harmful(t: ExecutionContext, harm: string): { file: string; hasBegun: () => boolean } {
  const folder = folderFor(t);
  const [file, begun] = [join(folder, 'harmful.mjs'), join(folder, 'begun')];
  const text = `import { writeFileSync } from 'node:fs';
export default (_state, { timeS }) => {
  if (timeS > 0.5) {
    writeFileSync(${JSON.stringify(begun)}, '');
    ${harm}
  }
  return [0.1 * Math.sin(3 * timeS), 0, 0, 0, 0, 0, 0];
};
`;
  writeFileSync(file, text);
  return { file, hasBegun: () => existsSync(begun) };
}

/** Sends a signal again and again, as a person does, until the process ends. Returns how many were sent. */
async function signalled({ process }: Running, signal: NodeJS.Signals): Promise<number> {
  let sent = 0;
  await until(async () => {
    process.kill(signal);
    sent += 1;
    // Two within 0.3 s count as one.
    for (let waits = 0; waits < 50 && process.exitCode === null; waits += 1) {
      if (process.signalCode !== null) break;
      await sleep(10);
    }
    return process.exitCode !== null || process.signalCode !== null;
  }, `${signal} ends the process`);
  return sent;
}

test('run drives the arm with an export of a module, in a worker, and records it', async (t) => {
  using folder = new Folder();
  const simulator = await armFor(t);
  const record = folder.at('run.mcap');
  const words = [POLICY, '--export', 'swing', '--args', '[0.2]', '--duration', '1'];
  const where = ['--robot', simulator.address, '--yes'];
  const ended = await kilohertz('run', ...words, '--record', record, ...where);
  t.is(ended.code, 0, ended.stderr);
  t.regex(ended.stdout, /was driven for 1\.0 s, \d+ cycles; it is at rest\n/);
  t.true(ended.stdout.includes(`${record}: `), ended.stdout);
  t.true((simulator.joints().q[0] ?? 0) > 0.02);
  let cycles = 0;
  for await (const _ of replay(record)) cycles += 1;
  t.true(cycles > 500);
});

test('run takes a policy on the main thread, in a process, and in Python', async (t) => {
  const simulator = await armFor(t);
  const where = ['--duration', '0.3', '--robot', simulator.address, '--yes', '--json'];
  for (const words of [
    [POLICY, '--in', 'main'],
    [POLICY, '--in', 'process'],
    [PYTHON_POLICY, '--export', 'stand'],
  ]) {
    const ended = await kilohertz('run', ...words, ...where);
    t.is(ended.code, 0, `${words.join(' ')} ${ended.stdout}`);
    t.true(JSON.parse(ended.stdout).stats.policyAnswers > 0, words.join(' '));
  }
});

test('with --json the result of a run is alone on stdout, whatever its policy and its page print', async (t) => {
  using folder = new Folder();
  const simulator = await armFor(t);
  const policy = folder.at('talking.mjs');
  writeFileSync(policy, 'console.log("loaded");\nexport default () => [0, 0, 0, 0, 0, 0, 0];\n');
  const python = folder.at('talking.py');
  writeFileSync(python, 'print("loaded")\ndef policy(state, tick): return [0.0] * 7\n');
  const where = ['--duration', '0.3', '--robot', simulator.address, '--yes', '--json'];
  for (const words of [
    [policy, '--in', 'main'],
    [policy, '--in', 'worker'],
    [policy, '--in', 'process'],
    [python, '--export', 'policy'],
  ]) {
    const ended = await kilohertz('run', ...words, '--dashboard', ...where);
    t.is(ended.code, 0, ended.stderr);
    t.true(JSON.parse(ended.stdout).stats.iterations > 0);
    t.regex(ended.stderr, /loaded\n/);
    t.regex(ended.stderr, /watch it in a browser: http/);
  }
});

test('run refuses what is no policy before the arm moves', async (t) => {
  const simulator = await armFor(t);
  const wrong: readonly (readonly [readonly string[], number, RegExp])[] = [
    [['missing.js'], 2, /USAGE: \S+missing\.js does not exist/],
    [[POLICY, '--in', 'main', '--export', 'nothing'], 2, /no function of the name nothing/],
    [[POLICY, '--args', '0.5'], 2, /a list in JSON/],
    [[POLICY, '--control', 'joints'], 2, /Allowed choices are jointVelocity/],
    [[PYTHON_POLICY, '--in', 'worker'], 2, /runs in a process/],
    [[POLICY, '--export', 'nothing'], 1, /OFFLOAD_NOT_FOUND|POLICY/],
  ];
  for (const [words, code, reason] of wrong) {
    const ended = await kilohertz('run', ...words, '--robot', simulator.address, '--yes');
    t.is(ended.code, code, `${words.join(' ')} ${ended.stderr}`);
    t.regex(ended.stderr, reason);
  }
  t.true(rests(simulator));
});

test('a command in a folder that was removed says so', (t) => {
  using folder = new Folder();
  const removed = 'mkdir "$1" && cd "$1" && rmdir "$1" && shift && exec "$@"';
  for (const [code, ...words] of [
    ['SYSTEM', 'run', POLICY],
    ['USAGE', 'run', 'policy.js'],
    ['USAGE', 'bench'],
  ]) {
    const command = [folder.at('removed'), process.execPath, EXECUTABLE, ...words];
    const { status, stderr } = spawnSync('sh', ['-c', removed, 'sh', ...command], {
      encoding: 'utf8',
    });
    t.is(status, code === 'USAGE' ? 2 : 1, stderr);
    t.regex(stderr, new RegExp(`^${code}: .*(folder|directory) .*removed`, 'm'));
  }
});

test('Ctrl+C is how a run without a duration ends: with its result', async (t) => {
  const simulator = await armFor(t);
  const words = [POLICY, '--export', 'swing', '--args', '[0.3]'];
  const running = started(t, 'run', ...words, '--robot', simulator.address, '--yes');
  await until(() => !rests(simulator), 'the arm moves');
  running.process.kill('SIGINT');
  t.is(await running.ended, 130, running.text);
  t.true(rests(simulator));
  t.regex(running.text, /was driven for [\d.]+ s, \d+ cycles; it is at rest/);
});

for (const place of ['worker', 'main'] as const) {
  for (const [signal, number] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    test(`a run without a duration prints its statistics after ${signal}, with the policy in ${place}`, async (t) => {
      const simulator = await armFor(t);
      const where = ['--in', place, '--robot', simulator.address, '--yes', '--json'];
      const running = started(t, 'run', ...SWING, ...where);
      await until(() => !rests(simulator), 'the arm moves');
      running.process.kill(signal);
      const code = await running.ended;
      // On the main thread the system ends the process by all signals but Ctrl+C: shells see the same number.
      if (place === 'main' && signal === 'SIGTERM') t.is(running.process.signalCode, signal);
      else t.is(code, number, running.text);
      isRested(t, simulator, 1, running.text);
      t.true(JSON.parse(running.text).stats.iterations > 0);
    });
  }
}

test('a policy that loops for ever on the main thread is ended by the second Ctrl+C, at rest', async (t) => {
  const { file, hasBegun } = harmful(t, 'for (;;);');
  const simulator = await armFor(t);
  const words = [file, '--in', 'main', '--robot', simulator.address, '--yes'];
  const running = started(t, 'run', ...words);
  await until(hasBegun, 'the policy hangs');
  const sent = await signalled(running, 'SIGINT');
  t.is(running.process.signalCode, 'SIGINT', running.text);
  t.true(sent <= 3, `${sent}`);
  isRested(t, simulator, 1, running.text);
});

for (const [when, words] of [
  ['with a duration', ['--duration', '60']],
  ['without a duration', []],
] as const) {
  test(`a policy that loops for ever on the main thread is ended by one SIGTERM, at rest, ${when}`, async (t) => {
    const { file, hasBegun } = harmful(t, 'for (;;);');
    const simulator = await armFor(t);
    const where = ['--in', 'main', '--robot', simulator.address, '--yes'];
    const running = started(t, 'run', file, ...words, ...where);
    await until(hasBegun, 'the policy hangs');
    running.process.kill('SIGTERM');
    await running.ended;
    t.is(running.process.signalCode, 'SIGTERM', running.text);
    isRested(t, simulator, 1, running.text);
  });
}

test('a policy that hangs while it is loaded on the main thread is ended by Ctrl+C', async (t) => {
  const folder = folderFor(t);
  const [file, begun] = [join(folder, 'hangs.mjs'), join(folder, 'begun')];
  const marks = `import { writeFileSync } from 'node:fs';\nwriteFileSync(${JSON.stringify(begun)}, '');`;
  writeFileSync(file, `${marks}\nfor (;;);\n`);
  const running = started(t, 'run', file, '--in', 'main');
  await until(() => existsSync(begun), 'it is loaded');
  running.process.kill('SIGINT');
  await running.ended;
  t.is(running.process.signalCode, 'SIGINT', running.text);
});

test('a policy on the main thread that ends the process is told, with 1, and the arm is at rest', async (t) => {
  for (const exitCode of [0, 3]) {
    const { file } = harmful(t, `process.exit(${exitCode});`);
    const simulator = await armFor(t);
    const where = ['--in', 'main', '--robot', simulator.address, '--yes'];
    const told = await kilohertz('run', file, ...where);
    t.deepEqual([told.code, told.stdout], [1, ''], told.stderr);
    t.regex(told.stderr, new RegExp(`\\nPOLICY_CRASHED: .+ with exit code ${exitCode}: .+\\n$`));
    isRested(t, simulator, 1, told.stderr);
    const json = await kilohertz('run', file, ...where, '--json');
    t.is(json.code, 1, json.stderr);
    t.is(JSON.parse(json.stdout).error.code, 'POLICY_CRASHED');
  }
});

test('the stop on the page ends a run without a duration with 0, also on the main thread', async (t) => {
  const simulator = await armFor(t);
  for (const place of ['worker', 'main']) {
    const words = ['--in', place, '--dashboard', '--robot', simulator.address, '--yes'];
    const running = started(t, 'run', ...SWING, ...words);
    await running.printed(/http:\S+\//);
    const [address = ''] = running.text.match(/http:\S+\//) ?? [];
    await using client = await PageClient.connect(address);
    await until(() => !rests(simulator), 'the arm moves');
    client.send('{"type":"stop","arm":null}');
    t.is(await running.ended, 0, running.text);
    t.regex(running.text, /was driven for [\d.]+ s/);
  }
});

test('what is no policy is told by what it is', async (t) => {
  const folder = folderFor(t);
  for (const [words, reason] of [
    [['/dev/null'], /^USAGE: \/dev\/null is no file that has a policy\n$/],
    [[folder], /^USAGE: .+ is no file that has a policy\n$/],
    [[PYTHON_POLICY], /^USAGE: .+standing_policy\.py is in Python: .+ as in --export policy\n$/],
    [[join(folder, 'a\u001b[31m.js')], /^USAGE: [^\n]+a\\x1b\[31m\.js does not exist\n$/],
  ] as const) {
    const { code, stderr } = await kilohertz('run', ...words);
    t.is(code, 2, stderr);
    t.regex(stderr, reason);
  }
});

test('a command whose motion a signal has ended has the exit code of the signal, also if it is told of it later', async (t) => {
  const told: unknown[] = [];
  const error = new SessionInterruptedError('SIGTERM', 'the move was ended by SIGTERM');
  await untilSignal(
    async () => {
      throw error;
    },
    (thrown) => void told.push(thrown),
  );
  const { exitCode } = process;
  process.exitCode = undefined;
  t.is(exitCode, 143);
  t.deepEqual(told, [error]);
});
