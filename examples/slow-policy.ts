// A policy that decides 30 times a second, in steps, as one behind a camera does; the arm moves
// smoothly all the same. Without an address it drives a simulated arm:
//
//   node dist/examples/slow-policy.js [ADDRESS]

import { Franka, FrankaSimulator, type RobotState, run } from 'kilohertz';

/** Where joint 1 is to be, one after the other, from where it stands [rad]. */
const PLACES: readonly number[] = [0, 0.1, 0.2, 0.3, 0.2, 0];
const STAY_S = 0.6;

const [address] = process.argv.slice(2);
await using simulator = address === undefined ? await FrankaSimulator.start() : undefined;
await using robot = await Franka.connect(address ?? simulator?.address ?? '', {
  control: 'jointTarget',
});
const start = (await robot.state()).q_d.slice();
let fastest = 0;
let last = start[0] ?? 0;

const stats = await run(
  robot,
  (state: RobotState, { timeS }) => {
    fastest = Math.max(fastest, Math.abs(state.dq_d[0] ?? 0));
    last = state.q[0] ?? 0;
    const target = start.slice();
    target[0] = (start[0] ?? 0) + (PLACES[Math.floor(timeS / STAY_S)] ?? 0);
    return target;
  },
  { rateHz: 30, durationS: PLACES.length * STAY_S + 1 },
);

console.log(`asked ${stats.policyAsks} times, ${stats.policyRateHz.toFixed(1)} Hz`);
console.log(`commanded ${stats.iterations} times, ${stats.lateActions} answers late`);
console.log(
  `joint 1 went up to ${fastest.toFixed(2)} rad/s and is ${(last - (start[0] ?? 0)).toFixed(4)} rad off`,
);
console.log(stats.firstViolation ?? 'every limit kept');
