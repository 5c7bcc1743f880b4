// A pose is { xyz, quat } or 16 numbers, wherever one is taken.

import test from 'ava';
import {
  type Franka,
  type FrankaControl,
  FrankaModel,
  InvalidActionError,
  type KilohertzError,
  OptionRangeError,
  OptionTypeError,
  type Pose,
  poseOf,
  processPolicy,
  type RobotState,
  Session,
  workerPolicy,
} from '../../index.ts';
import { checkPose } from '../../lib/franka/pose.ts';
import { ActionBuffer, type Refusal } from '../../lib/session/action.ts';
import { distance, setUp } from '../fixtures/arms.ts';
import { sideways } from '../fixtures/policies.ts';
import { program } from '../fixtures/programs.ts';
import { Random } from '../fixtures/random.ts';
import { rejection, until } from '../fixtures/waiting.ts';

const ROOT = Math.SQRT1_2;

/** Quaternions x, y, z, w as scipy and ROS write them, and what x, y and z become. */
const TURNS: readonly (readonly [string, number[], number[]])[] = [
  ['none', [0, 0, 0, 1], [1, 0, 0, 0, 1, 0, 0, 0, 1]],
  ['a quarter about z', [0, 0, ROOT, ROOT], [0, 1, 0, -1, 0, 0, 0, 0, 1]],
  ['a quarter about x', [ROOT, 0, 0, ROOT], [1, 0, 0, 0, 0, 1, 0, -1, 0]],
  ['a quarter about y', [0, ROOT, 0, ROOT], [0, 0, -1, 0, 1, 0, 1, 0, 0]],
  ['a half about x', [1, 0, 0, 0], [1, 0, 0, 0, -1, 0, 0, 0, -1]],
  ['a third about the diagonal', [0.5, 0.5, 0.5, 0.5], [0, 1, 0, 0, 0, 1, 1, 0, 0]],
];

for (const [what, quat, axes] of TURNS) {
  test(`a quaternion is x, y, z, w: ${what}`, (t) => {
    const [x, y, z] = [axes.slice(0, 3), axes.slice(3, 6), axes.slice(6)];
    const wanted = [...x, 0, ...y, 0, ...z, 0, 0.1, 0.2, 0.3, 1];
    for (const sign of [1, -1]) {
      const pose = { xyz: [0.1, 0.2, 0.3] as const, quat: quat.map((part) => sign * part) };
      t.true(distance(checkPose('pose', pose), wanted) < 1e-15);
    }
    const back = poseOf(wanted);
    t.deepEqual(back.xyz, [0.1, 0.2, 0.3]);
    t.true(distance(back.quat, quat) < 1e-15, `${back.quat}`);
  });
}

test('a pose that is written and read again is the same, whichever way it is turned', (t) => {
  const source = new Random(11);
  const random = (): number => source.bits() / 2 ** 32;
  for (let nth = 0; nth < 2000; nth += 1) {
    const parts = Array.from({ length: 4 }, () => 2 * random() - 1);
    // Close to half turns too, where w is next to nothing.
    if (nth % 4 === 0) parts[3] = 1e-9 * (parts[3] ?? 0);
    const length = Math.hypot(...parts) * ((parts[3] ?? 0) < 0 ? -1 : 1);
    const quat = parts.map((part) => part / length);
    const xyz = [random(), random(), random()];
    const matrix = checkPose('pose', { xyz, quat });
    const back = poseOf(matrix);
    t.deepEqual(back.xyz, xyz);
    t.true(distance(back.quat, quat) < 1e-12, `${quat} is ${back.quat}`);
  }
});

test('four digits of a quaternion are enough, and are made a rotation', (t) => {
  const typed = 7071 / 10_000;
  const matrix = checkPose('pose', { xyz: [0, 0, 0], quat: [typed, 0, 0, typed] });
  for (const column of [0, 4, 8]) {
    t.true(Math.abs(Math.hypot(...matrix.subarray(column, column + 3)) - 1) < 1e-15);
  }
});

const UPRIGHT: Pose = { xyz: [0, 0, 0], quat: [0, 0, 0, 1] };

