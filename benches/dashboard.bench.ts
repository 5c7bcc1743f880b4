// What it costs to be watched, in alternating stretches of one run: nobody watches; a page with five clients, one of
// which reads nothing; three clients of Foxglove's protocol, which get every cycle. Bars: no command lost to it, the
// page's thread takes at most 10 % of a core. Then 10,000 connections: the second half takes less than 2 MB, and no
// descriptor stays. Then the time from opening the page in chromium to its first picture of the arm.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Franka, FrankaSimulator, Session, type SessionStats } from 'kilohertz';
import { chromium } from 'playwright-core';
import swing from './policies.ts';
import { keep, median, once as onlyOnce, type Row, show } from './rows.ts';
import type { Task } from './watchers.ts';

const STRETCH_S = onlyOnce ? 1 : 20;
const ROUNDS = onlyOnce ? 1 : 3;
const CONNECTIONS = onlyOnce ? 200 : 10_000;
const PARTS = 4;
const OPENINGS = onlyOnce ? 1 : 5;
/** Ticks of the kernel's clock in a second, in which /proc counts a thread's time. */
const TICKS = 100;

const load = (): number => Number((loadavg()[0] ?? Number.NaN).toFixed(1));

/** The seconds of a core that threads of this name have used. */
function usedS(name: string): number {
  let ticks = 0;
  for (const task of readdirSync('/proc/self/task')) {
    const stat = readFileSync(`/proc/self/task/${task}/stat`, 'utf8');
    if (!stat.includes(`(${name})`)) continue;
    const [, , ...fields] = stat.slice(stat.lastIndexOf(')')).split(' ');
    ticks += Number(fields[10]) + Number(fields[11]);
  }
  return ticks / TICKS;
}

/** A process of clients; resolves once they have done what is asked. */
async function watchers(task: Task): Promise<ChildProcess> {
  const child = fork(fileURLToPath(new URL('./watchers.ts', import.meta.url)));
  child.send(task);
  await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`the clients ended with ${code}`);
    }),
  ]);
  return child;
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (!child) return;
  const ended = once(child, 'exit');
  child.disconnect();
  await ended;
}

type Watched = 'nobody' | 'page' | 'foxglove';
const WATCHED: readonly Watched[] = ['nobody', 'page', 'foxglove'];
const THREADS = { nobody: 'kilohertz-page', page: 'kilohertz-page', foxglove: 'kilohertz-live' };

const simulator = await FrankaSimulator.start({ lostPacketLimit: 10_000 });
const robot = await Franka.connect(simulator.address);

interface Stretch {
  readonly stats: SessionStats;
  readonly lost: number;
  readonly core: number;
}

async function stretch(watched: Watched): Promise<Stretch> {
  const foxglove = watched === 'foxglove' ? { port: 0 } : false;
  const session = new Session(robot, swing, { warmupS: 0.1, foxglove });
  await session.start();
  const page = watched === 'page' ? await session.dashboard() : undefined;
  const address = page?.address ?? session.foxglove?.address;
  const protocol = foxglove ? { protocol: 'foxglove.sdk.v1', clients: 3 } : { clients: 5 };
  const child =
    address === undefined
      ? undefined
      : await watchers({ kind: 'watch', address, isFirstDeaf: !foxglove, ...protocol });
  const lost = simulator.counters().commandsLost;
  const used = usedS(THREADS[watched]);
  await sleep(STRETCH_S * 1e3);
  const core = (usedS(THREADS[watched]) - used) / STRETCH_S;
  const lostThen = simulator.counters().commandsLost;
  await end(child);
  await session.stop();
  await page?.close();
  session.checkHealth();
  return { stats: session.stats, lost: lostThen - lost, core };
}

async function watchedRows(): Promise<Row[]> {
  const rows: Row[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const watched of round % 2 === 0 ? WATCHED : WATCHED.toReversed()) {
      const { stats, lost, core } = await stretch(watched);
      rows.push({
        round,
        watched,
        jitterP50Us: 1e6 * stats.p50JitterS,
        jitterP99Us: 1e6 * stats.p99JitterS,
        executionP50Us: 1e6 * stats.p50ExecutionS,
        executionP99Us: 1e6 * stats.p99ExecutionS,
        iterations: stats.iterations,
        late: stats.lateActions,
        lost,
        core,
        load: load(),
      });
    }
  }
  return rows;
}

