// What a policy's process can do to its parent with what the two share: the parent goes on, the arm comes to
// rest, and the first cause is told.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import {
  type AnyPolicy,
  type JointVector,
  KilohertzError,
  mpify,
  OffloadError,
  processPolicy,
  type RobotState,
  Session,
} from '../../index.ts';
import { COLLECTED } from '../../lib/native/contract.ts';
import { isRested, setUp, WALL } from '../fixtures/arms.ts';
import type { Doing, PortDoing } from '../fixtures/hostile-child.ts';
import { childrenOf } from '../fixtures/processes.ts';
import { WITHOUT_NUMPY } from '../fixtures/python.ts';
import { rejection, until } from '../fixtures/waiting.ts';

type Hostile = typeof import('../fixtures/hostile-child.ts');
type ArmPolicy = AnyPolicy<RobotState, JointVector>;

const NODE = new URL('../fixtures/hostile-child.ts', import.meta.url);
const PYTHON = new URL('../fixtures/hostile_child.py', import.meta.url);

/** The largest that this process has ever been [bytes]: in memory, and in addresses. */
function peak(): { resident: number; mapped: number } {
  const status = readFileSync('/proc/self/status', 'utf8');
  const bytes = (name: string): number =>
    1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]);
  return { resident: bytes('VmHWM'), mapped: bytes('VmPeak') };
}

/** Runs a policy, for 2 s where nothing ends it; the arm is at rest behind it, and the process is gone. */
async function outcome(
  t: ExecutionContext,
  policy: ArmPolicy,
): Promise<KilohertzError | undefined> {
  await using setup = await setUp();
  const session = new Session(setup.arm, policy, { warmupS: 0, lockstep: false });
  const error = await session.run({ durationS: 2 }).then(
    () => undefined,
    (error: unknown) => error,
  );
  t.true(error === undefined || error instanceof KilohertzError);
  isRested(t, setup.simulator, 1);
  t.deepEqual(childrenOf('self'), []);
  return error as KilohertzError | undefined;
}

function scribbling(doing: Doing): ArmPolicy {
  return processPolicy<Hostile, 'scribbling'>(NODE, { export: 'scribbling', args: [doing] });
}

function scrawling(doing: PortDoing): ArmPolicy {
  return processPolicy<Hostile, 'scrawling'>(NODE, { export: 'scrawling', args: [doing] });
}

function python(name: string, ...args: unknown[]): ArmPolicy {
  return processPolicy(PYTHON, { export: name, args, env: WITHOUT_NUMPY });
}

/** What the first cause is, by what a child does to the memory in which its policy is asked; none where that is its own harm. */
const ON_PORT: Readonly<Record<PortDoing, readonly [code: string, message: RegExp] | undefined>> = {
  'cuts its memory off': ['POLICY_THREW', /EPERM.*ftruncate/],
  'lengthens its memory': ['POLICY_THREW', /EPERM.*ftruncate/],
  'counts wildly': ['POLICY_CRASHED', /sent \d+ answers at once when it was asked in cycle \d+/],
  'takes what was not asked': [
    'POLICY_CRASHED',
    /sent an answer to cycle \d+ when it was asked in/,
  ],
  'stops answering': ['POLICY_CRASHED', /stopped answering while it was asked/],
  'closes what it was given': undefined,
  'answers what was not asked': ['POLICY_CRASHED', /sent an answer to cycle 1000000 when/],
  'answers what cannot be': ['POLICY_CRASHED', /sent an answer (of kind 7|to cycle \d+) when/],
  'writes everywhere': ['POLICY_CRASHED', /(sent .* when it was asked in cycle|stopped answering)/],
  'wakes the loop without end': undefined,
};

for (const [doing, told] of Object.entries(ON_PORT)) {
  const promise = told ? 'ends its session by that' : 'harms itself alone';
  test(`a policy's process that ${doing} ${promise}, and the arm comes to rest`, async (t) => {
    for (let nth = 0; nth < 3; nth += 1) {
      const error = await outcome(t, scrawling(doing as PortDoing));
      t.is<string | undefined, string | undefined>(error?.code, told?.[0], error?.message);
      if (told) t.regex(error?.message ?? '', told[1]);
    }
  });
}

test("a policy's process in Python that harms what it shares ends its session by that", async (t) => {
  for (const [doing, code, message] of [
    ['cuts its memory off', 'POLICY_THREW', /PermissionError/],
    ['lengthens its memory', 'POLICY_THREW', /PermissionError/],
    ['counts wildly', 'POLICY_CRASHED', /answers at once/],
  ] as const) {
    const error = await outcome(t, python('scribbling', doing));
    t.is(error?.code, code, error?.message);
    t.regex(error?.message ?? '', message);
  }
  t.is(await outcome(t, python('scribbling', 'closes what it was given')), undefined);
});

test('a child that fills its event counter cannot make its parent wait', async (t) => {
  t.is(
    await outcome(t, scribbling('fills its event counter')).then((error) => error?.code),
    'POLICY_THREW',
  );
});

test('what a policy in Python throws ends its session by name, whatever it is', async (t) => {
  for (const what of [
    'unspeakable',
    'deaf',
    'huge',
    'exit',
    'interrupt',
    'empty',
    'surrogate',
    'equal',
    'generator exit',
  ]) {
    const error = await outcome(t, python('throwing', what));
    t.is(error?.code, 'POLICY_THREW', `${what}: ${error?.message}`);
    t.regex(error?.message ?? '', /in cycle \d+: \S/, what);
    t.true((error?.message.length ?? 0) < 5_000, what);
  }
});

