// An episode of a policy begins: what it keeps from the one before is thrown away.

import { describe } from '../errors/describe.ts';
import { isPromise, settled } from '../promise.ts';
import type { Policy, Tick } from '../session/robot.ts';

/**
 * Calls the `reset()` of a policy, if it has one, and returns what that returns. Only an own property counts: the proxy
 * of an object in another process seems to have every member.
 *
 * @throws {TypeError} if `reset` is no function
 */
export function resetPolicy(policy: object): unknown {
  const reset: unknown = Object.hasOwn(policy, 'reset') ? Reflect.get(policy, 'reset') : undefined;
  if (reset === undefined) return undefined;
  if (typeof reset !== 'function') {
    throw new TypeError(`the policy's reset is ${describe(reset)}; expected a function`);
  }
  return Reflect.apply(reset, policy, []);
}

/** Asks a policy the first question of an episode. It is reset before. */
export function askAnew<Observation, Action>(
  policy: Policy<Observation, Action>,
  observation: Observation,
  tick: Tick,
): Action | Promise<Action> {
  const done = resetPolicy(policy);
  if (!isPromise(done)) return policy(observation, tick);
  return settled(done).then(() => policy(observation, tick));
}
