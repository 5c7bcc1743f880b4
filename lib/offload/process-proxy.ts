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

type Member<Value> = Value extends (...args: infer Args) => infer Result
  ? RemoteMethod<Args, Result>
  : Value | PromiseLike<Value>;

/** The methods that a proxy itself has. */
export interface ProxyControl extends Disposable, AsyncDisposable {
  /**
   * Ends the process, and blocks until it has ended. The process is asked to end, finishes the calls that it has
   * received and closes the object (by `Symbol.asyncDispose` or `Symbol.dispose`, in Python by `close()`). If that
   * takes longer than `timeoutS` [s], default 1, the process is killed. Waiting calls reject with `OFFLOAD_STOPPED`.
   */
  stop(options?: { readonly timeoutS?: number }): void;
}

type Members<Made> = { [Name in Exclude<keyof Made, keyof ProxyControl>]: Member<Made[Name]> };

/**
 * An object in another process: `await policy.getAction(obs)` calls its method, `await policy.timing` reads its
 * attribute, `policy.gain = 2` sets an attribute. Every access goes to the process. If an assignment fails, the next
 * call rejects with its error.
 */
export type ProcessProxy<Made> = ProxyControl &
  // biome-ignore lint/suspicious/noExplicitAny: an untyped object has any member
  (0 extends 1 & Made ? any : Members<Made>) &
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

/** Makes the proxy of the object that a process made. */
export function makeProxy(remote: Remote): ProcessProxy<unknown> {
  const own: Partial<Record<PropertyKey, unknown>> = {
    // Awaiting the proxy itself, as `await mpify(...)` does, must not ask the process.
    // biome-ignore lint/suspicious/noThenProperty: said above
    then: undefined,
    stop: (options?: { readonly timeoutS?: number }) => remote.stop(options),
    [Symbol.dispose]: () => remote.stop(),
    [Symbol.asyncDispose]: () => remote.stopLater(),
  };
  return member(remote, [], own) as ProcessProxy<unknown>;
}

/** Makes the proxy of a member at a path. It can be called, awaited and assigned to, and has members of its own. */
function member(
  remote: Remote,
  path: readonly string[],
  own: Partial<Record<PropertyKey, unknown>>,
): unknown {
  const further = new Map<string, unknown>();
  const target = (): void => {};
  return new Proxy(target, {
    get(_target, name) {
      if (typeof name === 'symbol' || name in own) return own[name];
      let found = further.get(name);
      if (found === undefined) {
        const deeper = [...path, name];
        found = member(remote, deeper, ownOf(remote, deeper));
        further.set(name, found);
      }
      return found;
    },
    set(_target, name, value) {
      if (typeof name === 'symbol' || name in own) return false;
      remote.set([...path, name], value);
      return true;
    },
    apply: (_target, _this, args) => walkable(remote.call(path, args)),
    has: () => true,
    // The target is an internal function; its own properties must not be visible.
    getPrototypeOf: () => null,
    ownKeys: () => [],
    getOwnPropertyDescriptor: () => undefined,
  });
}

function ownOf(remote: Remote, path: readonly string[]): Partial<Record<PropertyKey, unknown>> {
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
  return yield* (await this) as AsyncIterable<unknown>;
}
