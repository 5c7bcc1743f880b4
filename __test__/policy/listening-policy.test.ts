import { BroadcastChannel } from 'node:worker_threads';
import test, { type ExecutionContext } from 'ava';
import { Session, workerPolicy } from '../../index.ts';
import { setUp, WALL } from '../fixtures/arms.ts';
import { CHANNEL } from '../fixtures/listening.ts';

/** How far joint 1 went with a policy that is sent a velocity ten times a second [rad]. */
async function distance(
  t: ExecutionContext,
  name: 'makeTurning' | 'makeSynchronous',
): Promise<number> {
  await using setup = await setUp('jointVelocity', WALL);
  const policy = workerPolicy<typeof import('../fixtures/listening.ts'), typeof name>(
    new URL('../fixtures/listening.ts', import.meta.url),
    { export: name, args: [] },
  );
  const session = new Session(setup.arm, policy, { deadlineS: 0.0009 });
  const channel = new BroadcastChannel(CHANNEL);
  await session.start();
  const timer = setInterval(() => channel.postMessage(0.1), 100);
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  clearInterval(timer);
  await session.stop();
  channel.close();
  t.notThrows(() => session.checkHealth());
  return Math.abs((setup.simulator.joints().q[0] ?? 0) - (setup.start[0] ?? 0));
}

test('a policy in a worker that awaits a turn of its event loop hears what is sent to it', async (t) => {
  t.true((await distance(t, 'makeTurning')) > 0.01);
});

test('a synchronous policy in a worker hears nothing while its session runs, as the pages warn', async (t) => {
  t.true((await distance(t, 'makeSynchronous')) < 1e-4);
});
