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
import type { PolicyFailure } from '../../policy/worker-messages.ts';
import type { Driver, Failure } from '../../session/driver.ts';
import { armRefused, policyDetached, policyThrew } from '../../session/policy-failure.ts';
import { pastStates } from './arm-driver.ts';
import type { PolicyHost } from './policy-host.ts';

/** Drives an arm with a policy in another thread or process, which the loop asks directly. */
export class RemoteDriver implements Driver {
  readonly isNative = true;
  readonly isAsked = false;
  readonly #arm: NativeArm;
  readonly #control: FrankaControl;
  readonly #host: PolicyHost;
  /** The hand that follows the policy's chunks. */
  readonly #hand: NativeHand | undefined;

  constructor(
    arm: NativeArm,
    control: FrankaControl,
    host: PolicyHost,
    hand: NativeHand | undefined,
  ) {
    this.#arm = arm;
    this.#control = control;
    this.#host = host;
    this.#hand = hand;
  }

  /** Starts the policy and waits until it is loaded. */
  reset(): Promise<void> {
    return this.#host.load();
  }

  begin(options: NativeSessionOptions, place: NativePlace, wake: () => void): NativeSession {
    const [arm, control, hand] = [this.#arm, this.#control, this.#hand];
    return calling(() => this.#host.drive({ arm, control, options, place, wake, hand }));
  }

  wake(session: NativeSession): number {
    return session.news();
  }

  halt(): void {
    this.#host.halt();
  }

  stop(): Promise<void> {
    return this.#host.end();
  }

  stopNow(): void {
    this.#host.release();
  }

  get failure(): Failure | undefined {
    return this.#host.failure;
  }

  pastStates(rows: Float64Array): readonly PastState[] {
    return pastStates(rows);
  }
}

/** Returns the failure of a session whose policy reported one. */
export function armFailure(told: PolicyFailure): Failure {
  switch (told.kind) {
    case 'threw':
      return policyThrew(told.tick, fromMessage(told.error));
    case 'detached':
      return policyDetached(told.tick);
    case 'refused':
      return armRefused(told.tick, told, told.received);
  }
}
