// The main job, end to end: a policy in TypeScript drives an arm at 1 kHz for 10 s, and half-way
// the event loop is blocked for 300 ms on purpose. With --dashboard it does so on a page in the browser.

import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import {
  Franka,
  FrankaSimulator,
  KilohertzError,
  type RobotState,
  Session,
  type SessionStats,
  type Tick,
} from 'kilohertz';
import { idleGaps, longestGap } from './gaps.ts';
import { AMPLITUDE, out } from './motion.ts';
import { type Answers, type Result, report, toJson } from './report.ts';
import { show } from './show.ts';
import { duration, Progress, table } from './terminal.ts';

const DURATION_S = 10;
const BLOCK_MS = 300;
/** How often the event loop is blocked while a page shows the arm [s]. */
const BLOCK_EVERY_S = 3;
/** How far from where it should be the arm may end [rad]. */
const TOLERANCE_RAD = 0.005;
/** How long it is looked how fast answers are, once each way. */
const ANSWERS_S = 1;
/** How fast the policy closes in on its path [1/s]. */
const GAIN = 2;
const STILL = new Float64Array(7);

const USAGE = `kilohertz demo [--json | --dashboard [--open] [--seconds N]] [--robot fr3|fer|ADDRESS [--yes]]
In a clone of the repository: npm run demo -- and the same options

  --json            print the result as JSON, and nothing else
  --dashboard       show the arm on a page in the browser, until it is stopped there or by Ctrl+C;
                    outside of a terminal for ${DURATION_S} s
  --open            show it, and open the page in a browser
  --seconds N       show it for so many seconds
  --robot fr3|fer   which arm to simulate; fr3 unless said otherwise
  --robot ADDRESS   drive a real arm instead
  --yes             do not ask before a real arm moves`;

/** The policy: joint velocities along the path, and back to it when off. One that goes on takes the path again and again. */
function followPath(
  start: Float64Array,
  goesOn = false,
): (state: RobotState, tick: Tick) => Float64Array {
  const velocity = new Float64Array(7);
  return ({ q_d }, { timeS }) => {
    const { way, speed } = out(goesOn ? (timeS / DURATION_S) % 1 : timeS / DURATION_S);
    for (let joint = 0; joint < 7; joint += 1) {
      const amplitude = AMPLITUDE[joint] ?? 0;
      const wanted = (start[joint] ?? 0) + amplitude * way;
      velocity[joint] = (amplitude * speed) / DURATION_S + GAIN * (wanted - (q_d[joint] ?? 0));
    }
    return velocity;
  };
}

/** Keeps the whole thread busy, as a long synchronous call would. */
function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** How long the policy's answers take, with the cores kept awake or left alone, while the arm stands. */
async function answers(robot: Franka, keepAwake: 'auto' | false): Promise<Answers> {
  const session = new Session(robot, () => STILL, {
    recordTicks: 2 * ANSWERS_S * 1000,
    realtime: { keepAwake },
  });
  await session.run({ durationS: ANSWERS_S });
  const inTime = session.takeRecords().filter(({ kind }) => kind === 'fresh');
  const tookS = inTime.map(({ askedS, answeredS }) => answeredS - askedS).sort((a, b) => a - b);
  const share = (of: number): number => tookS[Math.floor(of * (tookS.length - 1))] ?? Number.NaN;
  const { threads = 0, reason = '' } = session.realtime?.keepAwake ?? {};
  const heldOff = session.realtime?.idleLatencyUs.granted ? 'idle states held off' : undefined;
  const busy = threads > 0 ? `${threads} core${threads > 1 ? 's' : ''} kept busy` : undefined;
  const how = [heldOff, busy].filter((word) => word !== undefined).join(', ') || 'left alone';
  return { p50S: share(0.5), p99S: share(0.99), how, reason };
}

