// Moves an arm home, to a place, to a pose, and stops it on the way. Without an address it is a
// simulated arm; a real one needs room around it:
//
//   node dist/examples/move-to.js [ADDRESS]

import { Franka, FrankaSimulator, type MoveProgress } from 'kilohertz';
import { Progress, table } from './terminal.ts';

const [address] = process.argv.slice(2);
await using simulator = address === undefined ? await FrankaSimulator.start() : undefined;
await using robot = await Franka.connect(address ?? simulator?.address ?? '');
const speed = 0.3;
const rows: [string, string][] = [];
const line = new Progress(process.stderr);

async function move(name: string, goal: ArrayLike<number> | 'home'): Promise<void> {
  let took = 0;
  const onProgress = ({ elapsedS, durationS, share }: MoveProgress): void => {
    took = durationS;
    line.update(`${name}: ${elapsedS.toFixed(1)} s, ${(100 * share).toFixed(0)} %`);
  };
  await (goal === 'home'
    ? robot.home({ speed, onProgress })
    : robot.moveTo(goal, { speed, onProgress }));
  rows.push([name, `${took.toFixed(2)} s`]);
}

await move('home', 'home');
await move('joint positions', [0.4, -0.5, 0.2, -2.0, 0.1, 1.8, 0.5]);
const pose = (await robot.state()).O_T_EE_d.slice();
pose[14] = (pose[14] ?? 0) - 0.1;
await move('10 cm down', pose);
const down = (await robot.state()).O_T_EE_d[14] ?? 0;
rows.push(['height off', `${(1e3 * Math.abs(down - (pose[14] ?? 0))).toFixed(3)} mm`]);

const stopped = await robot
  .home({ speed, signal: AbortSignal.timeout(400) })
  .then(() => 'it was there before')
  .catch((error: Error) => error.name);
const { dq } = await robot.state();
rows.push(['home, stopped after 0.4 s', stopped]);
rows.push(['speed then', `${Math.max(...dq.map(Math.abs)).toFixed(3)} rad/s`]);
line.end();
console.log(table(rows));
