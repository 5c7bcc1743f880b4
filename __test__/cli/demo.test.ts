// The demo as a person starts it: `npx kilohertz demo`.

import test from 'ava';
import { Franka, type FrankaSimulator } from '../../index.ts';
import { MOST_LOST } from '../../lib/cli/arm.ts';
import { type Answers, drive } from '../../lib/cli/demo/drive.ts';
import { armFor, isRested, speed } from '../fixtures/arms.ts';
import { atTerminal, type Ended, kilohertz, started } from '../fixtures/command-line.ts';
import { unlessStalled } from '../fixtures/stalls.ts';
import { until } from '../fixtures/waiting.ts';

const ROBOTS: readonly (readonly [string, readonly string[]])[] = [
  ['FR3', []],
  ['FER', ['--robot', 'fer']],
];

/** What the demo prints of each robot; both run at the same time, for ten seconds. */
const printed = new Map<string, Promise<Ended>>();

test.before('the demos start', () => {
  for (const [name, asked] of ROBOTS) {
    const running = unlessStalled(async () => {
      const ended = await kilohertz('demo', '--json', ...asked);
      if (ended.code !== 0) throw Object.assign(new Error(`${ended.code}: ${ended.stdout}`), ended);
      return ended;
    });
    running.catch(() => undefined); // the test of this robot tells
    printed.set(name, running);
  }
});

const moves = (simulator: FrankaSimulator): Promise<void> =>
  until(() => speed(simulator) > 0.05, 'the arm moves');

for (const [name] of ROBOTS) {
  test(`the demo drives the ${name} there and back while the event loop is blocked, and says so`, async (t) => {
    const result = JSON.parse((await printed.get(name))?.stdout ?? '');
    t.is(result.robot, `simulated ${name}, over TCP and UDP`);
    t.true(result.sound, result.problems.join('; '));
    t.true(result.block.toTick - result.block.fromTick >= 150);
    t.true(result.stats.lateActions >= 150);
    t.true(result.reachedRad > 0.5);
    t.true(result.endErrorRad < 0.005);
    t.true(result.commandsLost.mostInARow <= result.commandsLost.all);
    for (const { p50S, p99S, how, reason } of Object.values<Answers>(result.answers)) {
      t.true(p50S > 0 && p99S >= p50S && p99S < 0.1);
      t.true(how !== '' && reason !== '');
    }
    t.is(result.answers.leftAlone.how, 'left alone');
    t.is(
      result.jitter.counts.reduce((sum: number, count: number) => sum + count, 0),
      result.stats.iterations - 1,
    );
  });
}

test('a machine that stalls is told with the figures, and names what a real arm would do', async (t) => {
  const simulator = await armFor(t);
  await using arm = await Franka.connect(simulator.address);
  const lost = MOST_LOST + 5;
  simulator.inject({ kind: 'dropCommands', count: lost, atCycle: 3000 });
  const { sound, problems, commandsLost, stats } = await drive(arm, {
    simulator,
    mostLost: MOST_LOST,
    onProgress: () => undefined,
    onBlocked: () => undefined,
  });
  t.false(sound);
  t.true((commandsLost?.mostInARow ?? 0) >= lost, JSON.stringify(commandsLost));
  t.true(
    problems.some((problem) => /missed \d+ commands in a row.+stops at 20/.test(problem)),
    problems.join('; '),
  );
  t.true(stats.iterations > 5000);
});

test('at a terminal the demo shows how far it is, and prints its table at the end', async (t) => {
  const demo = atTerminal(t, 'demo');
  const code = await demo.ended;
  t.true(code === 0 || code === 1, demo.text);
  t.regex(demo.text, /s {2}[\d.]+ Hz {2}joint 1 at /);
  t.regex(demo.text, /blocked for 300 ms just now/);
  t.regex(demo.text, /\ncommands lost to the block +\d+ of \d+; at most \d+ in a row/);
  t.regex(demo.text, /jitter of every cycle .+:\r?\n +<= /);
  t.regex(demo.text, code === 0 ? /Sound: the arm did what it should/ : /NOT SOUND: /);
});

