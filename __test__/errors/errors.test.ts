import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import {
  InvalidActionError,
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
import { describe } from '../../lib/errors/describe.ts';
import { fromFailure, fromNative, messageOf } from '../../lib/errors/errors.ts';
import { failureMark } from '../../lib/native/binding.ts';
import { toMessage } from '../../lib/offload/codec/error-message.ts';

test('each error has the name of its class, its code and its message', (t) => {
  const errors = [
    new KilohertzError('C', 'm'),
    new SessionStateError('C', 'm'),
    new OffloadError('C', 'm'),
    new SessionError('C', 'm'),
    new PolicyError('C', 'm'),
    new PolicyLateError('C', 'm'),
    new RobotError('C', 'm'),
    new InvalidActionError('C', 'm', 1, 'less'),
  ];
  for (const error of errors) {
    t.true(error instanceof KilohertzError);
    t.is(error.name, error.constructor.name);
    t.is(error.code, 'C');
    t.is(error.message, 'm (docs/errors.md#c)');
    t.true(error.stack?.includes('errors.test'));
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
    const error = new OptionTypeError('C', 'rateHz', received, 'a number');
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
  t.is(messageOf(named), `${seen}: ${seen}`);
  t.is(messageOf(raw), describe(raw));
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
  const failure = JSON.stringify({ code: 'FRANKA_CONNECT_FAILED', message: `cannot reach ${raw}` });
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
  t.is(messageOf(new (class extends TypeError {})('m')), 'TypeError: m');
  t.is(messageOf(Object.assign(new Error('m'), { name: '' })), 'Error: m');
  t.is(new (class extends PolicyError {})('C', 'm').name, 'PolicyError');
  t.is(toMessage(new (class extends RangeError {})('m')).name, 'RangeError');
  t.is(toMessage(Object.assign(new Error('m'), { name: ' ' })).name, 'Error');
});

/** The texts of all files with this ending under a folder of the checkout. */
function textsUnder(folder: string, ending: string): string[] {
  const at = new URL(`../../${folder}/`, import.meta.url);
  return readdirSync(at, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => readFileSync(new URL(name, at), 'utf8'));
}

test('each code has its place in docs/errors.md, which says what to do, and no other has', (t) => {
  const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  const places = page.split(/^###? /m).map((part) => part.split(/\n\n?/, 1)[0]);
  const told = places.filter((place): place is string => /^[A-Z_]+$/.test(place ?? ''));
  const sources = [
    ...textsUnder('lib', '.ts').flatMap((text) => [
      ...text.matchAll(/'((?:ABORT|ACTION|INTERNAL|OFFLOAD|POLICY|ROBOT|SESSION)(?:_[A-Z]+)*)'/g),
    ]),
    ...textsUnder('crates', '.rs').flatMap((text) => [
      ...text.matchAll(
        /"((?:ACTION|FRANKA|OFFLOAD|POLICY|SESSION|SIM)(?:_[A-Z]+)+|SYSTEM|ROBOT)"/g,
      ),
    ]),
  ];
  const codes = new Set(sources.map(([, code]) => code ?? ''));
  t.true(codes.size > 40, `${codes.size} codes were found`);
  t.deepEqual([...codes].sort(), [...told].sort());
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
      new KilohertzError('SOME_CODE', message),
      new OffloadError('SOME_CODE', message),
      new PolicyError('SOME_CODE', message),
      new InvalidActionError('SOME_CODE', message, 1, ''),
    ]) {
      t.regex(error.message, /SOME_CODE: \S/);
    }
  }
});

test('a failure of the native side is told by its message, never as JSON', (t) => {
  const failure = JSON.stringify({ code: 'FRANKA_REFLEX', message: 'a reflex', errors: ['x'] });
  const message = 'a reflex (docs/errors.md#franka_reflex)';
  t.like(fromFailure(failure), { code: 'FRANKA_REFLEX', message });
  const native = new Error(failureMark() + failure);
  t.like(fromNative(native), { code: 'FRANKA_REFLEX', message });
  t.is(messageOf(native), `RobotError: ${message}`);
  // Without what this process marks them with it is somebody else's, who may say what they like.
  const users = new Error(failure);
  t.is(fromNative(users), users);
  for (const broken of [
    failure.slice(0, -5),
    '{"code":5,"message":"x"}',
    '{"code":"x"}',
    '',
    'null',
  ]) {
    const error = fromFailure(broken);
    t.is(error.code, 'INTERNAL');
    t.notRegex(error.message, /[{}"]/);
    // What is none of the native side's stays as it is: it may be the user's.
    const users = new Error(broken);
    t.is(fromNative(users), users);
  }
});