const WRONG: readonly (readonly [
  unknown,
  typeof OptionTypeError | typeof OptionRangeError,
  string,
  RegExp,
])[] = [
  [
    { ...UPRIGHT, quat: [0, 0, 0, 0] },
    OptionRangeError,
    '_QUAT',
    /length of .*quat is 0; expected a quaternion x, y, z, w/,
  ],
  [
    { ...UPRIGHT, quat: [0.7, 0, 0, 0.7] },
    OptionRangeError,
    '_QUAT',
    /is 0\.98995; .* 1 within 0\.001/,
  ],
  [{ ...UPRIGHT, quat: [0, 0, 0, 1.01] }, OptionRangeError, '_QUAT', /is 1\.01/],
  [{ ...UPRIGHT, quat: [0, 0, Number.NaN, 1] }, OptionRangeError, '_QUAT', /quat\[2\] is NaN/],
  [{ ...UPRIGHT, quat: [0, 0, 1] }, OptionRangeError, '_QUAT', /expected 4 finite numbers/],
  [{ ...UPRIGHT, quat: ['0', 0, 0, 1] }, OptionTypeError, '_QUAT', /expected 4 finite numbers/],
  [{ xyz: [0, 0, 0] }, OptionTypeError, '_QUAT', /quat is undefined/],
  [{ quat: [0, 0, 0, 1] }, OptionTypeError, '_XYZ', /xyz is undefined/],
  [{ ...UPRIGHT, xyz: [0, Infinity, 0] }, OptionRangeError, '_XYZ', /xyz\[1\] is Infinity/],
  [
    { xyz: [0, 0, 0], quad: [0, 0, 0, 1] },
    OptionTypeError,
    'UNKNOWN',
    /"quad"; expected one of xyz, quat; the nearest is quat/,
  ],
  [[0, 0, 0.1], OptionRangeError, '', /expected 16 finite numbers/],
  ['upright', OptionTypeError, '', /expected 16 numbers, or \{ xyz, quat \}/],
  [null, OptionTypeError, '', /null; expected 16 numbers, or/],
];

test('what is no pose is refused by the same rule wherever one is taken, and nothing is sent', async (t) => {
  await using setup = await setUp('cartesianTarget');
  const { arm, simulator } = setup;
  const model = new FrankaModel('fr3');
  const q = [0, -0.785, 0, -2.356, 0, 1.571, 0.785];
  const places: readonly (readonly [string, (pose: never) => unknown])[] = [
    ['NE_T_EE', (pose) => arm.setEE(pose)],
    ['EE_T_K', (pose) => arm.setK(pose)],
    ['POSE', (pose) => poseOf(pose)],
    ['POSE', (pose) => arm.moveTo(pose)],
    ['F_T_EE', (pose) => model.pose('endEffector', { q, F_T_EE: pose })],
    ['EE_T_K', (pose) => model.pose('stiffness', { q, EE_T_K: pose })],
  ];
  for (const [option, take] of places) {
    for (const [pose, Class, end, message] of WRONG) {
      const isForm = end === '';
      // Joint positions are possible there as well; and the model names what is wrong of a posture.
      if (isForm && /moveTo|model/.test(String(take))) continue;
      const error = await rejection((async () => take(pose as never))());
      t.true(error instanceof Class, `${take}: ${error}`);
      const { code } = error as OptionTypeError;
      t.is(code, end === 'UNKNOWN' ? 'OPTION_UNKNOWN' : `OPTION_${option}${end}`);
      t.regex((error as Error).message, message);
    }
  }
  t.is(simulator.counters().motionsStarted, 0);
});

test('a matrix that is no pose has no quaternion', (t) => {
  const flat = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
  const mirrored = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1];
  const byRows = [1, 0, 0, 0.5, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
  for (const matrix of [flat, mirrored, byRows, new Array(16).fill(0)]) {
    const error = t.throws(() => poseOf(matrix), { instanceOf: OptionRangeError });
    t.is((error as OptionRangeError).code, 'OPTION_POSE');
  }
});

const SHAPES: readonly (readonly [number, object])[] = [
  [16, {}],
  [17, { elbow: 0.25 }],
  [23, { tau_J: [1, 2, 3, 4, 5, 6, 7] }],
  [24, { elbow: 0.25, tau_J: [1, 2, 3, 4, 5, 6, 7] }],
];

