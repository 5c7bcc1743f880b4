// Makes the report of docs/missed-ticks.md and its picture, docs/pictures/report.svg: of a run against the simulator whose
// policy computes for too long, whose event loop is blocked, whose heap is collected, and whose states get lost.
//
//   npm run picture -- report

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Franka, FrankaSimulator, Session } from '../dist/index.js';
import { root } from './toolchain.mjs';

/** Keeps this thread busy. */
function block(ms) {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** Runs the session, prints its report and draws it. */
export async function pictureOfReport() {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  const heap = Array.from({ length: 500_000 }, (_, nth) => ({ nth, list: [nth] }));
  // What was made so far is not collected during the run.
  collect();
  const simulator = await FrankaSimulator.start({ lostPacketLimit: 1_000 });
  const robot = await Franka.connect(simulator.address);
  let calls = 0;
  const policy = (_state, { timeS }) => {
    calls += 1;
    if (calls % 700 === 0) block(12);
    return [0.2 * Math.sin(timeS), 0, 0, 0, 0, 0, 0];
  };
  const session = new Session(robot, policy, { deadlineS: 0.0008 });
  const running = session.run({ durationS: 6 });
  await sleep(1_500);
  block(80);
  await sleep(1_000);
  collect();
  await sleep(1_000);
  simulator.inject({ kind: 'dropStates', count: 9 });
  await running;
  const report = session.report();
  console.log(report, heap.length);
  const folder = join(root, 'docs', 'pictures');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'report.svg'), report.toSvg());
  await robot.close();
  await simulator.stop();
}
