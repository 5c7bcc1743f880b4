import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { venv, WITHOUT_NUMPY } from '../fixtures/python.ts';
import { unlessStalled } from '../fixtures/stalls.ts';

const run = promisify(execFile);

/** What an example prints; rejects where it does not end well within a minute. */
async function printed(name: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const file = join(import.meta.dirname, '..', '..', 'dist', 'examples', `${name}.js`);
  const options = { timeout: 60_000, env: { ...process.env, NODE_OPTIONS: '', ...env } };
  return (await unlessStalled(() => run(process.execPath, [file], options))).stdout;
}

test("the tests of a policy pass in Node's test runner", async (t) => {
  const folder = join(import.meta.dirname, '..', '..', 'dist', 'examples');
  const options = { timeout: 60_000, env: { ...process.env, NODE_OPTIONS: '' } };
  // Within a test run, node's runner would report to that.
  Reflect.deleteProperty(options.env, 'NODE_TEST_CONTEXT');
  const tests = ['--test', '--test-reporter=tap', join(folder, 'policy.test.js')];
  const { stdout } = await run(process.execPath, tests, options);
  t.regex(stdout, /^# pass 9$/m, stdout);
  t.regex(stdout, /^# fail 0$/m);
});

test('a policy in a worker has a part while the main thread is blocked, one on the main thread has none', async (t) => {
  const text = await printed('worker');
  const [, without, cycles] = text.match(/in a worker +(\d+) of (\d+) cycles/) ?? [];
  t.true(Number(cycles) > 400, text);
  t.true(Number(without) < Number(cycles) / 2, text);
  const [, alone, all] = text.match(/on the main thread +(\d+) of (\d+) cycles/) ?? [];
  t.true(Number(alone) > 0.9 * Number(all), text);
});

test('the end effector draws a circle and a line, and stands while the elbow bends', async (t) => {
  const text = await printed('cartesian');
  const [, off] = text.match(/([\d.]+) mm from round/) ?? [];
  t.true(Number(off) < 3, text);
  const [, x, y, z] = text.match(/x (-?[\d.]+), y (-?[\d.]+), z (-?[\d.]+) mm/) ?? [];
  t.true(Math.abs(Number(x)) < 1 && Math.abs(Number(z)) < 1, text);
  // Velocities: what a busy machine makes late is missing from the way.
  t.true(Number(y) > 70 && Number(y) < 105, text);
  const [, turned, away] = text.match(/turned by ([\d.]+) rad, the hand ([\d.]+) mm off/) ?? [];
  t.true(Math.abs(Number(turned) - 0.3) < 0.01 && Number(away) < 2, text);
});

test('joint 1 goes its way by positions, by torques of an impedance law, and by both', async (t) => {
  const text = await printed('joints');
  for (const control of ['jointPosition,', 'torque,', 'jointPosition and torques,']) {
    const row = text.split('\n').find((line) => line.trim().startsWith(control)) ?? '';
    const [, end] = row.match(/([\d.]+) mrad at its end/) ?? [];
    t.true(Number(end) < 10, text);
  }
});

test('an arm that is followed softly gives way further, and comes back all the same', async (t) => {
  const rows = (await printed('soft')).trim().split('\n');
  const seen = rows.map((row) => row.match(/back within ([\d.]+) mrad; .*gives way ([\d.]+) mrad/));
  const [stiff = 0, law = 0, soft = 0] = seen.map((match) => Number(match?.[2]));
  t.is(rows.length, 3);
  t.true(stiff > 0 && law > 2 * stiff && soft > 2 * law, rows.join('\n'));
  for (const match of seen) t.true(Number(match?.[1]) < 20, match?.[0]);
});

test('a network in an inference thread moves the arm to its goal', async (t) => {
  const text = await printed('onnx');
  const [, answers] = text.match(/answers of the network +(\d+)/) ?? [];
  t.true(Number(answers) > 50, text);
  const [, mrad] = text.match(/ended +([\d.]+) mrad/) ?? [];
  t.true(Number(mrad) < 20, text);
});

test('a numpy policy drives the arm there and back, on ways that another process plans', async (t) => {
  const text = await printed('python', { VIRTUAL_ENV: join(await venv(), '..', '..') });
  t.regex(text, /ways planned +2,/);
  for (const [, mrad] of text.matchAll(/came to +([\d.]+) mrad/g)) t.true(Number(mrad) < 20, text);
});

for (const name of ['python', 'chunk-python']) {
  test(`without numpy the example ${name} says so and ends`, async (t) => {
    const refused = await t.throwsAsync(printed(name, WITHOUT_NUMPY));
    t.is(Reflect.get(refused, 'code'), 1);
    t.regex(String(Reflect.get(refused, 'stderr')), /no numpy here/);
  });
}

test('chunks of actions are played through a blocked event loop', async (t) => {
  const text = await printed('chunk-policy');
  const [, chunks, commands] = text.match(/chunks +(\d+), and (\d+) commands/) ?? [];
  // The model answers once in 100 ms at most, and there is a command in each millisecond.
  t.true(Number(chunks) > 10 && Number(commands) > 50 * Number(chunks), text);
  const [, mrad] = text.match(/ended +([\d.]+) mrad/) ?? [];
  t.true(Number(mrad) < 50, text);
  t.regex(text, /every limit kept/);
});

test('chunks of a model in Python move the arm there and back', async (t) => {
  const text = await printed('chunk-python', { VIRTUAL_ENV: join(await venv(), '..', '..') });
  const [, chunks, commands] = text.match(/chunks +(\d+), and (\d+) commands/) ?? [];
  t.true(Number(chunks) > 10 && Number(commands) > 100 * Number(chunks), text);
  const [, mrad] = text.match(/came to +([\d.]+) mrad/) ?? [];
  t.true(Number(mrad) < 50, text);
});

test('a policy server moves arm and hand by two cameras and a prompt, an episode for each task', async (t) => {
  const text = await printed('vla', { VIRTUAL_ENV: join(await venv(), '..', '..') });
  t.regex(text, /"model":"stands in for a VLA"/);
  t.regex(text, /pick up the cube +done/);
  t.regex(text, /bring it back +done/);
  const [, chunks, commands] = text.match(/chunks +(\d+), and (\d+) commands/) ?? [];
  t.true(Number(chunks) > 4 && Number(commands) > 50 * Number(chunks), text);
  t.regex(text, /the hand +[2-9] commands, 0 failed/);
});

test('an arm is set up, and shows it', async (t) => {
  const text = await printed('configure');
  t.regex(text, /load +0 kg, then 0\.5 kg/);
  t.regex(text, /filters +an FR3 has no filters/);
  const [, before, after] = text.match(/end effector .* (-?\d+) mm, then .* (-?\d+) mm/) ?? [];
  t.is(Number(before) - Number(after), 100, text);
});

test('an arm moves to places, and is stopped on the way', async (t) => {
  const text = await printed('move-to');
  for (const name of ['home', 'joint positions', '10 cm down']) {
    t.regex(text, new RegExp(`${name} +\\d+\\.\\d+ s`));
  }
  const [, mm] = text.match(/height off +([\d.]+) mm/) ?? [];
  t.true(Number(mm) < 0.1, text);
  t.regex(text, /stopped after 0\.4 s +AbortError/);
  const [, fast] = text.match(/speed then +([\d.]+) rad/) ?? [];
  t.true(Number(fast) < 0.02, text);
});

test('a run is recorded, becomes a data set, and is replayed by the arm', async (t) => {
  const text = await printed('recorded');
  // 3.14 s at 30 frames a second, and cycles that a loaded machine misses are filled in.
  const [, frames, episodes] = text.match(/: (\d+) frames of (\d+) episodes/) ?? [];
  t.is(episodes, '1', text);
  t.true(Math.abs(Number(frames) - 95) <= 2, text);
  const [, clamped] = text.match(/cycles, (\d+) of them clamped/) ?? [];
  t.is(clamped, '0', text);
  const [, off] = text.match(/([\d.]+) mrad from the recorded one/) ?? [];
  t.true(Number(off) < 1, text);
});
