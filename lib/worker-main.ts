// What runs in the worker of a worker policy: it waits inside the addon for the loop, and answers.

import { parentPort, workerData } from 'node:worker_threads';
import { ActionBuffer } from './action.ts';
import { isPromise, NEWS } from './driver.ts';
import { NativeSeat } from './native.ts';
import type { Policy } from './robot.ts';
import { RobotState } from './robot-state.ts';
import { toMessage, type WorkerMessage, type WorkerTask } from './worker-messages.ts';

/** How long the worker stays inside the addon at a time: so long it cannot be terminated [s]. */
const LONGEST_WAIT_S = 0.1;

const task = workerData as WorkerTask;

function tell(message: WorkerMessage): void {
  parentPort?.postMessage(message);
}

async function load(): Promise<Policy<RobotState, unknown>> {
  const { url, exportName, args } = task;
  const module = (await import(url)) as Record<string, unknown>;
  const found = module[exportName];
  if (typeof found !== 'function') {
    const names = Object.keys(module).join(', ') || 'nothing';
    throw new TypeError(`${url} exports no function ${exportName}; it exports ${names}`);
  }
  if (args === undefined) return found as Policy<RobotState, unknown>;
  const made: unknown = await found(...args);
  if (typeof made !== 'function') {
    throw new TypeError(
      `${exportName} of ${url} was called with args and returned ${typeof made}; expected the ` +
        'policy, a function. Leave args out where the export is the policy itself',
    );
  }
  return made as Policy<RobotState, unknown>;
}

async function serve(policy: Policy<RobotState, unknown>): Promise<void> {
  const slots = new Float64Array(task.observationLength);
  const state = new RobotState(slots);
  const clock = new Float64Array(3);
  const action = new ActionBuffer(task.actionLength);
  const seat = new NativeSeat();
  tell({ kind: 'ready', seat: seat.number });
  for (;;) {
    const news = seat.wait(slots, clock, LONGEST_WAIT_S, task.spin);
    if (news === NEWS.end) return;
    if (news !== NEWS.observation) continue;
    const [tick = 0, timeS = 0, periodS = 0] = clock;
    try {
      let answer = policy(state, { tick, timeS, periodS });
      // Only a promise is awaited: the event loop of this thread is for the policy's own use.
      if (isPromise(answer)) answer = await answer;
      const taken = action.take(answer);
      if (taken instanceof Float64Array) {
        seat.answer(taken);
        continue;
      }
      tell({ kind: 'refused', tick, ...taken });
    } catch (error) {
      tell({ kind: 'threw', tick, error: toMessage(error) });
    }
    seat.fail();
    return;
  }
}

try {
  await serve(await load());
} catch (error) {
  tell({ kind: 'threw', tick: undefined, error: toMessage(error) });
}
// What the policy left open must not keep the worker: its session is over.
parentPort?.unref();
