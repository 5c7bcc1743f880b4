import { describeThrown, isInstance, textIn } from '../errors/describe.ts';
import { InvalidActionError, PolicyError, ServerError } from '../errors/errors.ts';
import type { Refusal } from './action.ts';
import type { Failure } from './driver.ts';

/** Returns the failure of a policy that threw. Without a tick it threw before its first cycle. */
export function policyThrew(tick: number | undefined, cause: unknown): Failure {
  // The message is composed later: reading the thrown value may take long, and the arm has to be stopped first.
  return (details) => {
    // A policy server has codes of its own.
    if (isInstance(cause, ServerError)) {
      const { code, received, expected, traceback } = cause;
      const message = `${whenOf(tick)} ${textIn(cause, 'message')}`;
      return new ServerError(code, message, { received, expected, traceback, ...details, cause });
    }
    const message = `the policy failed ${whenOf(tick)}: ${describeThrown(cause)}`;
    return new PolicyError('POLICY_THREW', message, { ...details, cause });
  };
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
