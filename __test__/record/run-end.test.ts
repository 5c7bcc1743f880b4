// Why a run ended, as its recording tells it.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import {
  type AnyPolicy,
  type JointVector,
  KilohertzError,
  processPolicy,
  type RecordedEnd,
  type RecordedEntry,
  type Robot,
  type RobotState,
  repairRecording,
  replay,
  Session,
  type SessionOptions,
  workerPolicy,
} from '../../index.ts';
import { type Setup, setUp, WALL } from '../fixtures/arms.ts';
import { PageClient } from '../fixtures/page-client.ts';
import { ARM, cutOff, damaged, Folder, folderFor } from '../fixtures/recordings.ts';
import { Scribe } from '../fixtures/robots.ts';
import { rejection, until } from '../fixtures/waiting.ts';

type Policies = typeof import('../fixtures/policies.ts');
type Policy = AnyPolicy<RobotState, JointVector>;

const POLICIES = new URL('../fixtures/policies.ts', import.meta.url);
const STANDING: JointVector = [0, 0, 0, 0, 0, 0, 0];
const FAST: JointVector = [9, 0, 0, 0, 0, 0, 0];
const STILL = { warmupS: 0, realtime: false } as const satisfies SessionOptions;

const inWorker = (how: Parameters<Policies['misbehave']>[0]): Policy =>
  workerPolicy<Policies, 'misbehave'>(POLICIES, { export: 'misbehave', args: [how] });
const inProcess = (how: Parameters<Policies['misbehave']>[0]): Policy =>
  processPolicy<Policies, 'misbehave'>(POLICIES, { export: 'misbehave', args: [how] });

/** A policy that does something from cycle 100 on. */
const later =
  (act: () => JointVector): Policy =>
  (_, { tick }) =>
    tick < 100 ? STANDING : act();

/** An error whose message is another one each time that it is read. */
function changing(): Error {
  let reads = 0;
  return Object.defineProperty(new Error(), 'message', {
    get: () => {
      reads += 1;
      return `read ${reads} times`;
    },
  });
}

interface Recorded extends Setup {
  readonly path: string;
  readonly session: Session<RobotState, JointVector>;
}

/** A session on a simulated arm that is recorded. */
async function recorded(
  t: ExecutionContext,
  policy: Policy,
  options: SessionOptions = {},
  simulation: Parameters<typeof setUp>[1] = undefined,
): Promise<Recorded> {
  const setup = await setUp('jointVelocity', simulation);
  t.teardown(() => setup[Symbol.asyncDispose]());
  const path = join(folderFor(t), 'run.mcap');
  const session = new Session(setup.arm, policy, { ...STILL, record: path, ...options });
  return { ...setup, session, path };
}

async function endOf(path: string): Promise<RecordedEnd> {
  const end = await replay(path).end();
  if (!end) throw new Error(`${path} does not tell why its run ended`);
  return end;
}

/** A recording tells of an error with its code and its message. */
async function tells(t: ExecutionContext, path: string, error: unknown): Promise<void> {
  t.true(error instanceof KilohertzError, String(error));
  const { code, message } = await endOf(path);
  t.deepEqual(
    { code, message },
    { code: (error as Error & { code: string }).code, message: (error as Error).message },
  );
}

/** A recording tells that nothing was wrong. */
async function ended(t: ExecutionContext, path: string, text: string): Promise<void> {
  const { code, message } = await endOf(path);
  t.deepEqual({ code, message }, { code: undefined, message: text });
}

