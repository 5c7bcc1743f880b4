// pylibfranka, which is Franka's libfranka, against our simulated FR3.

import type { ExecutionContext } from 'ava';
import { FrankaModel } from '../../../index.ts';
import { distance, speed, WALL } from '../../fixtures/arms.ts';
import { type Stranger, stranger } from '../../fixtures/strangers.ts';
import { until } from '../../fixtures/waiting.ts';

const { test, drive }: Stranger = await stranger(import.meta.dirname);
/** How far joint 1 goes in a motion [rad], as in drive.py. */
const WAY = 0.1;
/** How far the end effector goes up [m], as there. */
const RISE = 0.05;
const LOCKSTEP = { lockstep: true };

interface Seen {
  readonly q: readonly number[];
  readonly O_T_EE: readonly number[];
  readonly tau_J: readonly number[];
  readonly mode: string;
  readonly current_errors: readonly string[];
  readonly last_motion_errors: readonly string[];
}

interface Motion {
  readonly ticks: number;
  readonly from: readonly number[];
  /** Where the end effector was. */
  readonly pose: readonly number[];
  readonly mode: string;
}

test('pylibfranka names targets at 50 Hz, and the arm goes there by itself', async (t) => {
  interface Told {
    readonly from: readonly number[];
    readonly told: readonly string[];
    readonly after: Seen;
  }
  await drive<Told>('asynchronous', WALL, ({ from, told, after }, simulator) => {
    t.deepEqual(told, []);
    moved(t, from, after, [...simulator.joints().q]);
    const { motionsFinished, commandsLost, reflexes } = simulator.counters();
    t.deepEqual([motionsFinished, commandsLost, reflexes], [1, 0, 0]);
  });
});

interface Refusal {
  readonly error: string;
  readonly message: string;
}

/** That joint 1 went its way, and that both sides say so. */
function moved(t: ExecutionContext, from: readonly number[], after: Seen, real: number[]): void {
  const target = from.map((q, joint) => q + (joint === 0 ? WAY : 0));
  t.true(distance(real, target) < 2e-3, `${real}`);
  t.true(distance(after.q, real) < 1e-4, `${after.q}`);
  t.is(after.mode, 'Idle');
  t.deepEqual(after.current_errors, []);
}

/** That the end effector went up, straight, and that both sides say so. */
function rose(t: ExecutionContext, from: readonly number[], after: Seen, real: number[]): void {
  const target = from.map((value, slot) => value + (slot === 14 ? RISE : 0));
  t.true(distance(after.O_T_EE, target) < 2e-3, `${after.O_T_EE}`);
  t.true(distance(after.O_T_EE, new FrankaModel('fr3').pose('flange', real)) < 1e-4);
  t.is(after.mode, 'Idle');
  t.deepEqual(after.current_errors, []);
}

test('pylibfranka reads the state that the arm is in, and its own model agrees with it', async (t) => {
  interface State extends Seen {
    readonly times: readonly number[];
    readonly gravity: readonly number[];
  }
  await drive<State>('state', {}, (state, simulator) => {
    const { q } = simulator.joints();
    t.true(distance(state.q, q) < 1e-5);
    t.true(distance(state.O_T_EE, new FrankaModel('fr3').pose('flange', q)) < 1e-5);
    t.true(distance(state.gravity, state.tau_J) < 0.01, `${state.gravity}`);
    t.is(state.mode, 'Idle');
    t.deepEqual(state.last_motion_errors, []);
    t.is(state.times.length, 100);
    t.true(state.times.every((time, index) => index === 0 || time > (state.times[index - 1] ?? 0)));
    t.is(simulator.counters().motionsStarted, 0);
  });
});

test('pylibfranka configures the arm, and is refused what makes no sense', async (t) => {
  interface Configured {
    readonly m_load: number;
    readonly F_T_EE: readonly number[];
    readonly EE_T_K: readonly number[];
    readonly refused: readonly Refusal[];
  }
  await drive<Configured>('configuration', {}, ({ m_load, F_T_EE, EE_T_K, refused }) => {
    t.is(m_load, 0.5);
    for (const frame of [F_T_EE, EE_T_K]) t.true(Math.abs((frame[14] ?? 0) - 0.1) < 1e-6);
    t.is(refused.length, 3);
    for (const { error, message } of refused) {
      t.is(error, 'CommandException');
      t.regex(message, /invalid argument/);
    }
  });
});

