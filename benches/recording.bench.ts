// Ten minutes at 1 kHz, recorded, with JavaScript blocked for one second in every ten, beside the same without a
// recording and without the black box, in alternating stretches. Bars: no cycle lost; the loop's p50, from the arm's
// state to the command, grows by at most 1 us; the writing thread takes at most 5 % of a core.

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Franka, FrankaSimulator, replay, Session, type SessionStats } from 'kilohertz';
import swing from './policies.ts';
import { block, keep, median, once, type Row, show } from './rows.ts';

const STRETCH_S = once ? 2 : 60;
const STRETCHES = once ? 1 : 10;
const BLOCKED_EACH_S = once ? 1 : 10;
const BLOCK_MS = once ? 200 : 1_000;
/** Ticks of the kernel's clock in a second, in which /proc counts a thread's time. */
const TICKS = 100;

/** The seconds of a core that the writing threads have used. */
function writingS(): number {
  let ticks = 0;
  for (const task of readdirSync('/proc/self/task')) {
    const stat = readFileSync(`/proc/self/task/${task}/stat`, 'utf8');
    if (!stat.includes('(kilohertz-write)')) continue;
    const [, , ...fields] = stat.slice(stat.lastIndexOf(')')).split(' ');
    ticks += Number(fields[10]) + Number(fields[11]);
  }
  return ticks / TICKS;
}

const folder = mkdtempSync(join(tmpdir(), 'kilohertz-bench-'));
const simulator = await FrankaSimulator.start({ lostPacketLimit: 10_000 });
const robot = await Franka.connect(simulator.address);

async function stretch(
  record: string | undefined,
): Promise<{ stats: SessionStats; usedS: number }> {
  const kept = record === undefined ? { blackBox: false as const } : { record };
  const session = new Session(robot, swing, { warmupS: 0.1, ...kept });
  await session.start();
  let usedS = 0;
  for (let lasted = 0; lasted < STRETCH_S; lasted += BLOCKED_EACH_S) {
    await sleep(BLOCKED_EACH_S * 1e3 - BLOCK_MS);
    block(BLOCK_MS);
    usedS = writingS();
  }
  await session.stop();
  session.checkHealth();
  return { stats: session.stats, usedS };
}

const rows: Row[] = [];
for (let round = 0; round < STRETCHES; round += 1) {
  const path = join(folder, `${round}.mcap`);
  const bare = await stretch(undefined);
  const { stats, usedS } = await stretch(path);
  let cycles = 0;
  for await (const _ of replay(path)) cycles += 1;
  rows.push({
    round,
    bareP50Us: 1e6 * bare.stats.p50ExecutionS,
    recordedP50Us: 1e6 * stats.p50ExecutionS,
    bareP99Us: 1e6 * bare.stats.p99ExecutionS,
    recordedP99Us: 1e6 * stats.p99ExecutionS,
    iterations: stats.iterations,
    lost: stats.iterations - cycles,
    core: usedS / STRETCH_S,
    megabytes: statSync(path).size / 1e6,
  });
  rmSync(path);
}
await robot.close();
await simulator.stop();
rmSync(folder, { recursive: true });

show('Recorded, and neither recorded nor kept in memory: state to command', rows);
const column = (name: string): number[] => rows.map((row) => Number(row[name]));
const growsUs = median(column('recordedP50Us')) - median(column('bareP50Us'));
console.log(
  `p50 grows by ${growsUs.toFixed(2)} us (bar 1); lost ${Math.max(...column('lost'))} (bar 0); ` +
    `writing takes ${(100 * Math.max(...column('core'))).toFixed(1)} % of a core (bar 5)`,
);
keep('recording', rows);