for (const [what, code, policy] of [
  [
    'a function that throws',
    'POLICY_THREW',
    () =>
      later(() => {
        throw new RangeError('no way on');
      }),
  ],
  [
    'a function whose error changes',
    'POLICY_THREW',
    () =>
      later(() => {
        throw changing();
      }),
  ],
  ['a worker that throws', 'POLICY_THREW', () => inWorker('throw')],
  ['a process that throws', 'POLICY_THREW', () => inProcess('throw')],
  ['a process that ends', 'POLICY_CRASHED', () => inProcess('exit')],
  ['an answer that is too short', 'ACTION_LENGTH', () => inWorker('length')],
  ['an answer that is no number', 'ACTION_NOT_FINITE', () => inWorker('nan')],
  ['an answer that is too fast', 'ACTION_LIMIT', () => later(() => FAST)],
] as const) {
  test(`the recording of a run has the code and the message of its error: ${what}`, async (t) => {
    const { session, path } = await recorded(t, policy());
    const error = (await rejection(session.run({ durationS: 30 }))) as KilohertzError;
    t.is(error.code, code);
    await tells(t, path, error);
    t.is((await endOf(path)).tick, session.stats.iterations - 1, 'it is that of the last cycle');
  });
}

test('the recording of a run has the error of its arm', async (t) => {
  const { session, path, simulator } = await recorded(t, () => STANDING);
  simulator.inject({ kind: 'reflex', error: 'joint_reflex', atCycle: 300 });
  const error = (await rejection(session.run({ durationS: 30 }))) as KilohertzError;
  t.is(error.code, 'FRANKA_REFLEX');
  await tells(t, path, error);
});

test('the end is the last entry of a recording, and no value of it', async (t) => {
  const { session, path } = await recorded(t, () => STANDING);
  await session.start();
  session.log('force', 1);
  await until(() => session.stepCount > 50, 'some cycles');
  await session.stop();
  t.is(session.recording?.values, 1);
  const entries: RecordedEntry[] = [];
  for await (const entry of replay(path).entries()) entries.push(entry);
  const cycles = entries.filter(({ type }) => type === 'cycle');
  const last = cycles.at(-1);
  const end = entries.at(-1);
  if (last?.type !== 'cycle' || end?.type !== 'end') return t.fail();
  t.is(entries.filter(({ type }) => type === 'end').length, 1);
  t.deepEqual(end, {
    type: 'end',
    tick: last.tick,
    robotTimeS: last.robotTimeS,
    monotonicNs: last.monotonicNs,
    code: undefined,
    message: 'stop() was called',
  });
  t.deepEqual(await replay(path).end(), end);
});

test('a run that was asked to end, or whose time was over, says so', async (t) => {
  const timed = await recorded(t, () => STANDING);
  await timed.session.run({ durationS: 0.25 });
  await ended(t, timed.path, 'its time was over: durationS is 0.25');

  const closed = await recorded(t, () => STANDING);
  closed.session.once('start', () => void closed.arm.close());
  await closed.session.run();
  await ended(t, closed.path, 'the robot was closed');
});

test('a run that its signal has aborted has the code and the message of that', async (t) => {
  const { session, path } = await recorded(t, () => STANDING);
  const abort = new AbortController();
  session.once('start', () => abort.abort(changing()));
  const error = (await rejection(session.run({ signal: abort.signal }))) as KilohertzError;
  t.is(error.code, 'ABORT_ERR');
  await tells(t, path, error);
});

test('a run that was stopped on a page says so', async (t) => {
  const { session, path } = await recorded(t, () => STANDING, {}, WALL);
  const page = await session.dashboard();
  t.teardown(() => page.close());
  const running = session.run({ durationS: 60 });
  await until(() => session.stepCount > 50, 'some cycles');
  await using client = await PageClient.connect(page.address);
  client.send(JSON.stringify({ type: 'stop', arm: null, number: 1 }));
  await running;
  await ended(t, path, 'a stop was pressed on a page');
});

/** Whether a recording is finished, asked without the event loop. */
function isFinished(path: string): boolean {
  const bytes = readFileSync(path);
  return bytes.length > 8 && bytes.subarray(-8).equals(bytes.subarray(0, 8));
}

/** Blocks the event loop until a recording is finished. Returns whether it was. */
function blockUntilFinished(path: string): boolean {
  const give = performance.now() + 60_000;
  while (!isFinished(path)) if (performance.now() > give) return false;
  return true;
}

