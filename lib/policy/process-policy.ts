import { checkText, ownOptions } from '../checks.ts';
import { checkEnvironment, isPython } from '../offload/child.ts';
import { checkModule } from '../offload/module.ts';
import {
  type ActionOf,
  checkPolicyUrl,
  type FactoryArgs,
  type ModulePolicy,
  type ModulePolicyOptions,
  modulePolicy,
  type ObservationOf,
  type PolicyIn,
  PolicyKind,
} from './module.ts';

/** A policy that runs in another process; {@link processPolicy} makes it. */
export interface ProcessPolicy<Observation, Action> extends ModulePolicy<Observation, Action> {
  /** The Python interpreter; undefined for the default. */
  readonly python: string | undefined;
  /** Environment variables beside this process's own. */
  readonly env: Readonly<Record<string, string>> | undefined;
}

/** How a policy in another process is found and run. */
export interface ProcessPolicyOptions<Name extends PropertyKey, Args>
  extends ModulePolicyOptions<Name, Args> {
  /** The Python interpreter. Default: that of the environment variable `VIRTUAL_ENV`, then `python3`. */
  readonly python?: string;
  /** Environment variables beside this process's own. */
  readonly env?: Readonly<Record<string, string>>;
}

const kind: PolicyKind<ProcessPolicy<unknown, unknown>> = new PolicyKind();

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
  const { python, env } = options;
  if (python !== undefined) checkText('python', python, 'the path of an interpreter');
  if (env !== undefined) checkEnvironment(env);
  const defaultName = isPython(url.href) ? undefined : 'default';
  return kind.make({ ...modulePolicy(url, options, defaultName, false), python, env });
}

/** Whether something was made by {@link processPolicy}. */
export function isProcessPolicy<Observation, Action>(
  policy: unknown,
): policy is ProcessPolicy<Observation, Action> {
  return kind.has(policy);
}
