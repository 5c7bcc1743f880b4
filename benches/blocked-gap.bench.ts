// The longest time between two commands while JavaScript is blocked for 300 ms, beside an idle
// stretch as long of the same session. Bar: 1.5x in medians of 10 rounds, and no command lost.

import { setTimeout as sleep } from 'node:timers/promises';
import { Franka, FrankaSimulator, Session, type TickRecord } from 'kilohertz';
import swing from './policies.ts';
import { keep, median, once, type Row, show } from './rows.ts';

const BLOCK_MS = 300;
const ROUNDS = once ? 1 : 10;

function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

function longestGapMs(records: readonly TickRecord[], from: number, to: number): number {
  const sent = records.slice(from, to + 1).map(({ sentS }) => sentS);
  return 1e3 * Math.max(...sent.slice(1).map((time, index) => time - (sent[index] ?? time)));
}

const simulator = await FrankaSimulator.start();
const robot = await Franka.connect(simulator.address);
const rows: Row[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  const session = new Session(robot, swing, { warmupS: 0.1, recordTicks: 10_000 });
  await session.start();
  await sleep(200);
  const stretch = async (
    wait: () => unknown,
  ): Promise<{ ticks: [number, number]; lost: number }> => {
    const lost = simulator.counters().commandsLost;
    const from = session.stepCount;
    await wait();
    const to = session.stepCount;
    return { ticks: [from, to], lost: simulator.counters().commandsLost - lost };
  };
  const idle = await stretch(() => sleep(BLOCK_MS));
  const blocked = await stretch(() => block(BLOCK_MS));
  await session.stop();
  session.checkHealth();
  const records = session.takeRecords();
  rows.push({
    round,
    idleMs: longestGapMs(records, ...idle.ticks),
    blockedMs: longestGapMs(records, ...blocked.ticks),
    idleLost: idle.lost,
    blockedLost: blocked.lost,
    blockedTicks: blocked.ticks[1] - blocked.ticks[0],
  });
}
await robot.close();
await simulator.stop();

show('longest gap between commands, per round', rows);
const of = (name: string): number[] => rows.map((row) => Number(row[name]));
const ratio = median(of('blockedMs')) / median(of('idleMs'));
const lost = of('blockedLost').reduce((sum, count) => sum + count, 0);
const idleLost = of('idleLost').reduce((sum, count) => sum + count, 0);
console.log(
  `median ${median(of('blockedMs')).toFixed(2)} ms blocked, ${median(of('idleMs')).toFixed(2)} ms ` +
    `idle: ${ratio.toFixed(2)}x (bar 1.5x); lost ${lost} blocked, ${idleLost} idle`,
);
keep('blocked-gap', rows);
