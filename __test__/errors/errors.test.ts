import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import * as index from '../../index.ts';
import {
  InvalidActionError,
  isKilohertzError,
  KilohertzError,
  OffloadError,
  OptionRangeError,
  OptionTypeError,
  PolicyError,
  PolicyLateError,
  RobotError,
  SessionError,
  SessionStateError,
} from '../../index.ts';
import { ERROR_CODES } from '../../lib/errors/codes.ts';
import { describe, describeThrown } from '../../lib/errors/describe.ts';
import { type ErrorClass, errorClassOf } from '../../lib/errors/error-class.ts';
import * as errorModule from '../../lib/errors/errors.ts';
import { fromFailure, type ToldFailure } from '../../lib/errors/errors.ts';
import { calling, fromNative } from '../../lib/errors/native-call.ts';
import { NativeFailure, NativeModel } from '../../lib/native/binding.ts';
import { NATIVE_ERROR_CODES } from '../../lib/native/contract.ts';
import { toMessage } from '../../lib/offload/codec/error-message.ts';

test('each error has the name of its class, its code and its message', (t) => {
  const errors = [
    new KilohertzError('SYSTEM', 'm'),
    new SessionStateError('SYSTEM', 'm'),
    new OffloadError('SYSTEM', 'm'),
    new SessionError('SYSTEM', 'm'),
    new PolicyError('SYSTEM', 'm'),
    new PolicyLateError('SYSTEM', 'm'),
    new RobotError('SYSTEM', 'm'),
    new InvalidActionError('SYSTEM', 'm', 1, 'less'),
  ];
  for (const error of errors) {
    t.true(error instanceof KilohertzError);
    t.is(error.name, error.constructor.name);
    t.is(error.code, 'SYSTEM');
    t.is(error.message, 'm (docs/errors.md#system)');
    t.true(isKilohertzError(error));
    t.true(error.stack?.includes('errors.test'));
  }
});

test('an error that comes from another thread has its class, whichever of this package it is', (t) => {
  const isErrorClass = (value: unknown): value is ErrorClass =>
    typeof value === 'function' && value.prototype instanceof Error;
  const values: readonly unknown[] = Object.values(errorModule);
  const classes = values.filter(isErrorClass);
  t.true(classes.length > 10);
  for (const Class of classes) {
    t.is(errorClassOf([Class.name, 'Error'], 'SYSTEM'), Class);
    t.true(
      Object.values(index).some((exported) => exported === Class),
      Class.name,
    );
  }
});

test('what ends a session is a SessionError, a wrong value is a RangeError or a TypeError', (t) => {
  const late = new PolicyLateError('POLICY_LATE', 'late', { tick: 7 });
  t.true(late instanceof SessionError);
  t.is(late.tick, 7);
  t.deepEqual(late.lastStates, []);
  t.false('cause' in late);
  const range = new OptionRangeError('OPTION_RATE_HZ', 'rateHz', 0, 'a number above 0');
  t.true(range instanceof RangeError);
  t.is(range.name, 'OptionRangeError');
  const type = new OptionTypeError('OPTION_RATE_HZ', 'rateHz', '50', 'a number above 0');
  t.true(type instanceof TypeError);
  t.is(type.name, 'OptionTypeError');
  t.true(isKilohertzError(range) && isKilohertzError(type));
});

test('what a robot throws without a session is no SessionError', (t) => {
  const error = new RobotError('FRANKA_CONNECT_REFUSED', 'refused');
  t.false((error as Error) instanceof SessionError);
  t.deepEqual(error.lastStates, []);
  t.is(error.tick, undefined);
  t.is(new RobotError('FRANKA_REFLEX', 'a reflex', { tick: 7 }).tick, 7);
});

test('nothing but an error of this package is one of it, however it looks', (t) => {
  const hostile = new Proxy(new Error('m'), {
    get: () => {
      throw new Error('no');
    },
    getPrototypeOf: () => {
      throw new Error('no');
    },
  });
  const alike = { name: 'KilohertzError', code: 'SYSTEM', message: 'm' };
  for (const value of [undefined, null, 'SYSTEM', alike, new Error('m'), hostile]) {
    t.false(isKilohertzError(value));
  }
});

