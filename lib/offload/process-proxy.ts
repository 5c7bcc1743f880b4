import { inspect } from 'node:util';
import { describe } from '../errors/describe.ts';
import type { CallLimits } from './call-limits.ts';

/** The answer of a remote function. Iterating over it gives the values that a remote generator yields. */
export type RemoteAnswer<Result> = Promise<Awaited<Result>> &
  (Result extends AsyncIterable<infer Item> | Iterator<infer Item> ? AsyncIterable<Item> : unknown);

/** A method of an object in another process. */
export interface RemoteMethod<Args extends readonly unknown[], Result> {
  /** Calls the method in the other process. */
  (...args: Args): RemoteAnswer<Result>;
  /** Returns the method with limits for its calls, for example `policy.getAction.with({ timeoutS: 0.1 })(obs)`. */
  with(limits: CallLimits): (...args: Args) => RemoteAnswer<Result>;
}

/** Values without members of their own at the other end: they arrive whole. */
type Whole =
  | string
  | number
  | bigint
  | boolean
  | symbol
  | null
  | undefined
  | readonly unknown[]
  | ArrayBuffer
  | ArrayBufferView
  | Date
  | Error
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | PromiseLike<unknown>;

/** A member that is read with `await`. It has the members of its value. */
type Attribute<Value> = PromiseLike<Awaited<Value>> &
  (Value extends Whole ? unknown : MembersOf<Value>);

type AnyMethod = (...args: never[]) => unknown;

type Member<Value> =
  | (Value extends (...args: infer Args) => infer Result ? RemoteMethod<Args, Result> : never)
  | ([Exclude<Value, AnyMethod>] extends [never] ? never : Attribute<Exclude<Value, AnyMethod>>);

/** Whether a member can be assigned to: the type without `readonly` is the same type. */
type IsWritable<Made, Name extends keyof Made> =
  (<T>() => T extends { [Key in Name]: Made[Key] } ? 1 : 2) extends <T>() => T extends {
    -readonly [Key in Name]: Made[Key];
  }
    ? 1
    : 2
    ? true
    : false;

/** The members of an object in another process. One that can be assigned to may be its plain value as well. */
type MembersOf<Made, Without = never> = {
  [Name in keyof Made as Exclude<Name, Without | LocalName | symbol>]: 0 extends 1 & Made[Name]
    ? // biome-ignore lint/suspicious/noExplicitAny: an untyped member has any member
      any
    : Member<Made[Name]> | (IsWritable<Made, Name> extends true ? Sendable<Made[Name]> : never);
};

/** A value that can be assigned: no function, and no object with methods, because these cannot be sent. */
type Sendable<Value> = Value extends AnyMethod
  ? never
  : Value extends Whole
    ? Value
    : true extends {
          [Name in keyof Value]: Value[Name] extends AnyMethod ? true : false;
        }[keyof Value]
      ? never
      : Value;

/** The methods that a proxy itself has. */
export interface ProxyControl extends Disposable, AsyncDisposable {
  /**
   * Ends the process, and blocks until it has ended. The process is asked to end, finishes the calls that it has
   * received and closes the object (by `Symbol.asyncDispose` or `Symbol.dispose`, in Python by `close()`). If that
   * takes longer than `timeoutS` [s], default 1, the process is killed. Waiting calls reject with `OFFLOAD_STOPPED`.
   */
  stop(options?: { readonly timeoutS?: number }): void;
}

/**
 * An object in another process: `await policy.getAction(obs)` calls its method, `await policy.timing` reads its
 * attribute, `policy.gain = 2` sets an attribute, `await policy.limits.reach` reads an attribute of an attribute. Every
 * access goes to the process. If an assignment fails, the next call rejects with its error.
 *
 * Symbols, the names that every object has, such as `toString` and `constructor`, and `toJSON` are not asked for there.
 * So a proxy can be printed, compared and written as JSON, where it is left out as a function is.
 */
export type ProcessProxy<Made> = ProxyControl &
  // biome-ignore lint/suspicious/noExplicitAny: an untyped object has any member
  (0 extends 1 & Made ? any : MembersOf<Made, keyof ProxyControl>) &
  (Made extends (...args: infer Args) => infer Result ? RemoteMethod<Args, Result> : unknown);

/** The requests that a proxy sends to its process. */
export interface Remote {
  call(path: readonly string[], args: readonly unknown[], limits?: CallLimits): Promise<unknown>;
  get(path: readonly string[]): Promise<unknown>;
  set(path: readonly string[], value: unknown): void;
  checkLimits(limits: CallLimits): CallLimits;
  stop(options?: { readonly timeoutS?: number }): void;
  stopLater(): Promise<void>;
}

/**
 * Names that JavaScript itself and libraries look up in any object, to print it, to compare it or to write it as JSON.
 * They are never asked for in the other process.
 */
const LOCAL_NAMES = [
  'constructor',
  'hasOwnProperty',
  'isPrototypeOf',
  'propertyIsEnumerable',
  'prototype',
  'toJSON',
  'toLocaleString',
  'toString',
  'valueOf',
  'asymmetricMatch', // Jest
  'inspect', // older libraries
  'nodeType', // libraries that compare values
] as const;

