// The loop of a session at 1 kHz, and when each of its cycles began: what loops.py does, for kilohertz. Robot and policy
// are in a worker; the main thread idles, is blocked, or computes.

import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { block } from '../rows.ts';
import type { Host, Measured, Question } from './jitter.ts';

/** What the main thread does while work is done. */
async function beside<T>(host: Host, work: Promise<T>): Promise<T> {
  let isOver = false;
  const ending = work.finally(() => {
    isOver = true;
  });
  // Its failure is told below.
  ending.catch(() => undefined);
  while (!isOver && host !== 'idle') {
    if (host === 'blocked') {
      await sleep(700);
      block(300);
    } else {
      block(50);
      await sleep(0);
    }
  }
  return ending;
}

async function measure({ host, seconds }: Question): Promise<Measured> {
  const worker = new Worker(new URL('./loop-worker.ts', import.meta.url), { workerData: seconds });
  const [measured] = await beside(host, once(worker, 'message'));
  return measured as Measured;
}

console.log('ready');
for await (const line of createInterface(process.stdin)) {
  console.log(JSON.stringify(await measure(JSON.parse(line) as Question)));
}