test('an answer in Python that harms whoever reads it ends the session by name', async (t) => {
  const error = await outcome(t, python('returning', 'elsewhere'));
  t.regex(error?.code ?? '', /ACTION_TYPE|POLICY_THREW/);
  t.regex(error?.message ?? '', /\S.*: \S/);
});

/** What a child does to the line of the calls, which its session reads too. */
const ON_CALLS: readonly Doing[] = [
  'counts wildly',
  'sends a length beyond its slot',
  'sends a block that cannot be',
  'sends an enormous message',
  'sends an enormous array',
  'sends many large arrays',
  'sends a list of more than there is',
  'answers what nobody asked',
  'fails without saying why',
  'fails with what is no error',
  'answers in a way that there is not',
  'sends values that take more memory than bytes',
  'sends memory that is to be reserved',
];
/** An object may say the like. */
const ON_CALLS_OF_POLICY: readonly Doing[] = [
  ...ON_CALLS,
  'says that it was stopped',
  'tells of a failure that is none',
  'tells of garbage that is none',
];

test('a child that closes the line of the calls ends with its session', async (t) => {
  t.is(await outcome(t, scribbling('closes the line')), undefined);
});

test('a child cannot have its parent hold what it claims to send, and the session tells what it did', async (t) => {
  const before = peak();
  for (const doing of ON_CALLS_OF_POLICY) {
    const error = await outcome(t, scribbling(doing));
    t.is(error?.code, 'POLICY_CRASHED', `${doing}: ${error?.message}`);
    t.regex(error?.message ?? '', /\S.*: \S/, doing);
    // It has no such option.
    t.notRegex(error?.message ?? '', /maxAnswerBytes/, doing);
  }
  const after = peak();
  t.true(after.resident - before.resident < 4e8, `${after.resident - before.resident} bytes more`);
  t.true(after.mapped - before.mapped < 2e9, `${after.mapped - before.mapped} bytes of addresses`);
});

/** What a policy's process tells of its garbage in place of begins and ends. */
const NO_GARBAGE = ['text', 'not finite', 'odd', 'too many'] as const;

test('a child that tells nonsense of its garbage collections ends its session by that', async (t) => {
  for (const what of NO_GARBAGE) {
    const error = await outcome(t, python('collecting', what));
    t.is(error?.code, 'POLICY_CRASHED', `${what}: ${error?.message}`);
  }
});

test('a child cannot claim more garbage collections than its session has time for', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const policy = python('collecting', 'all times');
  const session = new Session(setup.arm, policy, { warmupS: 0, blackBox: false });
  const beganMs = performance.now();
  await session.run({ durationS: 1 });
  const passedS = 1e-3 * (performance.now() - beganMs);
  const { machine, worst } = session.report();
  t.true(machine.garbageCollections > 0, 'something was claimed');
  t.true(machine.garbageCollections <= passedS / COLLECTED.shortestS);
  t.true(machine.garbageS <= passedS, `${machine.garbageS} s of ${passedS} s`);
  for (const { evidence } of worst) t.notRegex(evidence, /NaN|Infinity|e\+/);
});

test('an object in a process that harms its line is told of by its calls, and nothing more is held', async (t) => {
  const before = peak();
  for (const doing of ON_CALLS) {
    const bounded = mpify.with({ maxAnswerBytes: 2 ** 24 });
    const object = await bounded<Hostile['scribbler']>(NODE, 'scribbler');
    const error = await rejection(Promise.resolve(object.scribble(doing)));
    t.true(error instanceof OffloadError, `${doing}: ${error}`);
    t.regex((error as OffloadError).code, /OFFLOAD_(PROTOCOL|TOO_LARGE|CRASHED)/, doing);
    t.not((error as OffloadError).message, '', doing);
    const { code, message } = error as OffloadError;
    if (code === 'OFFLOAD_TOO_LARGE') t.regex(message, /allow more with maxAnswerBytes/, doing);
    object.stop();
  }
  t.true(peak().resident - before.resident < 4e8);
  await until(() => childrenOf('self').length === 0, 'the children are gone');
});

test('a child in Python orders what it writes before it says so, and what it reads behind it', (t) => {
  const program = fileURLToPath(new URL('../fixtures/ordered.py', import.meta.url));
  const folder = fileURLToPath(new URL('../../lib/offload/python', import.meta.url));
  const said = execFileSync('python3', [program, folder], { encoding: 'utf8' });
  t.deepEqual(said.trim().split('\n'), [
    'send write write order publish',
    'take order read read order publish',
    'lend order write',
    'give back order publish',
    'port take publish order read order',
    'port answer write order publish order publish wake',
    'port answer nothing write order publish order publish wake',
    'port answer chunk write order publish order publish wake',
  ]);
});

test('a child has the environment of this process, and what env says beside it', async (t) => {
  const before = process.env['NODE_PATH'];
  process.env['NODE_PATH'] = '/of-this-process';
  process.env['PYTHONPATH'] = '/of-this-process';
  t.teardown(() => {
    if (before === undefined) delete process.env['NODE_PATH'];
    else process.env['NODE_PATH'] = before;
    delete process.env['PYTHONPATH'];
  });
  const env = { PYTHONPATH: '', KILOHERTZ_TEST: 'beside' };
  await using node = await mpify.with({ env })<Hostile['scribbler']>(NODE, 'scribbler');
  await using python = await mpify.with({ env })(PYTHON, 'environment');
  t.is(await node.variable('NODE_PATH'), '/of-this-process');
  for (const child of [node, python]) {
    t.is(await child.variable('PYTHONPATH'), '');
    t.is(await child.variable('KILOHERTZ_TEST'), 'beside');
    t.is(await child.variable('HOME'), process.env['HOME']);
  }
});
