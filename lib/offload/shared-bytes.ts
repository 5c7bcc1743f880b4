import { checkNumber } from '../checks.ts';

/** The default size of the shared memory for large arrays, in each direction [bytes]. */
export const DEFAULT_SHARED_BYTES: number = 64 * 2 ** 20;

const LARGEST: number = 64 * 2 ** 30;

/** Checks the option `sharedBytes`. */
export function checkSharedBytes(value: unknown): number {
  return checkNumber('sharedBytes', value, { from: 0, to: LARGEST, integer: true, unit: 'bytes' });
}
