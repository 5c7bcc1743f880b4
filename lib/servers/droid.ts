// What policies that were trained with the DROID data set are told, and what they answer.

import { checkNumber, ownOptions } from '../checks.ts';
import { codeOf, OptionTypeError } from '../errors/errors.ts';
import { type FrankaHand, nativeHandOf } from '../franka/hand.ts';
import type { RobotState } from '../native/robot-state.ts';
import type { GripperOptions } from '../policy/chunked.ts';
import { checkImage, type RgbImage, resizeNamed } from '../policy/image.ts';
import type { ServerAnswer } from './answer.ts';
import type { PolicyServerOptions, ServerObservation } from './policy-server.ts';

/** Options of {@link droid}. */
export interface DroidOptions {
  /** What the arm is to do, in English. */
  readonly prompt: string | (() => string);
  /** Returns the newest picture of the camera that looks at the arm. The model wants 224 x 224, which it is resized to. */
  readonly exteriorImage: () => RgbImage;
  /** Returns the newest picture of the camera at the wrist, as the other one. */
  readonly wristImage: () => RgbImage;
  /** The hand that the policy sees and moves. Without it the policy is told that it is open. */
  readonly hand?: FrankaHand;
  /** The opening of the hand that counts as open [m], above 0 to 0.1. Default 0.08. */
  readonly openWidthM?: number;
}

/** The options of {@link openpiPolicy} that {@link droid} makes. */
export type DroidMapping = Pick<
  PolicyServerOptions<readonly number[]>,
  'observe' | 'actions' | 'dtS' | 'gripper'
>;

const OPTIONS: readonly (keyof DroidOptions)[] = [
  'prompt',
  'exteriorImage',
  'wristImage',
  'hand',
  'openWidthM',
];

/** The policies of DROID act 15 times a second. */
const DT_S = 1 / 15;
/** How far a joint goes in a step at a velocity of 1 [rad]. */
const LARGEST_STEP_RAD = 0.2;
const JOINTS = 7;
/** The sides of the pictures that the models see [px]. */
const SIZE_PX = 224;

/**
 * Returns the options with which {@link openpiPolicy} speaks to a policy of DROID, as `pi05_droid`. The arm has to be
 * connected with `control: 'jointPosition'` or `'jointTarget'`.
 *
 * The answer, velocities of the joints from -1 to 1, becomes joint positions, from where the arm is commanded to be on.
 * The hand is opened or closed.
 *
 * @example
 * const policy = await openpiPolicy('ws://gpu:8000', droid({
 *   prompt: 'put the cup on the plate',
 *   exteriorImage: () => front,
 *   wristImage: () => wrist,
 *   hand,
 * }));
 * await run(robot, policy, { limits: 'clamp' });
 * @throws {OptionTypeError | OptionRangeError} if an option is invalid
 */
export function droid(given: DroidOptions): DroidMapping {
  const options = ownOptions('droid()', given, OPTIONS);
  const { prompt, exteriorImage, wristImage, hand, openWidthM = 0.08 } = options;
  const open = { from: 0, to: 0.1, above: true, unit: 'm' } as const;
  checkNumber('openWidthM', openWidthM, open);
  for (const [name, value] of Object.entries({ exteriorImage, wristImage })) {
    if (typeof value === 'function') continue;
    const expected = 'a function that returns the newest picture';
    throw new OptionTypeError(codeOf(name), name, value, expected);
  }
  if (hand !== undefined && nativeHandOf(hand) === undefined) {
    const expected = 'a FrankaHand, as FrankaHand.connect() resolves to';
    throw new OptionTypeError('OPTION_HAND', 'hand', hand, expected);
  }
  if (typeof prompt !== 'string' && typeof prompt !== 'function') {
    throw new OptionTypeError('OPTION_PROMPT', 'prompt', prompt, 'a text, or a function');
  }

  async function observe({ q }: RobotState): Promise<ServerObservation> {
    // Before anything is awaited: the state and the pictures are those of the question.
    const seen = {
      'observation/exterior_image_1_left': pictureOf('exteriorImage()', exteriorImage()),
      'observation/wrist_image_left': pictureOf('wristImage()', wristImage()),
      'observation/joint_position': q.slice(),
      prompt: typeof prompt === 'string' ? prompt : prompt(),
    };
    const width = hand === undefined ? openWidthM : (await hand.state()).widthM;
    const closed = 1 - Math.min(1, Math.max(0, width / openWidthM));
    return { ...seen, 'observation/gripper_position': Float64Array.of(closed) };
  }

  function actions(
    answer: ServerAnswer,
    { state }: { readonly state: RobotState },
  ): readonly (readonly number[])[] {
    const { data, shape } = answer.array('actions', [null, JOINTS + 1]);
    const at = Array.from(state.q_d);
    const rows: number[][] = [];
    const [steps = 0] = shape;
    for (let step = 0; step < steps; step += 1) {
      const row = data.subarray(step * (JOINTS + 1), (step + 1) * (JOINTS + 1));
      const isClosed = (row[JOINTS] ?? 0) > 0.5;
      rows.push(hand === undefined ? [...at] : [...at, isClosed ? 1 : 0]);
      for (let joint = 0; joint < JOINTS; joint += 1) {
        const velocity = Math.min(1, Math.max(-1, row[joint] ?? 0));
        at[joint] = (at[joint] ?? 0) + LARGEST_STEP_RAD * velocity;
      }
    }
    // Where the last velocity leads to.
    const last = rows.at(-1);
    if (last !== undefined) rows.push([...at, ...last.slice(JOINTS)]);
    return rows;
  }

  const gripper: GripperOptions | undefined = hand && {
    hand,
    unit: 'openness',
    inverted: true,
    openWidthM,
  };
  return { observe, actions, dtS: DT_S, ...(gripper === undefined ? {} : { gripper }) };
}

/** Returns a picture in the size of the model, resized as openpi's own client does it. */
function pictureOf(name: string, image: RgbImage): RgbImage {
  const { width, height, layout } = checkImage(name, image);
  const isReady = width === SIZE_PX && height === SIZE_PX && layout === 'hwc';
  return isReady ? image : resizeNamed(name, image, { widthPx: SIZE_PX, heightPx: SIZE_PX });
}
