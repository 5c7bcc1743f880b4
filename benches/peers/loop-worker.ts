import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { Session } from 'kilohertz';
import { RATE_HZ } from './jitter.ts';
import { measured } from './share.ts';

const seconds = Number(workerData);
const still = { observe: () => 0, act: () => undefined, reset: () => undefined };
const recordTicks = Math.ceil(2 * RATE_HZ * (seconds + 1));
const options = { rateHz: RATE_HZ, warmupS: 0, blackBox: false, recordTicks } as const;
const session = new Session(still, () => 0, options);
parentPort?.postMessage(await measured(session, () => sleep(1e3 * seconds)));
