// What JavaScript and libraries do with any object: a proxy of an object in another process must bear it.

import { format, inspect, isDeepStrictEqual } from 'node:util';
import { serialize } from 'node:v8';
import test, { type ExecutionContext } from 'ava';
import { mpify, OffloadError, type ProcessProxy } from '../../index.ts';
import { makeProxy, type Remote } from '../../lib/offload/process-proxy.ts';
import type { Policy } from '../fixtures/remote.ts';
import { rejection } from '../fixtures/waiting.ts';

type Module = typeof import('../fixtures/remote.ts');
const url = new URL('../fixtures/remote.ts', import.meta.url);

async function made(t: ExecutionContext): Promise<ProcessProxy<Policy>> {
  const policy = await mpify<Module['makePolicy']>(url, 'makePolicy');
  t.teardown(() => policy.stop({ timeoutS: 0 }));
  return policy;
}

/** Returns a proxy, and a list of what was asked through it. */
// biome-ignore lint/suspicious/noExplicitAny: what the compiler would refuse is what is tested
function proxy(): { planner: any; asked: string[] } {
  const asked: string[] = [];
  const ask = (what: string, path: readonly string[]): Promise<undefined> => {
    asked.push(`${what} ${path.join('.')}`);
    return Promise.resolve(undefined);
  };
  const remote: Remote = {
    call: (path) => ask('call', path),
    get: (path) => ask('get', path),
    set: (path) => void ask('set', path),
    checkLimits: (limits) => limits,
    stop: () => undefined,
    stopLater: () => Promise.resolve(),
  };
  return { planner: makeProxy(remote, 'Planner in planner.py'), asked };
}

test('printing, comparing, copying and writing a proxy as JSON asks its process nothing', async (t) => {
  class Planner {}
  const { planner, asked } = proxy();
  const { gain } = planner;
  const works: Record<string, () => unknown> = {
    'JSON.stringify': () => t.is(JSON.stringify({ planner, gain, a: [gain] }), '{"a":[null]}'),
    inspect: () =>
      t.is(inspect({ planner }), '{ planner: [ProcessProxy of Planner in planner.py] }'),
    'inspect a member': () => t.is(inspect(gain), '[ProcessProxy of Planner in planner.py.gain]'),
    showProxy: () => inspect(planner, { showProxy: true, showHidden: true, depth: 9 }),
    format: () =>
      t.regex(format('%s %o %O %j %d', planner, planner, planner, planner, planner), /Proxy/),
    String: () => t.is(String(planner), '[ProcessProxy of Planner in planner.py]'),
    template: () => t.is(`${gain}`, String(gain)),
    'toString()': () => t.is(planner.toString(), planner.toLocaleString()),
    number: () => t.true(Number.isNaN(+planner)),
    // biome-ignore lint/suspicious/noDoubleEquals: what it asks for is tested
    '==': () => t.false(planner == 5),
    'Object.prototype.toString': () => Object.prototype.toString.call(planner),
    instanceof: () => t.false(planner instanceof Planner || gain instanceof Promise),
    'instanceof it': () => t.throws(() => ({}) instanceof planner, { instanceOf: TypeError }),
    isPrototypeOf: () => Object.prototype.isPrototypeOf.call(Planner.prototype, planner),
    spread: () => t.deepEqual({ ...planner }, {}),
    'spread as a list': () => t.throws(() => [...planner], { instanceOf: TypeError }),
    keys: () => t.deepEqual([Object.keys(planner), Reflect.ownKeys(planner)], [[], []]),
    assign: () => Object.assign({}, planner),
    in: () => {
      t.true('plan' in planner && 'stop' in planner && Symbol.dispose in planner);
      t.false('toJSON' in planner || Symbol.iterator in planner || 'nodeType' in gain);
    },
    symbols: () => {
      for (const name of Object.getOwnPropertyNames(Symbol)) {
        const symbol = (Symbol as unknown as Record<string, unknown>)[name];
        if (typeof symbol === 'symbol') void [planner[symbol], gain[symbol]];
      }
    },
    names: () => {
      for (const name of Object.getOwnPropertyNames(Object.prototype)) void planner[name];
      t.is(planner.constructor, undefined);
      t.is(planner.then, undefined);
    },
    structuredClone: () => t.throws(() => structuredClone(planner), { any: true }),
    serialize: () => t.throws(() => serialize({ planner }), { any: true }),
    isDeepStrictEqual: () => t.false(isDeepStrictEqual(planner, {})),
    deepEqual: () => {
      t.notDeepEqual(planner, {});
      t.deepEqual(planner, planner);
      t.notDeepEqual({ gain }, { gain: 1 });
    },
    // As Jest does with what looks like one of its matchers or like an element of a page.
    jest: () => {
      for (const name of [
        'asymmetricMatch',
        '$$typeof',
        '@@__IMMUTABLE_ITERABLE__@@',
        'nodeType',
      ]) {
        t.is(planner[name], undefined);
        t.is(gain[name], undefined);
      }
    },
    new: () => t.throws(() => new planner(), { instanceOf: TypeError }),
    delete: () => t.throws(() => delete planner.gain, { instanceOf: TypeError }),
    define: () => t.throws(() => Object.defineProperty(planner, 'gain', { value: 1 })),
    freeze: () => t.throws(() => Object.freeze(planner), { instanceOf: TypeError }),
    'a symbol is set': () => t.throws(() => Object.assign(planner, { [Symbol.iterator]: 1 })),
  };
  for (const [name, work] of Object.entries(works)) {
    work();
    await null;
    t.deepEqual(asked, [], name);
  }
  for (const same of [
    await planner,
    await Promise.resolve(planner),
    (await Promise.all([planner]))[0],
  ]) {
    t.is(same, planner);
  }
  t.deepEqual(asked, []);
  await gain;
  planner.gain = 2;
  await planner.plan.further(1);
  t.deepEqual(asked, ['get gain', 'set gain', 'call plan.further']);
});

