import { bare } from '../../checks.ts';
import type {
  NativeArm,
  NativeHand,
  NativePlace,
  NativeQuestions,
  NativeSession,
  NativeSessionOptions,
} from '../../native/binding.ts';
import type { FrankaControl } from '../../native/contract.ts';
import type { Lengths, PolicyFailure } from '../../policy/worker-messages.ts';
import type { Failure } from '../../session/driver.ts';

/** How long a policy in a worker or a process may take to end by itself before it is terminated [ms]. */
export const END_LIMIT_MS = 500;
/** How long a policy that failed may take to report why [ms]. The arm is at rest meanwhile. */
const TELL_LIMIT_MS = 5_000;

/**
 * Returns the options with the realtime priority of the policy's thread. The priority is below those of the loop, of
 * the notify thread and of the thread that watches the policy. If the loop has no priority, the policy's thread has
 * none.
 */
export function withPriority(
  options: NativeSessionOptions,
  asked: number | undefined,
): NativeSessionOptions {
  const policyPriority = Math.min(asked ?? 0, (options.priority ?? 0) - 3);
  return policyPriority < 1 ? options : bare({ ...options, policyPriority });
}

/** What a session needs to drive an arm. */
export interface Driven {
  readonly arm: NativeArm;
  readonly control: FrankaControl;
  readonly options: NativeSessionOptions;
  readonly place: NativePlace;
  readonly wake: () => void;
  /** The hand that follows the policy's chunks. */
  readonly hand: NativeHand | undefined;
}

/** Who asks a policy elsewhere. */
interface Asking {
  /** Learns that the policy will not answer again. */
  fail(): void;
  /** Whether the policy said so itself. */
  hasFailed(): boolean;
}

/** A policy in another thread or process: it is loaded there, asked directly, and ended. */
export abstract class PolicyHost {
  protected readonly lengths: Lengths;
  readonly #failureOf: (told: PolicyFailure) => Failure;
  #asking: Asking | undefined;
  #isOver = false;
  #failure: Failure | undefined;

  /** @param failureOf says what a failure is that the policy reports */
  constructor(lengths: Lengths, failureOf: (told: PolicyFailure) => Failure) {
    this.lengths = lengths;
    this.#failureOf = failureOf;
  }

  /** Starts the policy and waits until it is loaded. */
  abstract load(): Promise<void>;
  /** Lets the policy go, and ends it if it does not end by itself. */
  abstract end(): Promise<void>;

  /** Starts a session whose loop asks the policy. */
  protected abstract open(driven: Driven): NativeSession;
  /** Asks the policy without a session; the run that the questions come from had this period. */
  protected abstract questions(periodS: number): NativeQuestions;
  /** Lets the policy go. */
  protected abstract dismiss(): void;

  drive(driven: Driven): NativeSession {
    this.#expectNoFailure();
    const session = this.open(driven);
    this.#asking = {
      fail: () => session.fail(),
      hasFailed: () => session.outcome()?.cause === 'policyFailed',
    };
    return session;
  }

  /** Asks the policy without a session. */
  ask(periodS: number): NativeQuestions {
    this.#expectNoFailure();
    const questions = this.questions(periodS);
    this.#asking = { fail: () => questions.fail(), hasFailed: () => true };
    return questions;
  }

  /** A policy may have failed since it was loaded, as during a warm-up. */
  #expectNoFailure(): void {
    if (this.failure) throw this.failure({});
  }

  /** From this call on, no more answers of the policy are expected. */
  halt(): void {
    this.#isOver = true;
  }

  /** Lets the policy go without waiting. */
  release(): void {
    this.#isOver = true;
    this.dismiss();
  }

  /** The first failure of the policy. */
  get failure(): Failure | undefined {
    return this.#failure;
  }

  /** Whether no more answers of the policy are expected. */
  protected get isOver(): boolean {
    return this.#isOver;
  }

  /** Returns how long the policy may still take to end by itself [ms]. */
  protected get endLimitMs(): number {
    const hasFailed = this.#asking?.hasFailed() === true;
    return hasFailed && this.failure === undefined ? TELL_LIMIT_MS : END_LIMIT_MS;
  }

  /** Ends the session with the failure that the policy reported. */
  protected failed(told: PolicyFailure): void {
    this.fail(this.#failureOf(told), told.tick);
  }

  /** Ends the session with a failure. The first failure counts. */
  protected fail(failure: Failure, tick: number | undefined): void {
    this.#failure ??= (details) => failure({ ...(tick === undefined ? {} : { tick }), ...details });
    if (this.#isOver) return;
    this.#isOver = true;
    this.#asking?.fail();
  }
}
