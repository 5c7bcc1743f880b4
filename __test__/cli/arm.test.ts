// The commands of an arm, as a person starts them: at a terminal, in a pipe, and against an arm that may be real.

import { existsSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import test from 'ava';
import type { FrankaSimulator } from '../../index.ts';
import { armFor, isRested } from '../fixtures/arms.ts';
import {
  atTerminal,
  atTerminalThatCloses,
  EXECUTABLE,
  kilohertz,
  programAtTerminal,
  started,
} from '../fixtures/command-line.ts';
import { ARM, Folder, smallDisk } from '../fixtures/recordings.ts';
import { until } from '../fixtures/waiting.ts';

const POLICY = join(import.meta.dirname, '..', 'fixtures', 'plain-policy.js');

/** Whether nothing moves any more. */
const rests = (simulator: FrankaSimulator): boolean =>
  simulator.joints().dq.every((speed) => Math.abs(speed) < 1e-3);

test('without an address a simulator is moved, and the result says so', async (t) => {
  const ended = await kilohertz('home');
  t.is(ended.code, 0, ended.stderr);
  t.regex(ended.stdout, /^a simulator of an FR3 is at its ready pose after [\d.]+ s\n$/);
  const fer = await kilohertz('home', '--robot', 'fer', '--json');
  t.is(fer.code, 0, fer.stdout);
  t.is(JSON.parse(fer.stdout).q.length, 7);
  t.is(fer.stderr, '');
});

test('where nobody can be asked, an arm at an address is moved with --yes alone', async (t) => {
  const simulator = await armFor(t);
  const moving: readonly (readonly string[])[] = [
    ['home'],
    ['move', '0', '0', '0', '0.1', '0', '0', '0', '--relative'],
    ['recover'],
    ['hand', 'open'],
    ['run', POLICY, '--duration', '0.1'],
    ['selftest'],
    ['demo'],
  ];
  for (const words of moving) {
    const ended = await kilohertz(...words, '--robot', simulator.address);
    t.is(ended.code, 2, words.join(' '));
    t.is(ended.stdout, '', words.join(' '));
    t.true(ended.stderr.includes(`REAL ARM at ${simulator.address}`), words.join(' '));
    t.regex(ended.stderr, /NOT_CONFIRMED: there is no terminal to ask at: add --yes/);
  }
  const json = await kilohertz('home', '--robot', simulator.address, '--json');
  t.is(json.code, 2);
  t.is(JSON.parse(json.stdout).error.code, 'NOT_CONFIRMED');
  t.is(simulator.counters().motionsStarted, 0);
  const meant = await kilohertz('home', '--robot', simulator.address, '--yes');
  t.is(meant.code, 0, meant.stderr);
  t.is(simulator.counters().motionsFinished, 1);
});

test('at a terminal it is told what will happen, and only the word that is asked for moves the arm', async (t) => {
  const simulator = await armFor(t);
  const words = ['move', '0', '0', '0', '0', '0', '0', '0.2', '--relative'];
  const no = atTerminal(t, ...words, '--robot', simulator.address);
  await no.printed(/Type "move" to go on: /);
  t.regex(no.text, /joint 7 goes farthest: 0\.200 rad \(11\.5 degrees\)/);
  no.type('yes\n');
  t.is(await no.ended, 1, no.text);
  t.regex(no.text, /NOT_CONFIRMED: nothing was done, because "move" was not typed/);
  t.is(simulator.counters().motionsStarted, 0);
  const yes = atTerminal(t, ...words, '--robot', simulator.address);
  await yes.printed(/Type "move" to go on: /);
  yes.type('move\n');
  t.is(await yes.ended, 0, yes.text);
  t.regex(yes.text, /\[#{30}\] 100 %/);
  t.regex(yes.text, /arrived after [\d.]+ s/);
  t.is(simulator.counters().motionsFinished, 1);
});

test('what was typed before the question confirms nothing', async (t) => {
  const simulator = await armFor(t);
  const before = simulator.joints().q;
  const asked = atTerminal(t, 'home', '--robot', simulator.address);
  asked.type('move\r');
  await asked.printed(/Type "move" to go on: /);
  asked.type('no\r');
  t.is(await asked.ended, 1, asked.text);
  t.regex(asked.text, /NOT_CONFIRMED/);
  t.deepEqual(simulator.joints().q, before);
});

test('a recording that finds no room is told, by record, run and replay, with 1', async (t) => {
  const place = smallDisk(t, 64);
  if (place === undefined) return t.pass();
  const shown = await kilohertz('record', join(place, 'shown.mcap'), '--duration', '20');
  t.is(shown.code, 1, shown.stdout);
  t.regex(shown.stderr, /only \d+ states could be kept, and \d+ were lost\nRECORD_IO/);
  rmSync(join(place, 'shown.mcap'));
  const moves = {
    run: [POLICY, '--in', 'main', '--duration', '2', '--yes'],
    replay: [ARM, '--yes'],
  };
  for (const [name, words] of Object.entries(moves)) {
    const path = join(place, `${name}.mcap`);
    const ended = await kilohertz(name, ...words, '--record', path);
    t.is(ended.code, 1, ended.stdout);
    const says = /mcap: \d+ cycles?\n\d+ cycles? not recorded: RECORD_IO: .+free space there/;
    t.regex(ended.stdout, says, ended.stderr);
    rmSync(path);
    const { stdout, code } = await kilohertz(name, ...words, '--record', path, '--json');
    t.is(code, 1, stdout);
    const { recording, stats } = JSON.parse(stdout);
    t.like(recording, { path, error: { code: 'RECORD_IO' } });
    t.regex(recording.error.message, /free space there/);
    t.true(recording.lostCycles > 0 && stats.iterations > recording.lostCycles);
    rmSync(path);
  }
});

test('Ctrl+C at the question, and the end of the terminal, are no confirmation', async (t) => {
  const simulator = await armFor(t);
  for (const [key, code] of [
    ['\u0003', 130],
    ['\u0004', 1],
  ] as const) {
    const asked = atTerminal(t, 'home', '--robot', simulator.address);
    await asked.printed(/Type "move" to go on: /);
    asked.type(key);
    t.is(await asked.ended, code, asked.text);
    t.regex(asked.text, /go on: (\^C)?\r?\nNOT_CONFIRMED: /);
  }
  t.is(simulator.counters().motionsStarted, 0);
});

test('move goes to joints in rad and in degrees, and to a place', async (t) => {
  const simulator = await armFor(t);
  const where = ['--robot', simulator.address, '--yes', '--speed', '0.4', '--json'];
  const goal = [0.1, -0.7, 0, -2.2, 0, 1.5, 0.6];
  const there = await kilohertz('move', ...goal.map(String), ...where);
  t.is(there.code, 0, there.stdout);
  for (const [joint, rad] of goal.entries()) {
    t.true(Math.abs((simulator.joints().q[joint] ?? 0) - rad) < 0.02, `${joint}`);
  }
  const degrees = ['10', '-40', '0', '-126', '0', '86', '40'];
  t.is((await kilohertz('move', ...degrees, '--degrees', ...where)).code, 0);
  t.true(Math.abs((simulator.joints().q[0] ?? 0) - Math.PI / 18) < 0.02);
  const placed = await kilohertz('move', '--xyz', '0.4', '-0.1', '0.5', ...where);
  t.is(placed.code, 0, placed.stdout);
  const { xyz, quat } = JSON.parse(placed.stdout);
  for (const [axis, metres] of [0.4, -0.1, 0.5].entries()) {
    t.true(Math.abs(xyz[axis] - metres) < 0.02, `${xyz}`);
  }
  // The hand points down, so 5 cm along its own z are 5 cm downwards.
  const lower = await kilohertz('move', '--xyz', '0', '0', '0.05', '--relative', ...where);
  const after = JSON.parse(lower.stdout);
  t.true(after.xyz[2] - xyz[2] < -0.03, `${after.xyz}`);
  t.true(Math.abs(after.quat[0]) - Math.abs(quat[0]) < 0.02);
});

test('words that name no goal end with 2, and nothing moves', async (t) => {
  const simulator = await armFor(t);
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /expected 7 joint positions or --xyz X Y Z, found nothing/],
    [['1', '2'], /found 2 numbers/],
    [['0', '0', '0', 'left', '0', '0', '0'], /'left' is invalid.+a number/],
    [['--xyz', '1', '2'], /--xyz expects three numbers/],
    [['--xyz', '1', '2', '3', '--degrees'], /--xyz and --degrees do not go together/],
    [['1', '--xyz', '1', '2', '3'], /--xyz goes without joint positions/],
    [['--quat', '0', '0', '0', '1'], /--quat goes with --xyz/],
    [['--realtive'], /Did you mean --relative/],
    [['0', '0', '0', '0', '0', '0', '0', '--speed', '3', '--relative'], /OPTION_SPEED/],
    [['9', '0', '0', '0', '0', '0', '0'], /FRANKA_UNREACHABLE/],
  ];
  for (const [words, reason] of wrong) {
    const ended = await kilohertz('move', '--robot', simulator.address, '--yes', ...words);
    t.is(ended.code, String(reason).includes('UNREACHABLE') ? 1 : 2, words.join(' '));
    t.regex(ended.stderr, reason, words.join(' '));
  }
  t.is(simulator.counters().motionsStarted, 0);
});

for (const [where, start] of [
  ['at a terminal', atTerminal],
  ['in a pipe', started],
] as const) {
  test(`Ctrl+C in the middle of a move brings the arm to rest and ends with 130, ${where}`, async (t) => {
    const simulator = await armFor(t);
    const words = ['move', '1', '0', '0', '0', '0', '0', '0', '--relative', '--speed', '0.1'];
    const move = start(t, ...words, '--robot', simulator.address, '--yes');
    await until(() => !rests(simulator), 'the arm moves');
    if (start === atTerminal) move.type('\u0003');
    else move.process.kill('SIGINT');
    t.is(await move.ended, 130, move.text);
    t.true(rests(simulator));
    t.regex(move.text, /SESSION_INTERRUPTED: the move was ended by SIGINT, and is at rest/);
    const { motionsFinished, motionsAborted } = simulator.counters();
    t.deepEqual([motionsFinished, motionsAborted], [1, 0]);
    t.true((simulator.joints().q[0] ?? 0) < 0.9);
  });
}

test('Ctrl+C stops whatever a command moves, and each ends with 130 at rest', async (t) => {
  const simulator = await armFor(t);
  const turns = (): boolean => simulator.joints().dq.some((speed) => Math.abs(speed) > 0.02);
  const swing = [POLICY, '--export', 'swing', '--args', '[0.2]', '--duration', '60'];
  for (const [moves, words] of [
    [() => simulator.fingers().isMoving, ['hand', 'home']],
    [turns, ['run', ...swing]],
    [turns, ['replay', ARM]],
    [turns, ['selftest', '--no-hand']],
  ] as const) {
    const running = started(t, ...words, '--robot', simulator.address, '--yes');
    await until(moves, `${words[0]} moves`);
    running.process.kill('SIGINT');
    t.is(await running.ended, 130, running.text);
    t.true(rests(simulator) && !simulator.fingers().isMoving, words[0]);
    t.regex(running.text, /SESSION_INTERRUPTED: .+ was ended by SIGINT, and is at rest/);
  }
  t.is(simulator.counters().motionsAborted, 0);
});

test('an arm that cannot be reached is told of in one line, with 1', async (t) => {
  for (const words of [['state'], ['home', '--yes'], ['hand', 'state'], ['record', 'a.mcap']]) {
    const ended = await kilohertz(...words, '--robot', '127.0.0.1:1');
    t.is(ended.code, 1, words.join(' '));
    t.is(ended.stdout, '');
    t.regex(ended.stderr, /^FRANKA_CONNECT_REFUSED: [^\n]+\n$/, words.join(' '));
  }
  const wrong = await kilohertz('state', '--robot', 'http://172.16.0.2', '--json');
  t.is(wrong.code, 2);
  t.is(JSON.parse(wrong.stdout).error.code, 'OPTION_ADDRESS');
});

test('state prints a page of the arm, and with --json all of its fields', async (t) => {
  const simulator = await armFor(t, { generation: 'fer' });
  const page = await kilohertz('state', '--robot', simulator.address);
  t.is(page.code, 0, page.stderr);
  t.regex(page.stdout, /^the arm at \S+: FER, FCI 5\n/);
  t.regex(page.stdout, /\nmode +Idle\n/);
  t.regex(page.stdout, /\nq \[degrees\] +0\.0 +-45\.0 +0\.0 +-135\.0 +0\.0 +90\.0 +45\.0\n/);
  t.false(page.stdout.includes('\u001b'));
  const json = await kilohertz('state', '--robot', simulator.address, '--json');
  const { generation, fciVersion, state } = JSON.parse(json.stdout);
  t.deepEqual([generation, fciVersion, state.q.length], ['fer', 5, 7]);
});

test('state --watch goes on until its reader has gone', async (t) => {
  const simulator = await armFor(t);
  const watch = started(t, 'state', '--watch', '--robot', simulator.address, '--json');
  await watch.printed(/\n.+\n/);
  const states = watch.text.trimEnd().split('\n');
  t.true(JSON.parse(states[1] ?? '').state.time > JSON.parse(states[0] ?? '').state.time);
  watch.process.stdout?.destroy();
  t.is(await watch.ended, 0, watch.text);
});

test('state --watch rewrites its page in place on a terminal, in colours, until Ctrl+C', async (t) => {
  const simulator = await armFor(t);
  const watch = atTerminal(t, 'state', '--watch', '--robot', simulator.address);
  await until(() => watch.text.split('\u001b[15A\u001b[0J').length > 3, 'three pages');
  t.true(watch.text.includes('\u001b[32mIdle'), watch.text);
  watch.type('\u0003');
  t.is(await watch.ended, 130);
});

test('colours are for terminals that have some, and not where NO_COLOR is set', async (t) => {
  const simulator = await armFor(t);
  const state = [process.execPath, EXECUTABLE, 'state', '--robot', simulator.address];
  for (const [variable, isColoured] of [
    ['NO_COLOR=', true],
    ['NO_COLOR=1', false],
    ['TERM=dumb', false],
  ] as const) {
    const shown = programAtTerminal(t, 'env', variable, ...state);
    t.is(await shown.ended, 0, shown.text);
    t.is(shown.text.includes('\u001b'), isColoured, variable);
  }
});

test('a terminal that is narrower than the page of state --watch has one page, whose lines it breaks', async (t) => {
  const simulator = await armFor(t);
  const narrow = ['sh', '-c', 'stty cols 40 && exec "$@"', 'sh', process.execPath, EXECUTABLE];
  const words = ['state', '--watch', '--robot', simulator.address];
  const watch = programAtTerminal(t, ...narrow, ...words);
  const cleared = /.\[(\d+)A.\[0J/;
  await watch.printed(cleared);
  watch.type('\u0003');
  t.is(await watch.ended, 130);
  const [page = '', up] = watch.text.split(cleared);
  const lines = stripVTControlCharacters(page).trimEnd().split('\r\n');
  const rows = lines.map((line) => Math.ceil(line.length / 40));
  t.is(lines.length, 15);
  t.is(
    Number(up),
    rows.reduce((sum, own) => sum + own),
  );
  t.true(Number(up) > 20, page);
});

test('recover says what was wrong, and that it is over', async (t) => {
  const simulator = await armFor(t);
  simulator.inject({ kind: 'reflex', error: 'cartesian_reflex' });
  const state = await kilohertz('state', '--robot', simulator.address);
  t.regex(state.stdout, /\nmode +Reflex\n/);
  const ended = await kilohertz('recover', '--robot', simulator.address, '--yes');
  t.is(ended.code, 0, ended.stderr);
  t.regex(ended.stdout, /was in mode Reflex: cartesian_reflex\nit is in mode Idle: no errors\n$/);
});

test('the hand opens, closes, grasps what is there, and says where nothing is', async (t) => {
  const simulator = await armFor(t);
  const hand = (...words: string[]) =>
    kilohertz('hand', ...words, '--robot', simulator.address, '--json');
  const home = await hand('home', '--yes');
  t.is(home.code, 0, home.stdout);
  t.is((await hand('close', '--yes')).code, 0);
  t.true(simulator.fingers().widthM < 0.002);
  const nothing = await hand('grasp', '--width', '0.03', '--yes');
  t.is(nothing.code, 1);
  t.like(JSON.parse(nothing.stdout), { isDone: false, is_grasped: false });
  const opened = await hand('open', '--yes');
  t.is(opened.code, 0, opened.stdout);
  t.true(simulator.fingers().widthM > 0.07);
  simulator.placeObject(0.03);
  const held = await hand('grasp', '--force', '30', '--yes');
  t.like(JSON.parse(held.stdout), { isDone: true, is_grasped: true });
  t.is(held.code, 0);
  const state = await kilohertz('hand', 'state', '--robot', simulator.address);
  t.regex(state.stdout, /\nopening 30\.\d mm, of 80\.0 mm\nan object is held\n/);
});

test('what a person shows an arm by hand is recorded, and the arm does it again', async (t) => {
  using folder = new Folder();
  const simulator = await armFor(t);
  const file = folder.at('taught.mcap');
  const push = (torque: number): void =>
    simulator.inject({ kind: 'push', torquesNm: [0, 0, 0, 0, 0, 0, torque] });
  const record = started(t, 'record', file, '--robot', simulator.address);
  await until(() => simulator.counters().clients >= 1, 'it is recorded');
  simulator.inject({ kind: 'guide', pressed: true });
  push(1);
  await until(() => Math.abs((simulator.joints().q[6] ?? 0) - Math.PI / 4) > 0.1, 'it is moved');
  push(0);
  simulator.inject({ kind: 'guide', pressed: false });
  await until(() => rests(simulator), 'the arm stands');
  record.process.kill('SIGINT');
  t.is(await record.ended, 130, record.text);
  t.regex(record.text, /taught\.mcap: \d+ states of the arm at /);
  const end = simulator.joints().q;
  const where = ['--robot', simulator.address, '--yes'];
  t.is((await kilohertz('home', ...where)).code, 0);
  const again = await kilohertz('replay', file, '--speed', '0.2', ...where);
  t.is(again.code, 0, again.stderr);
  t.regex(again.stdout, /the run of .*taught\.mcap ended: Ctrl\+C was pressed/);
  t.true(Math.abs((simulator.joints().q[6] ?? 0) - (end[6] ?? 0)) < 0.03);
});

test('a recording by hand is told after SIGTERM too, with how the arm is moved along it', async (t) => {
  using folder = new Folder();
  const simulator = await armFor(t);
  const file = folder.at("it's taught.mcap");
  const record = started(t, 'record', file, '--robot', simulator.address);
  await until(() => existsSync(file) && statSync(file).size > 10_000, 'states are recorded');
  record.process.kill('SIGTERM');
  t.is(await record.ended, 143, record.text);
  t.regex(record.text, /it's taught\.mcap: \d+ states of the arm at /);
  const quoted = `'${file.replace("'", "'\\''")}'`;
  t.true(record.text.includes(`\`kilohertz replay ${quoted}\` moves the arm`), record.text);
});

test('an arm that is lost while it is recorded is told with its own code', async (t) => {
  using folder = new Folder();
  const simulator = await armFor(t);
  const file = folder.at('taught.mcap');
  const ending = kilohertz('record', file, '--robot', simulator.address, '--json');
  await until(() => existsSync(file) && statSync(file).size > 10_000, 'states are recorded');
  simulator.inject({ kind: 'die' });
  const { code, stdout } = await ending;
  t.is(code, 1, stdout);
  t.regex(JSON.parse(stdout).error.code, /^FRANKA_/);
});

test('a terminal that is closed ends a move at rest, with the exit code of SIGHUP', async (t) => {
  const simulator = await armFor(t);
  const words = ['move', '1', '0', '0', '0', '0', '0', '0', '--relative', '--speed', '0.1'];
  const move = atTerminalThatCloses(t, /[1-9] %/, [
    ...words,
    '--robot',
    simulator.address,
    '--yes',
  ]);
  t.is(await move.ended, 129, move.text);
  isRested(t, simulator, 1, move.text);
});

test('words that were left out or mistaken are told as what they are', async (t) => {
  for (const [words, reason] of [
    [['home', '--robot', '--yes'], /argument '--yes' is invalid\. The address is missing\./],
    [['doctor', '--robot', '--json'], /The address is missing\./],
    [['home', '--robot', 'FER'], /argument 'FER' is invalid\. Did you mean fer, for a simulator\?/],
    [['home', '--robot', 'Fr3'], /Did you mean fr3/],
    [['replay', ARM, '--from', '9', '--to', '1'], /--from 9 is not before --to 1/],
    [['replay', ARM, '--record', '--yes'], /argument '--yes' is invalid\. The value is missing\./],
    [['run', POLICY, '--record', '--dashboard'], /The value is missing\./],
    [['selftest', '--report', ''], /^USAGE: the name of the file is empty/],
    [['state', '--rate', '3'], /--rate goes with --watch/],
    [['doctor', '--fix', '--robot', '172.16.0.2'], /'--fix' cannot be used with option '--robot/],
    [['help', 'hmoe'], /error: expected the name of a command/],
  ] as const) {
    const { code, stdout, stderr } = await kilohertz(...words);
    t.is(code, 2, words.join(' '));
    t.regex(stdout + stderr, reason, words.join(' '));
  }
});

test('what a user types cannot command the terminal that it is told on', async (t) => {
  const typed = 'a\u001b[31m\u009b2J\r\u202eb';
  for (const words of [
    [typed],
    ['home', `--${typed}`],
    ['home', '--speed', typed],
    ['run', `${typed}.js`],
    ['replay', typed],
  ]) {
    for (const json of [[], ['--json']]) {
      const { code, stdout, stderr } = await kilohertz(...words, ...json);
      t.not(code, 0, words.join(' '));
      t.true((stdout + stderr).includes('a\\'), stdout + stderr);
      for (const obeyed of '\u001b\u009b\r\u202e') t.false((stdout + stderr).includes(obeyed));
    }
  }
});
