// An arm that is moved through all of its modes, and what is told of it.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { FrankaSimulator, selftest } from '../../index.ts';
import { withoutNames } from '../../lib/cli/selftest.ts';
import { WALL } from '../fixtures/arms.ts';
import { EXECUTABLE, kilohertz, started } from '../fixtures/command-line.ts';
import { Folder } from '../fixtures/recordings.ts';
import { rejection, until } from '../fixtures/waiting.ts';

const MODES = [
  'jointVelocity',
  'jointPosition',
  'jointTarget',
  'cartesianVelocity',
  'cartesianPose',
  'cartesianTarget',
  'torque',
];

for (const generation of ['fr3', 'fer'] as const) {
  test(`each mode of an arm passes, and its hand: ${generation}`, async (t) => {
    // In lockstep a policy that is late on a busy machine changes nothing.
    await using simulator = await FrankaSimulator.start({ generation, lockstep: true });
    const { verdict, steps, ...about } = await selftest(simulator.address);
    t.deepEqual(
      steps.filter((step) => step.verdict !== 'passed'),
      [],
    );
    t.is(verdict, 'passed');
    t.deepEqual(
      steps.map(({ name }) => name),
      ['home', 'moveTo', ...MODES, 'impedance', 'hand homing', 'hand move'],
    );
    t.is(about.generation, generation);
    for (const { name, figures } of steps.filter((step) => MODES.includes(step.name))) {
      t.true((figures?.cycles ?? 0) > 3000, name);
      t.true((figures?.movedM ?? 0) > 0.005 && (figures?.movedM ?? 1) < 0.1, name);
      t.true((figures?.endErrorRad ?? 1) < 0.06, name);
    }
    t.is(simulator.counters().reflexes, 0);
  });
}

test('a step that fails says why, and the arm is not moved on in a reflex', async (t) => {
  await using simulator = await FrankaSimulator.start({ lockstep: true, hand: false });
  const report = await selftest(simulator.address, {
    onProgress({ name, step }) {
      const fault = { kind: 'reflex', error: 'cartesian_reflex', atCycle: 100 } as const;
      if (name === 'jointPosition' && step === undefined) simulator.inject(fault);
    },
  });
  t.is(report.verdict, 'failed');
  const verdicts = new Map(report.steps.map((step) => [step.name, step]));
  t.is(verdicts.get('jointVelocity')?.verdict, 'passed');
  t.like(verdicts.get('jointPosition'), { verdict: 'failed', code: 'FRANKA_REFLEX' });
  t.is(verdicts.get('torque')?.verdict, 'skipped');
  t.regex(verdicts.get('torque')?.reason ?? '', /mode Reflex with cartesian_reflex/);
});

test('an arm without a hand passes, and the hand is skipped with the reason', async (t) => {
  await using simulator = await FrankaSimulator.start({ lockstep: true, hand: false });
  const steps: string[] = [];
  const report = await selftest(simulator.address, {
    onProgress: ({ name, step }) => {
      if (step) steps.push(`${name} ${step.verdict}`);
    },
  });
  t.is(report.verdict, 'passed');
  t.deepEqual(steps.slice(-2), ['hand homing skipped', 'hand move skipped']);
  t.regex(report.steps.at(-1)?.reason ?? '', /^no hand answered: FRANKA_CONNECT_REFUSED$/);
});

test('what is no option is refused, and a signal ends a selftest at rest', async (t) => {
  await using simulator = await FrankaSimulator.start(WALL);
  const { address } = simulator;
  t.like(await rejection(selftest('nowhere/')), { code: 'OPTION_ADDRESS' });
  t.like(await rejection(selftest(address, { speed: 1 })), { code: 'OPTION_SPEED' });
  t.like(await rejection(selftest(address, { hand: 1 as never })), { code: 'OPTION_HAND' });
  t.is(simulator.counters().clients, 0);
  const controller = new AbortController();
  const running = selftest(address, {
    signal: controller.signal,
    onProgress: ({ name }) => {
      if (name === 'jointVelocity') setImmediate(() => controller.abort('enough'));
    },
  });
  t.like(await rejection(running), { code: 'ABORT_ERR' });
  t.true(simulator.joints().dq.every((speed) => Math.abs(speed) < 1e-3));
});

test('the command tells of each step, and bundles it with what the doctor finds', async (t) => {
  using folder = new Folder();
  await using simulator = await FrankaSimulator.start(WALL);
  const file = folder.at('report.json');
  const where = ['--robot', simulator.address, '--yes', '--report', file];
  const ended = await kilohertz('selftest', ...where);
  t.is(ended.code, 0, ended.stdout + ended.stderr);
  t.regex(ended.stdout, /\npassed {2}torque +p99 jitter .+ late, \d+ held, behind/);
  t.regex(ended.stdout, /\npassed\n.+report\.json: written\n$/);
  const text = readFileSync(file, 'utf8');
  const report = JSON.parse(text);
  t.is(report.selftest.verdict, 'passed');
  t.true(report.doctor.findings.some(({ id }: { id: string }) => id === 'fci'));
  t.false(text.includes(homedir()) && homedir() !== '/');
  const motions = simulator.counters().motionsStarted;
  const again = await kilohertz('selftest', ...where);
  t.is(again.code, 1);
  t.regex(again.stderr, /exists already, and is not written over/);
  t.is(simulator.counters().motionsStarted, motions);
});

test('a report has no names of folders, of the user and of the computer', (t) => {
  const text = withoutNames(`at ${process.cwd()}/lib and ${homedir()}/.bashrc`);
  t.false(text.includes(process.cwd()));
  t.regex(text, /^at FOLDER\/lib and /);
});

test('a report is written where the system does not know the folder, the home or the user', (t) => {
  using folder = new Folder();
  const program = folder.at('names.mjs');
  const module = pathToFileURL(join(dirname(EXECUTABLE), 'selftest.js')).href;
  writeFileSync(
    program,
    `import { withoutNames } from '${module}'; process.stdout.write(withoutNames('a report'));`,
  );
  const removed = 'mkdir "$1" && cd "$1" && rmdir "$1" && exec "$2" "$3"';
  const words = ['-c', removed, 'sh', folder.at('removed'), process.execPath, program];
  t.is(execFileSync('sh', words, { encoding: 'utf8' }), 'a report');
});

test('Ctrl+C ends a selftest at rest, with 130 and without a report', async (t) => {
  using folder = new Folder();
  await using simulator = await FrankaSimulator.start(WALL);
  const file = folder.at('report.json');
  const words = ['--robot', simulator.address, '--yes', '--report', file, '--no-hand'];
  const running = started(t, 'selftest', ...words);
  await until(() => simulator.counters().motionsStarted >= 3, 'a mode begins');
  running.process.kill('SIGINT');
  t.is(await running.ended, 130, running.text);
  t.true(simulator.joints().dq.every((speed) => Math.abs(speed) < 1e-3));
  t.false(existsSync(file));
});
