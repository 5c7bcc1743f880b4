// Policies that were trained with DROID: what they are told, and what becomes of their answers.

import test from 'ava';
import {
  droid,
  FrankaHand,
  OptionTypeError,
  openpiPolicy,
  type RgbImage,
  type RobotState,
  resizeImage,
  run,
  shaped,
} from '../../index.ts';
import { ServerAnswer } from '../../lib/servers/answer.ts';
import { isRested, setUp } from '../fixtures/arms.ts';
import { serverFor } from '../fixtures/servers/server.ts';
import { rejection, until } from '../fixtures/waiting.ts';

const image = shaped(new Uint8Array(224 * 224 * 3).fill(7), [224, 224, 3]);
const images = { exteriorImage: () => image, wristImage: () => image };
const STATE = {
  q: Float64Array.of(9, 9, 9, 9, 9, 9, 9),
  q_d: Float64Array.of(0, 1, 2, 3, 4, 5, 6),
} as unknown as RobotState;

function answerOf(data: Float64Array, shape: readonly number[]): ServerAnswer {
  const array = { dtype: '<f8', shape, dims: shape, data };
  return new ServerAnswer({ value: { actions: array }, arrays: [array] }, (fault) => {
    throw new Error(fault.message);
  });
}

test('velocities become positions, from where the arm is commanded to be', (t) => {
  const { actions, dtS, gripper } = droid({ prompt: 'x', ...images });
  t.is(dtS, 1 / 15);
  t.is(gripper, undefined);
  // More than 1 counts as 1.
  const rows = [
    [0.5, 0, 0, 0, 0, 0, -3, 0.9],
    [-1, 0, 0, 0, 0, 0, 0, 0.1],
  ];
  const answer = answerOf(Float64Array.from(rows.flat()), [2, 8]);
  const asked = {
    state: STATE,
    tick: { tick: 0, timeS: 0, periodS: 0, hostTimeS: 5, wallTimeS: 1e9, inputs: {} },
  };
  const near = (actions(answer, asked) as number[][]).map((row) =>
    row.map((rad) => Number(rad.toFixed(12))),
  );
  t.deepEqual(near, [
    [0, 1, 2, 3, 4, 5, 6],
    [0.1, 1, 2, 3, 4, 5, 5.8],
    [-0.1, 1, 2, 3, 4, 5, 5.8],
  ]);
});

test('an answer that is not one of DROID is refused', (t) => {
  const { actions } = droid({ prompt: 'x', ...images });
  const asked = {
    state: STATE,
    tick: { tick: 0, timeS: 0, periodS: 0, hostTimeS: 5, wallTimeS: 1e9, inputs: {} },
  };
  t.throws(() => actions(answerOf(new Float64Array(14), [2, 7]), asked), {
    message: /has the shape \[2,7\] and the type <f8; expected .* \[any, 8\]/,
  });
});

test('a policy of DROID sees arm and hand, moves the arm and closes the hand', async (t) => {
  const server = await serverFor(t);
  await server.answer('droid');
  await using setup = await setUp('jointPosition', { lostPacketLimit: 10_000, objectWidthM: 0.03 });
  await using hand = await FrankaHand.connect(setup.arm.address);
  let prompt = 'pick up the cube';
  const mapping = droid({ prompt: () => prompt, ...images, hand });
  await using policy = await openpiPolicy(server.url, mapping);
  const seen = (await policy.infer(await mapping.observe(await setup.arm.state(), {} as never)))
    .value;
  const { seen: told } = seen as { seen: Record<string, string> };
  const joints = 'observation/joint_position';
  t.regex(told[joints] ?? '', /^<f8 \[7\] \[/);
  t.deepEqual(
    { ...told, [joints]: '' },
    {
      'observation/exterior_image_1_left': '|u1 [224, 224, 3] [7, 7, 7]',
      'observation/wrist_image_left': '|u1 [224, 224, 3] [7, 7, 7]',
      [joints]: '',
      'observation/gripper_position': '<f8 [1] [0.0]',
      prompt: 'str pick up the cube',
    },
  );
  prompt = 'another';
  const stats = await run(setup.arm, policy, { warmupS: 0, durationS: 1, limits: 'clamp' });
  t.true(stats.chunks > 1 && stats.gripperCommands >= 1, JSON.stringify(stats.toDict()));
  t.is(stats.badChunks, 0);
  t.true((setup.simulator.joints().q[0] ?? 0) - (setup.start[0] ?? 0) > 0.02);
  await until(async () => (await hand.state()).is_grasped, 'the object is grasped');
  isRested(t, setup.simulator);
});

test('a picture of another size or layout is sent in that of the model, and others as they are', async (t) => {
  const camera = shaped(new Uint8Array(480 * 640 * 3).fill(90), [480, 640, 3]);
  const channels = shaped(new Uint8Array(3 * 224 * 224).fill(40), [3, 224, 224]);
  const { observe } = droid({
    prompt: 'x',
    exteriorImage: () => camera,
    wristImage: () => channels,
  });
  const seen = await observe(STATE, {} as never);
  const padded = seen['observation/exterior_image_1_left'] as RgbImage;
  t.deepEqual(padded, resizeImage(camera, { widthPx: 224, heightPx: 224 }));
  // Black above, the picture in the middle.
  t.deepEqual([padded.shape, padded[0], padded[224 * 3 * 112]], [[224, 224, 3], 0, 90]);
  const turned = seen['observation/wrist_image_left'] as RgbImage;
  t.deepEqual([turned.shape, turned[0]], [[224, 224, 3], 40]);
  const same = await droid({ prompt: 'x', ...images }).observe(STATE, {} as never);
  t.is(same['observation/wrist_image_left'], image);
});

test('a picture without its shape, and options that cannot be used, are refused by name', async (t) => {
  const flat = new Uint8Array(10) as never;
  const { observe } = droid({ prompt: 'x', ...images, wristImage: () => flat });
  const error = (await rejection(observe(STATE, {} as never) as Promise<unknown>)) as Error;
  t.regex(
    error.message,
    /^wristImage\(\), whose shape is undefined, is Uint8Array of length 10; expected the shape/,
  );
  for (const [options, code] of [
    [{ ...images }, 'OPTION_PROMPT'],
    [{ prompt: 'x', wristImage: images.wristImage }, 'OPTION_EXTERIOR_IMAGE'],
    [{ prompt: 'x', ...images, hand: {} }, 'OPTION_HAND'],
    [{ prompt: 'x', ...images, openWidthM: '8 cm' }, 'OPTION_OPEN_WIDTH_M'],
  ] as const) {
    const refused = t.throws(() => droid(options as never), { instanceOf: OptionTypeError });
    t.is(refused?.code, code);
  }
});
