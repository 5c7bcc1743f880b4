// The executable, as `npx kilohertz` starts it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Session, type SessionStats } from '../../index.ts';
import { lostLines } from '../../lib/cli/recorded.ts';
import { counted } from '../../lib/cli/text.ts';
import { atTerminal, EXECUTABLE, kilohertz, VERSION } from '../fixtures/command-line.ts';
import { ARM, CART, cutOff, Folder } from '../fixtures/recordings.ts';
import { until } from '../fixtures/waiting.ts';

test('export writes the columns that were asked for, and says how many rows', async (t) => {
  using folder = new Folder();
  const path = folder.at('run.csv');
  const ended = await kilohertz('export', ARM, '--csv', path, '--fields', 'tick,state.q[3]');
  t.deepEqual(ended, { code: 0, stdout: `${path}: 397 rows\n`, stderr: '' });
  t.is(readFileSync(path, 'utf8').split('\n')[0], 'tick,state.q[3]');
});

test('with --json a command prints one object on stdout and nothing else', async (t) => {
  using folder = new Folder();
  const data = folder.at('data');
  const words = ['--lerobot', data, '--fps', '20', '--cameras', 'camera/wrist', '--json'];
  const ended = await kilohertz('export', ARM, ARM, ...words);
  t.is(ended.code, 0);
  t.is(ended.stderr, '');
  t.like(JSON.parse(ended.stdout), { path: data, episodes: 4, isWhole: true });
  t.is(JSON.parse(readFileSync(join(data, 'meta/info.json'), 'utf8')).fps, 20);
  const path = folder.at('run.parquet');
  t.like(JSON.parse((await kilohertz('export', CART, '--parquet', path, '--json')).stdout), {
    path,
    rows: 400,
  });
});

test('without an encoder on PATH no video is made, and the error says what to install', async (t) => {
  using folder = new Folder();
  const data = folder.at('data');
  const words = ['--lerobot', data, '--cameras', 'camera/wrist', '--images', 'video', '--json'];
  const before = process.env['PATH'];
  process.env['PATH'] = folder.path;
  const ended = kilohertz('export', ARM, ...words);
  process.env['PATH'] = before;
  const { code, stdout } = await ended;
  t.is(code, 1);
  const { error } = JSON.parse(stdout);
  t.is(error.code, 'RECORD_NO_ENCODER');
  t.regex(error.message, /install ffmpeg/);
  t.false(existsSync(data));
});

test('plot writes a page beside the recording, or where it is told', async (t) => {
  using folder = new Folder();
  const path = folder.at('run.svg');
  const ended = await kilohertz('plot', ARM, '--out', path, '--from', '0.1', '--json');
  t.is(ended.code, 0, ended.stderr);
  t.deepEqual(JSON.parse(ended.stdout), { path, end: null });
  t.true(existsSync(path));
  const said = await kilohertz('plot', CART, '--out', folder.at('cart.svg'));
  t.true(said.stdout.includes(`${CART} does not tell why its run ended\n`), said.stdout);
  t.is((await kilohertz('plot', ARM, '--out', path)).code, 1);
  t.is((await kilohertz('plot', ARM, '--from', 'soon')).code, 2);
});

test('a part of a recording that it has not is refused, with the time that it has, and nothing is written', async (t) => {
  using folder = new Folder();
  const path = folder.at('run.svg');
  const cut = folder.with('cut.mcap', ARM, cutOff);
  for (const [words, reason] of [
    [
      [ARM, '--from', '1e9'],
      /^RECORD_INVALID_ARGUMENT: .+ drawn is from 1000000000 s on; expected a part of 0 s to 0\.\d+ s, which/,
    ],
    [[ARM, '--to', '-1'], /drawn is up to -1 s; expected a part of 0 s to 0\.\d+ s/],
    [[cut, '--from', '5', '--to', '6'], /drawn is 5 s to 6 s; expected a part of 0 s to 0\.\d+ s/],
    [[ARM, '--from', '9', '--to', '1'], /--from 9 is not before --to 1/],
  ] as const) {
    const ended = await kilohertz('plot', ...words, '--out', path);
    t.deepEqual([ended.code, ended.stdout], [2, ''], words.join(' '));
    t.regex(ended.stderr, reason);
    t.false(existsSync(path));
  }
});

test('a value of an option that the recording does not fit ends with 2, and a file that is none with 1', async (t) => {
  using folder = new Folder();
  const data = folder.at('data');
  for (const words of [
    ['--csv', folder.at('run.csv'), '--fields', 'nope'],
    ['--lerobot', data, '--state', 'tick'],
    ['--lerobot', data, '--state-channels', 'nope'],
    ['--lerobot', data, '--split', '../val'],
  ]) {
    const ended = await kilohertz('export', ARM, ...words);
    t.is(ended.code, 2, words.join(' '));
    t.regex(ended.stderr, /^RECORD_INVALID_ARGUMENT: /);
  }
  writeFileSync(folder.at('other.txt'), 'no data set');
  const unfit = await kilohertz('export', ARM, '--lerobot', folder.path);
  t.is(unfit.code, 1, unfit.stderr);
  t.regex(unfit.stderr, /^RECORD_INVALID_ARGUMENT: /);
  t.is((await kilohertz('export', '/dev/null', '--csv', folder.at('run.csv'))).code, 1);
});

