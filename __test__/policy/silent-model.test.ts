import test from 'ava';
import { followModel, type Infer } from '../../examples/network-policy.ts';
import { InferenceThread, PolicyError, type RobotState, Session, type Tick } from '../../index.ts';
import { REST, setUp, speed, WALL } from '../fixtures/arms.ts';
import { rejection, until } from '../fixtures/waiting.ts';

const RATE_HZ = 50;
const MAX_HELD_TICKS = 40;
/** More than braking from the example's speed within the limits takes [cycles]. */
const BRAKING_TICKS = 300;

type Model = typeof import('../../examples/model.ts');

/** The model of the example, warmed up. */
async function warmModel(): Promise<InferenceThread<Model>> {
  const thread = new InferenceThread<Model>(new URL('../../examples/model.ts', import.meta.url));
  await thread.start();
  const infer = thread.wrap('infer');
  for (let call = 0; call < 3; call += 1) await infer(new Float32Array(14));
  return thread;
}

function moving(start: readonly number[]): Float64Array {
  return Float64Array.from(start, (rad, joint) => rad + (joint === 0 ? 0.6 : 0));
}

test("a model that falls silent in mid-motion brings the example's arm to rest", async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const { arm, simulator, start } = setup;
  await using thread = await warmModel();
  const infer = thread.wrap('infer');
  let isSilent = false;
  const whileAwake: Infer = (observation) =>
    isSilent ? new Promise(() => undefined) : infer(observation);
  const policy = followModel(whileAwake, moving(start));
  let silentFrom = Number.POSITIVE_INFINITY;
  const watched = (state: RobotState, tick: Tick): Float64Array | undefined => {
    if (Math.abs(state.dq_d[0] ?? 0) > 0.1 && !isSilent) {
      isSilent = true;
      silentFrom = tick.tick;
    }
    return policy(state, tick);
  };
  const session = new Session(arm, watched, {
    rateHz: RATE_HZ,
    warmupS: 0,
    maxHeldTicks: MAX_HELD_TICKS,
    recordTicks: 20_000,
  });
  await session.start();
  await until(() => session.stepCount > silentFrom + 1500 || !session.isRunning, 'a long silence');
  t.true(speed(simulator) < REST, `the arm moves at ${speed(simulator)} rad/s`);
  await session.stop();
  const records = session.takeRecords();
  const last = records.findLast(({ kind }) => kind === 'fresh' || kind === 'followed');
  // What was under way when it fell silent may still come, a period later.
  const period = 1000 / RATE_HZ;
  t.true((last?.tick ?? 0) < silentFrom + 4 * period, `${last?.tick} and ${silentFrom}`);
  const still = records.filter(
    ({ tick }) => tick > (last?.tick ?? 0) + MAX_HELD_TICKS + BRAKING_TICKS,
  );
  t.true(still.length > 500);
  for (const { action } of still) t.true(action.every((velocity) => Math.abs(velocity) < 1e-6));
  t.true(session.stats.emptyAnswers > 20);
  t.is(session.stats.firstViolation, null);
  t.is(simulator.counters().reflexes, 0);
});

test("a model whose thread is killed in mid-motion ends the example's session, with the arm at rest", async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const { arm, simulator, start } = setup;
  await using thread = await warmModel();
  const session = new Session(arm, followModel(thread.wrap('infer'), moving(start)), {
    rateHz: RATE_HZ,
    warmupS: 0,
    maxHeldTicks: MAX_HELD_TICKS,
  });
  const running = rejection(session.run({ durationS: 30 }));
  await until(() => speed(simulator) > 0.1, 'the arm moves');
  await thread.stop({ timeoutS: 0 });
  const error = (await running) as PolicyError;
  t.true(error instanceof PolicyError, String(error));
  t.is((error.cause as { code?: string }).code, 'OFFLOAD_STOPPED');
  t.true(speed(simulator) < REST);
  t.is(simulator.counters().reflexes, 0);
});
