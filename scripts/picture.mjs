// Draws the pictures of the README, docs/pictures/run.svg and arm.svg, from a run against the simulator: a policy
// on the main thread drives the arm at 1 kHz, and in mid-motion the main thread is blocked for 300 ms.
//
//   npm run picture
//   npm run picture -- page        the pictures of the page in a browser instead: page-picture.mjs
//   npm run picture -- report      a session's report and its picture instead: report-picture.mjs
//
// The simulator has a thread of its own here, so that what the arm does is sampled while this thread is blocked.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { Franka, FrankaModel, FrankaSimulator, Session } from '../dist/index.js';
import { picturesOfPage } from './page-picture.mjs';
import { pictureOfReport } from './report-picture.mjs';
import { orExplain, root } from './toolchain.mjs';

const DURATION_S = 3;
const BLOCK_AT_S = 0.6;
const BLOCK_S = 0.3;
/** Where the arm starts, and how far each joint goes and comes back [rad]. */
const START = [-0.5, -Math.PI / 4, 0, (-3 * Math.PI) / 4, 0, Math.PI / 2, Math.PI / 4];
const WAY = [1.1, 0.4, 0, 0.5, 0, 0.1, 0];
/** How fast the policy closes in on its path [1/s]. */
const GAIN = 2;
/** So many runs are made. */
const RUNS = 10;

/** Where joint `joint` is to be [rad], and how fast it is to turn there [rad/s]. */
function path(joint, timeS) {
  const phase = (2 * Math.PI * Math.min(timeS, DURATION_S)) / DURATION_S;
  return {
    position: START[joint] + (WAY[joint] * (1 - Math.cos(phase))) / 2,
    velocity: (WAY[joint] * Math.PI * Math.sin(phase)) / DURATION_S,
  };
}

/** Runs on the simulator's thread: serves the arm, and samples how it truly moves. */
async function simulate() {
  const simulator = await FrankaSimulator.start({ q: START });
  const samples = [];
  const timer = setInterval(() => {
    samples.push({ ...simulator.joints(), lost: simulator.counters().commandsLost });
  }, 2);
  parentPort.on('message', async () => {
    clearInterval(timer);
    await simulator.stop();
    parentPort.postMessage(samples);
    parentPort.close();
  });
  parentPort.postMessage(simulator.address);
}

const next = (worker) => new Promise((resolve) => worker.once('message', resolve));

/** Makes a run against a simulator of its own. */
async function drive() {
  const worker = new Worker(new URL(import.meta.url));
  try {
    return await driveAt(worker);
  } finally {
    await worker.terminate();
  }
}

/** Drives the arm; returns what was commanded and measured, by the arm's time since the motion's first cycle. */
async function driveAt(worker) {
  const robot = await Franka.connect(await next(worker));
  const velocity = new Float64Array(7);
  let firstS;
  let blocked = false;
  function policy({ time, q_d }, { timeS }) {
    firstS ??= time;
    for (let joint = 0; joint < 7; joint += 1) {
      const wanted = path(joint, timeS);
      velocity[joint] = wanted.velocity + GAIN * (wanted.position - q_d[joint]);
    }
    if (timeS >= BLOCK_AT_S && !blocked) {
      blocked = true;
      setImmediate(() => {
        const end = performance.now() + BLOCK_S * 1e3;
        while (performance.now() < end);
      });
    }
    return velocity;
  }
  const session = new Session(robot, policy, {
    deadlineS: 0.0008,
    recordTicks: 2_000 * DURATION_S,
  });
  const stats = await session.run({ durationS: DURATION_S + 0.2 });
  const records = session.takeRecords().map(({ tick, kind, action }) => ({
    timeS: tick / 1e3,
    kind,
    velocity: Array.from(action),
  }));
  await robot.close();
  worker.postMessage('end');
  const samples = await next(worker);
  const measured = samples
    .map((sample) => ({ ...sample, timeS: sample.timeS - firstS }))
    .filter(({ timeS }) => timeS >= 0 && timeS <= DURATION_S);
  const lostUntil = (timeS) => measured.findLast((sample) => sample.timeS <= timeS)?.lost ?? 0;
  return {
    stats,
    records,
    measured,
    lost: lostUntil(DURATION_S),
    lostWhileBlocked: lostUntil(BLOCK_AT_S + BLOCK_S) - lostUntil(BLOCK_AT_S),
  };
}

