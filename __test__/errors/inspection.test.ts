import { inspect } from 'node:util';
import test from 'ava';
import {
  InvalidActionError,
  KilohertzError,
  OffloadError,
  PolicyError,
  RobotError,
  type RobotState,
  SessionStats,
} from '../../index.ts';
import { COUNTERS } from '../../lib/native/contract.ts';
import { noStats } from '../../lib/session/stats.ts';
import { setUp } from '../fixtures/arms.ts';

/** A state of a simulated arm at rest. */
async function someState(): Promise<RobotState> {
  await using setup = await setUp();
  return await setup.arm.state();
}

test('a state is printed as a page: its time, mode, joints, torques and errors, with units', async (t) => {
  const state = await someState();
  state.q[0] = 1.25;
  const lines = inspect(state).split('\n');
  t.true(lines.length < 16, inspect(state));
  t.regex(lines[1] ?? '', /time \d+\.\d{3} s, robot_mode Idle/);
  t.regex(lines[2] ?? '', /^ {2}q +1\.2500 +-0\.7854 .* rad$/);
  for (const field of ['dq', 'q_d', 'tau_J', 'O_T_EE']) {
    t.true(lines.some((line) => line.trim().startsWith(field)));
  }
  t.true(inspect(state).includes('current_errors none'));
  t.false(inspect(state).includes('Getter'));
});

test('a state is printed whatever it holds', async (t) => {
  const state = await someState();
  state.q.fill(Number.NaN);
  state.dq.fill(1e300);
  t.true(inspect(state).includes('NaN'));
});

test('a state that lies deeper than is shown is told in one line', async (t) => {
  const state = await someState();
  t.regex(inspect({ a: { b: { state } } }, { depth: 1 }), /\[Object\]/);
  t.regex(inspect({ a: state }, { depth: 0 }), /\[RobotState at \d+\.\d{3} s, Idle\]/);
});

test('stats are printed in groups, times in units, and counters that are 0 only where they matter', (t) => {
  const stats = new SessionStats({
    ...noStats(0.001).toDict(),
    iterations: 10_001,
    lateActions: 330,
    p99JitterS: 32e-6,
    maxJitterS: 0.0123,
    jerkViolations: 2,
    firstViolation: 'cycle 7: joint 1 jumped',
  });
  const text = inspect(stats);
  t.true(text.split('\n').length < 14, text);
  for (const part of [
    'targetPeriodS 1.00 ms',
    'iterations 10001, overruns 0, missedTicks 0',
    'lateActions 330',
    'p99 32 us, max 12.30 ms',
    'jerkViolations 2',
    'firstViolation cycle 7: joint 1 jumped',
  ]) {
    t.true(text.includes(part), `${part} in ${text}`);
  }
  t.false(text.includes('boxViolations'));
  t.regex(inspect({ stats }, { depth: 0 }), /\[SessionStats of 10001 cycles\]/);
});

test('every counter of a session is printed if it is not 0', (t) => {
  for (const name of COUNTERS) {
    const stats = new SessionStats({ ...noStats(0.001).toDict(), [name]: 4321 });
    t.true(inspect(stats).includes(`${name} 4321`), name);
  }
});

test('an error is printed with its stack, its code and what it knows, and without what it does not', async (t) => {
  const state = await someState();
  const lastStates = Array.from({ length: 50 }, (_, tick) => ({ tick, timeS: 0, state }));
  const details = { tick: 49, lastStates };
  const refused = inspect(new InvalidActionError('ACTION_LIMIT', 'too much', 3, 'less', details));
  t.regex(refused, /^InvalidActionError: too much[^\n]*\n +at /);
  for (const part of ["code: 'ACTION_LIMIT'", 'tick: 49', 'received: 3', "expected: 'less'"]) {
    t.true(refused.includes(part), `${part} in ${refused}`);
  }
  t.true(refused.includes('lastStates: [50, the newest in cycle 49]'), refused);
  t.false(refused.includes('undefined'));
  const robot = inspect(new RobotError('FRANKA_REFLEX', 'stopped', { errors: ['joint_reflex'] }));
  t.true(robot.includes("errors: [ 'joint_reflex' ]"));
  t.false(robot.includes('moveStatus'));
  t.false(inspect(new KilohertzError('SYSTEM', 'm')).includes('lastStates'));
});

test('an error is printed with its cause, and with what a program has put on it', (t) => {
  const error = new PolicyError('POLICY_THREW', 'it threw', { cause: new TypeError('boom') });
  const text = inspect(Object.assign(error, { attempt: 3 }));
  t.regex(text, /cause: TypeError: boom/);
  t.true(text.includes('attempt: 3'));
});

test('an error that lies deeper than is shown is told in one line', (t) => {
  const text = inspect({ error: new OffloadError('OFFLOAD_SHAPE', 'm') }, { depth: 0 });
  t.is(text, '{ error: [OffloadError: m (docs/errors.md#offload_shape)] }');
});

test('what is printed changes neither JSON nor the names of fields', async (t) => {
  const stats = noStats(0.01);
  t.deepEqual(JSON.parse(JSON.stringify(stats)), { ...stats });
  t.is(Object.getOwnPropertySymbols(stats).length, 0);
  const state = await someState();
  const read = JSON.parse(JSON.stringify(state));
  t.deepEqual(Object.keys(read), Object.keys(state.toJSON()));
  for (const name of ['robot_mode', 'accelerometer_top']) t.true(name in read, name);
  t.deepEqual(read.q_d, Array.from(state.q_d));
  const error = new InvalidActionError('ACTION_TYPE', 'm', 1, 'less', { tick: 2 });
  t.deepEqual(JSON.parse(JSON.stringify(error)), {
    name: 'InvalidActionError',
    code: 'ACTION_TYPE',
    tick: 2,
    received: 1,
    expected: 'less',
  });
});

test('an error is printed whatever a program has put on it', (t) => {
  const no = (): never => {
    throw new Error('do not look');
  };
  for (const filled of [
    { lastStates: [{ tick: { toString: 1, valueOf: 1 } }] },
    { cause: { [inspect.custom]: no } },
    { stack: undefined, message: Symbol('m') },
  ]) {
    const error = new KilohertzError('SYSTEM', 'it is refused');
    for (const [name, value] of Object.entries(filled)) {
      Object.defineProperty(error, name, { value, configurable: true });
    }
    t.regex(inspect(error), /KilohertzError/);
    t.regex(inspect({ error }, { depth: 0 }), /KilohertzError/);
  }
});
