import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import type { Answers } from '../../examples/report.ts';
import { unlessStalled } from '../fixtures/stalls.ts';

const run = promisify(execFile);
const ROBOTS: readonly (readonly [string, readonly string[]])[] = [
  ['FR3', []],
  ['FER', ['--robot', 'fer']],
];
const demo: string = join(import.meta.dirname, '..', '..', 'dist', 'examples', 'demo.js');

/** What the demo prints of each robot; both run at the same time, for ten seconds. */
const printed = new Map<string, Promise<{ readonly stdout: string }>>();

test.before('the demos start', () => {
  for (const [name, asked] of ROBOTS) {
    const running = unlessStalled(() => run(process.execPath, [demo, '--json', ...asked]));
    running.catch(() => undefined); // the test of this robot tells
    printed.set(name, running);
  }
});

for (const [name] of ROBOTS) {
  test(`the demo drives the ${name} there and back while the event loop is blocked, and says so`, async (t) => {
    const result = JSON.parse((await printed.get(name))?.stdout ?? '');
    t.is(result.robot, `simulated ${name}, over TCP and UDP`);
    t.true(result.sound, result.problems.join('; '));
    t.true(result.block.toTick - result.block.fromTick >= 150);
    t.true(result.stats.lateActions >= 150);
    t.true(result.reachedRad > 0.5);
    t.true(result.endErrorRad < 0.005);
    for (const { p50S, p99S, how, reason } of Object.values<Answers>(result.answers)) {
      t.true(p50S > 0 && p99S >= p50S && p99S < 0.1);
      t.true(how !== '' && reason !== '');
    }
    t.is(result.answers.leftAlone.how, 'left alone');
    t.is(
      result.jitter.counts.reduce((sum: number, count: number) => sum + count, 0),
      result.stats.iterations - 1,
    );
  });
}

test('the demo asks before it moves a real arm, and does not where nobody can answer', async (t) => {
  const refused = await t.throwsAsync(run(process.execPath, [demo, '--robot', '127.0.0.1:1']));
  t.is(Reflect.get(refused, 'code'), 2);
  t.regex(String(Reflect.get(refused, 'stderr')), /REAL ARM at 127\.0\.0\.1:1/);
});

test('the demo says in one line why an arm cannot be reached', async (t) => {
  const arm = ['--robot', '127.0.0.1:1', '--yes'];
  const refused = await t.throwsAsync(run(process.execPath, [demo, ...arm]));
  t.is(Reflect.get(refused, 'code'), 1);
  t.regex(String(Reflect.get(refused, 'stderr')).trim(), /^FRANKA_CONNECT_REFUSED: [^\n]+$/);
});
