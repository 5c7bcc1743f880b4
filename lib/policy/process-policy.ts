import { checkText, ownOptions } from '../checks.ts';
import { checkEnvironment, isPython } from '../offload/child.ts';
import { checkModule } from '../offload/module.ts';
import {
  type ActionOf,
  checkFactoryArgs,
  checkPolicyUrl,
  checkPriority,
  type FactoryArgs,
  type ObservationOf,
  type PolicyIn,
} from './module.ts';

/** A policy that runs in another process; {@link processPolicy} makes it. */
export interface ProcessPolicy<Observation, Action> {
  /** The module. */
  readonly url: URL;
  /** The name under which the module has the policy, or its factory. */
  readonly exportName: string;
  /** What the factory is called with; undefined where the export is the policy itself. */
  readonly args: readonly unknown[] | undefined;
  /** The Python interpreter; undefined for the default. */
  readonly python: string | undefined;
  /** Environment variables beside this process's own. */
  readonly env: Readonly<Record<string, string>> | undefined;
  /** The realtime priority of the process's first thread; undefined for none. */
  readonly priority: number | undefined;
  /** Never set; it tells the compiler what the policy decides on and what it answers. */
  readonly types?: (observation: Observation) => Action;
}

/** How a policy in another process is found and run. */
export interface ProcessPolicyOptions<Name extends PropertyKey, Args> {
  /** The name of the export, or in Python of the function. Default `'default'`; in Python there is none. */
  readonly export?: Name;
  /**
   * What the export is called with to make the policy, where it is a factory (sync or async). They
   * are copied to the process. Without `args` the export is the policy itself.
   */
  readonly args?: Args;
  /** The Python interpreter. Default: that of the environment variable `VIRTUAL_ENV`, then `python3`. */
  readonly python?: string;
  /** Environment variables beside this process's own. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * The `SCHED_FIFO` priority of the process's first thread while it answers, 1 to 98, so that busy
   * processes do not make it late; `null` leaves it with the ordinary scheduler. Default
   * {@link POLICY_PRIORITY}, 40. A policy that has not answered for `maxHeldTicks` cycles is an ordinary one until
   * it does. Threads that the policy starts, torch's for instance, are ordinary ones.
   */
  readonly priority?: number | null;
}

const made: WeakSet<object> = new WeakSet();

/**
 * A policy in another process, Node or Python, for a robot that is driven natively, as a `Franka` is. The
 * process is started with the session and loads the module; the session's loop then writes observations where the
 * process sees them, and reads its actions, so neither a blocked main thread nor its garbage collection delays it. It ends with the
 * session; where it dies, the arm is brought to rest and the session ends with `POLICY_CRASHED`.
 *
 * In Python the policy is called as `policy(state, tick)`: `state.q` and the other fields of a robot state are
 * numpy arrays, or memoryviews without numpy, that the next cycle refreshes in place, and numbers; `tick` has
 * `tick`, `time_s` and `period_s`. It returns numbers: a list, a numpy array, a tensor; or `None` where it has
 * nothing new.
 *
 * @example
 * const policy = processPolicy(new URL('./policy.py', import.meta.url), {
 *   export: 'make_policy',
 *   args: ['checkpoint.pt', 'cuda:0'],
 * });
 * @throws {OptionTypeError | OptionRangeError} where an option is not as it must be
 */
export function processPolicy(
  url: URL,
  options?: ProcessPolicyOptions<string, readonly unknown[]>,
  // biome-ignore lint/suspicious/noExplicitAny: an untyped module fits every robot, as import() does
): ProcessPolicy<any, any>;
export function processPolicy<
  Module extends object,
  Name extends keyof Module = 'default' extends keyof Module ? 'default' : keyof Module,
  Args extends readonly unknown[] | undefined = FactoryArgs<Module[Name]>,
>(
  url: URL,
  options?: ProcessPolicyOptions<Name, Args>,
): ProcessPolicy<
  ObservationOf<PolicyIn<Module[Name], Args>>,
  ActionOf<PolicyIn<Module[Name], Args>>
>;
export function processPolicy(
  url: URL,
  given: ProcessPolicyOptions<PropertyKey, readonly unknown[] | undefined> = {},
): ProcessPolicy<unknown, unknown> {
  checkPolicyUrl(url, './policy.py');
  checkModule(url);
  const options = ownOptions('processPolicy()', given, [
    'export',
    'args',
    'python',
    'env',
    'priority',
  ]);
  const { args, python, env } = options;
  checkFactoryArgs(args);
  if (python !== undefined) checkText('python', python, 'the path of an interpreter');
  if (env !== undefined) checkEnvironment(env);
  const name = options.export ?? (isPython(url.href) ? undefined : 'default');
  const exportName = checkText('export', name, 'the name of the policy, or of its factory');
  const policy = Object.freeze({
    url,
    exportName,
    args,
    python,
    env,
    priority: checkPriority(options.priority, false),
  });
  made.add(policy);
  return policy;
}

/** Whether something was made by {@link processPolicy}. */
export function isProcessPolicy<Observation, Action>(
  policy: unknown,
): policy is ProcessPolicy<Observation, Action> {
  return typeof policy === 'object' && policy !== null && made.has(policy);
}
