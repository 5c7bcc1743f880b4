import { throwIfAborted } from '../abort.ts';
import { checkText } from '../checks.ts';
import { find } from '../entry/pool-worker.ts';
import { OffloadError, OptionTypeError } from '../errors/errors.ts';
import { numberText } from '../errors/number.ts';
import { CALLED, type CallLimits, checkCallLimits, limited } from './call-limits.ts';
import { arrived, sending } from './codec/carried.ts';
import { fromMessage } from './codec/error-message.ts';
import { checkModule, exportsNone, type Place, partsOf } from './module.ts';
import { isPoolThread, type Job, pool } from './pool.ts';
import { takeMoving } from './transfer.ts';

/** Any function. */
// biome-ignore lint/suspicious/noExplicitAny: what is neither called nor looked into here
export type AnyFunction = (...args: any[]) => unknown;

/** The type of a function that is called in another thread: it takes the same arguments and returns a promise. */
export type AsyncCall<Work extends AnyFunction> = (
  ...args: Parameters<Work>
) => Promise<Awaited<ReturnType<Work>>>;

/** An export that runs in a pool of threads, made by {@link asyncify}. */
export interface AsyncifiedExport<Work extends AnyFunction> {
  /** Calls the function on a thread of the pool. */
  (...args: Parameters<Work>): Promise<Awaited<ReturnType<Work>>>;
  /** Returns the function with limits for its calls, for example `solve.with({ timeoutS: 0.5 })(x)`. */
  with(limits: CallLimits): AsyncCall<Work>;
}

/** A function that runs in a pool of threads, made by {@link asyncify}. */
export interface Asyncified<Work extends AnyFunction> extends AsyncifiedExport<Work> {
  /** The function itself, on the calling thread. */
  readonly sync: Work;
}

/**
 * Makes a blocking function asynchronous: each call runs on a thread of a pool, and the event loop goes on meanwhile.
 * The module with the given URL must export the function under the function's own name. A thread loads its own copy of
 * the module and finds the function by this name. The export may be the function itself, or what `asyncify` returned
 * for it.
 *
 * There is one pool for all functions, which {@link configurePool} configures. It has at most as many threads as the
 * process may use processors. A thread is started when a call finds no free thread, and ended when it was idle for 10
 * s. Further calls wait, in order. An idle pool does not keep the process alive. An asyncified function that is called
 * on a thread of the pool runs on that thread.
 *
 * Arguments and results are copied as by `postMessage`, when a thread takes the call; {@link transfer} moves them
 * instead. A {@link RobotState} arrives as one. If the function throws, the call rejects with an error of the same
 * name, message, stack, `code`, `cause`, `errors` and own fields. Errors of JavaScript's own classes and of this
 * package keep their class for `instanceof`, and those that {@link registerErrorClass} has registered. If a `signal`
 * aborts or `timeoutS` passes, the call rejects, and its thread is ended in the middle of its work; a new thread takes
 * its place. Between calls a thread does not run: timers and sockets that a function leaves behind wait for the next
 * call on that thread.
 *
 * @example
 * // solve.ts
 * export const solve = asyncify(import.meta.url, function solve(target: Float64Array) { ... });
 * // elsewhere
 * const q = await solve(target);
 * const sooner = await solve.with({ timeoutS: 0.5 })(target);
 * const here = solve.sync(target);
 *
 * @param module `import.meta.url` of the module that exports the function
 * @throws {OptionTypeError} `OPTION_MODULE`, `OPTION_WORK`
 * @throws {OffloadError} `OFFLOAD_ENTRY_POINT`, `OFFLOAD_NOT_FOUND` if the function has no name; calls reject with
 * `OFFLOAD_NOT_FOUND`, `OFFLOAD_NOT_CLONEABLE`, `OFFLOAD_TIMEOUT`, `OFFLOAD_CRASHED`, `SYSTEM`
 */
export function asyncify<Work extends AnyFunction>(
  module: string | URL,
  work: Work,
): Asyncified<Work>;
/**
 * Makes an existing export of a module asynchronous, without loading the module in this thread.
 *
 * @example
 * const solve = asyncify<typeof import('./solve.js').solve>(
 *   new URL('./solve.js', import.meta.url),
 *   'solve',
 * );
 * @param work the name of the export
 */
export function asyncify<Work extends AnyFunction = AnyFunction>(
  module: string | URL,
  work: string,
): AsyncifiedExport<Work>;
export function asyncify(
  module: string | URL,
  work: AnyFunction | string,
): AsyncifiedExport<AnyFunction> {
  const name = nameOf(work);
  const place: Place = `${checkModule(module)} ${name}`;
  const call = (args: readonly unknown[], limits?: CallLimits): Promise<unknown> =>
    isPoolThread ? inPlace(place, args, work) : offload(place, args, limits);
  const made = Object.assign(async (...args: unknown[]) => call(args), {
    with(limits: CallLimits): AsyncCall<AnyFunction> {
      const checked = checkCallLimits(limits);
      return async (...args) => {
        throwIfAborted(checked.signal, CALLED);
        return call(args, checked);
      };
    },
  });
  Object.defineProperty(made, 'name', { value: name, configurable: true });
  return typeof work === 'string' ? made : Object.assign(made, { sync: work });
}

function nameOf(work: unknown): string {
  if (typeof work === 'string') return checkText('work', work, 'the name of an export');
  if (typeof work !== 'function') {
    const expected = 'a function, or the name of one that the module exports';
    throw new OptionTypeError('OPTION_WORK', 'work', work, expected);
  }
  if (work.name === '') {
    throw new OffloadError(
      'OFFLOAD_NOT_FOUND',
      'the function has no name, by which a thread could find it; give it the one it is exported ' +
        'under: export const solve = asyncify(import.meta.url, function solve(...) { ... })',
    );
  }
  return work.name;
}

async function offload(
  place: Place,
  args: readonly unknown[],
  limits?: CallLimits,
): Promise<unknown> {
  const moving = takeMoving(args);
  const job: Job = [place, ...sending(args)];
  const outcome = await (limits
    ? limited(
        limits,
        () => late(place, limits),
        (end) => pool.run(job, moving, end),
      )
    : pool.run(job, moving));
  if (!('kind' in outcome)) return arrived(...outcome)[0];
  throw outcome.kind === 'missing' ? missing(place, outcome.exported) : fromMessage(outcome.error);
}

async function inPlace(
  place: Place,
  args: readonly unknown[],
  work: AnyFunction | string,
): Promise<unknown> {
  if (typeof work === 'function') return work(...args);
  const found = await find(place);
  if (typeof found !== 'function') throw missing(place, found.exported);
  return found(...args);
}

function late(place: Place, { timeoutS = Infinity }: CallLimits): OffloadError {
  return new OffloadError(
    'OFFLOAD_TIMEOUT',
    `${partsOf(place).name} did not answer within ${numberText(timeoutS)} s, and its thread was ended; raise ` +
      'timeoutS, or give it less to do',
  );
}

function missing(place: Place, exported: readonly string[]): OffloadError {
  const { url, name } = partsOf(place);
  return new OffloadError(
    'OFFLOAD_NOT_FOUND',
    `${exportsNone(url, name, exported)}. Export the function, or what asyncify made of it, as ${name}`,
  );
}
