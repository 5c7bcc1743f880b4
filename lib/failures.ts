import type { Refusal } from './action.ts';
import type { Failure } from './driver.ts';
import { InvalidActionError, messageOf, PolicyError } from './errors.ts';

/** What a policy that threw leads to; without a tick it did before its first cycle. */
export function policyThrew(tick: number | undefined, cause: unknown): Failure {
  const when = tick === undefined ? 'before its first cycle' : `in cycle ${tick}`;
  const message = `the policy failed ${when}: ${messageOf(cause)}`;
  return (details) => new PolicyError('POLICY_THREW', message, { ...details, cause });
}

/** What an answer that is no action for an arm leads to; `answer` is it, as far as it is known. */
export function armRefused(tick: number, refusal: Refusal, answer: unknown): Failure {
  const { code, received, expected, advice } = refusal;
  const instead = advice && `. ${advice}`;
  const message =
    `action ${tick} refused: the policy returned ${received}; expected ${expected}. ` +
    `The arm was brought to rest${instead}`;
  return (details) => new InvalidActionError(code, message, answer, expected, details);
}
