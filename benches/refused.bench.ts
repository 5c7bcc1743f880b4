// What asks too much is refused, and what is smooth is not, by policies in JavaScript on the wall clock:
// 100 runs each, half of them beside two busy processes. Bar: 100 of 100 refused, the arm not moved;
// of smooth policies, 25 runs in each control mode beside busy processes, none refused.

import { type ChildProcess, spawn } from 'node:child_process';
import { once as event } from 'node:events';
import {
  Franka,
  type FrankaControl,
  FrankaSimulator,
  InvalidActionError,
  type RobotState,
  Session,
  type Tick,
} from 'kilohertz';
import { keep, once, type Row, show } from './rows.ts';

const RUNS = once ? 2 : 100;
const SMOOTH_RUNS = once ? 1 : 25;
/** Not about lost commands: a stalled machine loses some. */
const PATIENT = { lostPacketLimit: 10_000 };

type Policy = (state: RobotState, tick: Tick) => number[];

const zeros = (length: number): number[] => new Array<number>(length).fill(0);

/** What asks for nothing, in each mode. */
const STILL: Record<FrankaControl, (state: RobotState) => number[]> = {
  jointPosition: ({ q_d }) => [...q_d],
  jointTarget: ({ q_d }) => [...q_d],
  cartesianPose: ({ O_T_EE_c }) => [...O_T_EE_c],
  cartesianTarget: ({ O_T_EE_c }) => [...O_T_EE_c],
  jointVelocity: () => zeros(7),
  cartesianVelocity: () => zeros(6),
  torque: () => zeros(7),
};

/** A policy for one run, whose actions are those that ask for nothing with `by` added in `slot`. */
function added(control: FrankaControl, slot: number, by: (tick: Tick) => number): () => Policy {
  return () => {
    let start: number[] | undefined;
    return (state, tick) => {
      start ??= STILL[control](state);
      const action = [...start];
      action[slot] = (action[slot] ?? 0) + by(tick);
      return action;
    };
  };
}

const zigzag = ({ tick }: Tick): number => (tick % 2 === 0 ? 2e-3 : -2e-3);

const ASKING: readonly (readonly [FrankaControl, string, () => Policy])[] = [
  ['jointPosition', 'first 0.3 rad off', added('jointPosition', 0, () => 0.3)],
  ['cartesianPose', 'first 0.3 m off', added('cartesianPose', 13, () => 0.3)],
  ['jointVelocity', 'first 0.5 rad/s off', added('jointVelocity', 0, () => 0.5)],
  ['cartesianVelocity', 'first 0.5 m/s off', added('cartesianVelocity', 1, () => 0.5)],
  ['torque', 'first 5 N m off', added('torque', 1, () => 5)],
  ['jointPosition', 'zigzag of 2 mrad', added('jointPosition', 5, zigzag)],
  ['cartesianPose', 'zigzag of 2 mm', added('cartesianPose', 12, zigzag)],
];

/** A slow swing that begins and ends at rest, and its rate. */
function swing(timeS: number): readonly [way: number, rate: number] {
  const turn = 2 * Math.PI * Math.min(timeS / 1.6, 1);
  return [0.05 * (1 - Math.cos(turn)), (0.05 * 2 * Math.PI * Math.sin(turn)) / 1.6];
}

const SMOOTH: readonly (readonly [FrankaControl, string, () => Policy])[] = [
  ['jointPosition', 'smooth', added('jointPosition', 0, ({ timeS }) => ramped(timeS, 0))],
  ['jointTarget', 'smooth', added('jointTarget', 0, ({ timeS }) => ramped(timeS, 0))],
  ['jointVelocity', 'smooth', added('jointVelocity', 0, ({ timeS }) => ramped(timeS, 1))],
  ['cartesianPose', 'smooth', added('cartesianPose', 13, ({ timeS }) => ramped(timeS, 0))],
  ['cartesianTarget', 'smooth', added('cartesianTarget', 13, ({ timeS }) => ramped(timeS, 0))],
  ['cartesianVelocity', 'smooth', added('cartesianVelocity', 1, ({ timeS }) => ramped(timeS, 1))],
  ['torque', 'smooth', added('torque', 6, ({ timeS }) => 2 * ramped(timeS, 0))],
];

/** The swing, which begins without a jolt. */
function ramped(timeS: number, order: 0 | 1): number {
  const [way, rate] = swing(timeS);
  const share = Math.min(timeS / 0.4, 1);
  const [ramp, slope] = [share * share * (3 - 2 * share), (6 * share * (1 - share)) / 0.4];
  return order === 0 ? ramp * way : ramp * rate + (share < 1 ? slope : 0) * way;
}

const busy: ChildProcess[] = [];
async function beBusy(count: number): Promise<void> {
  while (busy.length > count) {
    const child = busy.pop();
    child?.kill('SIGKILL');
    if (child) await event(child, 'exit');
  }
  while (busy.length < count) busy.push(spawn(process.execPath, ['-e', 'for (;;);']));
}

const rows: Row[] = [];
for (const [control, what, policy] of [...ASKING, ...SMOOTH]) {
  const isSmooth = what === 'smooth';
  const simulator = await FrankaSimulator.start(PATIENT);
  const robot = await Franka.connect(simulator.address, { control });
  const from = [...(await robot.state()).q_d];
  let [refused, late, asked, moved] = [0, 0, 0, 0];
  const runs = isSmooth ? SMOOTH_RUNS : RUNS;
  for (let run = 0; run < runs; run += 1) {
    await beBusy(isSmooth || run % 2 === 1 ? 2 : 0);
    const session = new Session(robot, policy(), { warmupS: 0 });
    try {
      await session.run({ durationS: isSmooth ? 2 : 10 });
    } catch (error) {
      if (!(error instanceof InvalidActionError) || error.code !== 'ACTION_LIMIT') throw error;
      refused += 1;
    }
    late += session.stats.lateActions;
    asked += session.stats.policyAsks;
    const to = (await robot.state()).q_d;
    if (!isSmooth)
      moved = Math.max(moved, ...from.map((q, joint) => Math.abs((to[joint] ?? q) - q)));
  }
  const lateShare = Number((late / asked).toFixed(3));
  rows.push({ control, what, runs, refused, lateShare, movedRad: Number(moved.toExponential(1)) });
  await robot.close();
  await simulator.stop();
}
await beBusy(0);

show('refused, of what asks too much and of what is smooth', rows);
const wrong = rows.filter(({ what, runs, refused }) => refused !== (what === 'smooth' ? 0 : runs));
console.log(
  wrong.length === 0 ? 'all as they are to be' : `${wrong.length} rows are not as they are to be`,
);
if (wrong.length > 0) process.exitCode = 1;
keep('refused', rows);