/** Colours by what they are for, on a light ground and on a dark one. */
const COLOURS = {
  ground: ['#ffffff', '#161b22'],
  frame: ['#d0d7de', '#30363d'],
  text: ['#1f2328', '#e6edf3'],
  quiet: ['#59636e', '#9198a1'],
  commanded: ['#0969da', '#58a6ff'],
  measured: ['#bc4c00', '#ffa657'],
  followed: ['#1a7f37', '#3fb950'],
  blocked: ['#ffebe9', '#3c1618'],
  alarm: ['#cf222e', '#ff7b72'],
  link: ['#f6f8fa', '#c9d1d9'],
  edge: ['#59636e', '#0d1117'],
  joint: ['#d0d7de', '#8b949e'],
};

function svg(width, height, title, body) {
  const rules = (at) =>
    Object.entries(COLOURS)
      .map(([name, colours]) => `.${name}{fill:${colours[at]}}.${name}-line{stroke:${colours[at]}}`)
      .join('');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" font-family="system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif">
<title>${title}</title>
<style>${rules(0)}path,line{fill:none;stroke-linecap:round;stroke-linejoin:round}@media (prefers-color-scheme: dark){${rules(1)}path,line{fill:none}}</style>
<rect class="ground frame-line" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>
${body.join('\n')}
</svg>
`;
}

const at = (number) => number.toFixed(1);
const text = (x, y, words, { kind = 'quiet', size = 12, anchor = 'start' } = {}) =>
  `<text class="${kind}" x="${at(x)}" y="${at(y)}" font-size="${size}" text-anchor="${anchor}">${words}</text>`;

/** A chart over time: a frame, a grid, and what a value of it is on paper. */
function chart(top, height, { left, width, name, lowest, highest, marks }) {
  const x = (timeS) => left + (timeS / DURATION_S) * width;
  const y = (value) => top + height - ((value - lowest) / (highest - lowest)) * height;
  const body = [text(left, top - 10, name, { kind: 'text', size: 13 })];
  for (const mark of marks) {
    body.push(
      `<line class="frame-line" x1="${at(left)}" x2="${at(left + width)}" y1="${at(y(mark))}" y2="${at(y(mark))}"/>`,
      text(left - 8, y(mark) + 4, String(mark).replace('-', '−'), { anchor: 'end' }),
    );
  }
  const curve = (points, kind, more = '') => {
    const d = points.map(([timeS, value], i) => `${i ? 'L' : 'M'}${at(x(timeS))} ${at(y(value))}`);
    return `<path class="${kind}-line" ${more} d="${d.join('')}"/>`;
  };
  return { x, body, curve };
}

/** Every second point: a pixel has room for no more. */
const thinned = (points) => points.filter((_, index) => index % 4 === 0);

function drawRun({ records, measured, lost, lostWhileBlocked }) {
  const [left, width] = [46, 556];
  const speed = chart(70, 150, {
    ...{ left, width, name: 'velocity of joint 1 [rad/s]', lowest: -1.4, highest: 1.8 },
    marks: [-1, 0, 1],
  });
  const place = chart(268, 100, {
    ...{ left, width, name: 'position of joint 1 [rad]', lowest: -0.6, highest: 0.7 },
    marks: [-0.5, 0, 0.5],
  });
  const { x } = speed;
  const middle = x(BLOCK_AT_S + BLOCK_S / 2);
  const block = `x="${at(x(BLOCK_AT_S))}" width="${at(x(BLOCK_S) - x(0))}"`;
  const kinds = { fresh: 'commanded', followed: 'followed', held: 'quiet', rest: 'alarm' };
  const strip = [];
  let from = 0;
  records.forEach(({ kind, timeS }, index) => {
    const isLast = index === records.length - 1 || timeS >= DURATION_S;
    if (!isLast && records[index + 1].kind === kind) return;
    if (from < DURATION_S) {
      const until = Math.min(timeS + 0.001, DURATION_S);
      strip.push(
        `<rect class="${kinds[kind]}" x="${at(x(from))}" y="386" width="${Math.max(0.4, x(until) - x(from)).toFixed(2)}" height="8"/>`,
      );
    }
    from = timeS + 0.001;
  });
  const legend = [
    ['commanded', 174, 'the policy’s'],
    ['quiet', 276, 'held'],
    ['alarm', 332, 'braked, at rest'],
    ['followed', 456, 'catching up'],
  ].flatMap(([kind, place, name]) => [
    `<rect class="${kind}" x="${place}" y="402" width="10" height="10" rx="2"/>`,
    text(place + 15, 411.5, name),
  ]);
  return svg(620, 424, 'A blocked event loop costs the arm no command', [
    text(left, 28, `300 ms of JavaScript blocked: ${lostWhileBlocked || 'no'} commands lost`, {
      kind: 'text',
      size: 15,
    }),
    `<rect class="blocked" ${block} y="66" height="328"/>`,
    ...speed.body,
    ...place.body,
    speed.curve(
      thinned(measured.map(({ timeS, dq }) => [timeS, dq[0]])),
      'measured',
      'stroke-width="4" opacity="0.6"',
    ),
    speed.curve(
      thinned(records.filter(({ timeS }) => timeS <= DURATION_S)).map((record) => [
        record.timeS,
        record.velocity[0],
      ]),
      'commanded',
      'stroke-width="1.5"',
    ),
    place.curve(
      Array.from({ length: 151 }, (_, index) => [
        (index * DURATION_S) / 150,
        path(0, (index * DURATION_S) / 150).position,
      ]),
      'quiet',
      'stroke-width="1.5" stroke-dasharray="2 4"',
    ),
    place.curve(
      thinned(measured.map(({ timeS, q }) => [timeS, q[0]])),
      'measured',
      'stroke-width="2.5" opacity="0.8"',
    ),
    text(middle, 204, 'JavaScript', { kind: 'alarm', size: 11, anchor: 'middle' }),
    text(middle, 219, 'blocked', { kind: 'alarm', size: 11, anchor: 'middle' }),
    text(x(1.55), 92, 'commanded', { kind: 'commanded', size: 12 }),
    text(x(1.55) + 84, 92, 'measured', { kind: 'measured', size: 12 }),
    text(x(2.16), 282, 'policy’s path, dashed'),
    text(left, 411.5, 'each command was'),
    ...strip,
    ...legend,
    text(left + width, 28, `${DURATION_S} s, ${lost} lost in all`, { anchor: 'end' }),
  ]);
}

const FRAMES = ['joint1', 'joint2', 'joint3', 'joint4', 'joint5', 'joint6', 'joint7', 'flange'];
/** A Franka Hand on the flange: its fingertips are 0.1034 m away, turned by 45 degrees. */
const HAND_LENGTH_M = 0.1034;

/** Where the camera looks from: turned about the vertical axis, then from above [rad]. */
const CAMERA = { turned: -1.0, above: 0.3, scale: 330, x: 86, y: 328 };

/** A place in the base frame [m] on paper, and how near it is. */
function seen([x, y, z]) {
  const [c, s] = [Math.cos(CAMERA.turned), Math.sin(CAMERA.turned)];
  const across = -s * x + c * y;
  const towards = c * x + s * y;
  const [ca, sa] = [Math.cos(CAMERA.above), Math.sin(CAMERA.above)];
  return {
    x: CAMERA.x + CAMERA.scale * across,
    y: CAMERA.y - CAMERA.scale * (ca * z - sa * towards),
    near: ca * towards + sa * z,
  };
}

const shifted = (place, axis, by) => place.map((value, index) => value + by * axis[index]);

/** The capsules that the arm is drawn of: from, to, radius [m], kind. */
function capsules(model, q) {
  const frames = FRAMES.map((name) => {
    const pose = model.pose(name, q);
    const column = (index) => Array.from(pose.subarray(4 * index, 4 * index + 3));
    return { x: column(0), y: column(1), z: column(2), place: column(3) };
  });
  const [j1, j2, j3, j4, j5, j6, j7, flange] = frames;
  const wrist = shifted(j5.place, j5.z, -0.09);
  const tips = shifted(flange.place, flange.z, HAND_LENGTH_M);
  const [c, s] = [Math.SQRT1_2, -Math.SQRT1_2];
  const across = flange.x.map((value, index) => c * value + s * flange.y[index]);
  const palm = shifted(flange.place, flange.z, 0.045);
  const finger = (side) => [
    shifted(shifted(flange.place, flange.z, 0.06), across, side * 0.04),
    shifted(tips, across, side * 0.04),
  ];
  const motor = ({ place, z }, half) => [shifted(place, z, -half), shifted(place, z, half)];
  return [
    [[0, 0, 0], shifted(j1.place, j1.z, -0.06), 0.062, 'link'],
    [...motor(j2, 0.07), 0.06, 'joint'],
    [j2.place, shifted(j3.place, j3.z, -0.02), 0.056, 'link'],
    [shifted(j3.place, j3.z, -0.02), j4.place, 0.052, 'link'],
    [...motor(j4, 0.06), 0.056, 'joint'],
    [j4.place, wrist, 0.05, 'link'],
    [wrist, j6.place, 0.046, 'link'],
    [...motor(j6, 0.05), 0.05, 'joint'],
    [j6.place, j7.place, 0.046, 'link'],
    [j7.place, flange.place, 0.04, 'link'],
    [shifted(palm, across, -0.075), shifted(palm, across, 0.075), 0.028, 'joint'],
    [...finger(-1), 0.009, 'joint'],
    [...finger(1), 0.009, 'joint'],
  ];
}

function drawArm({ measured }) {
  const model = new FrankaModel('fr3');
  const sample = (timeS) => measured.find((one) => one.timeS >= timeS) ?? measured.at(-1);
  const arm = (timeS, opacity) => {
    const shapes = capsules(model, sample(timeS).q).map(([from, to, radiusM, kind]) => {
      const [a, b] = [seen(from), seen(to)];
      const line = `x1="${at(a.x)}" y1="${at(a.y)}" x2="${at(b.x)}" y2="${at(b.y)}"`;
      const thick = 2 * radiusM * CAMERA.scale;
      return {
        near: (a.near + b.near) / 2,
        drawn: `<line class="edge-line" ${line} stroke-width="${at(thick)}"/><line class="${kind}-line" ${line} stroke-width="${at(Math.max(thick - 2.5, 1))}"/>`,
      };
    });
    shapes.sort((a, b) => a.near - b.near);
    return `<g opacity="${opacity}">${shapes.map(({ drawn }) => drawn).join('')}</g>`;
  };
  const tip = (timeS) => {
    const pose = model.pose('flange', sample(timeS).q);
    return seen(
      Array.from(pose.subarray(12, 15), (value, i) => value + HAND_LENGTH_M * pose[8 + i]),
    );
  };
  const trail = (fromS, toS, kind, width) => {
    const points = [];
    for (let timeS = fromS; timeS <= toS; timeS += 0.02) points.push(tip(timeS));
    const d = points.map(({ x, y }, index) => `${index ? 'L' : 'M'}${at(x)} ${at(y)}`).join('');
    return `<path class="${kind}-line" stroke-width="${width}" d="${d}"/>`;
  };
  const floor = [-0.1, 0.1, 0.3, 0.5].flatMap((place) => {
    const lines = [
      [
        [place, -0.3, 0],
        [place, 0.3, 0],
      ],
      [
        [-0.1, place - 0.2, 0],
        [0.5, place - 0.2, 0],
      ],
    ];
    return lines.map(([from, to]) => {
      const [a, b] = [seen(from), seen(to)];
      return `<line class="frame-line" x1="${at(a.x)}" y1="${at(a.y)}" x2="${at(b.x)}" y2="${at(b.y)}"/>`;
    });
  });
  const half = DURATION_S / 2;
  return svg(300, 424, 'The simulated FR3 during the run', [
    ...floor,
    arm(0, 0.3),
    arm(BLOCK_AT_S + BLOCK_S, 0.55),
    trail(0, half, 'commanded', 2.5),
    trail(BLOCK_AT_S, BLOCK_AT_S + BLOCK_S, 'alarm', 4),
    arm(half, 1),
    text(20, 28, 'The arm during the run', { kind: 'text', size: 15 }),
    text(20, 396, 'blue: the way of the fingertips,'),
    text(20, 412, 'red: while JavaScript is blocked'),
  ]);
}

/** How much a run was disturbed: commands lost first, then answers late. */
const disturbed = ({ lost, stats }) => 1e4 * lost + stats.lateActions;

if (isMainThread && process.argv[2] === 'page') {
  await orExplain(picturesOfPage);
} else if (isMainThread && process.argv[2] === 'report') {
  await orExplain(pictureOfReport);
} else if (isMainThread) {
  // Of some runs the one that the machine has disturbed least.
  let run;
  for (let left = RUNS; left > 0; left -= 1) {
    const one = await drive().catch((error) => console.error(String(error)));
    if (one && (run === undefined || disturbed(one) < disturbed(run))) run = one;
  }
  if (run === undefined) throw new Error('the machine has disturbed every run; take a quiet one');
  const folder = join(root, 'docs', 'pictures');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'run.svg'), drawRun(run));
  writeFileSync(join(folder, 'arm.svg'), drawArm(run));
  console.error(
    `${run.stats.iterations} cycles, ${run.lost} commands lost, ${run.stats.lateActions} late`,
  );
} else {
  await simulate();
}