async function drive(
  robot: Franka,
  simulator: FrankaSimulator | undefined,
  quiet: boolean,
): Promise<Result> {
  const start = (await robot.state()).q_d.slice();
  const policy = followPath(start);
  let position = 0;
  let reachedRad = 0;
  const session = new Session(
    robot,
    (state, tick) => {
      position = (state.q[0] ?? 0) - (start[0] ?? 0);
      reachedRad = Math.max(reachedRad, position);
      return policy(state, tick);
    },
    { rateHz: 1000, recordTicks: 2 * DURATION_S * 1000 },
  );

  const progress = new Progress(process.stdout);
  const blocked = { fromTick: 0, toTick: 0, lost: 0 };
  const blockOnce = (): void => {
    const lost = simulator?.counters().commandsLost ?? 0;
    blocked.fromTick = session.stepCount;
    block(BLOCK_MS);
    blocked.toTick = session.stepCount;
    blocked.lost = (simulator?.counters().commandsLost ?? 0) - lost;
    if (quiet) return;
    progress.end();
    console.log(`  the event loop was blocked for ${BLOCK_MS} ms just now`);
  };

  const started = once(session, 'start');
  const running = session.run({ durationS: DURATION_S });
  await Promise.race([started, running]);
  setTimeout(blockOnce, (DURATION_S / 2) * 1e3).unref();
  // Its end is awaited below; a failure before that must not be told twice.
  running.catch(() => undefined);
  for await (const stats of session.snapshots({ intervalS: 0.25 })) {
    if (!quiet) progress.update(progressLine(stats, position));
  }
  progress.end();
  const stats = await running;

  const { q } = simulator ? simulator.joints() : await robot.state();
  const endErrorRad = Math.max(...start.map((rad, joint) => Math.abs(rad - (q[joint] ?? 0))));
  const records = session.takeRecords();
  const realtime = realtimeOf(session);
  const leftAlone = await answers(robot, false);
  const keptAwake = await answers(robot, 'auto');
  const { fromTick, toTick } = blocked;
  const name = robot.generation.toUpperCase();
  const idle = idleGaps(records, Math.max(toTick - fromTick, 1), fromTick, toTick);
  const problems = problemsOf(stats, { endErrorRad, reachedRad, blockedTicks: toTick - fromTick });
  return {
    sound: problems.length === 0,
    problems,
    robot: simulator ? `simulated ${name}, over TCP and UDP` : `${name} at ${robot.address}`,
    durationS: DURATION_S,
    stats,
    jitter: session.histogram('jitter'),
    block: { ms: BLOCK_MS, fromTick, toTick },
    longestGapS: {
      blocked: longestGap(records, fromTick, toTick),
      idleMedian: idle[Math.floor(idle.length / 2)] ?? Number.NaN,
      idleWorst: idle.at(-1) ?? Number.NaN,
    },
    commandsLost: simulator && { blocked: blocked.lost, all: simulator.counters().commandsLost },
    endErrorRad,
    reachedRad,
    realtime,
    answers: { leftAlone, keptAwake },
  };
}

function progressLine(stats: SessionStats, position: number): string {
  const seconds = (stats.iterations * stats.avgPeriodS).toFixed(1);
  const rate = stats.avgPeriodS > 0 ? (1 / stats.avgPeriodS).toFixed(1) : '0';
  return (
    `  ${seconds.padStart(4)} s  ${rate} Hz  joint 1 at ${position.toFixed(3)} rad  ` +
    `p99 jitter ${duration(stats.p99JitterS)}  late ${stats.lateActions}`
  );
}

/** What was not as it must be. Lateness is not among it: the machine may be busy. */
function problemsOf(
  stats: SessionStats,
  found: { endErrorRad: number; reachedRad: number; blockedTicks: number },
): string[] {
  const problems: string[] = [];
  const expected = DURATION_S * 1000;
  if (stats.iterations + stats.missedTicks < 0.9 * expected) {
    problems.push(`${stats.iterations} iterations; ${expected} were due`);
  }
  if (found.blockedTicks < 0.5 * BLOCK_MS) {
    problems.push(`the loop made ${found.blockedTicks} cycles in the ${BLOCK_MS} ms of the block`);
  }
  const way = Math.max(...AMPLITUDE);
  if (Math.abs(found.reachedRad - way) > 0.05 * way) {
    problems.push(`joint 1 went ${found.reachedRad.toFixed(3)} rad; ${way} were due`);
  }
  if (found.endErrorRad > TOLERANCE_RAD) {
    problems.push(`the arm ended ${found.endErrorRad.toFixed(4)} rad from where it should`);
  }
  return problems;
}

function realtimeOf(session: Session<RobotState, ArrayLike<number>>): string {
  const priority = session.realtime?.priority;
  if (priority?.granted) return `SCHED_FIFO ${priority.asked}`;
  return `ordinary scheduling (${priority?.reason ?? 'not asked for more'})`;
}

