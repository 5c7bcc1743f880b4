import type { Policy } from '../session/robot.ts';
import type { ProcessPolicy } from './process-policy.ts';
import type { WorkerPolicy } from './worker-policy.ts';

/** A policy in this thread, in a worker, or in another process. */
export type AnyPolicy<Observation, Action> =
  | Policy<Observation, Action>
  | WorkerPolicy<Observation, Action>
  | ProcessPolicy<Observation, Action>;
