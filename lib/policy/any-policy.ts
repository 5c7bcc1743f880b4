import type { Policy } from '../session/robot.ts';
import { isOnnxPolicy, type OnnxPolicy } from './onnx-policy.ts';
import { isProcessPolicy, type ProcessPolicy } from './process-policy.ts';
import { isWorkerPolicy, type WorkerPolicy } from './worker-policy.ts';

/** A policy that does not run on this thread: in a worker, in another process, or as an ONNX model. */
export type HostedPolicy<Observation, Action> =
  | WorkerPolicy<Observation, Action>
  | ProcessPolicy<Observation, Action>
  | OnnxPolicy<Observation, Action>;

/** A policy in this thread, in a worker, in another process, or an ONNX model. */
export type AnyPolicy<Observation, Action> =
  | Policy<Observation, Action>
  | HostedPolicy<Observation, Action>;

/** What a policy is, for messages. */
export const POLICY_FORMS =
  'a function, or what workerPolicy(), processPolicy() or onnxPolicy() returns, or chunked() of one of them';

/** Whether a value is a policy, in whichever place. */
export function isAnyPolicy<Observation, Action>(
  policy: unknown,
): policy is AnyPolicy<Observation, Action> {
  return typeof policy === 'function' || isHosted(policy);
}

function isHosted(policy: unknown): boolean {
  return isWorkerPolicy(policy) || isProcessPolicy(policy) || isOnnxPolicy(policy);
}
