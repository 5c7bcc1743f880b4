import type { RobotState } from '../../native/robot-state.ts';
import type { HostedPolicy } from '../../policy/any-policy.ts';
import { isOnnxPolicy } from '../../policy/onnx-policy.ts';
import type { Lengths, PolicyFailure } from '../../policy/worker-messages.ts';
import { isWorkerPolicy } from '../../policy/worker-policy.ts';
import type { Failure } from '../../session/driver.ts';
import { OnnxHost } from './onnx-host.ts';
import type { PolicyHost } from './policy-host.ts';
import { ProcessHost } from './process-host.ts';
import { WorkerHost } from './worker-host.ts';

/** Returns what runs a policy that is not on this thread. `failureOf` says what a failure is that it reports. */
export function hostOf(
  policy: HostedPolicy<RobotState, unknown>,
  lengths: Lengths,
  failureOf: (told: PolicyFailure) => Failure,
): PolicyHost {
  if (isOnnxPolicy<RobotState, unknown>(policy)) return new OnnxHost(policy, lengths);
  if (isWorkerPolicy<RobotState, unknown>(policy))
    return new WorkerHost(policy, lengths, failureOf);
  return new ProcessHost(policy, lengths, failureOf);
}
