import test from 'ava';
import { RobotState } from '../../index.ts';
import { setUp } from '../fixtures/arms.ts';

/** libfranka's names, and how many numbers each has; 0 stands for a plain number. */
const FIELDS: Readonly<Record<string, number>> = {
  time: 0,
  q: 7,
  dq: 7,
  q_d: 7,
  dq_d: 7,
  ddq_d: 7,
  tau_J: 7,
  tau_J_d: 7,
  dtau_J: 7,
  tau_ext_hat_filtered: 7,
  theta: 7,
  dtheta: 7,
  O_T_EE: 16,
  O_T_EE_d: 16,
  O_T_EE_c: 16,
  O_dP_EE_d: 6,
  O_dP_EE_c: 6,
  O_ddP_EE_c: 6,
  O_F_ext_hat_K: 6,
  K_F_ext_hat_K: 6,
  O_ddP_O: 3,
  elbow: 2,
  elbow_d: 2,
  elbow_c: 2,
  delbow_c: 2,
  ddelbow_c: 2,
  joint_contact: 7,
  cartesian_contact: 6,
  joint_collision: 7,
  cartesian_collision: 6,
  F_T_EE: 16,
  F_T_NE: 16,
  NE_T_EE: 16,
  EE_T_K: 16,
  m_ee: 0,
  I_ee: 9,
  F_x_Cee: 3,
  m_load: 0,
  I_load: 9,
  F_x_Cload: 3,
  m_total: 0,
  I_total: 9,
  F_x_Ctotal: 3,
  accelerometer_top: 18,
  accelerometer_bottom: 18,
  control_command_success_rate: 0,
  robot_mode: 0,
  current_errors: 0,
  last_motion_errors: 0,
};

test("a state has libfranka's fields, with their lengths, and no others", async (t) => {
  await using setup = await setUp();
  const state = await setup.arm.state();
  const lengths = Object.fromEntries(
    Object.entries(state).map(([name, value]) => [
      name,
      value instanceof Float64Array ? value.length : 0,
    ]),
  );
  t.deepEqual(lengths, FIELDS);
});

test('the fields hold what the arm says: poses are transformations, the elbow is joint 3', async (t) => {
  await using setup = await setUp();
  const { arm, simulator } = setup;
  const state = await arm.state();
  for (const pose of [state.O_T_EE, state.O_T_EE_d, state.F_T_EE, state.EE_T_K]) {
    t.deepEqual([pose[3], pose[7], pose[11], pose[15]], [0, 0, 0, 1]);
    const column = Math.hypot(pose[0] ?? 0, pose[1] ?? 0, pose[2] ?? 0);
    t.true(Math.abs(column - 1) < 1e-5);
  }
  const height = state.O_T_EE[14] ?? 0;
  t.true(height > 0.2 && height < 1, `${height} m above the base`);
  t.is(state.elbow[0], state.q[2]);
  t.is(state.elbow[1], -1);
  t.true(Math.abs((state.tau_J[3] ?? 0) - (simulator.joints().tau[3] ?? 0)) < 0.1);
  t.true(state.O_ddP_O[2] !== undefined && Math.abs(state.O_ddP_O[2] + 9.81) < 0.01);
});

test('a state can be written as JSON, with its mode and errors', async (t) => {
  await using setup = await setUp();
  const state = await setup.arm.state();
  const read = JSON.parse(JSON.stringify(state));
  t.deepEqual(Object.keys(read).sort(), Object.keys(FIELDS).sort());
  t.deepEqual(read.q, Array.from(state.q));
  t.is(read.time, state.time);
  t.is(read.robot_mode, 'Idle');
  t.deepEqual(read.current_errors, []);
});

test('a copy shares nothing with what it was copied from', async (t) => {
  await using setup = await setUp();
  const state = await setup.arm.state();
  const copy = state.copy();
  t.true(copy instanceof RobotState);
  t.deepEqual(copy.toJSON(), state.toJSON());
  const before = copy.q[0];
  state.q[0] = 99;
  t.is(copy.q[0], before);
  t.not(copy.q, state.q);
});

test('the fields of a state cannot be replaced', async (t) => {
  await using setup = await setUp();
  const state = await setup.arm.state();
  t.throws(() => Object.assign(state, { q: new Float64Array(7) }), { instanceOf: TypeError });
  t.throws(() => Object.assign(state, { time: 0 }), { instanceOf: TypeError });
});