async function isConfirmed(address: string, goesOn: boolean): Promise<boolean> {
  const reach = AMPLITUDE.flatMap((rad, joint) => (rad ? [`joint ${joint + 1} ${rad} rad`] : []));
  console.error(
    `
  This moves the REAL ARM at ${address}, from where it stands now:
  ${reach.join(', ')}; out and back within ${DURATION_S} s${goesOn ? ', again and again' : ''}.
  Clear its way. Keep a hand on the emergency stop.
`,
  );
  if (!process.stdin.isTTY) {
    console.error('  Nobody is here to confirm that: run it in a terminal, or add --yes.');
    return false;
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question('  Type "move" to go on: ');
  terminal.close();
  return answer.trim() === 'move';
}

/** For how long a page shows the arm [s]; undefined: until it is stopped. */
function shownForS(seconds: string | undefined): number | undefined {
  if (seconds === undefined) return process.stdout.isTTY ? undefined : DURATION_S;
  const durationS = Number(seconds);
  if (durationS > 0 && durationS <= 1e6) return durationS;
  throw new Error(`--seconds is ${seconds}; expected a number above 0, as in --seconds 60`);
}

/** Shows the arm on a page. Returns what is told at the end. */
async function showOnPage(
  robot: Franka,
  simulator: FrankaSimulator | undefined,
  { durationS, open }: { durationS: number | undefined; open: boolean },
): Promise<string> {
  const end =
    durationS === undefined
      ? 'the stop on the page or Ctrl+C'
      : `the stop on the page, or ${durationS} s`;
  console.log(`\n  A policy in TypeScript drives the arm at ${robot.address}.`);
  console.log(
    `  Every ${BLOCK_EVERY_S} s the event loop is blocked for ${BLOCK_MS} ms: a band on the page.`,
  );
  console.log(`  It ends by ${end}.\n`);
  const { stats, isStopped } = await show(robot, {
    policy: followPath((await robot.state()).q_d.slice(), true),
    durationS,
    open,
    block: () => block(BLOCK_MS),
    everyS: BLOCK_EVERY_S,
  });
  const { iterations, heldCommands, restCommands, followedCommands } = stats;
  const rows: [string, string][] = [
    ['cycles', `${iterations}, ${stats.missedTicks} missed`],
    [
      'held commands',
      `${heldCommands}, then ${restCommands} at rest, ${followedCommands} followed`,
    ],
    ['limits', stats.firstViolation ?? 'kept by every action'],
  ];
  if (simulator) rows.push(['commands lost', `${simulator.counters().commandsLost}`]);
  return `  ${isStopped ? 'Stopped' : 'The time is over'}: the arm is at rest.\n\n${table(rows)}`;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      dashboard: { type: 'boolean', default: false },
      open: { type: 'boolean', default: false },
      seconds: { type: 'string' },
      robot: { type: 'string' },
      yes: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const { json, open, robot: asked = 'fr3' } = values;
  const isShown = values.dashboard || open || values.seconds !== undefined;
  if (isShown && json) throw new Error(`--json and --dashboard do not go together\n\n${USAGE}`);
  const durationS = isShown ? shownForS(values.seconds) : DURATION_S;
  const generation = asked === 'fr3' || asked === 'fer' ? asked : undefined;
  if (generation === undefined && !values.yes && !(await isConfirmed(asked, isShown))) return 2;
  // A machine that draws the page too may stall for longer than a real arm forgives. What is lost is told at the end.
  const patience = isShown ? { lostPacketLimit: 1000 } : {};
  const simulator = generation && (await FrankaSimulator.start({ generation, ...patience }));
  try {
    const robot = await Franka.connect(simulator?.address ?? asked);
    try {
      if (isShown) {
        console.log(await showOnPage(robot, simulator, { durationS, open }));
        return 0;
      }
      if (!json) {
        console.log(`\n  A policy in TypeScript drives the arm at ${robot.address}, 1 kHz, 10 s.`);
        console.log(`  After 5 s the event loop is blocked for ${BLOCK_MS} ms.\n`);
      }
      const result = await drive(robot, simulator, json);
      console.log(json ? toJson(result) : report(result));
      return result.sound ? 0 : 1;
    } finally {
      await robot.close();
    }
  } finally {
    await simulator?.stop();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  if (error instanceof KilohertzError) console.error(`\n  ${error.code}: ${error.message}`);
  else console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
