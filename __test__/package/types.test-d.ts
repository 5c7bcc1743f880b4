// Not run: `npm run test:types` compiles it. Each line marked @ts-expect-error must not compile.

import {
  type AnyKilohertzError,
  type AnyPolicy,
  type AnyRobot,
  Franka,
  type FrankaControl,
  type FrankaHand,
  type FrankaModel,
  type FrankaOptions,
  isKilohertzError,
  type KilohertzErrorCode,
  type Pose,
  type ProcessProxy,
  poseOf,
  type Robot,
  RobotState,
  run,
  Session,
  type SessionStats,
  type SimulatorCounters,
  type SimulatorFault,
  type TickRecord,
  type WorkerPolicy,
} from '../../index.ts';
import type { FaultName, RecordField, SimulatorCounter } from '../../lib/native/contract.ts';

interface Seen {
  readonly distance: number;
}

declare const rover: Robot<Seen, { readonly speed: number }>;
declare const promising: {
  observe(): Promise<Seen>;
  act(action: number[]): Promise<void>;
  reset(): Promise<void>;
};
declare const arm: Franka;
declare const silent: WorkerPolicy<RobotState, number[] | undefined>;

export async function fitting(): Promise<SessionStats> {
  new Session(rover, ({ distance }) => ({ speed: distance }));
  new Session(rover, async ({ distance }, { tick, timeS, periodS }) => ({
    speed: distance + tick + timeS + periodS,
  }));
  new Session(promising, ({ distance }) => [distance]);
  new Session(arm, ({ q_d }) => q_d);
  new Session(arm, () => [0, 0, 0, 0, 0, 0, 0]);
  new Session(arm, ({ q_d }, { tick }) => (tick < 100 ? q_d : undefined));
  new Session(arm, async ({ q_d }, { tick }) => {
    if (tick < 100) return q_d;
    return;
  });
  new Session(arm, silent, { catchUpS: 1 })
    .on('behind', ({ tick, distance, unit, field, index }) =>
      console.log(tick, distance.toFixed(3) + unit, field.length, index.toFixed()),
    )
    .on('late', ({ tick, tookS, periodS }) => console.log(tick, tookS / periodS));
  return await run(arm, async (state) => state.dq, { durationS: 1, rateHz: 1000 });
}

export function notFitting(): void {
  // @ts-expect-error the action is a number, not an object with a speed
  new Session(rover, ({ distance }) => distance);
  // @ts-expect-error the observation has no height
  new Session(rover, ({ height }) => ({ speed: height }));
  // @ts-expect-error the speed is no text
  new Session(rover, () => ({ speed: 'fast' }));
  // @ts-expect-error the promised action is of the wrong type
  new Session(rover, async () => ({ speed: 'fast' }));
  // @ts-expect-error nothing is returned
  new Session(rover, () => undefined);
  // @ts-expect-error a promised observation reaches the policy as its value
  new Session(promising, (seen: Promise<Seen>) => [seen.then.length]);
  // @ts-expect-error the arm is told seven numbers, not one
  new Session(arm, () => 0);
  // @ts-expect-error null is not how it is told nothing new
  new Session(arm, () => null);
  // @ts-expect-error nor texts
  new Session(arm, () => ['0', '0', '0', '0', '0', '0', '0']);
  // @ts-expect-error the state has libfranka's names
  new Session(arm, ({ jointPositions }) => jointPositions);
  // @ts-expect-error run() checks as a session does
  run(rover, ({ distance }) => distance, { durationS: 1 });
  // @ts-expect-error this is no robot
  new Session({ observe: () => 1, act: () => undefined }, () => 1);
  // @ts-expect-error there is no such option
  new Session(arm, ({ q_d }) => q_d, { rate: 1000 });
  // @ts-expect-error a rate is a number
  new Session(arm, ({ q_d }) => q_d, { rateHz: '1000' });
  // @ts-expect-error a duration belongs to run()
  new Session(arm, ({ q_d }) => q_d, { durationS: 1 });
  // @ts-expect-error a late policy brings the arm to rest, or ends the session
  new Session(arm, ({ q_d }) => q_d, { onLate: 'pause' });
  // @ts-expect-error there is no such control mode
  Franka.connect('127.0.0.1', { control: 'cartesian' });
  const session = new Session(arm, ({ q_d }) => q_d);
  // @ts-expect-error there is no such event
  session.on('paused', () => undefined);
  // @ts-expect-error resting comes with its cycle
  session.on('resting', ({ reason }) => reason);
  // @ts-expect-error stats cannot be changed
  session.stats.iterations = 0;
  // @ts-expect-error nor a state's fields be replaced
  new RobotState(new Float64Array(1)).q = new Float64Array(7);
}