test('a method can be bound to its object, and methods with such names are called', async (t) => {
  const { planner, asked } = proxy();
  const plan = planner.plan.bind(planner, 1);
  await plan(2);
  await planner.plan.call(planner, 1);
  await planner.tool.weigh.apply(planner.tool, [1]);
  t.deepEqual(asked.splice(0), ['call plan', 'call plan', 'call tool.weigh']);
  await planner.call(1);
  await planner.tool.bind(1);
  await planner.plan.call(planner.tool, 1);
  await planner.plan.apply();
  const remote = ['call call', 'call tool.bind', 'call plan.call', 'call plan.apply'];
  t.deepEqual(asked, remote);
  const policy = await made(t);
  t.is(await policy.scale.bind(policy)(3), 3);
  t.is(await policy.deep.inner.twice.call(policy.deep.inner), 6);
});

test('a real proxy is logged and compared, and answers afterwards', async (t) => {
  const policy = await made(t);
  t.is(inspect(policy), '[ProcessProxy of makePolicy in remote.ts]');
  t.is(JSON.stringify({ policy }), '{}');
  t.false((policy as object) instanceof OffloadError);
  // An assertion that fails shows both values.
  const attempt = await t.try((inner) => inner.deepEqual(policy as unknown, { gain: 1 }));
  const { passed } = attempt;
  attempt.discard();
  t.false(passed);
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.is(await policy.scale(2), 2);
});

test('a function among the arguments is refused, with the method and the place of the function', async (t) => {
  const policy = await made(t);
  const onDone = (): void => undefined;
  for (const [args, place] of [
    [[onDone], 'args[0]'],
    [[1, { done: onDone }], 'args[1].done'],
    [[[{ a: { onDone } }]], 'args[0][0].a.onDone'],
    [[new Map([['k', onDone]])], 'args[0].get("k")'],
    [[policy], 'args[0]'],
    [[policy.deep], 'args[0]'],
    [[Symbol('s')], 'args[0]'],
  ] as const) {
    const call = policy.echo as unknown as (...args: unknown[]) => Promise<unknown>;
    const error = (await rejection(call(...args))) as OffloadError;
    t.true(error instanceof OffloadError, place);
    t.is(error.code, 'OFFLOAD_NOT_CLONEABLE');
    t.true(error.message.startsWith(`echo: ${place} is a `), error.message);
  }
  const untyped = policy as unknown as { deep: { inner: { value: unknown } } };
  const set = t.throws(() => {
    untyped.deep.inner.value = { onDone };
  });
  t.true(set?.message.startsWith('deep.inner.value.onDone is a function'), set?.message);
  t.is(await policy.scale(2), 2);
  const make = mpify as unknown as (...args: unknown[]) => Promise<unknown>;
  const refused = (await rejection(make(url, 'makePolicy', 'file', { onDone }))) as OffloadError;
  t.true(refused.message.startsWith('makePolicy: args[1].onDone is a function'), refused.message);
});

test('what is asked of a member that is not there is told by its place', async (t) => {
  const policy = await made(t);
  // biome-ignore lint/suspicious/noExplicitAny: the types refuse what is tested
  const untyped = policy as any;
  const told = [
    [async () => untyped.none.deeper, /^none is undefined, and has no deeper/],
    [async () => untyped.deep.none.deeper(), /^deep\.none is undefined, and has no deeper/],
    [async () => untyped.deep.inner.value(), /^value is a number; expected a function/],
    [async () => untyped(1), /^what was made is an object; expected a function\. There is .*scale/],
  ] as const;
  for (const [ask, message] of told) {
    await t.throwsAsync(ask, { code: 'OFFLOAD_NOT_FOUND', message });
  }
  const walk = async (): Promise<void> => {
    for await (const _ of untyped.deep.inner.twice()) t.fail();
  };
  await t.throwsAsync(walk, { instanceOf: TypeError, message: /answered with 6, and for await/ });
});

test('members of members are read, called with limits and assigned to', async (t) => {
  const policy = await made(t);
  t.is(await policy.deep.inner.value, 3);
  t.is(await policy.deep.inner.twice.with({ timeoutS: 30 })(), 6);
  policy.deep.inner.value = 8;
  t.is(await policy.deep.inner.twice(), 16);
});
