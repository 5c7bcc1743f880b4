// The loop of a session at 1 kHz, and when each of its cycles began: what loops.py does, for kilohertz. The main thread
// idles, is blocked, or computes; the policy is in a worker.
//
//   loop.ts memory    a robot in memory, written in JavaScript, in the worker of its policy
//   loop.ts arm       a simulated arm, whose clock the loop follows

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Franka, Session, workerPolicy } from 'kilohertz';
import { block } from '../rows.ts';
import { type Host, type Measured, type Question, RATE_HZ } from './jitter.ts';
import { measured } from './share.ts';

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

async function inMemory({ host, seconds }: Question): Promise<Measured> {
  const worker = new Worker(new URL('./loop-worker.ts', import.meta.url), { workerData: seconds });
  const [found] = await beside(host, once(worker, 'message'));
  return found as Measured;
}

async function onArm(arm: Franka, { host, seconds }: Question): Promise<Measured> {
  const module = new URL('../policies.ts', import.meta.url);
  const policy = workerPolicy<typeof import('../policies.ts')>(module);
  const recordTicks = Math.ceil(3 * RATE_HZ * (seconds + 1));
  const session = new Session(arm, policy, { warmupS: 0, recordTicks });
  return measured(session, () => beside(host, sleep(1e3 * seconds)));
}

async function answer(measure: (asked: Question) => Promise<Measured>): Promise<void> {
  console.log('ready');
  for await (const line of createInterface(process.stdin)) {
    console.log(JSON.stringify(await measure(JSON.parse(line) as Question)));
  }
}

if (process.argv[2] === 'memory') await answer(inMemory);
else {
  const simulator = fork(new URL('../simulator.ts', import.meta.url), { stdio: 'inherit' });
  const [address] = (await once(simulator, 'message')) as [string];
  {
    await using arm = await Franka.connect(address);
    await answer((asked) => onArm(arm, asked));
  }
  simulator.disconnect();
}
