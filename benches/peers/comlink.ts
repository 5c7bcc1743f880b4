// Comlink over a worker thread, with its own adapter for Node.

import { Worker } from 'node:worker_threads';
import { type Remote, releaseProxy, wrap } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { CALLS, called, type Started } from './contender.ts';

type Work = Record<string, (...args: readonly unknown[]) => unknown>;

export default async function start(): Promise<Started> {
  const worker = new Worker(new URL('./comlink-worker.ts', import.meta.url));
  const remote: Remote<Work> = wrap<Work>(nodeEndpoint(worker));
  return called(
    async (kind) => {
      const { name, args } = CALLS[kind];
      return await remote[name]?.(...args);
    },
    async () => {
      remote[releaseProxy]();
      await worker.terminate();
    },
  );
}
