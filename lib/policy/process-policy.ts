import { ownOptions } from '../checks.ts';
import { checkPlace, checkStart, isPython } from '../offload/child.ts';
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
  withInputs,
} from './module.ts';

/** A policy that runs in another process, made by {@link processPolicy}. */
export interface ProcessPolicy<Observation, Action> extends ModulePolicy<Observation, Action> {
  /** The Python interpreter; undefined for the default. */
  readonly python: string | undefined;
  /** Environment variables beside this process's own. */
  readonly env: Readonly<Record<string, string>> | undefined;
  /** The Node that is started; undefined for this program's own. */
  readonly execPath: string | undefined;
  /** Whether the process leads a process group, which ends with it. */
  readonly processGroup: boolean;
}

/** Options of {@link processPolicy}. */
export interface ProcessPolicyOptions<Name extends PropertyKey, Args>
  extends ModulePolicyOptions<Name, Args> {
  /** The Python interpreter. Default: the first that is found, in the order of {@link MpifyOptions.python}. */
  readonly python?: string;
  /** Environment variables beside this process's own. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * The Node that is started for a Node module, for a program whose own file does not start Node: a single executable,
   * an Electron without `runAsNode`. Default: `process.execPath`.
   */
  readonly execPath?: string;
  /**
   * Whether the process leads a process group. When it ends or is stopped, what it has started ends too: it gets
   * `SIGTERM`, and after a second `SIGKILL`. When this program ends, in whatever way, the group is killed. Signals of the
   * terminal, such as Ctrl+C, do not reach the group. Default false.
   */
  readonly processGroup?: boolean;
}

const kind: PolicyKind<ProcessPolicy<unknown, unknown>> = new PolicyKind();

/**
 * Makes a policy that runs in another process, Node or Python, for a robot that is driven natively, for example a
 * `Franka`. The process starts with the session and loads the module. The session's loop exchanges observations and
 * actions with the process through shared memory, so neither a blocked main thread nor its garbage collection delays
 * the policy. The process ends with the session. If the process dies, the arm is brought to rest and the session ends
 * with `POLICY_CRASHED`.
 *
 * In Python the policy is called as `policy(state, tick)`. `state` has `q` and the other fields of a robot state:
 * numbers and numpy arrays, or memoryviews without numpy. The next cycle updates the arrays in place. `tick` has
 * `tick`, `time_s`, `period_s`, `host_time_s`, `wall_time_s` and `inputs`. The policy returns numbers: a list, a numpy array or a tensor; or `None` if it has
 * nothing new.
 *
 * @example
 * const policy = processPolicy(new URL('./policy.py', import.meta.url), {
 *   export: 'make_policy',
 *   args: ['checkpoint.pt', 'cuda:0'],
 * });
 * @throws {OptionTypeError | OptionRangeError} if an option is invalid
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
  checkPlace('url', url.href);
  checkModule(url);
  const options = ownOptions('processPolicy()', given, [
    'export',
    'args',
    'python',
    'env',
    'execPath',
    'processGroup',
    'priority',
    'inputs',
    'maxInputBytes',
  ]);
  const { python, env, execPath, processGroup = false } = options;
  checkStart(options);
  const defaultName = isPython(url.href) ? undefined : 'default';
  const policy = modulePolicy(url, options, defaultName, false);
  const made = { ...policy, python, env, execPath, processGroup };
  return withInputs(kind, made, options);
}

/** Whether a value was made by {@link processPolicy}. */
export function isProcessPolicy<Observation, Action>(
  policy: unknown,
): policy is ProcessPolicy<Observation, Action> {
  return kind.has(policy);
}