for (const [length, more] of SHAPES) {
  const fields = ['xyz', 'quat', ...Object.keys(more)].join(', ');
  const [, quat] = TURNS[1] ?? ['', []];
  const pose = { xyz: [0.1, 0.2, 0.3], quat, ...more };

  test(`an action of ${length} numbers may be { ${fields} }`, (t) => {
    const { elbow, tau_J } = more as { elbow?: number; tau_J?: number[] };
    const wanted = [0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0, 0.1, 0.2, 0.3, 1];
    if (elbow !== undefined) wanted.push(elbow);
    wanted.push(...(tau_J ?? []));
    const taken = new ActionBuffer(length, true).take(pose);
    t.true(taken instanceof Float64Array && taken.length === length);
    t.true(distance(taken as Float64Array, wanted) < 1e-15);
  });

  test(`an action of ${length} numbers is refused where { ${fields} } is not as it must be`, (t) => {
    const cases: readonly (readonly [object, Refusal['code'], RegExp])[] = [
      [{ ...pose, quat: [0, 0, 0, 0.9] }, 'ACTION_FRAME', /quat has the length 0\.9/],
      [{ ...pose, quat: [0, 0, 0, 0] }, 'ACTION_FRAME', /quat has the length 0/],
      [{ ...pose, quat: [0, 0, Number.NaN, 1] }, 'ACTION_NOT_FINITE', /quat\[2\] is NaN/],
      [{ ...pose, xyz: [0, 0, Infinity] }, 'ACTION_NOT_FINITE', /xyz\[2\] is Infinity/],
      [{ ...pose, xyz: [0, 0] }, 'ACTION_LENGTH', /xyz is Array of length 2/],
      [{ ...pose, xyz: [0, 0, '0'] }, 'ACTION_TYPE', /xyz is Array of length 3 whose \[2\] is "0"/],
      [{ ...pose, quat: undefined }, 'ACTION_TYPE', /quat is undefined/],
      [{ quat }, 'ACTION_TYPE', /xyz is undefined/],
      [{ ...pose, elbow: 'elbow' in more ? undefined : 1 }, 'ACTION_TYPE', /elbow is/],
      [
        { ...pose, tau_J: 'tau_J' in more ? undefined : [1, 2, 3, 4, 5, 6, 7] },
        'ACTION_TYPE',
        /tau_J is/,
      ],
    ];
    for (const [answer, code, received] of cases) {
      const refusal = new ActionBuffer(length, true).take(answer) as Refusal;
      t.is(refusal.code, code, JSON.stringify(answer));
      t.regex(refusal.received, received);
      t.true(code === 'ACTION_FRAME' || refusal.expected.includes('quat: 4 numbers'));
    }
  });
}

test('seven numbers of joints are no pose', (t) => {
  t.is((new ActionBuffer(7).take(UPRIGHT) as Refusal).code, 'ACTION_TYPE');
});

test('a pose that an action is makes no garbage', async (t) => {
  const { lines, stderr } = await program('garbage').ended;
  // A single number that was allocated each time would make some five or more collections.
  t.true(Number(lines[0]) <= 2, `${lines} ${stderr}`);
});

const POLICIES = new URL('../fixtures/policies.ts', import.meta.url);

for (const place of ['function', 'worker', 'process'] as const) {
  for (const control of ['cartesianTarget', 'cartesianPose'] as const) {
    test(`an arm goes where { xyz, quat } of a ${place} says (${control})`, async (t) => {
      await using setup = await setUp(control);
      const { arm } = setup;
      const start = poseOf((await arm.state()).O_T_EE_c);
      const goal = {
        xyz: [start.xyz[0] ?? 0, (start.xyz[1] ?? 0) + 0.03, start.xyz[2] ?? 0],
        quat: start.quat,
      };
      const session = sessionOf(arm, place, start);
      const running = session.run();
      await until(() => session.stepCount > 1500 || !session.isRunning, '1500 cycles');
      await session.stop();
      await running;
      const { xyz, quat } = poseOf((await arm.state()).O_T_EE_d);
      t.true(distance(xyz, goal.xyz) < 1e-4, `${xyz} of ${goal.xyz}`);
      t.true(distance(quat, goal.quat) < 1e-4, `${quat} of ${goal.quat}`);
    });
  }

  test(`a quaternion that is none ends the session of a ${place} with ACTION_FRAME, at rest`, async (t) => {
    await using setup = await setUp('cartesianTarget');
    const { arm, simulator } = setup;
    const start = poseOf((await arm.state()).O_T_EE_c);
    const broken = { ...start, quat: start.quat.map((part) => 0.5 * part) };
    const session = sessionOf(arm, place, broken);
    const error = (await rejection(session.run({ durationS: 20 }))) as InvalidActionError;
    t.true(error instanceof InvalidActionError, String(error));
    t.is(error.code, 'ACTION_FRAME');
    t.regex(
      error.message,
      /quat has the length 0\.5; expected a quaternion x, y, z, w whose length is 1 within 0\.001/,
    );
    t.is(simulator.counters().reflexes, 0);
  });
}

