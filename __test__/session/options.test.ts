import test from 'ava';
import {
  Franka,
  FrankaSimulator,
  mpify,
  OptionRangeError,
  OptionTypeError,
  processPolicy,
  type RunOptions,
  run,
  Session,
  type SessionOptions,
  workerPolicy,
} from '../../index.ts';
import { checkOptions } from '../../lib/session/options.ts';
import { Scribe } from '../fixtures/robots.ts';
import { rejection } from '../fixtures/waiting.ts';

type Refusal = OptionRangeError | OptionTypeError;

const RANGE = OptionRangeError;
const TYPE = OptionTypeError;

/** Option, wrong values, the class and the code that refuse each. */
const WRONG: readonly [string, readonly unknown[], typeof RANGE | typeof TYPE, string][] = [
  ['rateHz', [-100, 0, -0, Number.NaN, Number.POSITIVE_INFINITY, 10_001, 1e-4], RANGE, 'RATE_HZ'],
  ['rateHz', ['50', null, 50n, [50], {}, true], TYPE, 'RATE_HZ'],
  ['warmupS', [-1, Number.NaN, Number.POSITIVE_INFINITY, 3601], RANGE, 'WARMUP_S'],
  ['warmupS', ['1', null, new Date()], TYPE, 'WARMUP_S'],
  ['deadlineS', [0, -1e-6, Number.NaN, 3601], RANGE, 'DEADLINE_S'],
  ['deadlineS', ['1', null], TYPE, 'DEADLINE_S'],
  ['maxHeldTicks', [-1, 0.5, Number.NaN, 1e7], RANGE, 'MAX_HELD_TICKS'],
  ['maxHeldTicks', ['20', null, 20n], TYPE, 'MAX_HELD_TICKS'],
  ['onLate', ['pause', '', 'Stop'], RANGE, 'ON_LATE'],
  ['onLate', [null, 1, true], TYPE, 'ON_LATE'],
  ['maxTimingSamples', [0, -1, 1.5, Number.NaN, 1e8], RANGE, 'MAX_TIMING_SAMPLES'],
  ['maxTimingSamples', ['10', null], TYPE, 'MAX_TIMING_SAMPLES'],
  ['recordTicks', [-1, 1.5, Number.NaN, 1e9], RANGE, 'RECORD_TICKS'],
  ['recordTicks', ['10', null], TYPE, 'RECORD_TICKS'],
  ['evenAfterSignal', ['yes', null, 1], TYPE, 'EVEN_AFTER_SIGNAL'],
  ['realtime', [null, true, 'yes', 80, []], TYPE, 'TYPE'],
];

const WRONG_REALTIME: typeof WRONG = [
  ['priority', [0, 100, -1, 50.5, Number.NaN], RANGE, 'PRIORITY'],
  ['priority', ['80', true], TYPE, 'PRIORITY'],
  ['cpu', [-1, 1024, 0.5, Number.NaN], RANGE, 'CPU'],
  ['cpu', ['0', false], TYPE, 'CPU'],
  ['lockMemory', [1, 'yes', null], TYPE, 'LOCK_MEMORY'],
  ['timerSlackS', [-1e-9, 2, Number.NaN], RANGE, 'TIMER_SLACK_S'],
  ['timerSlackS', ['0'], TYPE, 'TIMER_SLACK_S'],
  ['keepAwake', ['always', '', 'off'], RANGE, 'KEEP_AWAKE'],
  ['keepAwake', [true, null, 1], TYPE, 'KEEP_AWAKE'],
  ['keepAwakeCores', [-1, 65, 0.5, Number.NaN], RANGE, 'KEEP_AWAKE_CORES'],
  ['keepAwakeCores', ['2', null], TYPE, 'KEEP_AWAKE_CORES'],
  ['idleLatencyUs', [-1, 1e6 + 1, Number.NaN], RANGE, 'IDLE_LATENCY_US'],
  ['idleLatencyUs', ['0', true], TYPE, 'IDLE_LATENCY_US'],
];

function refused(
  t: import('ava').ExecutionContext,
  call: () => unknown,
  Class: typeof RANGE | typeof TYPE,
  code: string,
  received: unknown,
): void {
  const error = t.throws(call, { instanceOf: Class, code }) as Refusal | undefined;
  t.true(error instanceof (Class === RANGE ? RangeError : TypeError));
  t.true(Object.is(error?.received, received), `${String(error?.received)} was received`);
  t.true((error?.expected ?? '').length > 0);
  t.true(error?.message.endsWith(`expected ${error.expected}`), error?.message);
}