function tellWatched(rows: readonly Row[]): void {
  for (const watched of WATCHED) {
    const own = rows.filter((row) => row['watched'] === watched);
    const of = (name: string): number[] => own.map((row) => Number(row[name]));
    const us = (name: string): string => median(of(name)).toFixed(1);
    const lost = of('lost').reduce((sum, count) => sum + count, 0);
    console.log(
      `${watched}: jitter p50 ${us('jitterP50Us')}, p99 ${us('jitterP99Us')} us; execution p50 ` +
        `${us('executionP50Us')}, p99 ${us('executionP99Us')} us; commands lost ${lost}; ` +
        `its thread at most ${(100 * Math.max(...of('core'))).toFixed(1)} % of a core (bar of the page 10)`,
    );
  }
}

async function connectRows(): Promise<Row[]> {
  const session = new Session(robot, swing, { warmupS: 0.1 });
  await session.start();
  const page = await session.dashboard();
  const measured = (connections: number): Row => {
    globalThis.gc?.();
    return {
      connections,
      megabytes: process.memoryUsage.rss() / 1e6,
      descriptors: readdirSync('/proc/self/fd').length,
      load: load(),
    };
  };
  const rows = [measured(0)];
  const connections = CONNECTIONS / PARTS;
  for (let part = 1; part <= PARTS; part += 1) {
    await end(await watchers({ kind: 'connect', address: page.address, connections }));
    // The server looks whether a connection has ended when it next hears of it.
    await sleep(onlyOnce ? 100 : 1000);
    rows.push(measured(part * connections));
  }
  await session.stop();
  await page.close();
  session.checkHealth();
  return rows;
}

function tellConnected(rows: readonly Row[]): void {
  const of = (name: string): number[] => rows.map((row) => Number(row[name]));
  const [megabytes, descriptors] = [of('megabytes'), of('descriptors')];
  const grown = (megabytes.at(-1) ?? 0) - (megabytes[PARTS / 2] ?? 0);
  const more = (descriptors.at(-1) ?? 0) - (descriptors[1] ?? 0);
  console.log(
    `${CONNECTIONS} connections: the second half takes ${grown.toFixed(2)} MB (bar 2), ` +
      `${more} more descriptors after the last part than after the first (bar 0)`,
  );
}

/** Runs in the page before anything of it: when the arm was drawn for the first time, and with all of its meshes. */
const LOOK = `(() => {
  const seen = globalThis.seen = {};
  const look = () => {
    const isDrawn = globalThis.kilohertz?.drawn(0)?.timeS > 0;
    if (isDrawn) seen.drawnMs ??= performance.now();
    const notes = [...document.querySelectorAll('.loading')];
    if (isDrawn && notes.every((note) => note.hidden)) seen.meshesMs ??= performance.now();
    if (seen.meshesMs === undefined) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})()`;

async function openingRows(executablePath: string): Promise<Row[]> {
  const args = ['--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'];
  const browser = await chromium.launch({ executablePath, args });
  const session = new Session(robot, swing, { warmupS: 0.1 });
  await session.start();
  const dashboard = await session.dashboard();
  const rows: Row[] = [];
  for (let opening = 0; opening < OPENINGS; opening += 1) {
    const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
    await page.addInitScript(LOOK);
    await page.goto(dashboard.address);
    let seen: { drawnMs?: number; meshesMs?: number } = {};
    while (seen.meshesMs === undefined) {
      await sleep(100);
      seen = await page.evaluate('seen');
    }
    rows.push({
      opening,
      drawnMs: seen.drawnMs ?? Number.NaN,
      meshesMs: seen.meshesMs,
      load: load(),
    });
    await page.close();
  }
  await session.stop();
  await dashboard.close();
  await browser.close();
  session.checkHealth();
  return rows;
}

const watched = await watchedRows();
show('watched by nobody, by five clients of a page, by three of Foxglove', watched);
tellWatched(watched);
keep('dashboard-watched', watched);

const connected = await connectRows();
show('connections to the page, one after the other', connected);
tellConnected(connected);
keep('dashboard-connections', connected);

const executablePath = process.env['KILOHERTZ_CHROMIUM'];
if (executablePath === undefined) console.log('without chromium: the first picture is left out');
else {
  const opened = await openingRows(executablePath);
  show('from opening the page to its first picture of the arm, a software renderer', opened);
  const ms = (name: string): string => median(opened.map((row) => Number(row[name]))).toFixed(0);
  console.log(`median ${ms('drawnMs')} ms to the arm, ${ms('meshesMs')} ms with all of its meshes`);
  keep('dashboard-opening', opened);
}
await robot.close();
await simulator.stop();
