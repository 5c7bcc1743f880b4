import type { PastState } from '../../errors/errors.ts';
import type { NativePlace, NativeSession, NativeSessionOptions } from '../../native/binding.ts';
import type { Driver, Failure } from '../../session/driver.ts';
import { pastStates } from './arm-driver.ts';

type Begin = (options: NativeSessionOptions, place: NativePlace, wake: () => void) => NativeSession;

/** Drives an arm entirely natively: the policy is not in JavaScript. */
export class NativeDriver implements Driver {
  readonly isAsked = false;
  readonly isNative = true;
  /** Starts the loop. */
  readonly begin: Begin;
  readonly #failure: () => Failure | undefined;

  constructor(begin: Begin, failure: () => Failure | undefined = () => undefined) {
    this.begin = begin;
    this.#failure = failure;
  }

  reset(): void {
    // A native motion starts from where the arm stands.
  }

  wake(session: NativeSession): number {
    return session.news();
  }

  halt(): void {
    // The loop is asked to end; no answer is on its way.
  }

  async stop(): Promise<void> {
    // The arm has stopped when the loop has ended.
  }

  stopNow(): void {
    // As in `stop()`: the arm has stopped when the loop has ended.
  }

  get failure(): Failure | undefined {
    return this.#failure();
  }

  pastStates(rows: Float64Array): readonly PastState[] {
    return pastStates(rows);
  }
}
