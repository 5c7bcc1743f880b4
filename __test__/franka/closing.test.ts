// Closing an arm stops what drives it, and resolves when it is at rest.

import test from 'ava';
import {
  type AnyPolicy,
  Franka,
  FrankaSimulator,
  type JointVector,
  processPolicy,
  RobotError,
  type RobotState,
  Session,
  workerPolicy,
} from '../../index.ts';
import { Runs } from '../../lib/franka/runs.ts';
import { ARMS, isRested, setUp, speed, turning, WALL } from '../fixtures/arms.ts';
import { codeOf, rejection, until } from '../fixtures/waiting.ts';

type Policies = typeof import('../fixtures/policies.ts');

const MODULE = new URL('../fixtures/policies.ts', import.meta.url);

for (const { generation, client } of ARMS) {
  test(`closing a ${generation} over ${client} brings it to rest before it resolves`, async (t) => {
    await using setup = await setUp('jointVelocity', { ...WALL, generation }, client);
    const { simulator, arm } = setup;
    const session = new Session(arm, turning, { warmupS: 0 });
    await session.start();
    await until(() => speed(simulator) > 0.05, 'it moves');
    const states = arm.states({ rateHz: 100 });
    await states.next();
    const both = [arm.close(), arm.close()];
    t.is(await codeOf(arm.moveTo([0, 0, 0, -1.5, 0, 1.5, 0])), 'FRANKA_INVALID_OPERATION');
    await Promise.all(both);
    isRested(t, simulator, 1);
    t.false(session.isRunning);
    t.false(arm.isDriven);
    t.notThrows(() => session.checkHealth());
    t.true((await states.next()).done);
    await arm.close();
    // The connection is free for the next.
    await (await Franka.connect(simulator.address, { client })).close();
  });
}

const policies: Readonly<Record<string, () => AnyPolicy<RobotState, JointVector | undefined>>> = {
  'on this thread': () => turning,
  'in a worker': () => workerPolicy<Policies, 'swing'>(MODULE, { export: 'swing', args: [0.5] }),
  'in a process': () => processPolicy<Policies, 'swing'>(MODULE, { export: 'swing', args: [0.5] }),
};

for (const [place, policy] of Object.entries(policies)) {
  test(`a run with a policy ${place} resolves as by stop() when its arm is closed`, async (t) => {
    await using setup = await setUp('jointVelocity', WALL);
    const { simulator, arm } = setup;
    const session = new Session(arm, policy(), { warmupS: 0 });
    const running = session.run();
    await until(() => speed(simulator) > 0.05, 'it moves');
    await arm.close();
    isRested(t, simulator, 1);
    t.true((await running).iterations > 0);
  });
}

test('the end of a block with an arm stops the session that was left running in it', async (t) => {
  await using simulator = await FrankaSimulator.start(WALL);
  let session: Session<RobotState, JointVector | undefined>;
  {
    await using arm = await Franka.connect(simulator.address);
    session = new Session(arm, turning, { warmupS: 0 });
    await session.start();
    await until(() => speed(simulator) > 0.05, 'it moves');
  }
  isRested(t, simulator, 1);
  t.false(session.isRunning);
});

test('a policy may close its own arm, and nothing begins again behind it', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const { simulator, arm } = setup;
  let closed: Promise<void> | undefined;
  const session = new Session(
    arm,
    async (state: RobotState, tick) => {
      if (tick.tick > 200) {
        closed = arm.close();
        await closed;
      }
      return turning(state, tick);
    },
    { warmupS: 0, deadlineS: 0.9e-3 },
  );
  let again: Promise<unknown> | undefined;
  session.once('stop', () => {
    again = rejection(session.run());
  });
  await session.run();
  await closed;
  t.is(((await again) as RobotError).code, 'FRANKA_INVALID_OPERATION');
  isRested(t, simulator, 1);
});

test('a session that has not begun never does once its arm is closed', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const { simulator, arm } = setup;
  const running = new Session(arm, turning, { warmupS: 3600 }).run();
  const starting = rejection(new Session(arm, turning, { warmupS: 3600 }).start());
  await arm.close();
  t.is((await running).iterations, 0);
  t.is(((await starting) as RobotError).code, 'SESSION_STOPPED');
  isRested(t, simulator, 0);
});

test('a move is stopped by the closing of its arm, and told so', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const { simulator, arm } = setup;
  const moving = rejection(arm.moveTo([0.8, -0.5, 0.2, -2, 0.1, 1.8, 0.5], { speed: 0.3 }));
  await until(() => speed(simulator) > 0.1, 'it moves');
  await arm.close();
  isRested(t, simulator, 1);
  const error = (await moving) as RobotError;
  t.is(error.code, 'FRANKA_MOTION_ABORTED');
  t.regex(error.message, /because the arm was closed/);
});

test('what went wrong before the closing is what the session tells', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const { simulator, arm } = setup;
  const running = codeOf(new Session(arm, turning, { warmupS: 0 }).run());
  await until(() => speed(simulator) > 0.05, 'it moves');
  simulator.inject({ kind: 'die' });
  await arm.close();
  t.is(await running, 'FRANKA_CONNECTION_LOST');
});

test('a simulator that is stopped is a robot that is gone, and its session says so', async (t) => {
  await using simulator = await FrankaSimulator.start(WALL);
  await using arm = await Franka.connect(simulator.address);
  const running = codeOf(new Session(arm, turning, { warmupS: 0 }).run());
  await until(() => speed(simulator) > 0.05, 'it moves');
  await simulator.stop();
  t.is(await running, 'FRANKA_CONNECTION_LOST');
});

test('closing gives up in time where a session does not end, and says that the robot may move', async (t) => {
  const runs = new Runs();
  let asked = 0;
  const never = {
    requestStop: () => {
      asked += 1;
    },
    ended: new Promise<void>(() => undefined),
  };
  runs.add(never);
  const error = (await rejection(runs.close(50))) as RobotError;
  t.true(error instanceof RobotError);
  t.is(error.code, 'ROBOT_UNSETTLED');
  t.regex(error.message, /within 0\.05 s after close\(\): the robot may still move/);
  t.is(asked, 1);
  runs.delete(never);
  await runs.close();
});
