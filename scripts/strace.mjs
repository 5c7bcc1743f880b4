// Follows the loop thread of a session with strace, at 1 kHz, with a policy in a worker: what it asks of
// the system in 10,000 cycles, by the name of the call. Fails where that is more than its wait, its
// socket and its wakes. The last result is kept in docs/checks.md.
//
//   node scripts/strace.mjs [cycles]

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';
import { Missing, orExplain } from './toolchain.mjs';

/** The policy, in its worker. */
export function swing(_state, { timeS }) {
  return [0.3 * Math.sin(3 * timeS), 0, 0, 0, 0, 0, 0];
}

const allowed = {
  poll: 'wait for the next state',
  ppoll: 'wait for the next state',
  recvfrom: 'socket',
  sendto: 'socket',
  futex: 'wait for the policy, wake it and the notify thread',
  clock_gettime: 'clock, where the machine has none that is read without a call',
};

/** The number of the thread that is called so. */
function threadNamed(name) {
  const tasks = '/proc/self/task';
  return readdirSync(tasks).find(
    (tid) => readFileSync(join(tasks, tid, 'comm'), 'utf8').trim() === name,
  );
}

/** How often each system call was made. */
function counted(trace) {
  const counts = new Map();
  for (const line of trace.split('\n')) {
    // What was under way when strace came belongs to the cycles before.
    const name = line.includes('resuming interrupted') ? undefined : line.match(/^(\w+)\(/)?.[1];
    if (name) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

async function main() {
  if (spawnSync('strace', ['-V']).status !== 0) {
    throw new Missing('strace was not found; run: sudo apt install strace.');
  }
  const cycles = Number(process.argv[2] ?? 10_000);
  const { Franka, FrankaSimulator, Session, workerPolicy } = await import('../dist/index.js');
  // Each call is slower under strace, so that states get lost.
  const simulator = await FrankaSimulator.start({ lostPacketLimit: 10_000 });
  const robot = await Franka.connect(simulator.address);
  const policy = workerPolicy(new URL(import.meta.url), { export: 'swing' });
  const session = new Session(robot, policy, { warmupS: 1 });
  const folder = mkdtempSync(join(tmpdir(), 'kilohertz-strace-'));
  const started = once(session, 'start');
  const ran = session.run();
  try {
    await started;
    const trace = join(folder, 'trace');
    const tid = threadNamed('kilohertz-loop');
    const strace = spawn('strace', ['-p', tid, '-o', trace], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const [said] = await once(strace.stderr, 'data');
    if (!String(said).includes('attached')) throw new Missing(`strace: ${said}`);
    const before = session.stats;
    while (session.stats.iterations < before.iterations + cycles) await sleep(10);
    strace.kill('SIGINT');
    await once(strace, 'exit');
    const followed = session.stats.iterations - before.iterations;
    const counts = counted(readFileSync(trace, 'utf8'));
    console.log(`${followed} cycles of the loop thread`);
    let others = 0;
    for (const [name, count] of [...counts].sort(([, one], [, other]) => other - one)) {
      const what = allowed[name] ?? 'NOT EXPECTED';
      if (!allowed[name]) others += count;
      console.log(`${name.padEnd(16)} ${(count / followed).toFixed(2)} a cycle  ${what}`);
    }
    if (others > 0) throw new Missing(`${others} system calls that no cycle is to make.`);
    if (!counts.get('recvfrom') || !counts.get('sendto')) throw new Missing('nothing was traced.');
  } finally {
    await session.stop();
    await ran;
    await robot.close();
    await simulator.stop();
    rmSync(folder, { recursive: true });
  }
}

if (isMainThread) await orExplain(main);
