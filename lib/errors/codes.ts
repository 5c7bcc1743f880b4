// The codes of errors. The codes of the native side are in `lib/native/contract.ts`; this file has the others.

import { NATIVE_ERROR_CODES, type NativeErrorCode } from '../native/contract.ts';

/** The codes that only the TypeScript side uses, except those of options. docs/errors.md explains each of them. */
const OWN_ERROR_CODES = [
  'ABORT_ERR',
  'ACTION_FRAME',
  'ACTION_LIMIT',
  'ACTION_NOT_FINITE',
  'ACTION_TYPE',
  'CHUNK_EMPTY',
  'CHUNK_LENGTH',
  'CHUNK_SEAM',
  'CHUNK_STEP',
  'CHUNK_TIME',
  'INTERNAL',
  'OFFLOAD_CRASHED',
  'OFFLOAD_ENTRY_POINT',
  'OFFLOAD_NOT_CLONEABLE',
  'OFFLOAD_NOT_FOUND',
  'OFFLOAD_NOT_STARTED',
  'OFFLOAD_NO_NODE',
  'OFFLOAD_PYTHON',
  'OFFLOAD_QUEUE_FULL',
  'OFFLOAD_SHAPE',
  'OFFLOAD_STOPPED',
  'OFFLOAD_TIMEOUT',
  'POLICY_BEHIND',
  'POLICY_CRASHED',
  'POLICY_DETACHED',
  'POLICY_LATE',
  'POLICY_THREW',
  'POLICY_UNSETTLED',
  'ROBOT_THREW',
  'ROBOT_UNSETTLED',
  'SERVER_ANSWER',
  'SERVER_CLOSED',
  'SERVER_FAILED',
  'SERVER_FRAME',
  'SERVER_TIMEOUT',
  'SERVER_UNREACHABLE',
  'SESSION_NOT_KEPT',
  'SESSION_RUNNING',
  'SESSION_STOPPED',
] as const;

/** The code of a refused option: `OPTION_` and the option's name, for example `OPTION_RATE_HZ`. */
export type OptionErrorCode = `OPTION_${string}`;

/** The stable codes of errors, except those of options. */
export type ErrorCode = NativeErrorCode | (typeof OWN_ERROR_CODES)[number];

/** The stable codes of all errors of this package. */
export type KilohertzErrorCode = ErrorCode | OptionErrorCode;

/** All codes, except those of options. */
export const ERROR_CODES: readonly ErrorCode[] = [...NATIVE_ERROR_CODES, ...OWN_ERROR_CODES];

/** Whether a value is a code, except one of an option. */
export function isErrorCode(code: unknown): code is ErrorCode {
  return ERROR_CODES.some((known) => known === code);
}

/** Whether a value is a code of this package, of an option or another. */
export function isKilohertzErrorCode(code: unknown): code is KilohertzErrorCode {
  return isErrorCode(code) || (typeof code === 'string' && /^OPTION_[A-Z0-9_]+$/.test(code));
}
