import { checkBoolean, checkText, ownOptions } from '../checks.ts';
import {
  type ActionOf,
  checkFactoryArgs,
  checkPolicyUrl,
  checkPriority,
  type FactoryArgs,
  type ObservationOf,
  type PolicyIn,
} from './module.ts';

/** A policy that runs in a worker; {@link workerPolicy} makes it. */
export interface WorkerPolicy<Observation, Action> {
  /** The module. */
  readonly url: URL;
  /** The name under which the module exports the policy, or its factory. */
  readonly exportName: string;
  /** What the factory is called with; undefined where the export is the policy itself. */
  readonly args: readonly unknown[] | undefined;
  /** Whether the worker keeps a core busy while it waits. */
  readonly spin: boolean;
  /** The realtime priority of the worker's thread; undefined for none. */
  readonly priority: number | undefined;
  /** Never set; it tells the compiler what the policy decides on and what it answers. */
  readonly types?: (observation: Observation) => Action;
}

/** How a policy in a worker is found and run. */
export interface WorkerPolicyOptions<Name extends PropertyKey, Args> {
  /** The name of the export. Default `'default'`. */
  readonly export?: Name;
  /**
   * What the export is called with to make the policy, where it is a factory (sync or async). They
   * are copied to the worker as by `postMessage`. Without `args` the export is the policy itself.
   */
  readonly args?: Args;
  /**
   * Whether the worker spins instead of sleeping between ticks. It takes a physical core, on which the
   * worker stays and the loop does not; a session without two such cores is refused with `OPTION_SPIN`. Threads
   * and processes that the policy starts stay on that core too.
   * Default false.
   */
  readonly spin?: boolean;
  /**
   * The `SCHED_FIFO` priority of the worker's thread while it answers, 1 to 98, so that busy processes do
   * not make it late; `null` leaves it with the ordinary scheduler. Default 40, at most three below the loop's; not
   * with `spin`. A policy that has not answered for `maxHeldTicks` cycles is an ordinary one until it does.
   * Threads that the policy starts are ordinary ones.
   */
  readonly priority?: number | null;
}

const made: WeakSet<object> = new WeakSet();

/**
 * A policy in a worker thread, for a robot that is driven natively, as a `Franka` is. The module is
 * loaded when a session starts; the worker then waits for the loop inside the addon, so neither a
 * blocked main thread nor its garbage collection delays it. It is ended with the session.
 *
 * @example
 * const policy = workerPolicy<typeof import('./policy.js'), 'makePolicy'>(
 *   new URL('./policy.js', import.meta.url),
 *   { export: 'makePolicy', args: [0.5] },
 * );
 * @throws {OptionTypeError} where an option is not as it must be
 */
export function workerPolicy(
  url: URL,
  options?: WorkerPolicyOptions<string, readonly unknown[]>,
  // biome-ignore lint/suspicious/noExplicitAny: an untyped module fits every robot, as import() does
): WorkerPolicy<any, any>;
export function workerPolicy<
  Module extends object,
  Name extends keyof Module = 'default' extends keyof Module ? 'default' : keyof Module,
  Args extends readonly unknown[] | undefined = FactoryArgs<Module[Name]>,
>(
  url: URL,
  options?: WorkerPolicyOptions<Name, Args>,
): WorkerPolicy<
  ObservationOf<PolicyIn<Module[Name], Args>>,
  ActionOf<PolicyIn<Module[Name], Args>>
>;
export function workerPolicy(
  url: URL,
  given: WorkerPolicyOptions<PropertyKey, readonly unknown[] | undefined> = {},
): WorkerPolicy<unknown, unknown> {
  checkPolicyUrl(url, './policy.js');
  const options = ownOptions('workerPolicy()', given, ['export', 'args', 'spin', 'priority']);
  const { args, spin = false } = options;
  checkFactoryArgs(args);
  const policy = Object.freeze({
    url,
    exportName: checkText('export', options.export ?? 'default', 'the name of an export'),
    args,
    spin: checkBoolean('spin', spin),
    priority: checkPriority(options.priority, spin),
  });
  made.add(policy);
  return policy;
}

/** Whether something was made by {@link workerPolicy}. */
export function isWorkerPolicy<Observation, Action>(
  policy: unknown,
): policy is WorkerPolicy<Observation, Action> {
  return typeof policy === 'object' && policy !== null && made.has(policy);
}