const UPRIGHT: Pose = { xyz: [0.3, 0, 0.5], quat: [1, 0, 0, 0] };

export async function actionsOfEachControl(): Promise<void> {
  const velocity = await Franka.connect('arm');
  velocity.control satisfies 'jointVelocity';
  new Session(velocity, () => [0, 0, 0, 0, 0, 0, 0]);
  new Session(velocity, ({ q_d }) => q_d.map((q) => q + 1));
  // Lists whose length the compiler does not know.
  new Session(velocity, ({ q_d }) => Array.from(q_d, (q) => q + 1));
  new Session(velocity, ({ q_d }) => [0, ...q_d.slice(1)]);
  new Session(velocity, () => new Float32Array(7));
  // @ts-expect-error three numbers are no velocities of seven joints
  new Session(velocity, () => [0, 0, 0]);
  // @ts-expect-error nor does a promise make them so
  new Session(velocity, async () => [0, 0, 0]);
  // @ts-expect-error eight are too many
  run(velocity, () => [0, 0, 0, 0, 0, 0, 0, 0]);
  // @ts-expect-error a joint has no pose
  new Session(velocity, () => UPRIGHT);

  const pose = await Franka.connect('arm', { control: 'cartesianPose' });
  pose satisfies Franka<'cartesianPose'>;
  new Session(pose, () => UPRIGHT);
  new Session(pose, ({ O_T_EE_c }) => O_T_EE_c);
  new Session(pose, ({ O_T_EE_c }) => ({ ...poseOf(O_T_EE_c), xyz: [0.3, 0, 0.5] }));
  // @ts-expect-error three numbers are no pose
  new Session(pose, () => [0.3, 0, 0.5]);
  // @ts-expect-error nor are seven: a place and a quaternion are { xyz, quat }
  run(pose, () => [0.3, 0, 0.5, 1, 0, 0, 0]);
  // @ts-expect-error a quaternion has four numbers
  new Session(pose, () => ({ xyz: [0.3, 0, 0.5], quat: [0, 0, 0] }));
  // @ts-expect-error a pose has a quaternion
  new Session(pose, () => ({ xyz: [0.3, 0, 0.5] }));
  // @ts-expect-error the elbow is commanded where it was asked for
  new Session(pose, () => ({ ...UPRIGHT, elbow: 0 }));

  const twist = await Franka.connect('arm', { control: 'cartesianVelocity' });
  new Session(twist, () => [0, 0, 0, 0, 0, 0]);
  // @ts-expect-error a twist has six numbers
  new Session(twist, () => [0, 0, 0, 0, 0, 0, 0]);

  const bent = await Franka.connect('arm', { control: 'cartesianTarget', elbow: true });
  new Session(bent, () => ({ ...UPRIGHT, elbow: 0.1 }));
  // @ts-expect-error the elbow belongs to it
  new Session(bent, () => UPRIGHT);

  const outside = { control: 'cartesianPose', impedance: 'external' } as const;
  const torques = await Franka.connect('arm', outside);
  new Session(torques, () => ({ ...UPRIGHT, tau_J: [0, 0, 0, 0, 0, 0, 0] }));
  // @ts-expect-error the torques are seven
  new Session(torques, () => ({ ...UPRIGHT, tau_J: [0, 0, 0, 0, 0, 0] }));

  const soft = await Franka.connect('arm', { control: 'jointPosition', impedance: {} });
  new Session(soft, () => [0, 0, 0, 0, 0, 0, 0]);
  // @ts-expect-error a law of this package has no torques of the policy's
  new Session(soft, () => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
}

/** An arm with a control that only the program knows takes what any control takes. */
export async function anyControl(
  options: FrankaOptions,
  control: FrankaControl,
  onPoses: (robot: Franka<'cartesianPose'>) => void,
): Promise<Franka> {
  const robot: Franka = await Franka.connect('arm', options);
  new Session(robot, ({ q_d }) => q_d);
  new Session(await Franka.connect('arm', { control }), () => UPRIGHT);
  // @ts-expect-error no control takes three numbers
  new Session(robot, () => [0, 0, 0]);
  onPoses(await Franka.connect('arm', { control: 'cartesianPose', elbow: true }));
  // @ts-expect-error this arm's actions are torques
  onPoses(await Franka.connect('arm', { control: 'torque' }));
  return Franka.connect('arm', { control: 'cartesianPose' });
}

/** A program's own code that is generic over what robots do. */
export class Wrapper<Observation, Action> {
  readonly session: Session<Observation, Action>;
  constructor(robot: AnyRobot<Observation, Action>, policy: AnyPolicy<Observation, Action>) {
    this.session = new Session(robot, policy);
  }
}

export async function poses(model: FrankaModel): Promise<void> {
  await arm.moveTo(UPRIGHT);
  await arm.moveTo([0, 0, 0, 0, 0, 0, 0.1], { relative: true });
  await arm.setEE({ xyz: [0, 0, 0.1], quat: [0, 0, 0, 1] });
  model.pose('endEffector', { q: [0, 0, 0, 0, 0, 0, 0], F_T_EE: UPRIGHT });
  // @ts-expect-error neither joints nor a pose
  await arm.moveTo([0, 0, 0]);
  // @ts-expect-error home is a place of its own
  await arm.home({ relative: true });
  // @ts-expect-error a frame is a pose
  await arm.setK([0, 0, 0.1]);
  // @ts-expect-error a stiffness a direction
  await arm.setCartesianImpedance([1000, 1000, 1000]);
}

export async function former(hand: FrankaHand): Promise<void> {
  new Session(arm, ({ q_d }) => q_d, { onLate: 'hold' });
  const { widthM, maxWidthM, width, max_width } = await hand.state();
  console.log(widthM - width, maxWidthM - max_width);
}

/** Each name of the native side is in the public declarations. */
export function declared(
  fault: FaultName,
  field: RecordField,
  counter: SimulatorCounter,
): [SimulatorFault['kind'], keyof TickRecord, keyof SimulatorCounters] {
  return [fault, field, counter];
}

/** A fault of the arm can wait for a cycle; one of a connection cannot. */
export const faults: readonly SimulatorFault[] = [
  { kind: 'push', torquesNm: [0, 0, 0, 0, 0, 0, 0], atCycle: 5 },
  { kind: 'die' },
  { kind: 'handDie' },
  // @ts-expect-error the hand has no cycles
  { kind: 'handDie', atCycle: 5 },
  // @ts-expect-error no motion runs while a client connects
  { kind: 'rejectConnect', version: 3, atCycle: 5 },
];

/** The code of whatever was thrown. */
export function codes(thrown: unknown): KilohertzErrorCode | undefined {
  if (!isKilohertzError(thrown)) return undefined;
  const error: AnyKilohertzError = thrown;
  switch (error.code) {
    case 'FRANKA_REFLEX':
    case 'OPTION_RATE_HZ':
      return error.code;
    // @ts-expect-error there is no such code
    case 'FRANKA_REFLEXES':
      return undefined;
    default:
      return 'POLICY_THREW';
  }
}

// A proxy of an object in another process has its members, at every depth, and what is readonly stays so.
interface Planner {
  gain: number;
  readonly planned: number;
  label: string | undefined;
  limits: { reach: number; readonly frame: { name: string } };
  readonly tool: { mass: number; readonly serial: string; weigh(g: number): { value: number } };
  readonly plan: (start: Float64Array, done?: boolean) => Promise<Float64Array>;
  steps(count: number): Generator<number>;
  toString(): string;
}

export async function members(planner: ProcessProxy<Planner>): Promise<void> {
  const [gain, planned, mass]: number[] = [
    await planner.gain,
    await planner.planned,
    await planner.tool.mass,
  ];
  const names: string[] = [await planner.limits.frame.name, await planner.tool.serial];
  const label: string | undefined = await planner.label;
  const limits: { reach: number } = await planner.limits;
  const weighed: { value: number } = await planner.tool.weigh(9.81);
  const limited: { value: number } = await planner.tool.weigh.with({ timeoutS: 1 })(9.81);
  const path: Float64Array = await planner.plan(new Float64Array(7));
  for await (const step of planner.steps(3)) void (step satisfies number);
  void [gain, planned, mass, names, label, limits, weighed, limited, path, `${planner}`];
  planner.gain = 2;
  planner.limits.reach = 0.8;
  planner.limits = { reach: 0.8, frame: { name: 'base' } };
  planner.tool.mass = 0.7;
  planner.label = undefined;
  // @ts-expect-error it is readonly there
  planner.planned = 1;
  // @ts-expect-error it is readonly there
  planner.tool.serial = 'A1';
  // @ts-expect-error it is readonly there
  planner.tool = { mass: 1, serial: 'A1', weigh: () => ({ value: 1 }) };
  // @ts-expect-error a method is not assigned
  planner.steps = function* () {};
  // @ts-expect-error a text is no number
  planner.tool.mass = '1 kg';
  // @ts-expect-error there is none
  await planner.tool.colour;
  // @ts-expect-error it takes a number
  await planner.tool.weigh('9.81');
  // @ts-expect-error it must be awaited
  planner.planned + 1;
  // @ts-expect-error it must be awaited
  planner.tool.mass.toFixed(2);
}