test('what a blocked event loop cannot tell is told by the loop', async (t) => {
  let wasFinished = false;
  let refused: Recorded | undefined;
  const policy = later(() => {
    setImmediate(() => {
      wasFinished = blockUntilFinished(refused?.path ?? '');
    });
    return FAST;
  });
  refused = await recorded(t, policy, {}, WALL);
  const error = (await rejection(refused.session.run())) as KilohertzError;
  t.true(wasFinished, 'the file was finished while JavaScript was blocked');
  t.is(error.code, 'ACTION_LIMIT');
  const { code, message } = await endOf(refused.path);
  t.is(code, 'ACTION_LIMIT');
  t.is(
    message,
    'an action was refused; the robot was brought to rest (docs/errors.md#action_limit)',
  );

  const timed = await recorded(t, () => STANDING, {}, WALL);
  timed.session.once('start', () => {
    wasFinished = blockUntilFinished(timed.path);
  });
  await timed.session.run({ durationS: 0.25 });
  t.true(wasFinished);
  await ended(t, timed.path, 'its time was over: durationS is 0.25');
});

test('a robot written in JavaScript is stopped before its recording tells why it ended', async (t) => {
  const folder = folderFor(t);
  const run = async (
    name: string,
    robot: Robot<number, number>,
    policy: () => number | Promise<number>,
    durationS = 30,
  ): Promise<unknown> => {
    const options = { rateHz: 100, warmupS: 0, record: join(folder, name) };
    return new Session(robot, policy as () => number, options).run({ durationS });
  };
  class Broken extends Scribe {
    override act(action: number): void {
      super.act(action);
      if (this.count('act') === 20) throw new Error('the wheel is blocked');
    }

    override stop(): Promise<void> {
      super.stop();
      // Longer than the loop waits for JavaScript that does not answer.
      return new Promise((resolve) => setTimeout(resolve, 1_300));
    }
  }
  const broken = await rejection(run('broken.mcap', new Broken(), () => 1));
  t.is((broken as KilohertzError).code, 'ROBOT_THREW');
  await tells(t, join(folder, 'broken.mcap'), broken);

  const never = (): Promise<number> => new Promise(() => undefined);
  const unsettled = await rejection(run('unsettled.mcap', new Scribe(), never, 0.2));
  t.is((unsettled as KilohertzError).code, 'POLICY_UNSETTLED');
  await tells(t, join(folder, 'unsettled.mcap'), unsettled);

  await run('over.mcap', new Scribe(), () => 1, 0.2);
  await ended(t, join(folder, 'over.mcap'), 'its time was over: durationS is 0.2');
});

test('the black box has why the run ended, in its folder and where it is saved', async (t) => {
  const into = folderFor(t);
  await using setup = await setUp('jointVelocity');
  const options = { ...STILL, blackBox: { folder: into } };
  const error = (await rejection(
    new Session(
      setup.arm,
      later(() => FAST),
      options,
    ).run(),
  )) as KilohertzError;
  t.is(error.code, 'ACTION_LIMIT');
  const [name = ''] = readdirSync(into);
  await tells(t, join(into, name), error);
  const saved = join(into, 'saved.mcap');
  await error.save(saved);
  await tells(t, saved, error);
  const entries: RecordedEntry[] = [];
  for await (const entry of replay(saved).entries()) entries.push(entry);
  t.is(entries.at(-1)?.type, 'end');

  // One that nobody has waited for.
  const thrown = (await rejection(
    new Session(
      setup.arm,
      later(() => {
        throw changing();
      }),
      STILL,
    ).run(),
  )) as KilohertzError;
  const other = join(into, 'other.mcap');
  await thrown.save(other);
  await tells(t, other, thrown);
});

test('a recording of an older version, or one that is cut off, does not tell why its run ended', async (t) => {
  using folder = new Folder();
  t.is(await replay(ARM).end(), undefined);
  const cut = folder.with('cut.mcap', ARM, cutOff);
  t.is(await replay(cut).end(), undefined);
  await repairRecording(cut);
  t.is(await replay(cut).end(), undefined);
  // It may have been in the part that cannot be read.
  const error = await rejection(replay(folder.with('damaged.mcap', ARM, damaged)).end());
  t.is((error as KilohertzError).code, 'RECORD_DAMAGED');
});