test('the message of a refusal says in one line what was received and what is expected', (t) => {
  class Arm {}
  const seen: readonly [unknown, string][] = [
    [0, '0'],
    [Number.NaN, 'NaN'],
    ['50', '"50"'],
    [50n, '50n'],
    [null, 'null'],
    [undefined, 'undefined'],
    [[1, 2], 'Array of length 2'],
    [new Float32Array(3), 'Float32Array of length 3'],
    [{ q: 1 }, 'an object of Object'],
    [new Arm(), 'an object of Arm'],
    [Object.create(null), 'an object of no class'],
    [Symbol('s'), 'Symbol(s)'],
    [function named() {}, 'function named'],
    ['two\nlines', String.raw`"two\nlines"`],
  ];
  for (const [received, told] of seen) {
    const error = new OptionTypeError('OPTION_RATE_HZ', 'rateHz', received, 'a number');
    t.is(error.message, `rateHz is ${told}; expected a number`);
    t.is(error.received, received);
    t.is(error.expected, 'a number');
  }
});

test('a cause is kept as it is, undefined included', (t) => {
  const cause = new Error('original');
  t.is(new PolicyError('POLICY_THREW', 'm', { cause }).cause, cause);
  t.true('cause' in new PolicyError('POLICY_THREW', 'm', { cause: undefined }));
});

test('an error composed of another names its own place alone, and on a line of its own behind many', (t) => {
  const cause = new OffloadError('OFFLOAD_CRASHED', 'it ended');
  const error = new PolicyError('POLICY_CRASHED', `the worker is gone: ${cause.message}`, {
    cause,
  });
  t.is(error.message, 'the worker is gone: it ended (docs/errors.md#policy_crashed)');
  const lines = new OffloadError('OFFLOAD_CRASHED', 'it ended; its last words:\nno memory');
  t.is(lines.message, 'it ended; its last words:\n    no memory\n(docs/errors.md#offload_crashed)');
  const again = new PolicyError('POLICY_CRASHED', `it is gone: ${lines.message}`);
  const told =
    'it is gone: it ended; its last words:\n    no memory\n(docs/errors.md#policy_crashed)';
  t.is(again.message, told);
});

