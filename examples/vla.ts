// A vision-language-action model moves an arm: two cameras and a prompt go to a policy server, chunks of actions come
// back and are played at 1 kHz, the hand follows, and each task is an episode. Without an address it drives a
// simulated arm, and without the URL of a server it starts one that stands in for a model (vla_server.py; needs
// Python 3.9 or newer with openpi-client and websockets, that of VIRTUAL_ENV, or python3):
//
//   node dist/examples/vla.js [ws://SERVER:8000] [ADDRESS]

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  Franka,
  FrankaHand,
  FrankaSimulator,
  KilohertzError,
  openpiPolicy,
  type RobotState,
  resizeImage,
  Session,
  shaped,
} from 'kilohertz';
import { table } from './terminal.ts';

const PROMPTS = ['pick up the cube', 'bring it back'];
/** How long a task may take [s]. */
const LONGEST_S = 15;
const [WIDTH, HEIGHT] = [640, 480];
/** The sides of the pictures that the model sees [px]. */
const SIDE = 224;

/** Stands in for a camera: a picture that changes with where the arm is. Returns it as the model wants it. */
function picture(place: number): Uint8Array {
  const pixels = new Uint8Array(HEIGHT * WIDTH * 3);
  for (let at = 0; at < pixels.length; at += 1) pixels[at] = (at >> 4) + 100 * place;
  return resizeImage(shaped(pixels, [HEIGHT, WIDTH, 3]), { widthPx: SIDE, heightPx: SIDE });
}

/** Starts the server that stands in for a model. */
async function startServer(): Promise<{ url: string; child: ChildProcess }> {
  const { VIRTUAL_ENV: venv } = process.env;
  const python = venv === undefined ? 'python3' : join(venv, 'bin', 'python');
  const file = fileURLToPath(new URL('./vla_server.py', import.meta.url));
  // It ends with its standard input, which ends with this program.
  const child = spawn(python, [file], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { value: url } = await lines.next();
  if (url === undefined) throw new Error('the server has not started');
  return { url, child };
}

async function drive(url: string, address: string | undefined): Promise<void> {
  const object = { objectWidthM: 0.03 };
  await using simulator = address === undefined ? await FrankaSimulator.start(object) : undefined;
  const place = address ?? simulator?.address ?? '';
  await using robot = await Franka.connect(place, { control: 'jointPosition' });
  await using hand = await FrankaHand.connect(place);
  let [prompt = ''] = PROMPTS;
  let done = (): void => undefined;

  await using policy = await openpiPolicy(url, {
    observe: ({ q_d, dq_d }: RobotState) => ({
      'observation/exterior_image': picture(q_d[0] ?? 0),
      'observation/wrist_image': picture(q_d[6] ?? 0),
      'observation/joint_position': q_d,
      'observation/joint_velocity': dq_d,
      prompt,
    }),
    actions: (answer) => {
      if (Reflect.get(Object(answer.value), 'done') === true) done();
      return answer.array('actions', [null, 8]);
    },
    dtS: 1 / 30,
    // The eighth number: 1 closes the hand.
    gripper: { hand, unit: 'openness', inverted: true },
  });
  console.log(`  ${new URL(url).host}: ${JSON.stringify(policy.metadata)}`);

  const session = new Session(robot, policy);
  await session.start();
  const ended = once(session, 'stop'); // rejects with the error of the session
  ended.catch(() => undefined);
  const rows: [string, string][] = [];
  for (const task of PROMPTS) {
    prompt = task;
    const isDone = new Promise<boolean>((resolve) => {
      done = () => resolve(true);
    });
    const episode = session.episode({ task });
    const limit = new AbortController();
    const overdue = sleep(LONGEST_S * 1e3, false, { signal: limit.signal }).catch(() => false);
    const isSuccess = await Promise.race([isDone, overdue, ended.then(() => false)]);
    limit.abort();
    episode.end(isSuccess ? 'success' : 'failure');
    rows.push([task, isSuccess ? 'done' : 'not done']);
  }
  await session.stop();
  session.checkHealth();
  const { stats } = session;

  const ms = (seconds: number): string => `${(seconds * 1e3).toFixed(0)} ms`;
  const { answers, losses } = policy.stats;
  console.log(
    table([
      ...rows,
      ['chunks', `${stats.chunks}, and ${stats.iterations} commands`],
      ['latency p50 / p99', `${ms(stats.p50ChunkLatencyS)} / ${ms(stats.p99ChunkLatencyS)}`],
      ['the server', `${answers} answers, lost ${losses} times`],
      ['the hand', `${stats.gripperCommands} commands, ${stats.gripperFailures} failed`],
      ['cycles without a chunk', `${stats.starvedCycles}`],
    ]),
  );
  if (rows.some(([, outcome]) => outcome !== 'done')) {
    throw new Error('NOT SOUND: not every task was done');
  }
}

async function main(): Promise<void> {
  const words = process.argv.slice(2);
  const url = words.find((word) => word.includes('://'));
  const address = words.find((word) => !word.includes('://'));
  if (url !== undefined) return drive(url, address);
  const server = await startServer();
  try {
    await drive(server.url, address);
  } finally {
    server.child.stdin?.end();
  }
}

try {
  await main();
} catch (error) {
  const code = error instanceof KilohertzError ? `${error.code}: ` : '';
  console.error(`  ${code}${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