for (const [option, values, Class, suffix] of WRONG) {
  const what = Class === RANGE ? 'out of range' : 'of a wrong type';
  test(`${option} ${what} is refused by its code before the robot is touched`, async (t) => {
    for (const value of values) {
      const robot = new Scribe();
      const options = { [option]: value } as SessionOptions;
      refused(t, () => new Session(robot, () => 1, options), Class, `OPTION_${suffix}`, value);
      const error = await rejection(run(robot, () => 1, options));
      t.true(error instanceof Class);
      t.deepEqual(robot.calls, []);
    }
  });
}

for (const [option, values, Class, suffix] of WRONG_REALTIME) {
  const what = Class === RANGE ? 'out of range' : 'of a wrong type';
  test(`realtime.${option} ${what} is refused by its code`, (t) => {
    for (const value of values) {
      const options = { realtime: { [option]: value } } as SessionOptions;
      const make = () => new Session(new Scribe(), () => 1, options);
      refused(t, make, Class, `OPTION_${suffix}`, value);
    }
  });
}

test('the ends of each range are taken', (t) => {
  const ends: readonly SessionOptions[] = [
    { rateHz: 0.001 },
    { rateHz: 10_000 },
    { warmupS: 0 },
    { warmupS: 3600 },
    { maxHeldTicks: 0 },
    { maxTimingSamples: 1 },
    { recordTicks: 0 },
    { realtime: false },
    { realtime: { priority: 1, cpu: 0, timerSlackS: 0, lockMemory: false } },
    { realtime: { priority: 99, cpu: 1023, timerSlackS: 1 } },
    { realtime: { priority: null, cpu: null, timerSlackS: null } },
    { realtime: { keepAwake: 'auto', keepAwakeCores: 0, idleLatencyUs: 0 } },
    { realtime: { keepAwake: 'threads', keepAwakeCores: 64, idleLatencyUs: null } },
    { realtime: { keepAwake: 'idleStates', idleLatencyUs: 1e6 } },
    { realtime: { keepAwake: false } },
  ];
  for (const options of ends) {
    t.notThrows(() => new Session(new Scribe(), () => 1, options), JSON.stringify(options));
  }
});

test('an option that is undefined has its default', (t) => {
  const options = { rateHz: undefined, warmupS: undefined, realtime: undefined } as object;
  const session = new Session(new Scribe(), () => 1, options);
  t.is(session.stats.targetPeriodS, 0.02);
});

test('a refusal names everything that is accepted: a name, null, false or an object', async (t) => {
  await using simulator = await FrankaSimulator.start();
  await using arm = await Franka.connect(simulator.address);
  const session = (options: object) => () => new Session(arm, () => undefined, options);
  const module = new URL('../fixtures/hostile.ts', import.meta.url);
  const told: readonly [() => unknown, string][] = [
    [
      session({ realtime: { keepAwake: true } }),
      "keepAwake is true; expected one of 'auto', 'threads', 'idleStates', false",
    ],
    [
      session({ realtime: { keepAwake: 'off' } }),
      "keepAwake is \"off\"; expected one of 'auto', 'threads', 'idleStates', false",
    ],
    [session({ realtime: true }), 'realtime is true; expected an object, or false'],
    [
      session({ realtime: { priority: true } }),
      'priority is true; expected a whole number from 1 to 99, or null',
    ],
    [
      session({ realtime: { cpu: false } }),
      'cpu is false; expected a whole number from 0 to 1023, or null',
    ],
    [
      session({ realtime: { timerSlackS: 2 } }),
      'timerSlackS is 2; expected a number from 0 to 1 s, or null',
    ],
    [
      session({ realtime: { idleLatencyUs: false } }),
      'idleLatencyUs is false; expected a number from 0 to 1000000 us, or null',
    ],
    [
      session({ cutoffHz: false }),
      'cutoffHz is false; expected a number above 0 to 1000 Hz, or null',
    ],
    [session({ limits: false }), "limits is false; expected an object, or 'stop', or 'clamp'"],
    [session({ limits: 'all' }), "limits is \"all\"; expected one of 'stop', 'clamp', an object"],
    [
      () => workerPolicy(module, { priority: 0 }),
      'priority is 0; expected a whole number from 1 to 98, or null',
    ],
    [
      () => processPolicy(module, { priority: false as unknown as number }),
      'priority is false; expected a whole number from 1 to 98, or null',
    ],
  ];
  for (const [make, message] of told) t.is(t.throws(make)?.message, message);
  const impedance = await rejection(
    Franka.connect(simulator.address, { impedance: false as unknown as 'joint' }),
  );
  t.is(
    (impedance as Error).message,
    "impedance is false; expected one of 'joint', 'cartesian', 'external', an object of gains",
  );
});

