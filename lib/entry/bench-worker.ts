// The program of a thread whose wakes `bench` measures.

import { parentPort, workerData } from 'node:worker_threads';
import { Lateness } from '../bench/lateness.ts';
import { type BenchTask, type BenchWakes, schedulingNote } from '../bench/wakes.ts';
import { Session } from '../session/session.ts';

/** How often the records of a session are taken [s]. */
const TAKEN_EVERY_S = 0.5;

const { method, rateHz, durationS, realtime } = workerData as BenchTask;
const lateness = new Lateness();

/** The loop of a session, whose robot is in memory. */
async function session(): Promise<Pick<BenchWakes, 'missed' | 'note'>> {
  const still = { observe: () => 0, act: () => undefined, reset: () => undefined };
  const recordTicks = Math.ceil(4 * rateHz);
  const options = { rateHz, warmupS: 0, blackBox: false, recordTicks, realtime } as const;
  const session = new Session(still, () => 0, options);
  const take = (): void => {
    for (const { timeS, robotTimeS } of session.takeRecords()) lateness.add(timeS - robotTimeS);
  };
  const taking = setInterval(take, TAKEN_EVERY_S * 1e3);
  const { missedTicks } = await session.run({ durationS });
  clearInterval(taking);
  take();
  const { priority, keepAwake, cpu } = session.realtime ?? {};
  const nothing = { asked: undefined, granted: false };
  const grants = [
    ['priority', priority?.asked, priority ?? nothing],
    ['cpu', cpu?.asked, cpu ?? nothing],
  ] as const;
  const busy = keepAwake?.threads ?? 0;
  const note = schedulingNote(grants, ...(busy > 0 ? [`${busy} cores kept busy`] : []));
  return { missed: missedTicks, note };
}

/** A loop that spins until its deadlines, on an ordinary thread. */
function spinning(): Pick<BenchWakes, 'missed' | 'note'> {
  const period = BigInt(Math.round(1e9 / rateHz));
  const start = process.hrtime.bigint();
  const end = start + BigInt(Math.round(durationS * 1e9));
  let missed = 0;
  for (let deadline = start + period; deadline < end; ) {
    let now = process.hrtime.bigint();
    while (now < deadline) now = process.hrtime.bigint();
    lateness.add(Number(now - deadline) / 1e9);
    const passed = (now - deadline) / period;
    missed += Number(passed);
    deadline += period * (passed + 1n);
  }
  return { missed, note: 'ordinary scheduling' };
}

const measured = method === 'kilohertz' ? await session() : spinning();
const wakes: BenchWakes = { counts: lateness.counts, maxS: lateness.maxS, ...measured };
parentPort?.postMessage(wakes);
