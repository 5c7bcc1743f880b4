import { isErrorCode } from '../errors/codes.ts';
import { cut, describeThrown, isInstance, textIn } from '../errors/describe.ts';
import {
  InvalidActionError,
  PolicyError,
  ServerError,
  type SessionErrorDetails,
} from '../errors/errors.ts';
import type { Refusal } from './action.ts';
import type { Failure } from './driver.ts';

/** Returns the failure of a policy that threw. Without a tick it threw before its first cycle. */
export function policyThrew(tick: number | undefined, cause: unknown): Failure {
  // The message is composed later: reading the thrown value may take long, and the arm has to be stopped first.
  return (details) => {
    const known = serverFailed(tick, cause, details);
    if (known) return known;
    const message = `the policy failed ${whenOf(tick)}: ${describeThrown(cause)}`;
    return new PolicyError('POLICY_THREW', message, { ...details, cause });
  };
}

/** The longest message of a policy server's error that is kept. */
const LONGEST_MESSAGE = 10_000;

/**
 * Returns the error of a policy server, which has codes of its own, if that is what the policy threw. What it threw may
 * also only look like one.
 */
function serverFailed(
  tick: number | undefined,
  cause: unknown,
  details: SessionErrorDetails,
): ServerError | undefined {
  if (!isInstance(cause, ServerError)) return undefined;
  const code = textIn(cause, 'code') ?? '';
  if (!isErrorCode(code) || !code.startsWith('SERVER_')) return undefined;
  const [said = 'its message cannot be read', received, expected, traceback] = [
    'message',
    'received',
    'expected',
    'traceback',
  ].map((name) => textIn(cause, name));
  const message = `${whenOf(tick)} ${cut(said, LONGEST_MESSAGE)}`;
  return new ServerError(code, message, { received, expected, traceback, ...details, cause });
}

/** Returns the failure of a policy that failed without saying why. */
export function policyFailed(tick: number | undefined): Failure {
  const message = `the policy failed ${whenOf(tick)}, and nothing came to tell why`;
  return (details) => new PolicyError('POLICY_THREW', message, details);
}

/** Returns the failure of a policy that transferred the memory of its observation. `stopped` says what became of the arm. */
export function policyDetached(tick: number, stopped = 'The arm was brought to rest. '): Failure {
  const message =
    `the policy detached the memory of the state in cycle ${tick}, as a transfer by postMessage() or ` +
    `structuredClone() does: no further state can be written there. ${stopped}Transfer ` +
    'a copy, as state.q.slice()';
  return (details) => new PolicyError('POLICY_DETACHED', message, details);
}

function whenOf(tick: number | undefined): string {
  return tick === undefined ? 'before its first cycle' : `in cycle ${tick}`;
}

/**
 * Returns the failure of an answer that is not a valid action for an arm. `answer` is the answer, as far as it is
 * known.
 */
export function armRefused(tick: number, refusal: Refusal, answer: unknown): Failure {
  const { code, received, expected, advice } = refusal;
  const instead = advice && `. ${advice}`;
  const message =
    `action ${tick} refused: the policy returned ${received}; expected ${expected}. ` +
    `The arm was brought to rest${instead}`;
  return (details) => new InvalidActionError(code, message, answer, expected, details);
}
