// The only importer of the native binding. What it exports is internal; users see `index.ts`.

import { failureMark } from '#binding';
import { fromNative, knowFailuresBy } from '../errors/errors.ts';

export {
  armSchema,
  dismissSeat,
  endChild,
  endWithParent,
  failureMark,
  guardOnTop,
  guardProcess,
  isEnding,
  MORE,
  NativeArm,
  type NativeAwake,
  type NativeConnectOptions,
  type NativeCounters,
  type NativeDescriptors,
  NativeEcho,
  type NativeEvent,
  type NativeFault,
  type NativeGrant,
  NativeHand,
  type NativeHandState,
  NativeJoinedSeat,
  type NativeJointState,
  NativeLine,
  NativeModel,
  type NativeMove,
  type NativeOutcome,
  NativePlace,
  type NativePromotion,
  type NativeRealtime,
  NativeSeat,
  NativeSession,
  type NativeSessionOptions,
  NativeSharedSeat,
  NativeSimulator,
  type NativeSpread,
  type NativeStats,
  type NativeViolation,
} from '#binding';

knowFailuresBy(failureMark());

/** Runs a native call; what it throws becomes the error class of its code. */
export function calling<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fromNative(error);
  }
}

/** Awaits a native promise; what it rejects with becomes the error class of its code. */
export async function awaiting<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw fromNative(error);
  }
}