test('no text of others reaches a terminal or a log as more than text', (t) => {
  const raw = 'a\u001b[31mb\r\nFORGED\u0000\u009b\u2028\u202e\u2066\u007f\ttab\ud800z';
  const seen = `${String.raw`a\x1b[31mb\r\nFORGED\x00\x9b\u2028\u202e\u2066\x7f\ttab`}\ufffdz`;
  const named = Object.assign(new Error(raw), { name: raw });
  t.is(describeThrown(named), `${seen}: ${seen}`);
  t.is(describeThrown(raw), describe(raw));
  for (const value of [
    raw,
    Symbol(raw),
    { [raw]: 1 },
    Object.defineProperty(() => 1, 'name', { value: raw }),
  ]) {
    t.notRegex(describe(value), /[^\P{C}\p{Cn}]/u);
  }
  t.is(
    new OptionTypeError('OPTION_ENV', `env.${raw}`, 5, raw).message,
    `env.${seen} is 5; expected ${seen}`,
  );
  const failure = { ...REFLEX, code: 'FRANKA_CONNECT_FAILED', message: `cannot reach ${raw}` };
  t.is(fromFailure(failure).message, `cannot reach ${seen} (docs/errors.md#franka_connect_failed)`);
  // What may have lines has them indented: none looks like a line of a log.
  const [first, second, place] = new OffloadError('OFFLOAD_CRASHED', raw).message.split('\n');
  t.is(first, String.raw`a\x1b[31mb\r`);
  t.true(second?.startsWith('    FORGED'), second);
  t.is(place, '(docs/errors.md#offload_crashed)');
});

test('what has no name of its own has that of the nearest class', (t) => {
  t.is(describe(new (class {})()), 'an object of Object');
  t.is(describe(new (class extends Map {})()), 'an object of Map');
  t.is(describe(new (class extends Array {})()), 'Array of length 0');
  t.is(describe(new (class extends Float32Array {})(3)), 'Float32Array of length 3');
  t.is(describe(class {}), 'function (anonymous)');
  const Blank = Object.defineProperty(class {}, 'name', { value: ' ' });
  t.is(describe(new Blank()), 'an object of Object');
  t.is(describeThrown(new (class extends TypeError {})('m')), 'TypeError: m');
  t.is(describeThrown(Object.assign(new Error('m'), { name: '' })), 'Error: m');
  t.is(new (class extends PolicyError {})('SYSTEM', 'm').name, 'PolicyError');
  t.is(toMessage(new (class extends RangeError {})('m')).name, 'RangeError');
  t.is(toMessage(Object.assign(new Error('m'), { name: ' ' })).name, 'Error');
});

test('each code has its place in docs/errors.md, which says what to do, and no other has', (t) => {
  const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  const places = page.split(/^###? /m).map((part) => part.split(/\n\n?/, 1)[0]);
  const told = places.filter((place): place is string => /^[A-Z_]+$/.test(place ?? ''));
  t.true(ERROR_CODES.length > 40);
  t.is(new Set(ERROR_CODES).size, ERROR_CODES.length);
  // Those of an import that fails are given before there is a class of this package.
  const loader = readFileSync(new URL('../../binding/load.js', import.meta.url), 'utf8');
  const loading = new Set(loader.match(/\bBINDING_[A-Z]+\b/g));
  t.true(loading.size >= 5);
  t.deepEqual([...ERROR_CODES, ...loading].sort(), told.sort());
});

test('each code of this side is given somewhere', (t) => {
  const lib = new URL('../../lib/', import.meta.url);
  const texts = readdirSync(lib, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|py)$/.test(name) && !/(codes|contract)\.ts$/.test(name))
    .map((name) => readFileSync(new URL(name, lib), 'utf8'));
  const native: readonly string[] = NATIVE_ERROR_CODES;
  const unused = ERROR_CODES.filter((code) => !native.includes(code)).filter(
    (code) => !texts.some((text) => text.includes(`'${code}'`)),
  );
  t.deepEqual(unused, []);
});

test('each code stands in the table of error classes, and each of an arm in that of the guide to a real one', (t) => {
  const textOf = (name: string): string =>
    readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
  const codes = [...textOf('docs/errors.md').matchAll(/^### ([A-Z_]+)$/gm)].map(
    ([, code = '']) => code,
  );
  t.true(codes.length > 40);
  const pages = [
    'README.md',
    ...readdirSync(new URL('../../docs/', import.meta.url)).map((page) => `docs/${page}`),
  ];
  const classes = pages
    .filter((page) => page.endsWith('.md'))
    .flatMap((page) => textOf(page).split('\n\n'))
    .filter((part) => /^\| `SessionStateError` \|/m.test(part));
  t.is(classes.length, 1, 'there is one table of error classes');
  const refusals = textOf('docs/real-arm.md').split('## 6.')[1] ?? '';
  for (const code of codes) {
    t.true(classes[0]?.includes(`\`${code}\``), `${code} stands in the table of classes`);
    if (/^(FRANKA|ACTION|POLICY)_/.test(code)) t.true(refusals.includes(`\`${code}\``), code);
  }
});

test('an error of this package always says something', (t) => {
  for (const message of ['', ' ', '\n']) {
    for (const error of [
      new KilohertzError('INTERNAL', message),
      new OffloadError('INTERNAL', message),
      new PolicyError('INTERNAL', message),
      new InvalidActionError('INTERNAL', message, 1, ''),
    ]) {
      t.regex(error.message, /INTERNAL: \S/);
    }
  }
});

const REFLEX: ToldFailure = {
  kind: 'robot',
  code: 'FRANKA_REFLEX',
  message: 'a reflex',
  errors: ['joint_reflex'],
  notArrived: null,
};

test('a failure of the native side becomes an error of the class of its kind', (t) => {
  const robot = fromFailure(REFLEX, { tick: 3 });
  t.true(robot instanceof RobotError);
  t.like(robot, { code: 'FRANKA_REFLEX', errors: ['joint_reflex'], tick: 3 });
  t.is(robot.message, 'a reflex (docs/errors.md#franka_reflex)');
  t.true(fromFailure({ ...REFLEX, kind: 'offload' }) instanceof OffloadError);
  t.false(fromFailure({ ...REFLEX, kind: 'other' }) instanceof RobotError);
  const refused = t.throws(() => calling(() => new NativeModel('panda')));
  t.true(refused instanceof OptionRangeError);
  t.like(refused, { code: 'OPTION_GENERATION', received: 'panda' });
});

test('what the native side throws is an error that holds what it knows, and nobody else can make one', (t) => {
  const native = t.throws(() => new NativeModel('panda')) as Error & { failure?: unknown };
  t.true(native.failure instanceof NativeFailure);
  t.like(fromNative(native), { name: 'OptionRangeError', code: 'OPTION_GENERATION' });
  const { failure } = native;
  const others = [
    Object.assign(new Error(native.message), { failure: { ...REFLEX } }),
    new Error(native.message),
    new Error(JSON.stringify(REFLEX)),
    { message: native.message, failure },
    new Proxy(native, {}),
    native.message,
  ];
  // Of others it stays as it is: they may say what they like.
  for (const other of others) t.is(fromNative(other), other);
  for (const other of others) t.false(isKilohertzError(fromNative(other)));
});
