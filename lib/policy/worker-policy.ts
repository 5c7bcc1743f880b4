import { checkBoolean, ownOptions } from '../checks.ts';
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

/** A policy that runs in a worker, made by {@link workerPolicy}. */
export interface WorkerPolicy<Observation, Action> extends ModulePolicy<Observation, Action> {
  /** Whether the worker keeps a core busy while it waits. */
  readonly spin: boolean;
}

/** Options of {@link workerPolicy}. */
export interface WorkerPolicyOptions<Name extends PropertyKey, Args>
  extends ModulePolicyOptions<Name, Args> {
  /**
   * Whether the worker spins instead of sleeping between ticks. The worker then needs a physical core of its own, which
   * the loop does not use. If there are not two such cores, the session is refused with `OPTION_SPIN`. Threads and
   * processes that the policy starts stay on the worker's core too. A worker that spins has no `priority`. Default
   * false.
   */
  readonly spin?: boolean;
}

const kind: PolicyKind<WorkerPolicy<unknown, unknown>> = new PolicyKind();

/**
 * Makes a policy that runs in a worker thread, for a robot that is driven natively, for example a `Franka`. The module
 * is loaded when a session starts. The worker then waits for the loop inside the addon, so neither a blocked main
 * thread nor its garbage collection delays the policy. The worker ends with the session. The arguments of a factory are
 * copied as by `postMessage`.
 *
 * @example
 * const policy = workerPolicy<typeof import('./policy.js'), 'makePolicy'>(
 *   new URL('./policy.js', import.meta.url),
 *   { export: 'makePolicy', args: [0.5] },
 * );
 * @throws {OptionTypeError} if an option is invalid
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
  const options = ownOptions('workerPolicy()', given, [
    'export',
    'args',
    'spin',
    'priority',
    'inputs',
    'maxInputBytes',
  ]);
  const { spin = false } = options;
  checkBoolean('spin', spin);
  const policy = modulePolicy(url, options, 'default', spin);
  return withInputs(kind, { ...policy, spin }, options);
}

/** Whether a value was made by {@link workerPolicy}. */
export function isWorkerPolicy<Observation, Action>(
  policy: unknown,
): policy is WorkerPolicy<Observation, Action> {
  return kind.has(policy);
}
