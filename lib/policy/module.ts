// Policies that run in a worker or a process. Each is an export of a module that is loaded there.

import { checkNumber, checkText, isUrl } from '../checks.ts';
import { OptionTypeError } from '../errors/errors.ts';
import {
  type InputForm,
  type InputStats,
  type InputValues,
  PolicyInputs,
  type SetInputsOptions,
} from './inputs.ts';

/** The type of the policy: of the export itself, or, with arguments, of what the export returns as a factory. */
export type PolicyIn<Export, Args> = Args extends readonly unknown[]
  ? Export extends (...args: never[]) => infer Made
    ? Awaited<Made>
    : never
  : Export;

/** The arguments with which the export is called if it is a factory; undefined if it is the policy itself. */
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
  /** The URL of the module. */
  readonly url: URL;
  /** The name under which the module exports the policy or its factory. */
  readonly exportName: string;
  /** The arguments of the factory; undefined if the export is the policy itself. */
  readonly args: readonly unknown[] | undefined;
  /** The realtime priority of the thread that runs the policy; undefined for none. */
  readonly priority: number | undefined;
  /**
   * Gives the policy inputs beside the robot's state, for example an image and a prompt: what {@link Tick.inputs} has. Of
   * each name the newest value counts. An array is copied into memory that the policy's thread or process shares.
   * `undefined` or `null` removes an input. All sessions that run the policy get the inputs, those that begin later too.
   * Returns at once.
   *
   * The type and the shape of an input are those of its first value; a later value that has others is refused. All values
   * are checked before one is set.
   *
   * @example
   * policy.set({ image: shaped(pixels, [480, 640, 3]), prompt: 'stack the cups' });
   * @throws {OptionTypeError | OptionRangeError} if a name, a value or an option is invalid
   */
  readonly set: (values: InputValues, options?: SetInputsOptions) => void;
  /** What was counted of each input. */
  readonly inputStats: Readonly<Record<string, InputStats>>;
  /** Never set. It tells the compiler what the policy observes and what it answers. */
  readonly types?: (observation: Observation) => Action;
}

/** Options of a policy in a worker or a process. */
export interface ModulePolicyOptions<Name, Args> {
  /** The name of the export, in Python of the function. Default `'default'`; in Python there is no default. */
  readonly export?: Name;
  /**
   * The arguments of the export if it is a factory (sync or async) that makes the policy. They are copied to the worker
   * or the process. Without `args` the export is the policy itself.
   */
  readonly args?: Args;
  /**
   * The `SCHED_FIFO` priority of the policy's thread while it answers, 1 to 98, so that busy processes do not make it
   * late. In a process it is the priority of the first thread. `null` leaves the thread to the ordinary scheduler.
   * Default 40. It is lowered if it is not at least three below the loop's priority. A policy that has not answered for
   * `maxHeldTicks` cycles loses the priority until it answers. Threads that the policy starts, for example torch's,
   * have no such priority.
   */
  readonly priority?: number | null;
  /**
   * The types and shapes of inputs that are arrays, by name, as in `{ image: { dtype: 'uint8', shape: [480, 640, 3] } }`.
   * They are then fixed before the first value, and stay so when an input was removed. Default: those of the first value.
   */
  readonly inputs?: Readonly<Record<string, InputForm>>;
  /**
   * How many bytes all inputs may have together, 4096 to 4294967295. Default 64 MiB. What an input once had counts, also
   * after it was removed. A session takes up to three times as much memory as there are inputs.
   */
  readonly maxInputBytes?: number;
}

/** Remembers the policies of one kind, to tell them from other values that are given as a policy. */
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

/** What a policy has for its inputs. */
type Settable = Pick<ModulePolicy<unknown, unknown>, 'set' | 'inputStats'>;

/** Makes a policy of a kind that takes inputs beside the state. */
export function withInputs<Policy extends object>(
  kind: PolicyKind<Policy & Settable>,
  policy: Policy,
  options: ModulePolicyOptions<unknown, unknown>,
): Policy & Settable {
  const inputs = new PolicyInputs(options);
  const made = {
    ...policy,
    set: inputs.set,
    get inputStats() {
      return inputs.stats;
    },
  };
  return inputs.belongTo(kind.make(made));
}

/**
 * Checks the options of a policy in a worker or a process, and returns the policy.
 *
 * @throws {OptionTypeError | OptionRangeError} if an argument is invalid
 */
export function modulePolicy(
  url: URL,
  options: ModulePolicyOptions<PropertyKey, readonly unknown[] | undefined>,
  defaultName: string | undefined,
  spin: boolean,
): Omit<ModulePolicy<unknown, unknown>, 'set' | 'inputStats'> {
  const { args, priority, export: name = defaultName } = options;
  checkFactoryArgs(args);
  const exportName = checkText('export', name, 'the name of the policy, or of its factory');
  return { url, exportName, args, priority: checkPriority(priority, spin) };
}

/** @throws {OptionTypeError} `OPTION_URL`; `file` is the example in the message */
export function checkPolicyUrl(url: unknown, file: string): asserts url is URL {
  if (isUrl(url)) return;
  const expected = `a URL, as in new URL('${file}', import.meta.url)`;
  throw new OptionTypeError('OPTION_URL', 'url', url, expected);
}

/**
 * The default `SCHED_FIFO` priority of a policy's thread. It is below 50, the priority of the network card's interrupts
 * on a `PREEMPT_RT` kernel.
 */
const POLICY_PRIORITY = 40;

/** Checks the priority of a policy's thread. A thread that spins has no priority. */
export function checkPriority(
  priority: number | null | undefined,
  spin: boolean,
): number | undefined {
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