type LocalName = (typeof LOCAL_NAMES)[number];

/** Whether a name is one that is never asked for in the other process. `__proto__` and `@@iterator` are too. */
function isLocal(name: string | symbol): boolean {
  return typeof name === 'symbol' || /^(__|@@|\$\$)/.test(name) || LOCAL.has(name);
}

const LOCAL: ReadonlySet<string> = new Set(LOCAL_NAMES);

/** Makes the proxy of the object that a process made. `name` is shown where the proxy is printed. */
export function makeProxy(remote: Remote, name: string): ProcessProxy<unknown> {
  const own: Own = {
    // Awaiting the proxy itself, as `await mpify(...)` does, must not ask the process.
    // biome-ignore lint/suspicious/noThenProperty: said above
    then: undefined,
    stop: (options?: { readonly timeoutS?: number }) => remote.stop(options),
    [Symbol.dispose]: () => remote.stop(),
    [Symbol.asyncDispose]: () => remote.stopLater(),
  };
  return member(remote, name, [], own) as ProcessProxy<unknown>;
}

type Own = Partial<Record<PropertyKey, unknown>>;

/** The members of which each was read, by the members. */
const owners = new WeakMap<object, object>();

/** The methods that every function has. */
const OF_FUNCTIONS: Readonly<Record<string, (...args: unknown[]) => unknown>> = {
  apply: Function.prototype.apply,
  bind: Function.prototype.bind,
  call: Function.prototype.call,
};

/**
 * Returns what `planner.plan.bind(planner)` and its like are: about a method with its own object, which nothing but
 * JavaScript's own methods of functions are given. Other calls of these names are for the other process.
 */
function ofFunction(
  name: string | undefined,
  method: object | undefined,
  args: unknown[],
): unknown {
  const use = name !== undefined && Object.hasOwn(OF_FUNCTIONS, name) && OF_FUNCTIONS[name];
  const owner = method && owners.get(method);
  return use && owner && args[0] === owner ? use.apply(method, args) : undefined;
}

/**
 * Makes the proxy of a member at a path. It can be called, awaited and assigned to, and has members of its own. `owner` is
 * what it was read of.
 */
function member(
  remote: Remote,
  root: string,
  path: readonly string[],
  its: Own,
  owner?: object,
): unknown {
  const further = new Map<string, unknown>();
  const shown = `[${[`ProcessProxy of ${root}`, ...path].join('.')}]`;
  const show = (): string => shown;
  const target = Object.assign((): void => {}, { [inspect.custom]: show });
  const own: Own = { toString: show, toLocaleString: show, [Symbol.toPrimitive]: show, ...its };
  const proxy = new Proxy(target, {
    get(_target, name) {
      if (Object.hasOwn(own, name)) return own[name];
      if (isLocal(name)) return undefined;
      const text = name as string;
      let found = further.get(text);
      if (found === undefined) {
        const deeper = [...path, text];
        found = member(remote, root, deeper, ownOf(remote, deeper), proxy);
        further.set(text, found);
      }
      return found;
    },
    set(_target, name, value) {
      if (Object.hasOwn(own, name) || isLocal(name)) return false;
      remote.set([...path, name as string], value);
      return true;
    },
    apply: (_target, _this, args) =>
      ofFunction(path.at(-1), owner, args) ?? walkable(remote.call(path, args)),
    // Whether the other process has a name cannot be told without asking it.
    has: (_target, name) => Object.hasOwn(own, name) || !isLocal(name),
    // The target is an internal function; its own properties must not be visible, and nothing is changed in it.
    getPrototypeOf: () => null,
    setPrototypeOf: () => false,
    preventExtensions: () => false,
    defineProperty: () => false,
    deleteProperty: () => false,
    ownKeys: () => [],
    getOwnPropertyDescriptor: () => undefined,
  });
  if (owner) owners.set(proxy, owner);
  return proxy;
}

function ownOf(remote: Remote, path: readonly string[]): Own {
  return {
    // biome-ignore lint/suspicious/noThenProperty: awaiting a member reads it
    then: (
      resolve?: (value: unknown) => unknown,
      reject?: (error: unknown) => unknown,
    ): Promise<unknown> => remote.get(path).then(resolve, reject),
    with: (limits: CallLimits) => {
      const checked = remote.checkLimits(limits);
      return (...args: unknown[]) => walkable(remote.call(path, args, checked));
    },
  };
}

type Walkable = Promise<unknown> & Partial<AsyncIterable<unknown>>;

/** Makes a promise also iterable, for a call that returned an iterator. */
function walkable(answer: Walkable): Walkable {
  answer[Symbol.asyncIterator] = walk;
  return answer;
}

async function* walk(this: Promise<unknown>): AsyncGenerator<unknown, unknown> {
  const answer = Object(await this) as Partial<AsyncIterable<unknown> & Iterable<unknown>>;
  // What is no generator arrives whole. A list can be walked as well.
  if (answer[Symbol.asyncIterator] || answer[Symbol.iterator]) {
    return yield* answer as AsyncIterable<unknown>;
  }
  throw new TypeError(
    `a method answered with ${describe(await this)}, and for await needs a generator`,
  );
}