test('the demo says in one line why an arm cannot be reached, and with --json in one object', async (t) => {
  const words = ['demo', '--robot', '127.0.0.1:1', '--yes'];
  const refused = await kilohertz(...words);
  t.deepEqual([refused.code, refused.stdout], [1, '']);
  t.regex(refused.stderr, /^FRANKA_CONNECT_REFUSED: [^\n]+\n$/);
  const json = await kilohertz(...words, '--json');
  t.deepEqual([json.code, json.stderr], [1, '']);
  t.is(JSON.parse(json.stdout).error.code, 'FRANKA_CONNECT_REFUSED');
});

for (const [what, harm, code] of [
  [
    'a reflex',
    (arm: FrankaSimulator) => arm.inject({ kind: 'reflex', error: 'cartesian_reflex' }),
    /^FRANKA_REFLEX$/,
  ],
  ['the loss of the arm', (arm: FrankaSimulator) => arm.inject({ kind: 'die' }), /^FRANKA_/],
] as const) {
  test(`with --json ${what} in the middle of the demo is one error object`, async (t) => {
    const simulator = await armFor(t);
    const ending = kilohertz('demo', '--json', '--yes', '--robot', simulator.address);
    await moves(simulator);
    harm(simulator);
    const { code: ended, stdout } = await ending;
    t.is(ended, 1, stdout);
    const { error } = JSON.parse(stdout);
    t.regex(error.code, code);
    t.truthy(error.message);
  });
}

for (const [where, start] of [
  ['at a terminal', atTerminal],
  ['in a pipe', started],
] as const) {
  test(`Ctrl+C in the middle of the demo brings the arm to rest and ends with 130, ${where}`, async (t) => {
    const simulator = await armFor(t);
    const demo = start(t, 'demo', '--yes', '--robot', simulator.address);
    await moves(simulator);
    if (start === atTerminal) demo.type('\u0003');
    else demo.process.kill('SIGINT');
    t.is(await demo.ended, 130, demo.text);
    isRested(t, simulator, 1, demo.text);
    t.regex(demo.text, /SESSION_INTERRUPTED: the session was ended by SIGINT, and is at rest/);
  });
}

test('the demo asks before it moves an arm at an address, and Ctrl+C there ends it with 130', async (t) => {
  const simulator = await armFor(t);
  for (const [typed, code] of [
    ['yes\n', 1],
    ['\u0003', 130],
  ] as const) {
    const asked = atTerminal(t, 'demo', '--robot', simulator.address);
    asked.type('move\n'); // typed before the question
    await asked.printed(/Type "move" to go on: /);
    asked.type(typed);
    t.is(await asked.ended, code, asked.text);
    t.regex(asked.text, /joint 1 0\.6 rad.+out and back within 10 s/);
  }
  t.is(simulator.counters().motionsStarted, 0);
});

test('wrong words of the demo end with 2, and say what was meant', async (t) => {
  for (const [words, what] of [
    [['--dashbord'], /Did you mean --dashboard/],
    [['--seconds', 'x'], /'x' is invalid.+a number/],
    [['--seconds', '0'], /--seconds is 0; expected a number above 0/],
    [['fast'], /too many arguments/],
  ] as const) {
    const { code, stdout, stderr } = await kilohertz('demo', ...words);
    t.deepEqual([code, stdout], [2, ''], stderr);
    t.regex(stderr, what);
  }
  for (const word of ['--dashboard', '--open', '--seconds=5']) {
    const { code, stdout, stderr } = await kilohertz('demo', '--json', word);
    t.deepEqual([code, stderr], [2, ''], word);
    t.like(JSON.parse(stdout).error, { code: 'USAGE' }, word);
  }
});
