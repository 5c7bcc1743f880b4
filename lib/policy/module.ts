// What every policy elsewhere is, whether in a worker or a process: an export of a module that is loaded there.

import { checkNumber, checkText, isUrl } from '../checks.ts';
import { OptionTypeError } from '../errors/errors.ts';

/** The policy that an export is, or that the factory which it is returns. */
export type PolicyIn<Export, Args> = Args extends readonly unknown[]
  ? Export extends (...args: never[]) => infer Made
    ? Awaited<Made>
    : never
  : Export;

/** What the export is called with where it is a factory; undefined where it is the policy itself. */
export type FactoryArgs<Export> = Export extends (...args: infer Given) => infer Made
  ? Awaited<Made> extends (...args: never[]) => unknown
    ? Given
    : undefined
  : undefined;

export type ObservationOf<P> = P extends (
  observation: infer Observation,
  ...rest: never[]
) => unknown
  ? Observation
  : never;

export type ActionOf<P> = P extends (...args: never[]) => infer Answer ? Awaited<Answer> : never;

/** A policy that another thread or process loads. */
export interface ModulePolicy<Observation, Action> {
  /** The module. */
  readonly url: URL;
  /** The name under which the module has the policy, or its factory. */
  readonly exportName: string;
  /** What the factory is called with; undefined where the export is the policy itself. */
  readonly args: readonly unknown[] | undefined;
  /** The realtime priority of the thread that runs the policy; undefined for none. */
  readonly priority: number | undefined;
  /** Never set; it tells the compiler what the policy decides on and what it answers. */
  readonly types?: (observation: Observation) => Action;
}

/** How such a policy is found and run. */
export interface ModulePolicyOptions<Name, Args> {
  /** The name of the export, in Python of the function. Default `'default'`; in Python there is none. */
  readonly export?: Name;
  /**
   * What the export is called with to make the policy, where it is a factory (sync or async). They
   * are copied to where it runs. Without `args` the export is the policy itself.
   */
  readonly args?: Args;
  /**
   * The `SCHED_FIFO` priority of the policy's thread, in a process of its first one, while it answers, 1 to 98, so
   * that busy processes do not make it late; `null` leaves it with the ordinary scheduler. Default 40, at most
   * three below the loop's. A policy that has not answered for `maxHeldTicks` cycles is an ordinary one until
   * it does. Threads that the policy starts, torch's for instance, are ordinary ones.
   */
  readonly priority?: number | null;
}

/** The policies of one kind, which are known again among what else may be given as a policy. */
export class PolicyKind<Made extends object> {
  readonly #made: WeakSet<object> = new WeakSet();

  /** Freezes a policy, and remembers it. */
  make(policy: Made): Made {
    this.#made.add(Object.freeze(policy));
    return policy;
  }

  has(policy: unknown): policy is Made {
    return typeof policy === 'object' && policy !== null && this.#made.has(policy);
  }
}

/**
 * Checks what every policy elsewhere is made from.
 *
 * @throws {OptionTypeError | OptionRangeError} where something is not as it must be
 */
export function modulePolicy(
  url: URL,
  options: ModulePolicyOptions<PropertyKey, readonly unknown[] | undefined>,
  defaultName: string | undefined,
  spin: boolean,
): ModulePolicy<unknown, unknown> {
  const { args, priority } = options;
  checkFactoryArgs(args);
  const name = options.export ?? defaultName;
  const exportName = checkText('export', name, 'the name of the policy, or of its factory');
  return { url, exportName, args, priority: checkPriority(priority, spin) };
}

/** @throws {OptionTypeError} `OPTION_URL`; `file` is the example of the message */
export function checkPolicyUrl(url: unknown, file: string): asserts url is URL {
  if (isUrl(url)) return;
  const expected = `a URL, as in new URL('${file}', import.meta.url)`;
  throw new OptionTypeError('OPTION_URL', 'url', url, expected);
}

/**
 * The default `SCHED_FIFO` priority of a policy's thread: below 50, where a `PREEMPT_RT` kernel has the
 * interrupts of the network card.
 */
const POLICY_PRIORITY = 40;

/** Checks the priority of a policy's thread; one that spins has none. */
function checkPriority(priority: number | null | undefined, spin: boolean): number | undefined {
  if (priority === null || (priority === undefined && spin)) return undefined;
  if (spin) {
    const expected = 'nothing beside spin: it would take its core from everything else';
    throw new OptionTypeError('OPTION_PRIORITY', 'priority', priority, expected);
  }
  const range = { from: 1, to: 98, integer: true, orNull: true };
  return checkNumber('priority', priority ?? POLICY_PRIORITY, range);
}

/** @throws {OptionTypeError} `OPTION_ARGS` */
function checkFactoryArgs(args: readonly unknown[] | undefined): void {
  if (args === undefined || Array.isArray(args)) return;
  throw new OptionTypeError('OPTION_ARGS', 'args', args, 'an array');
}
