import type { PastState } from '../../errors/errors.ts';
import type { NativePlace, NativeSession, NativeSessionOptions } from '../../native/binding.ts';
import type { Driver, Failure } from '../../session/driver.ts';
import { pastStates } from './arm-driver.ts';

type Begin = (options: NativeSessionOptions, place: NativePlace, wake: () => void) => NativeSession;

/** What a motion may have beside its loop. */
interface Own {
  /** Returns why the motion was given up, if it was. */
  readonly failure?: () => Failure | undefined;
  /** Plans the motion from where the arm stands. */
  readonly plan?: () => Promise<void>;
}

/** Drives an arm entirely natively: the policy is not in JavaScript. */
export class NativeDriver implements Driver {
  readonly isAsked = false;
  readonly isNative = true;
  /** Starts the loop. */
  readonly begin: Begin;
  readonly #own: Own;

  constructor(begin: Begin, own: Own = {}) {
    this.begin = begin;
    this.#own = own;
  }

  async reset(): Promise<void> {
    // A native motion starts from where the arm stands.
    await this.#own.plan?.();
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
    return this.#own.failure?.();
  }

  pastStates(rows: Float64Array): readonly PastState[] {
    return pastStates(rows);
  }
}
