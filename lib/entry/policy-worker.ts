// The program of the worker of a policy. It waits inside the addon for the loop's observations, and answers them.

import { parentPort, workerData } from 'node:worker_threads';
import { calling } from '../errors/native-call.ts';
import { policyOf, runPolicy } from '../franka/drivers/policy-loop.ts';
import { NativeWorkerPort } from '../native/binding.ts';
import { arrived } from '../offload/codec/carried.ts';
import { toMessage } from '../offload/codec/error-message.ts';
import { InputReader } from '../policy/input-reader.ts';
import { logTo } from '../policy/log.ts';
import type { WorkerMessage, WorkerTask } from '../policy/worker-messages.ts';

const { port, url, exportName, args, carried, spin, lengths, inputs } = workerData as WorkerTask;
// The policy can read `workerData`, so the port is removed from it.
for (const name of Object.keys(workerData)) delete workerData[name];

function tell(message: WorkerMessage): void {
  port.postMessage(message);
}

async function serve(): Promise<void> {
  const reader = new InputReader(inputs);
  const given = args && arrived(args, carried);
  const policy = await policyOf(await import(url), url, exportName, given);
  const policyPort = new NativeWorkerPort();
  logTo(({ channel, timeS, value }) => calling(() => policyPort.log(channel, timeS, value)));
  tell({ kind: 'ready', policyPort: policyPort.number });
  const failure = await runPolicy(policy, policyPort, reader, lengths, spin);
  if (failure) tell(failure);
}

try {
  await serve();
} catch (error) {
  tell({ kind: 'threw', tick: undefined, error: toMessage(error) });
}
// The session is over: resources that the policy left open must not keep the worker alive.
parentPort?.unref();