/** A session whose policy goes 3 cm along y from `start` within a second. */
function sessionOf(
  arm: Franka,
  place: 'function' | 'worker' | 'process',
  start: { xyz: number[]; quat: number[] },
): Session<RobotState, unknown[]> {
  const options = { warmupS: 0, deadlineS: 0.9e-3 };
  const found = { export: 'sideways', args: [start] } as const;
  if (place === 'worker') return new Session(arm, workerPolicy(POLICIES, found), options) as never;
  if (place === 'process')
    return new Session(arm, processPolicy(POLICIES, found), options) as never;
  return new Session(arm, sideways(start), options) as never;
}

test('a frame as { xyz, quat } is set as its matrix is', async (t) => {
  await using setup = await setUp();
  const { arm } = setup;
  const turned = { xyz: [0.01, 0, 0.1], quat: [0, 0, ROOT, ROOT] } as const;
  await arm.setEE(turned);
  await arm.setK(turned);
  const { NE_T_EE, EE_T_K } = await arm.state();
  const matrix = [0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0, 0.01, 0, 0.1, 1];
  t.true(distance(NE_T_EE, matrix) < 1e-6, `${NE_T_EE}`);
  t.true(distance(EE_T_K, matrix) < 1e-6, `${EE_T_K}`);
});

test('a frame as { xyz, quat } is one to the model, of the end effector and of the stiffness', (t) => {
  const model = new FrankaModel('fer');
  const q = [0.1, -0.785, 0, -2.356, 0, 1.571, 0.785];
  const pose = { xyz: [0.01, 0, 0.1], quat: [0, 0, ROOT, ROOT] } as const;
  const matrix = [0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0, 0.01, 0, 0.1, 1];
  for (const frame of ['endEffector', 'stiffness'] as const) {
    const one = model.pose(frame, { q, F_T_EE: pose, EE_T_K: pose });
    const other = model.pose(frame, { q, F_T_EE: matrix, EE_T_K: matrix });
    t.true(distance(one, other) < 1e-15);
  }
});

for (const [generation, client] of [
  ['fr3', 'franka-rs'],
  ['fer', 'franka-rs'],
  ['fer', 'libfranka-rs'],
] as const) {
  test(`a ${generation} over ${client} moves to { xyz, quat }, and from there by a relative goal`, async (t) => {
    await using setup = await setUp(
      'jointVelocity' as FrankaControl,
      { generation, lockstep: true },
      client,
    );
    const { arm } = setup;
    const { xyz, quat } = poseOf((await arm.state()).O_T_EE_d);
    const [x = 0, y = 0, z = 0] = xyz;
    await arm.moveTo({ xyz: [x, y + 0.05, z - 0.05], quat }, { speed: 0.5 });
    const first = (await arm.state()).O_T_EE_d.slice();
    t.true(distance(poseOf(first).xyz, [x, y + 0.05, z - 0.05]) < 1e-4);

    // The hand points down, so forwards from it is downwards.
    await arm.moveTo({ xyz: [0, 0, 0.04], quat: [0, 0, 0, 1] }, { speed: 0.5, relative: true });
    const second = (await arm.state()).O_T_EE_d.slice();
    const axis = first.subarray(8, 11);
    const wanted = poseOf(first).xyz.map((value, nth) => value + 0.04 * (axis[nth] ?? 0));
    t.true(distance(poseOf(second).xyz, wanted) < 1e-4, `${poseOf(second).xyz} of ${wanted}`);
    t.true((second[14] ?? 0) < (first[14] ?? 0) - 0.03);

    const before = (await arm.state()).q_d.slice();
    const by = [0.1, 0, -0.1, 0, 0, 0, 0.2] as const;
    await arm.moveTo(by, { speed: 0.5, relative: true });
    const after = (await arm.state()).q_d;
    t.true(
      distance(
        after,
        before.map((position, joint) => position + (by[joint] ?? 0)),
      ) < 1e-4,
    );
  });
}

test('relative is true or false, and nothing moves by a relative goal out of reach', async (t) => {
  await using setup = await setUp();
  const { arm, simulator } = setup;
  const wrong = await rejection(arm.moveTo(setup.start, { relative: 'base' as never }));
  t.is((wrong as OptionTypeError).code, 'OPTION_RELATIVE');
  const far = { xyz: [0, 0, 3], quat: [0, 0, 0, 1] } as const;
  const error = await rejection(arm.moveTo(far, { relative: true }));
  t.is((error as KilohertzError).code, 'FRANKA_UNREACHABLE');
  t.is(simulator.counters().motionsStarted, 0);
});
