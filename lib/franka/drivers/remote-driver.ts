import { bare } from '../../checks.ts';
import type { PastState } from '../../errors/errors.ts';
import { calling } from '../../errors/native-call.ts';
import type {
  NativeArm,
  NativePlace,
  NativeSession,
  NativeSessionOptions,
} from '../../native/binding.ts';
import type { FrankaControl } from '../../native/contract.ts';
import { STATE_LENGTH } from '../../native/robot-state.ts';
import { fromMessage } from '../../offload/codec/error-message.ts';
import type { Lengths, PolicyFailure } from '../../policy/worker-messages.ts';
import type { Driver, Failure } from '../../session/driver.ts';
import { armRefused, policyDetached, policyThrew } from '../../session/policy-failure.ts';
import { isPose } from '../control.ts';
import { pastStates } from './arm-driver.ts';

/** How long a policy elsewhere may take to end by itself before it is ended [ms]. */
export const END_LIMIT_MS = 500;
/** How long one that failed may take to tell why [ms]. The arm is at rest meanwhile. */
const TELL_LIMIT_MS = 5_000;

/**
 * The options with the realtime priority of the policy's thread: below that of the loop, of the notify thread and
 * of what watches the policy; none where the loop has none.
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
  readonly #control: FrankaControl;
  #session: NativeSession | undefined;
  #halted = false;
  #failure: Failure | undefined;

  constructor(arm: NativeArm, control: FrankaControl) {
    this.#arm = arm;
    this.#control = control;
    this.lengths = {
      observation: STATE_LENGTH,
      action: arm.actionLength(control),
      isPose: isPose(control),
    };
  }

  /** Starts the policy and waits until it is there. */
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

  /** Whether the policy is not expected to answer any more. */
  protected get halted(): boolean {
    return this.#halted;
  }

  /** How long the policy may take now to end by itself [ms]. */
  protected get endLimitMs(): number {
    const hasFailed = this.#session?.outcome()?.cause === 'policyFailed';
    return hasFailed && this.failure === undefined ? TELL_LIMIT_MS : END_LIMIT_MS;
  }

  /** Ends the session with what the policy told. */
  protected failed(message: PolicyFailure): void {
    this.fail(failureOf(message), message.tick);
  }

  /** Ends the session with a failure, the first of them. */
  protected fail(failure: Failure, tick: number | undefined): void {
    this.note(failure, tick);
    if (this.#halted) return;
    this.#halted = true;
    this.#session?.fail();
  }

  /** Keeps a failure, the first of them, for a session that ends already. */
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