test('idle states cannot be held off and left alone at the same time', (t) => {
  const options = { realtime: { keepAwake: 'idleStates', idleLatencyUs: null } } as const;
  const make = () => new Session(new Scribe(), () => 1, options);
  refused(t, make, TYPE, 'OPTION_IDLE_LATENCY_US', null);
});

test('an unknown option is refused, and the known ones are named', (t) => {
  for (const options of [{ rateHZ: 100 }, { realtime: { prio: 1 } }] as object[]) {
    const make = () => new Session(new Scribe(), () => 1, options);
    const error = t.throws(make, { instanceOf: OptionTypeError, code: 'OPTION_UNKNOWN' });
    t.true(['rateHZ', 'prio'].includes(String((error as Refusal).received)));
    t.regex((error as Refusal).expected, /rateHz|priority/);
  }
});

test("'rest' is what a late policy leads to unless 'stop' is asked for, and 'hold' is its former name", (t) => {
  const link = {
    rateHz: 1000,
    targetJerkShare: undefined,
    maxDistanceRad: 0.1,
    isInLockstep: false,
    isLocal: true,
  };
  const native = (options: SessionOptions) => checkOptions(options, link).native;
  t.false(native({}).stopOnLate);
  t.deepEqual(native({ onLate: 'rest' }), native({}));
  t.deepEqual(native({ onLate: 'hold' }), native({ onLate: 'rest' }));
  t.deepEqual({ ...native({ onLate: 'stop' }) }, { ...native({}), stopOnLate: true });
  const error = t.throws(() => native({ onLate: 'pause' as 'rest' }));
  t.is(error?.message, "onLate is \"pause\"; expected one of 'rest', 'stop'");
});

test('limitRate is short for four kinds of limits, and limits come first', (t) => {
  const link = {
    rateHz: 1000,
    targetJerkShare: undefined,
    maxDistanceRad: 0.1,
    isInLockstep: false,
    isLocal: true,
  };
  const clamped = (options: SessionOptions) => checkOptions(options, link).native.clamped;
  const rates = {
    velocity: 'clamp',
    acceleration: 'clamp',
    jerk: 'clamp',
    torqueRate: 'clamp',
  } as const;
  t.deepEqual(clamped({ limitRate: true }), clamped({ limits: rates }));
  t.is(clamped({ limitRate: true }).length, 4);
  const { jerk: _, ...others } = rates;
  t.deepEqual(clamped({ limitRate: true, limits: { jerk: 'stop' } }), clamped({ limits: others }));
  const withBox = { ...rates, box: 'clamp' } as const;
  t.deepEqual(clamped({ limitRate: true, limits: { box: 'clamp' } }), clamped({ limits: withBox }));
  t.deepEqual(clamped({ limitRate: true, limits: 'clamp' }), clamped({ limits: 'clamp' }));
});

test('options that are no object are refused', async (t) => {
  for (const options of [null, 5, 'fast', [], true]) {
    const make = () => new Session(new Scribe(), () => 1, options as SessionOptions);
    refused(t, make, TYPE, 'OPTION_TYPE', options);
    const robot = new Scribe();
    const error = await rejection(run(robot, () => 1, options as SessionOptions));
    t.is((error as Refusal).code, 'OPTION_TYPE');
    t.deepEqual(robot.calls, []);
  }
});

