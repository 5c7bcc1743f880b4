// The longest time between two commands while JavaScript is blocked for 300 ms, beside an idle
// stretch as long of the same session. Bar: 1.5x in medians of 10 rounds, and no command lost to the
// block. The third stretch is the floor: another thread keeps a core as busy as the block does, and
// JavaScript is idle; what is lost in it is the machine's. In alternating rounds aiofranka's native loop on its
// own fake robot, in this process's place a Python program that is blocked: bar 1.1x of its longest gap blocked.
// Ours goes over sockets, its robot is a call.

import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Franka, FrankaSimulator, Session, type TickRecord } from 'kilohertz';
import { Lacking } from './peers/contender.ts';
import { startNativeLoop } from './peers/native-loop.ts';
import swing from './policies.ts';
import { block, keep, median, once, type Row, show } from './rows.ts';

const BLOCK_MS = 300;
const ROUNDS = once ? 1 : 10;

function longestGapMs(records: readonly TickRecord[], from: number, to: number): number {
  const sent = records.slice(from, to + 1).map(({ sentS }) => sentS);
  return 1e3 * Math.max(...sent.slice(1).map((time, index) => time - (sent[index] ?? time)));
}

const busy = new Worker(
  `require('node:worker_threads').parentPort.on('message', (ms) => {
    const end = performance.now() + ms;
    while (performance.now() < end);
  });`,
  { eval: true },
);
const simulator = await FrankaSimulator.start();
const robot = await Franka.connect(simulator.address);
const peer = await startNativeLoop(BLOCK_MS).catch((error: unknown) => {
  if (!(error instanceof Lacking)) throw error;
  console.log(`without aiofranka's native loop: ${error.message}`);
  return undefined;
});
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
  await sleep(100);
  const floor = await stretch(() => {
    busy.postMessage(BLOCK_MS);
    return sleep(BLOCK_MS);
  });
  await session.stop();
  session.checkHealth();
  const records = session.takeRecords();
  const theirs = await peer?.measure();
  rows.push({
    round,
    idleMs: longestGapMs(records, ...idle.ticks),
    blockedMs: longestGapMs(records, ...blocked.ticks),
    busyMs: longestGapMs(records, ...floor.ticks),
    idleLost: idle.lost,
    blockedLost: blocked.lost,
    busyLost: floor.lost,
    blockedTicks: blocked.ticks[1] - blocked.ticks[0],
    peerIdleMs: theirs?.idleMs ?? Number.NaN,
    peerBlockedMs: theirs?.blockedMs ?? Number.NaN,
  });
}
await peer?.stop();
await robot.close();
await simulator.stop();
await busy.terminate();

show('longest gap between commands, per round', rows);
const of = (name: string): number[] => rows.map((row) => Number(row[name]));
const ratio = median(of('blockedMs')) / median(of('idleMs'));
const lost = (name: string): number => of(name).reduce((sum, count) => sum + count, 0);
const ms = (name: string): string => median(of(name)).toFixed(2);
console.log(
  `median ${ms('blockedMs')} ms blocked, ${ms('idleMs')} ms idle: ${ratio.toFixed(2)}x (bar 1.5x); ` +
    `${ms('busyMs')} ms with another thread busy\n` +
    `commands lost: ${lost('blockedLost')} blocked, ${lost('idleLost')} idle, ` +
    `${lost('busyLost')} with another thread busy, of ${rows.length * BLOCK_MS} each`,
);
if (peer) {
  const ours = median(of('blockedMs'));
  const theirs = median(of('peerBlockedMs'));
  console.log(
    `aiofranka's native loop: ${theirs.toFixed(2)} ms blocked, ${ms('peerIdleMs')} ms idle; ` +
      `ours blocked ${(ours / theirs).toFixed(2)}x of that (bar 1.1x)`,
  );
}
keep('blocked-gap', rows);