test('what is wrong in a recording ends an export with 1, and names the recording', async (t) => {
  using folder = new Folder();
  const path = folder.at('torn.mcap');
  const robot = { observe: () => ({ x: 0 }), act: () => undefined, reset: () => undefined };
  const session = new Session(robot, () => ({ v: 0 }), { rateHz: 100, warmupS: 0, record: path });
  await session.start();
  for (const force of [[1], [1, 2]]) {
    t.true(session.log('force', force));
    const { stepCount } = session;
    await until(() => session.stepCount > stepCount + 5, 'cycles');
  }
  await session.stop();
  const to = ['--lerobot', folder.at('data'), '--task', 'pull', '--state', 'state.x', '--json'];
  const ended = await kilohertz('export', path, ...to, '--state-channels', 'force');
  const { error } = JSON.parse(ended.stdout);
  t.is(ended.code, 1, ended.stdout);
  t.is(error.code, 'RECORD_INVALID_ARGUMENT');
  t.regex(
    error.message,
    /^the count of numbers of channel force at .+torn\.mcap is \d; expected \d/,
  );
  const option = await kilohertz('export', path, ...to, '--state-channels', 'forces');
  t.is(option.code, 2, option.stdout);
});

test('one of a thing is told in the singular', async (t) => {
  t.deepEqual(
    [counted(1, 'episode'), counted(0, 'episode'), counted(2, 'row')],
    ['1 episode', '0 episodes', '2 rows'],
  );
  using folder = new Folder();
  const words = ['--lerobot', folder.at('data'), '--state', 'state.x', '--task', 'pick'];
  const ended = await kilohertz('export', CART, ...words);
  t.is(ended.code, 0, ended.stderr);
  t.regex(ended.stdout, /\b1 (episode|frame)\b/);
  t.notRegex(ended.stdout, /\b1 \w+s\b/);
});

test('each kind of what could not be recorded is told, and makes the exit code 1', (t) => {
  const before = process.exitCode;
  const whole = { path: 'a', cycles: 9, values: 1, unkeptFields: 0, bytes: 1, error: undefined };
  const lines = (lostValues: number, unrecordedCycles: number): readonly unknown[] => {
    const recording = { ...whole, lostCycles: 0, lostValues };
    const told = lostLines(recording, { unrecordedCycles } as SessionStats, 'state');
    const { exitCode } = process;
    process.exitCode = before;
    return [...told, exitCode];
  };
  t.deepEqual(lines(0, 0), [before]);
  t.deepEqual(lines(2, 0), ['2 values not recorded', 1]);
  t.deepEqual(lines(0, 1), ['1 state not recorded: writing was too slow', 1]);
});

test('repair says what it did', async (t) => {
  using folder = new Folder();
  const file = folder.with('cut.mcap', ARM, cutOff);
  const first = await kilohertz('repair', file, '--json');
  t.is(first.code, 0);
  t.like(JSON.parse(first.stdout), { path: file, wasFinished: false });
  const second = await kilohertz('repair', file);
  t.is(second.code, 0);
  t.regex(second.stdout, /: was finished already, \d+ cycles\n$/);
});

test('a repair during which a signal comes is finished and told, and half a file is not left', async (t) => {
  using folder = new Folder();
  const file = folder.with('cut.mcap', ARM, cutOff);
  // Sends the signal as soon as the command listens for it.
  const sends = `process.on('newListener', (name) => {
    if (name === 'SIGTERM') process.nextTick(() => process.kill(process.pid, name));
  });`;
  const words = [`--import=data:text/javascript,${encodeURIComponent(sends)}`, EXECUTABLE];
  const child = spawn(process.execPath, [...words, 'repair', file, '--json'], { stdio: 'pipe' });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  t.deepEqual(await once(child, 'close'), [143, null], said);
  t.like(JSON.parse(said), { path: file, wasFinished: false });
  t.deepEqual(readdirSync(folder.path), ['cut.mcap']);
});

