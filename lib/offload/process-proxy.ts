import type { CallLimits } from './call-limits.ts';

/** What a remote function answers; walking through it walks through what a generator yields. */
export type RemoteAnswer<Result> = Promise<Awaited<Result>> &
  (Result extends AsyncIterable<infer Item> | Iterator<infer Item> ? AsyncIterable<Item> : unknown);

/** A method of an object in another process. */
export interface RemoteMethod<Args extends readonly unknown[], Result> {
  /** Calls it there. */
  (...args: Args): RemoteAnswer<Result>;
  /** The same call with limits, as in `policy.getAction.with({ timeoutS: 0.1 })(obs)`. */
  with(limits: CallLimits): (...args: Args) => RemoteAnswer<Result>;
}

type Member<Value> = Value extends (...args: infer Args) => infer Result
  ? RemoteMethod<Args, Result>
  : Value | PromiseLike<Value>;

/** What a proxy has of its own. */
export interface ProxyControl extends Disposable, AsyncDisposable {
  /**
   * Ends the process, and blocks until it has ended: it is asked to, finishes the calls that it was given
   * and closes what was made (`Symbol.asyncDispose` or `Symbol.dispose`; `close()` in Python). What takes longer
   * than `timeoutS` [s], by default 1, is killed. Calls that wait reject with `OFFLOAD_STOPPED`.
   */
  stop(options?: { readonly timeoutS?: number }): void;
}

type Members<Made> = { [Name in Exclude<keyof Made, keyof ProxyControl>]: Member<Made[Name]> };

/**
 * An object in another process: `await policy.getAction(obs)` calls its method, `await policy.timing` reads its
 * attribute, `policy.gain = 2` sets it. Every access goes there. An assignment that fails is told by the next
 * call.
 */
export type ProcessProxy<Made> = ProxyControl &
  // biome-ignore lint/suspicious/noExplicitAny: an untyped object has any member
  (0 extends 1 & Made ? any : Members<Made>) &
  (Made extends (...args: infer Args) => infer Result ? RemoteMethod<Args, Result> : unknown);

/** What a proxy asks of the process. */
export interface Remote {
  call(path: readonly string[], args: readonly unknown[], limits?: CallLimits): Promise<unknown>;
  get(path: readonly string[]): Promise<unknown>;
  set(path: readonly string[], value: unknown): void;
  checkLimits(limits: CallLimits): CallLimits;
  stop(options?: { readonly timeoutS?: number }): void;
  stopLater(): Promise<void>;
}

/** The proxy of what a process made. */
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

/** What a path leads to: it can be called, awaited, set, and leads further. */
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
    // The target is a function that nobody sees; what it has is not told.
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

/** A promise that can also be walked through, where it is for something that can. */
function walkable(answer: Walkable): Walkable {
  answer[Symbol.asyncIterator] = walk;
  return answer;
}

async function* walk(this: Promise<unknown>): AsyncGenerator<unknown, unknown> {
  return yield* (await this) as AsyncIterable<unknown>;
}
