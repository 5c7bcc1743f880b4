import type { Command } from 'commander';
import type { Franka } from '../franka/franka.ts';
import { type PoseLike, poseOf } from '../franka/pose.ts';
import type { RobotState } from '../native/robot-state.ts';
import type { JointVector, Numbers } from '../numbers.ts';
import { type ArmWords, armOptions, atArm, type Here, withArm } from './arm.ts';
import { showMove } from './moving.ts';
import { number, numbers } from './numbers.ts';
import type { Output } from './output.ts';
import { fixed, listed, toDegrees, toRadians } from './text.ts';

const JOINTS = 7;
/** A rotation by nothing. */
const UNTURNED: Numbers<4> = [0, 0, 0, 1];

/** What commander makes of the words. */
interface Words extends ArmWords {
  readonly degrees?: boolean;
  readonly xyz?: readonly number[];
  readonly quat?: readonly number[];
  readonly relative?: boolean;
  readonly speed?: number;
}

/** Adds `kilohertz move`. */
export function addMove(program: Command, output: Output): void {
  const command = program
    .command('move')
    .description('Moves the arm to joint positions, or its end effector to a place.')
    .argument('[joints...]', 'seven joint positions [rad]', numbers)
    .option('--degrees', 'the joint positions are in degrees')
    .option('--xyz <metres...>', 'the place of the end effector in the base frame: x y z', numbers)
    .option('--quat <numbers...>', 'its rotation: x y z w (default: as it is)', numbers)
    .option(
      '--relative',
      'the joint positions are added to the present ones; the place is along the axes of the end effector',
    )
    .option('--speed <share>', "the share of the arm's speed, 0.01 to 1 (default: 0.2)", number);
  armOptions(command, { moves: true }).action((joints: number[], words: Words) => {
    checkWords(joints, words, command);
    return atArm(words, output, (here) =>
      withArm(here, (arm) => move(arm, here, { joints, words, output })),
    );
  });
}

/** Says how to use the command if the words do not name one goal. */
function checkWords(joints: readonly number[], words: Words, command: Command): void {
  const { xyz, quat, degrees } = words;
  if (xyz === undefined) {
    if (quat) command.error('error: --quat goes with --xyz');
    if (joints.length === JOINTS) return;
    const found = joints.length === 0 ? 'nothing' : `${joints.length} numbers`;
    command.error(`error: expected ${JOINTS} joint positions or --xyz X Y Z, found ${found}`);
  }
  if (degrees) {
    command.error('error: --xyz and --degrees do not go together: --degrees is of joint positions');
  }
  if (joints.length > 0) command.error('error: --xyz goes without joint positions');
  if (xyz?.length !== 3) command.error('error: --xyz expects three numbers: x y z [m]');
  if (quat && quat.length !== 4) command.error('error: --quat expects four numbers: x y z w');
}

async function move(
  arm: Franka,
  here: Here,
  {
    joints,
    words,
    output,
  }: { readonly joints: readonly number[]; readonly words: Words; readonly output: Output },
): Promise<void> {
  const { degrees = false, relative = false, speed = 0.2 } = words;
  const before = await arm.state();
  const pose = words.xyz && poseIn(words.xyz, words, before);
  const turned = (degrees ? toRadians(joints) : joints) as unknown as JointVector;
  const goal = pose ?? turned;
  const way = pose ? placeText(pose, relative, before) : jointText(turned, relative, before);
  await here.confirm([
    `This moves the REAL ARM at ${here.address}, at speed ${speed}:`,
    ...way,
    'The way is straight in joint space. It does not know of the table.',
  ]);
  const { durationS } = await showMove(output, here, (options) =>
    arm.moveTo(goal, { relative, speed, ...options }),
  );
  const { q, O_T_EE } = await arm.state();
  const { xyz, quat } = poseOf(poseLike(O_T_EE));
  output.done({ durationS, q: Array.from(q), xyz, quat }, [
    `${here.name} arrived after ${fixed(durationS, 1)} s`,
    `joints [rad]: ${listed(q)}`,
    `end effector [m]: ${listed(xyz)}`,
  ]);
}

function poseIn(xyz: readonly number[], { quat, relative }: Words, before: RobotState): PoseLike {
  const place = xyz as unknown as Numbers<3>;
  const given = quat as unknown as Numbers<4> | undefined;
  if (given) return { xyz: place, quat: given };
  if (relative) return { xyz: place, quat: UNTURNED };
  const present = poseOf(poseLike(before.O_T_EE_d));
  return { xyz: place, quat: present.quat as unknown as Numbers<4> };
}

function poseLike(matrix: Float64Array): PoseLike {
  return Array.from(matrix) as unknown as Numbers<16>;
}

function placeText(goal: PoseLike, relative: boolean, { O_T_EE }: RobotState): string[] {
  const { xyz } = poseOf(goal);
  return [
    `its end effector is at ${listed(O_T_EE.slice(12, 15))} m`,
    relative ? `and goes ${listed(xyz)} m along its own axes` : `and goes to ${listed(xyz)} m`,
  ];
}

function jointText(goal: JointVector, relative: boolean, { q, q_d }: RobotState): string[] {
  const end = Array.from(goal, (value, joint) => (relative ? (q_d[joint] ?? 0) + value : value));
  const moved = end.map((value, joint) => value - (q[joint] ?? 0));
  const most = Math.max(...moved.map(Math.abs));
  const joint = moved.findIndex((by) => Math.abs(by) === most);
  const [inDegrees = 0] = toDegrees([moved[joint] ?? 0]);
  return [
    `its joints are at ${listed(q)} rad`,
    `and go to ${listed(end)} rad`,
    `joint ${joint + 1} goes farthest: ${fixed(moved[joint] ?? 0, 3)} rad (${fixed(inDegrees, 1)} degrees)`,
  ];
}
