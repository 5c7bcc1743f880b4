// What an error keeps that is thrown in another thread or process, whichever way it came.

import test from 'ava';
import {
  asyncify,
  InferenceThread,
  isKilohertzError,
  mpify,
  OptionRangeError,
  OptionTypeError,
  RobotError,
  registerErrorClass,
} from '../../index.ts';
import type * as model from '../fixtures/inference.ts';
import type * as offloaded from '../fixtures/offloaded.ts';
import { FarAway, Unreachable } from '../fixtures/offloaded.ts';
import { venv } from '../fixtures/python.ts';
import type * as remote from '../fixtures/remote.ts';
import { rejection } from '../fixtures/waiting.ts';

const OFFLOADED = new URL('../fixtures/offloaded.ts', import.meta.url);

interface Thrown extends Error {
  readonly errors: readonly Thrown[];
  readonly code?: string | number;
  readonly [field: string]: unknown;
}

const thread = new InferenceThread<typeof model>(
  new URL('../fixtures/inference.ts', import.meta.url),
);
await thread.start();
const policy = await mpify<typeof remote.makePolicy>(
  new URL('../fixtures/remote.ts', import.meta.url),
  'makePolicy',
);
test.after.always(async () => {
  policy.stop();
  await thread.stop();
});

const throwing = asyncify<typeof offloaded.throwing>(OFFLOADED, 'throwing');
const WAYS: Readonly<Record<string, (how: string) => Promise<unknown>>> = {
  asyncify: (how) => throwing(how),
  'an InferenceThread': (how) => thread.run('throwing', how),
  mpify: (how) => policy.throwing(how),
};

for (const [name, call] of Object.entries(WAYS)) {
  const thrown = async (how: string): Promise<Thrown> => (await rejection(call(how))) as Thrown;

  test(`${name}: an AggregateError keeps its errors, with their classes and causes`, async (t) => {
    const error = await thrown('aggregate');
    t.true(error instanceof AggregateError);
    t.is(error.message, 'all failed');
    t.false(Object.keys(error).includes('errors'), 'not enumerable, as of each AggregateError');
    const [one, inner] = error.errors;
    t.true(one instanceof TypeError);
    t.is(one?.cause, 'why');
    t.true(inner instanceof AggregateError);
    const [deepest, ...others] = (inner as Thrown).errors as [Thrown, ...unknown[]];
    t.true(deepest instanceof RangeError);
    t.deepEqual(deepest.cause, { status: 404 });
    t.deepEqual(others, ['a text', { n: 1 }]);
    t.regex(deepest.stack ?? '', /offloaded\.ts/);
  });

  test(`${name}: an error that leads to itself arrives, and ends`, async (t) => {
    const error = await thrown('itself');
    t.is(error.cause, undefined);
    t.is(error.errors[0] as unknown, 'AggregateError: round');
    t.is(error.errors[1]?.message, 'other');
    t.is(error.errors[1]?.cause, undefined);
    const shared = await thrown('shared');
    t.deepEqual(
      shared.errors.map(({ message }) => message),
      ['common', 'common'],
      'what is there twice is no circle',
    );
    const deep = await thrown('deep');
    t.is(deep.errors[0]?.errors[0]?.message, '997');
  });

  test(`${name}: an error whose fields cannot be read arrives with those that can`, async (t) => {
    const error = await thrown('hostile');
    t.is(error.message, 'hostile');
    t.is(error['kept'], 5);
    t.false('broken' in error);
    t.is((await thrown('proxy')).message, 'behind a proxy');
  });

  test(`${name}: a DOMException and an error of the system keep what they are known by`, async (t) => {
    const dom = await thrown('dom');
    t.true(dom instanceof DOMException);
    t.deepEqual([dom.name, dom.message, dom.code, dom.cause], ['TimeoutError', 'enough', 23, 5]);
    t.like(await thrown('system'), {
      code: 'ENOENT',
      errno: -2,
      syscall: 'open',
      path: '/nowhere/to/be found',
    });
  });

  test(`${name}: errors of this package keep their class, code and fields`, async (t) => {
    const robot = await thrown('robot');
    t.true(robot instanceof RobotError);
    t.true(isKilohertzError(robot));
    t.is(robot.code, 'FRANKA_REFLEX');
    t.deepEqual(robot['errors'] as unknown, ['joint_reflex']);
    t.deepEqual([robot['tick'], robot['lastStates']], [7, []]);
    const option = await thrown('option');
    t.true(option instanceof OptionRangeError && option instanceof RangeError);
    t.like(option, { code: 'OPTION_SPEED', received: 3, expected: 'less' });
  });

  test.serial(
    `${name}: a registered class of one's own is kept, and its constructor is not called`,
    async (t) => {
      registerErrorClass(Unreachable);
      registerErrorClass(Unreachable);
      const error = (await thrown('own')) as unknown as Unreachable;
      t.true(error instanceof Unreachable);
      t.is(error.name, 'Unreachable');
      t.is(error.message, 'joint 4 is in the way');
      t.is(error.twice(), 8);
      t.deepEqual(error.details, {
        pose: new Float64Array([1, 2]),
        at: new Date(0),
        list: [1, 'a'],
      });
      const derived = await thrown('derived');
      t.true(derived instanceof Unreachable, 'the nearest class that is registered');
      t.false(derived instanceof FarAway);
      t.is(derived.name, 'FarAway');
    },
  );

  test(`${name}: own fields of an error that is not registered arrive as data, in a bounded size`, async (t) => {
    const error = await thrown('fields');
    t.deepEqual(Object.keys(error).sort(), ['big', 'circular', 'failures', 'original', 'state']);
    t.deepEqual(error['circular'], { self: '[circular]' });
    t.true(error['original'] instanceof RangeError);
    const [failure, number] = error['failures'] as [Error, number];
    t.true(failure instanceof TypeError);
    t.is(number, 5);
    t.is((error['state'] as { robot_mode: string }).robot_mode, 'Other');
    t.is(error['big'], 'Uint8Array of length 100000000');
  });
}

