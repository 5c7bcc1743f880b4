import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { Session } from 'kilohertz';
import { type Measured, RATE_HZ } from './jitter.ts';

const seconds = Number(workerData);
const still = { observe: () => 0, act: () => undefined, reset: () => undefined };
const recordTicks = Math.ceil(2 * RATE_HZ * seconds);
const options = { rateHz: RATE_HZ, warmupS: 0, blackBox: false, recordTicks } as const;
const session = new Session(still, () => 0, options);
await session.start();
const [since, used] = [performance.now(), process.cpuUsage()];
await sleep(1e3 * seconds);
const { user, system } = process.cpuUsage(used);
const core = (user + system) / (1e3 * (performance.now() - since));
await session.stop();
session.checkHealth();
const startsS = session.takeRecords().map(({ timeS }) => timeS);
parentPort?.postMessage({ startsS, core } satisfies Measured);