test('a wrong duration or signal is refused before the robot is touched', async (t) => {
  const wrong: readonly [object, string][] = [
    ...[0, -1, Number.NaN, Number.POSITIVE_INFINITY, '1', null].map(
      (durationS) => [{ durationS }, 'OPTION_DURATION_S'] as [object, string],
    ),
    ...[null, {}, 'abort'].map((signal) => [{ signal }, 'OPTION_SIGNAL'] as [object, string]),
  ];
  for (const [options, code] of wrong) {
    const robot = new Scribe();
    const session = new Session(robot, () => 1);
    const error = await rejection(session.run(options as RunOptions));
    t.is<string, string>((error as Refusal).code, code);
    t.is<string, string>(((await rejection(run(robot, () => 1, options))) as Refusal).code, code);
    t.deepEqual(robot.calls, []);
    t.false(session.isRunning);
  }
  const unknown = await rejection(
    new Session(new Scribe(), () => 1).run({ durationMs: 1 } as RunOptions),
  );
  t.is((unknown as Refusal).code, 'OPTION_UNKNOWN');
});

test('what is no robot is refused', (t) => {
  const whole = new Scribe();
  const without = (method: string) => ({
    observe: () => 1,
    act: () => undefined,
    reset: () => undefined,
    [method]: undefined,
  });
  const wrong = [null, undefined, 5, 'robot', () => whole, {}];
  for (const robot of [...wrong, ...['observe', 'act', 'reset'].map(without)]) {
    t.throws(() => new Session(robot as unknown as Scribe, () => 1), {
      instanceOf: OptionTypeError,
      code: 'OPTION_ROBOT',
      message: /observe\(\), act\(action\) and reset\(\)/,
    });
  }
});

test('a robot whose stop() cannot be called is refused, and one without is not', (t) => {
  const make = (stop: unknown) => () =>
    new Session(
      { observe: () => 1, act: () => {}, reset: () => {}, stop } as unknown as Scribe,
      () => 1,
    );
  for (const stop of ['halt', {}, Promise.resolve(), false]) {
    t.throws(make(stop), {
      instanceOf: OptionTypeError,
      code: 'OPTION_ROBOT',
      message: /robot\.stop is .*; expected a method stop\(\), or none/,
    });
  }
  for (const stop of [undefined, null]) t.notThrows(make(stop));
});

test('a robot that only looks like one of this package is refused', (t) => {
  for (const nativeLink of [null, undefined, {}, { rateHz: 1000 }]) {
    const robot = { ...new Scribe(), nativeLink } as unknown as Scribe;
    t.throws(() => new Session(robot, () => 1), {
      instanceOf: OptionTypeError,
      code: 'OPTION_ROBOT',
      message: /nativeLink is .*; expected nothing/,
    });
  }
});

test('what is no policy is refused', (t) => {
  for (const policy of [null, undefined, 5, {}, 'policy']) {
    t.throws(() => new Session(new Scribe(), policy as () => number), {
      instanceOf: OptionTypeError,
      code: 'OPTION_POLICY',
    });
  }
});

test('wrong options of snapshots and histograms are refused', async (t) => {
  const session = new Session(new Scribe(), () => 1);
  for (const options of [{ intervalS: 0 }, { intervalS: Number.NaN }, { intervalS: '1' }]) {
    const next = session.snapshots(options as { intervalS: number }).next();
    t.is(((await rejection(next)) as Refusal).code, 'OPTION_INTERVAL_S');
  }
  const next = session.snapshots({ everyS: 1 } as object).next();
  t.is(((await rejection(next)) as Refusal).code, 'OPTION_UNKNOWN');
  t.throws(() => session.histogram('jiter' as 'jitter'), { instanceOf: OptionRangeError });
});

test('null is no default, wherever an option may be left out', async (t) => {
  const url = new URL('../fixtures/policies.ts', import.meta.url);
  const noise = { q: null } as unknown as { q: number };
  const endEffector = { m_ee: 1, I_ee: null as unknown as number[] };
  for (const [call, code] of [
    [() => workerPolicy(url, { export: null as unknown as string }), 'OPTION_EXPORT'],
    [() => mpify.with({ sharedBytes: null as unknown as number }), 'OPTION_SHARED_BYTES'],
    [() => FrankaSimulator.start({ noise }), 'OPTION_NOISE_Q'],
    [() => FrankaSimulator.start({ endEffector }), 'OPTION_END_EFFECTOR_I_EE'],
  ] as const) {
    const error = await rejection((async () => call())());
    t.is((error as Refusal).code, code, String(error));
  }
});