test('a command that fails ends with 1, its code and a reason on one line of stderr', async (t) => {
  using folder = new Folder();
  const missing = folder.at('missing\u001b[31m.mcap');
  const ended = await kilohertz('repair', missing);
  t.is(ended.code, 1);
  t.is(ended.stdout, '');
  t.regex(ended.stderr, /^RECORD_IO: [^\n]*missing\\x1b\[31m\.mcap cannot be opened[^\n]+\n$/);
  const json = await kilohertz('repair', missing, '--json');
  t.is(json.code, 1);
  t.is(json.stderr, '');
  t.is(JSON.parse(json.stdout).error.code, 'RECORD_IO');
});

test('words that are no command end with 2 before anything is written, and say what was meant', async (t) => {
  using folder = new Folder();
  const csv = folder.at('run.csv');
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /Usage: kilohertz/],
    [['expotr'], /Did you mean export/],
    [['export', ARM], /--csv FILE, --parquet FILE, --lerobot FOLDER/],
    [['export', '--csv', csv], /recordings/],
    [['export', ARM, '--csv', csv, '--parquet', folder.at('b')], /--parquet/],
    [['export', ARM, '--csv', csv, '--feilds', 'tick'], /Did you mean --fields/],
    [['export', ARM, '--csv', csv, '--fps', '30'], /--fps is an option of --lerobot/],
    [['export', ARM, '--lerobot', csv, '--fields', 'tick'], /--fields/],
    [['export', ARM, '--lerobot', csv, '--fps', 'fast'], /'fast' is invalid.+a number/],
    [['export', ARM, '--lerobot', csv, '--fps', '0'], /OPTION_FPS/],
    [['export', ARM, '--lerobot', csv, '--actions', 'all'], /commanded, answered/],
    [['export', ARM, ARM, '--csv', csv], /OPTION_FILES/],
    [['repair'], /recording/],
    [['repair', ARM, ARM], /too many arguments/],
    [['help', 'expotr'], /expected the name of a command/],
    [['export', ARM, '--csv', '--json'], /The value is missing/],
    [['export', ARM, '--csv', csv, '--fields', '--json'], /The value is missing/],
    [['plot', ARM, '--out', '-c'], /The value is missing/],
  ];
  const ended = await Promise.all(wrong.map(([words]) => kilohertz(...words)));
  for (const [nth, [words, reason]] of wrong.entries()) {
    t.is(ended[nth]?.code, 2, words.join(' '));
    const { stdout = '', stderr = '' } = ended[nth] ?? {};
    t.is(words.includes('--json') ? stderr : stdout, '', words.join(' '));
    t.regex(stdout + stderr, reason, words.join(' '));
  }
  t.deepEqual(readdirSync(folder.path), []);
  const json = await kilohertz('export', ARM, '--json');
  t.is(json.code, 2);
  t.is(json.stderr, '');
  t.is(JSON.parse(json.stdout).error.code, 'USAGE');
});

test('--help and --version end with 0', async (t) => {
  t.deepEqual(await kilohertz('--version'), { code: 0, stdout: `${VERSION}\n`, stderr: '' });
  for (const words of [['--help'], ['export', '--help'], ['help', 'repair']]) {
    const ended = await kilohertz(...words);
    t.is(ended.code, 0);
    t.regex(ended.stdout, /^Usage: kilohertz/);
  }
});

test('a name that begins with a dash, and shell text, are names of files and nothing else', async (t) => {
  using folder = new Folder();
  const path = folder.at('$(touch escaped);.csv');
  t.is((await kilohertz('export', '--csv', path, '--fields', 'tick', '--', ARM)).code, 0);
  t.true(existsSync(path));
  t.false(existsSync('escaped'));
  const ended = await kilohertz('repair', '--', '-no-such.mcap');
  t.is(ended.code, 1);
  t.regex(ended.stderr, /^RECORD_IO/);
  const option = await kilohertz('repair', '--', '--json');
  t.is(option.code, 1);
  t.regex(option.stderr, /^RECORD_IO: --json /);
});

test('a bar is shown only on a terminal', async (t) => {
  using folder = new Folder();
  const { stderr } = await kilohertz('export', ARM, '--csv', folder.at('run.csv'));
  t.is(stderr, '');
  const bar = atTerminal(t, 'export', ARM, '--csv', folder.at('two.csv'));
  const code = await bar.ended;
  const shown = bar.text;
  t.is(code, 0, shown);
  t.true(shown.includes('[##############################] 100 %'), shown);
  t.true(shown.trimEnd().endsWith('two.csv: 397 rows'), shown);
});

test('Ctrl+C stops an export at a whole recording, with the exit code of the signal', async (t) => {
  using folder = new Folder();
  const data = folder.at('data');
  const info = join(data, 'meta/info.json');
  const files = new Array<string>(1000).fill(ARM);
  const words = ['export', ...files, '--lerobot', data, '--json'];
  const child = spawn(process.execPath, [EXECUTABLE, ...words], { stdio: 'pipe' });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  const closed = once(child, 'close');
  await until(() => existsSync(info), 'the first recording is added');
  child.kill('SIGINT');
  t.deepEqual(await closed, [130, null], said);
  t.regex(said, /^\{"error":\{"code":"ABORT_ERR","message":"the export was aborted by .*\}\}\n$/);
  const { total_episodes: episodes } = JSON.parse(readFileSync(info, 'utf8'));
  t.true(episodes >= 2 && episodes < 2000, `${episodes}`);
  const names = readdirSync(data, { recursive: true, encoding: 'utf8' });
  t.deepEqual(
    names.filter((name) => name.endsWith('.part')),
    [],
  );
});
