import { bare } from '../../checks.ts';
import type { PastState } from '../../errors/errors.ts';
import { calling } from '../../errors/native-call.ts';
import type {
  NativeArm,
  NativeHand,
  NativePlace,
  NativeSession,
  NativeSessionOptions,
} from '../../native/binding.ts';
import type { FrankaControl } from '../../native/contract.ts';
import { fromMessage } from '../../offload/codec/error-message.ts';
import type { Lengths, PolicyFailure } from '../../policy/worker-messages.ts';
import type { Driver, Failure } from '../../session/driver.ts';
import { armRefused, policyDetached, policyThrew } from '../../session/policy-failure.ts';
import type { Answers } from './answers.ts';
import { pastStates } from './arm-driver.ts';

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

/** Drives an arm with a policy in another thread or process, which the loop asks directly. */
export abstract class RemoteDriver implements Driver {
  readonly isNative = true;
  readonly #arm: NativeArm;
  protected readonly lengths: Lengths;
  /** The hand that follows the policy's chunks. */
  protected readonly hand: NativeHand | undefined;
  readonly #control: FrankaControl;
  #session: NativeSession | undefined;
  #halted = false;
  #failure: Failure | undefined;

  constructor(arm: NativeArm, control: FrankaControl, { lengths, hand }: Answers) {
    this.#arm = arm;
    this.#control = control;
    this.lengths = lengths;
    this.hand = hand;
  }

  /** Starts the policy and waits until it is loaded. */
  abstract reset(): Promise<void>;
  abstract stop(): Promise<void>;

  /** Starts the loop, which asks the policy directly. */
  protected abstract open(
    arm: NativeArm,
    control: FrankaControl,
    options: NativeSessionOptions,
    place: NativePlace,
    wake: () => void,
  ): NativeSession;
  /** Lets the policy go. */
  protected abstract dismiss(): void;

  begin(options: NativeSessionOptions, place: NativePlace, wake: () => void): NativeSession {
    this.#session = calling(() => this.open(this.#arm, this.#control, options, place, wake));
    return this.#session;
  }

  wake(session: NativeSession): number {
    return session.news();
  }

  halt(): void {
    this.#halted = true;
  }

  stopNow(): void {
    this.#halted = true;
    this.dismiss();
  }

  get failure(): Failure | undefined {
    return this.#failure;
  }

  pastStates(rows: Float64Array): readonly PastState[] {
    return pastStates(rows);
  }

  /** Whether no more answers of the policy are expected. */
  protected get halted(): boolean {
    return this.#halted;
  }

  /** Returns how long the policy may still take to end by itself [ms]. */
  protected get endLimitMs(): number {
    const hasFailed = this.#session?.outcome()?.cause === 'policyFailed';
    return hasFailed && this.failure === undefined ? TELL_LIMIT_MS : END_LIMIT_MS;
  }

  /** Ends the session with the failure that the policy reported. */
  protected failed(message: PolicyFailure): void {
    this.fail(failureOf(message), message.tick);
  }

  /** Ends the session with a failure. The first failure counts. */
  protected fail(failure: Failure, tick: number | undefined): void {
    this.note(failure, tick);
    if (this.#halted) return;
    this.#halted = true;
    this.#session?.fail();
  }

  /** Records a failure of a session that is already ending. The first failure counts. */
  protected note(failure: Failure, tick: number | undefined): void {
    this.#failure ??= (details) => failure({ ...(tick === undefined ? {} : { tick }), ...details });
  }
}

function failureOf(message: PolicyFailure): Failure {
  switch (message.kind) {
    case 'threw':
      return policyThrew(message.tick, fromMessage(message.error));
    case 'detached':
      return policyDetached(message.tick);
    case 'refused':
      return armRefused(message.tick, message, message.received);
  }
}
