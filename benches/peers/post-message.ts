// A bare worker thread with one message each way: what everything over message ports rests on.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { CALLS, called, type Started } from './contender.ts';

export default async function start(): Promise<Started> {
  const worker = new Worker(new URL('./post-message-worker.ts', import.meta.url));
  await once(worker, 'message');
  return called(
    (kind) =>
      new Promise((resolve) => {
        worker.once('message', resolve);
        worker.postMessage(CALLS[kind]);
      }),
    () => worker.terminate(),
  );
}
