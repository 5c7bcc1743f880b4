// What a policy in a worker or a process logs is in the recording of its session.

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import {
  type AnyPolicy,
  type JointVector,
  log,
  PolicyError,
  processPolicy,
  type RecordedSample,
  type RecordingReport,
  type RobotState,
  replay,
  Session,
  type Tick,
  workerPolicy,
} from '../../index.ts';
import type { NativeSession } from '../../lib/native/binding.ts';
import { LoggedIn } from '../../lib/policy/logged.ts';
import { setUp, WALL } from '../fixtures/arms.ts';
import { WITHOUT_NUMPY } from '../fixtures/python.ts';
import { folderFor } from '../fixtures/recordings.ts';
import { rejection, until } from '../fixtures/waiting.ts';

const NODE = new URL('../fixtures/logging.ts', import.meta.url);
const PYTHON = new URL('../fixtures/logging.py', import.meta.url);

type Made = (name: string, ...args: unknown[]) => AnyPolicy<RobotState, JointVector>;

const PLACES: readonly (readonly [string, Made])[] = [
  ['worker', (name, ...args) => workerPolicy(NODE, { export: name, args })],
  ['Node process', (name, ...args) => processPolicy(NODE, { export: name, args })],
  [
    'Python process',
    (name, ...args) => processPolicy(PYTHON, { export: name, args, env: WITHOUT_NUMPY }),
  ],
];

/**
 * For how long a session in lockstep runs at most [s]. On a busy machine it does many cycles before this thread sees that
 * it has done enough.
 */
const AT_MOST_S = 5;

/** Runs a policy, recorded, until so many values are recorded or lost. */
async function recorded(
  t: ExecutionContext,
  policy: AnyPolicy<RobotState, JointVector>,
  values = 1,
): Promise<{ samples: RecordedSample[]; report: RecordingReport | undefined }> {
  await using setup = await setUp('jointVelocity', { lockstep: true });
  const file = join(folderFor(t), 'run.mcap');
  const session = new Session(setup.arm, policy, { warmupS: 0, record: file });
  session.on('error', () => undefined);
  const running = session.run({ durationS: AT_MOST_S }).catch(() => undefined);
  const seen = (): number =>
    (session.recording?.values ?? 0) + (session.recording?.lostValues ?? 0);
  await until(() => !session.isRunning || seen() >= values, `${values} values`);
  await session.stop();
  await running;
  session.checkHealth();
  const samples: RecordedSample[] = [];
  for await (const entry of replay(file).entries())
    if (entry.type === 'sample') samples.push(entry);
  return { samples, report: session.recording };
}

for (const [place, made] of PLACES) {
  test(`a policy in a ${place} logs numbers, texts and images with its own times`, async (t) => {
    const { samples, report } = await recorded(t, made('logs'), 21);
    const of = (channel: string): RecordedSample[] =>
      samples.filter((sample) => sample.channel === `policy/${channel}`);
    t.is(of('own').length, 9);
    for (const { timeS, value } of of('own')) {
      if (value.kind !== 'numbers') return t.fail();
      t.true(Math.abs(timeS - ((value.numbers[1] ?? 0) + 0.5)) < 1e-9);
    }
    t.is(of('asked').length, 9);
    for (const { timeS, value } of of('asked')) {
      // Without a time of its own a value has that of its question.
      t.true(value.kind === 'numbers' && Math.abs(timeS - (value.numbers[0] ?? 0)) < 1e-9);
    }
    t.like(of('text')[0]?.value, { kind: 'bytes', data: new Uint8Array(Buffer.from('a word')) });
    const image = of('image')[0]?.value;
    t.like(image, { kind: 'pixels', width: 600, height: 400, encoding: 'mono8' });
    t.true(image?.kind === 'pixels' && image.data.every((byte) => byte === 7));
    const returned = of('returned')[0]?.value;
    t.deepEqual(returned?.kind === 'numbers' && [...returned.numbers], new Array(18).fill(1));
    t.is(report?.values, 21);
    t.is(report?.lostValues, 0);
  });

  test(`log in a ${place} says so if the session is not recorded`, async (t) => {
    await using setup = await setUp('jointVelocity', { lockstep: true });
    const session = new Session(setup.arm, made('tells'), { warmupS: 0 });
    await session.run({ durationS: 0.1 });
    t.true(Math.abs((await setup.arm.state()).q_d[0] ?? Number.NaN) < 1e-9);
  });

  for (const how of ['name', 'size', 'channels', 'value'] as const) {
    const isBoundless = place === 'worker' && how === 'size';
    test(`what a policy in a ${place} may not log is refused by name: ${how}`, async (t) => {
      if (isBoundless) {
        // A worker is no other process: only what the whole recording may hold bounds a value.
        return void (await t.notThrowsAsync(recorded(t, made('refused', how))));
      }
      const error = await rejection(recorded(t, made('refused', how)));
      t.true(error instanceof PolicyError);
      const words = {
        name: /kilohertz/,
        size: /9437184 bytes/,
        channels: / 1000 (channels )?that it has|10000 channels/,
        value: /a value|value/,
      };
      t.regex((error as Error).message, words[how]);
    });
  }
}