test('wrong options of Franka.connect are refused before anything is connected', async (t) => {
  const wrong: readonly [unknown, unknown, typeof RANGE | typeof TYPE, string][] = [
    [undefined, {}, TYPE, 'ADDRESS'],
    [17, {}, TYPE, 'ADDRESS'],
    [' ', {}, RANGE, 'ADDRESS'],
    ['127.0.0.1', null, TYPE, 'TYPE'],
    ['127.0.0.1', { port: 1337 }, TYPE, 'UNKNOWN'],
    ['127.0.0.1', { control: 'cartesian' }, RANGE, 'CONTROL'],
    ['127.0.0.1', { control: null }, TYPE, 'CONTROL'],
    ['127.0.0.1', { timeoutS: 0 }, RANGE, 'TIMEOUT_S'],
    ['127.0.0.1', { timeoutS: Number.NaN }, RANGE, 'TIMEOUT_S'],
    ['127.0.0.1', { timeoutS: 601 }, RANGE, 'TIMEOUT_S'],
    ['127.0.0.1', { timeoutS: '5' }, TYPE, 'TIMEOUT_S'],
    ['127.0.0.1', { timeoutS: null }, TYPE, 'TIMEOUT_S'],
  ];
  for (const [address, options, Class, suffix] of wrong) {
    const error = await rejection(Franka.connect(address as string, options as object));
    t.true(error instanceof Class, `${JSON.stringify(options)}: ${error}`);
    t.is((error as Refusal).code, `OPTION_${suffix}`);
  }
});

test('wrong options of FrankaSimulator.start are refused', async (t) => {
  const seven = [0, -0.78, 0, -2.35, 0, 1.57, 0.78];
  const wrong: readonly [unknown, typeof RANGE | typeof TYPE, string][] = [
    [null, TYPE, 'TYPE'],
    [{ speed: 2 }, TYPE, 'UNKNOWN'],
    [{ host: 5 }, TYPE, 'HOST'],
    [{ host: '' }, RANGE, 'HOST'],
    [{ port: -1 }, RANGE, 'PORT'],
    [{ port: 65_536 }, RANGE, 'PORT'],
    [{ port: 1.5 }, RANGE, 'PORT'],
    [{ port: '0' }, TYPE, 'PORT'],
    [{ q: 5 }, TYPE, 'Q'],
    [{ q: seven.slice(1) }, RANGE, 'Q'],
    [{ q: [Number.NaN, ...seven.slice(1)] }, RANGE, 'Q'],
    [{ q: seven.map(String) }, TYPE, 'Q'],
    [{ friction: 1 }, TYPE, 'FRICTION'],
    [{ lockstep: 'yes' }, TYPE, 'LOCKSTEP'],
    [{ lostPacketLimit: 0 }, RANGE, 'LOST_PACKET_LIMIT'],
    [{ lostPacketLimit: 1e6 }, RANGE, 'LOST_PACKET_LIMIT'],
    [{ lostPacketLimit: '20' }, TYPE, 'LOST_PACKET_LIMIT'],
  ];
  for (const [options, Class, suffix] of wrong) {
    const error = await rejection(FrankaSimulator.start(options as object));
    t.true(error instanceof Class, `${JSON.stringify(options)}: ${error}`);
    t.is((error as Refusal).code, `OPTION_${suffix}`);
  }
});

test('an arm takes any rate up to its own, and its deadline leaves room in the cycle', async (t) => {
  await using simulator = await FrankaSimulator.start();
  await using arm = await Franka.connect(simulator.address);
  const session = (options: SessionOptions) => () => new Session(arm, () => undefined, options);
  t.notThrows(session({ rateHz: 1000, deadlineS: 0.9e-3 }));
  for (const rateHz of [0.5, 30, 333.3, 999.9]) t.notThrows(session({ rateHz }));
  t.notThrows(session({ rateHz: 30, deadlineS: 1 / 30 }));
  const rate = t.throws(session({ rateHz: 1000.1 }), { code: 'OPTION_RATE_HZ' });
  t.regex(rate?.message ?? '', /at most 1000, the rate of this robot's own clock/);
  refused(t, session({ rateHz: 30, deadlineS: 0.04 }), RANGE, 'OPTION_DEADLINE_S', 0.04);
  t.is(new Session(arm, () => undefined, { rateHz: 30 }).stats.targetPeriodS, 1e-3);
  const budget = { velocityShare: 0.1 };
  refused(t, session({ targetBudget: budget }), TYPE, 'OPTION_TARGET_BUDGET', budget);
  refused(t, session({ deadlineS: 1e-3 }), RANGE, 'OPTION_DEADLINE_S', 1e-3);
  t.is(simulator.counters().motionsStarted, 0);
});