test('exceptions of Python keep their fields, groups their exceptions, and registered classes are found', async (t) => {
  const python = await venv();
  const there = await mpify.with({ python })(
    new URL('../fixtures/thrown.py', import.meta.url),
    'make',
  );
  t.teardown(() => there.stop());
  class ReachError extends Error {}
  registerErrorClass(ReachError);
  const own = (await rejection(there.own())) as Thrown;
  t.true(own instanceof ReachError);
  t.like(own, { message: 'too far', joint: 4, pose: [1, 2] });
  t.true(own['first'] instanceof TypeError);
  t.like(await rejection(there.system()), {
    name: 'FileNotFoundError',
    code: 'ENOENT',
    errno: 2,
    path: '/nowhere',
  });
  const group = (await rejection(there.group())) as Thrown;
  t.true(group instanceof AggregateError);
  t.deepEqual(
    group.errors.map(({ name, message }) => [name, message]),
    [
      ['ValueError', 'a'],
      ['ReachError', 'too far'],
    ],
  );
  t.true(group.errors[1] instanceof ReachError);
});

test('what is no class of errors, or has the name of another one, is refused', (t) => {
  for (const wrong of [undefined, {}, 'Error', () => undefined, class {}, Map]) {
    t.throws(() => registerErrorClass(wrong as never), {
      instanceOf: OptionTypeError,
      code: 'OPTION_ERROR_CLASS',
    });
  }
  class Twice extends Error {}
  registerErrorClass(Twice);
  const other = { Twice: class Twice extends Error {} }.Twice;
  const own = Object.defineProperty(class extends Error {}, 'name', { value: 'TypeError' });
  const nameless = (() => class extends Error {})();
  for (const wrong of [other, own, nameless]) {
    t.throws(() => registerErrorClass(wrong), {
      instanceOf: OptionRangeError,
      code: 'OPTION_ERROR_CLASS',
    });
  }
});