for (const rateHz of [1000, 50]) {
  for (const pauseMs of [0, 5]) {
    const how = pauseMs > 0 ? 'awaits' : 'answers at once';
    test(`a policy on the main thread that ${how} at ${rateHz} Hz logs at the times of its questions`, async (t) => {
      await using setup = await setUp('jointVelocity', WALL);
      const file = join(folderFor(t), 'run.mcap');
      const still = [0, 0, 0, 0, 0, 0, 0] as const;
      const policy = async (_: RobotState, { tick, timeS }: Tick): Promise<JointVector> => {
        session.log('asked', tick);
        session.log('own', tick, { timeS: timeS + 0.5 });
        if (pauseMs > 0) await sleep(pauseMs);
        session.log('asked', tick);
        return [...still];
      };
      const session = new Session(setup.arm, policy, {
        warmupS: 0,
        realtime: false,
        rateHz,
        maxHeldTicks: 10_000,
        record: file,
      });
      await session.start();
      await until(() => session.stats.policyAnswers > 10, 'answers');
      session.log('outside', 1);
      await session.stop();
      session.checkHealth();
      const times = new Map<number, number>();
      const samples: RecordedSample[] = [];
      for await (const entry of replay(file).entries()) {
        // A question may have been asked some cycles after its time.
        if (entry.type === 'cycle' && entry.answer)
          times.set(entry.answer.tick, entry.answer.timeS);
        if (entry.type === 'sample') samples.push(entry);
      }
      let [asked, own] = [0, 0];
      for (const { channel, timeS, value } of samples) {
        const number = value.kind === 'numbers' ? (value.numbers[0] ?? 0) : Number.NaN;
        if (channel === 'outside') continue;
        const askedS = times.get(number);
        // The answer to the last question may not have come.
        if (askedS === undefined) continue;
        t.true(
          Math.abs(timeS - askedS - (channel === 'own' ? 0.5 : 0)) < 1e-8,
          `${channel} ${number}`,
        );
        if (channel === 'own') own += 1;
        else asked += 1;
      }
      t.true(own > 5 && asked > 10, `${own} and ${asked} values`);
      t.is(samples.filter(({ channel }) => channel === 'outside').length, 1);
    });
  }
}

for (const [place, made] of PLACES.slice(1)) {
  test(`a policy in a ${place} that logs too much goes on, and what is dropped is counted`, async (t) => {
    const { samples, report } = await recorded(t, made('floods'), 3001);
    t.true(samples.length > 1 && samples.length < 3000);
    const last = samples.at(-1);
    if (last?.value.kind !== 'numbers') return t.fail();
    t.is(last.channel, 'after');
    t.is(samples.length + (report?.lostValues ?? 0), 3000 + (last.value.numbers[0] ?? 0));
  });
}

test('a finalizer in Python may log while a value is logged', async (t) => {
  const policy = processPolicy(PYTHON, { export: 'finalizes', env: WITHOUT_NUMPY, args: [] });
  const { samples } = await recorded(t, policy, 2);
  t.deepEqual(samples.map(({ channel }) => channel).toSorted(), ['last', 'outer']);
});

test('log returns false where no policy of a session runs', (t) => {
  t.false(log('anything', 1));
  t.throws(() => log('anything', {} as never), { code: 'OPTION_VALUE' });
});

/** A session that notes what it is to record and to count. */
function noting(): { native: NativeSession; recorded: string[]; counted: () => number } {
  const recorded: string[] = [];
  let counted = 0;
  const native = {
    robotTimeS: 1.5,
    log: (channel: string, timeS: number) => recorded.push(`${channel} ${timeS}`) > 0,
    countDropped: (values: number) => {
      counted += values;
    },
  };
  return { native: native as unknown as NativeSession, recorded, counted: () => counted };
}

test('of what a process sends, only what can be recorded is, and the rest is counted', (t) => {
  const { native, recorded, counted } = noting();
  const logged = new LoggedIn(native);
  logged.take([0, 'a', 0.25, 1]);
  logged.take([0, 'b', undefined, [1, 2]]);
  t.deepEqual(recorded, ['a 0.25', 'b 1.5']);
  for (const message of [
    [0, 7, 0, 1],
    [0, '', 0, 1],
    [0, 'c', Number.NaN, 1],
    [0, 'c', 1e300, 1],
    [0, 'c', 0, {}],
    [0, 'c', 0, null],
    [0, 'c', 0, { width: 1, height: 1, encoding: 'rgb8', data: 'text' }],
  ]) {
    logged.take(message);
  }
  t.is(counted(), 7);
  logged.take([20]);
  logged.take([10]);
  t.is(counted(), 27, 'what the process dropped is counted once');
  for (let nth = 0; nth < 1100; nth += 1) logged.take([20, `c${nth}`, 0, nth]);
  t.is(new Set(recorded.map((each) => each.split(' ')[0])).size, 1000);
  t.is(counted(), 27 + 102);
});

test('a process that sends what is no message, or too many, breaks the protocol', (t) => {
  for (const message of [undefined, 'text', {}, [], ['a'], [0.5, 'a', 0, 1]]) {
    const { native } = noting();
    t.throws(() => new LoggedIn(native).take(message), { code: 'OFFLOAD_PROTOCOL' });
  }
  const { native } = noting();
  const logged = new LoggedIn(native);
  const flood = (): void => {
    for (let nth = 0; nth < 1_000_000; nth += 1) logged.take([0, 'a', 0, nth]);
  };
  t.throws(flood, { code: 'OFFLOAD_PROTOCOL', message: /more than 4000 values a second/ });
});
