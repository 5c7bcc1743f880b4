import test from 'ava';
import { Franka, type FrankaFrame, FrankaModel, FrankaSimulator, Session } from '../../index.ts';
import { distance, WALL } from '../fixtures/arms.ts';
import { until } from '../fixtures/waiting.ts';

const READY = [0, -0.785398, 0, -2.356194, 0, 1.570796, 0.785398];

test("the FR3's gravity torques and masses are those of MuJoCo's model", (t) => {
  const model = new FrankaModel('fr3');
  const gravity = model.gravity(READY);
  t.true(
    distance([0, -1.70904, -0.63946, 18.95823, 0.7919, 1.58794, 0], gravity) <= 2e-3,
    `${gravity}`,
  );
  const mass = model.mass(READY);
  const diagonal = Array.from({ length: 7 }, (_, nth) => mass[8 * nth] ?? 0);
  const theirs = [0.49851, 1.52542, 0.92334, 0.83402, 0.02752, 0.03049, 0.00012];
  t.true(distance(theirs, diagonal) <= 2e-4, `${diagonal}`);
  t.deepEqual(model.coriolis(READY), new Float64Array(7));
});

test('a posture of numbers, of fields and of a state are the same posture', async (t) => {
  await using simulator = await FrankaSimulator.start();
  await using robot = await Franka.connect(simulator.address);
  const state = await robot.state();
  const { model } = robot;
  t.is(model, robot.model);
  t.is(model.generation, 'fr3');
  t.true(distance(state.O_T_EE, model.pose('endEffector', state)) <= 1e-3);
  t.deepEqual(model.pose('flange', state.q), model.pose('flange', { q: state.q }));
  const { q, dq, F_T_EE, EE_T_K, I_total, m_total, F_x_Ctotal, O_ddP_O } = state;
  const fields = { q, dq, F_T_EE, EE_T_K, I_total, m_total, F_x_Ctotal, O_ddP_O };
  for (const frame of ['joint4', 'endEffector', 'stiffness'] as const) {
    t.deepEqual(model.zeroJacobian(frame, state), model.zeroJacobian(frame, fields));
    t.deepEqual(model.bodyJacobian(frame, state), model.bodyJacobian(frame, fields));
  }
  t.deepEqual(model.gravity(state), model.gravity(fields));
});

test('an array that is given is filled and returned', (t) => {
  const model = new FrankaModel('fer');
  const into = new Float64Array(16);
  t.is(model.pose('flange', READY, into), into);
  t.is(into[15], 1);
  t.notDeepEqual(into, new FrankaModel('fr3').pose('joint3', READY));
});

test('a policy computes with the model of its arm', async (t) => {
  await using simulator = await FrankaSimulator.start(WALL);
  await using robot = await Franka.connect(simulator.address);
  const jacobian = new Float64Array(42);
  const { model } = robot;
  let rows = 0;
  const session = new Session(robot, (state) => {
    rows += model.zeroJacobian('endEffector', state, jacobian).length / 42;
    return [0, 0, 0, 0, 0, 0, 0];
  });
  const running = session.run();
  await until(() => rows > 20 || !session.isRunning, 'the policy has computed');
  await session.stop();
  await running;
  t.true(rows > 20);
  t.true(jacobian.some((value) => value !== 0));
});

test('what is no posture, frame or room is refused with what it was', (t) => {
  const model = new FrankaModel('fr3');
  const cases = [
    [
      () => model.pose('flange', [1, 2] as number[]),
      'OPTION_POSTURE',
      /q is Array of length 2; expected 7/,
    ],
    [() => model.mass([...READY.slice(1), Number.NaN]), 'OPTION_POSTURE', /q\[6\] is NaN/],
    [() => model.gravity({ q: READY, m_total: Infinity }), 'OPTION_POSTURE', /m_total is Infinity/],
    [
      () => model.gravity({ q: READY, F_T_EE: [1] as number[] }),
      'OPTION_POSTURE',
      /F_T_EE is Array of length 1/,
    ],
    [() => model.gravity(null as never), 'OPTION_POSTURE', /q is null/],
    [() => model.pose('elbow' as FrankaFrame, READY), 'OPTION_FRAME', /one of 'joint1'/],
    [() => model.pose('flange', READY, new Float64Array(7)), 'OPTION_INTO', /of length 16/],
    [() => new FrankaModel('panda' as 'fer'), 'OPTION_GENERATION', /'fr3', 'fer'/],
  ] as const;
  for (const [call, code, message] of cases) {
    const error = t.throws(call, { message });
    t.is((error as { code?: string } | undefined)?.code, code, error?.message);
  }
  const shared = new Float64Array(new SharedArrayBuffer(7 * 8));
  t.throws(() => model.gravity(READY, shared), { message: /not shared/ });
});