const CONTROLS = ['jointPosition', 'jointVelocity', 'torque', 'cartesianPose', 'cartesianVelocity'];

for (const control of CONTROLS) {
  for (const lockstep of [true, false]) {
    const clock = lockstep ? 'in lockstep' : 'by the wall clock';
    test(`pylibfranka moves the arm by ${control} ${clock}`, async (t) => {
      // A loaded machine loses commands; the motion is a function of the arm's time.
      const options = lockstep ? LOCKSTEP : WALL;
      await drive<Motion & { after: Seen }>(control, options, (seen, simulator) => {
        const { q } = simulator.joints();
        if (control.startsWith('cartesian')) rose(t, seen.pose, seen.after, [...q]);
        else moved(t, seen.from, seen.after, [...q]);
        t.is(seen.mode, 'Move');
        const counters = simulator.counters();
        t.is(counters.motionsFinished, 1);
        t.is(counters.reflexes, 0);
        t.is(counters.clients, 1);
        t.true(counters.commandsReceived + counters.commandsLate >= seen.ticks);
        if (lockstep) {
          t.is(seen.ticks, 601);
          t.is(counters.commandsReceived, 601);
          t.is(counters.commandsLost, 0);
        }
      });
    });
  }
}

test('pylibfranka aborts a motion: the arm comes to rest, and the next motion goes its way', async (t) => {
  interface Abort extends Refusal {
    readonly stopped: Seen;
    readonly again: Motion;
    readonly after: Seen;
  }
  await drive<Abort>('abort', LOCKSTEP, (seen, simulator) => {
    t.is(seen.error, 'ControlException');
    t.regex(seen.message, /preempted/);
    t.is(seen.stopped.mode, 'Idle');
    const [way = 0] = seen.stopped.q;
    t.true(way > 0.01 && way < 0.06, `${way} rad`);
    moved(t, seen.again.from, seen.after, [...simulator.joints().q]);
    const { motionsStarted, motionsFinished, motionsAborted, reflexes } = simulator.counters();
    t.deepEqual([motionsStarted, motionsFinished, motionsAborted, reflexes], [2, 1, 1, 0]);
  });
});

test('pylibfranka is told of a reflex by its names, kept from moving, and recovers from it', async (t) => {
  interface Reflex extends Refusal {
    readonly stopped: Seen;
    readonly unmoved: Refusal;
    readonly recovered: Seen;
    readonly again: Motion;
    readonly after: Seen;
  }
  await drive<Reflex>('reflex', LOCKSTEP, (seen, simulator) => {
    const name = 'joint_motion_generator_velocity_discontinuity';
    t.is(seen.error, 'ControlException');
    t.true(seen.message.includes(name), seen.message);
    t.is(seen.stopped.mode, 'Reflex');
    t.true(seen.stopped.current_errors.includes(name));
    t.deepEqual(seen.stopped.last_motion_errors, seen.stopped.current_errors);
    t.is(seen.unmoved.error, 'CommandException');
    t.regex(seen.unmoved.message, /Reflex/);
    t.is(seen.recovered.mode, 'Idle');
    t.deepEqual(seen.recovered.current_errors, []);
    moved(t, seen.again.from, seen.after, [...simulator.joints().q]);
    const { motionsStarted, motionsFinished, motionsAborted, reflexes } = simulator.counters();
    t.deepEqual([motionsStarted, motionsFinished, motionsAborted, reflexes], [2, 1, 1, 1]);
  });
});

test('pylibfranka vanishes in the middle of a motion, and the arm comes to rest', async (t) => {
  await drive<{ ticks: number }>('vanish', LOCKSTEP, async ({ ticks }, simulator) => {
    await until(() => simulator.counters().motionsAborted === 1, 'the end of the motion');
    await until(() => speed(simulator) < 1e-3, 'the arm at rest');
    const { commandsReceived, reflexes } = simulator.counters();
    t.is(commandsReceived, ticks);
    t.is(reflexes, 0);
    t.true((simulator.joints().q[0] ?? 0) < 0.06);
  });
});
