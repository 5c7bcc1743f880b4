import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import {
  AbortError,
  type DataSetExportOptions,
  type ErrorCode,
  type ExportProgress,
  exportRecording,
  type KilohertzError,
  type OptionErrorCode,
  type OptionTypeError,
  repairRecording,
  replay,
  type TableExportOptions,
} from '../../index.ts';
import { environment } from '../fixtures/python.ts';
import { ARM, CART, cutOff, damaged, Folder, unreadable } from '../fixtures/recordings.ts';
import { rejection } from '../fixtures/waiting.ts';

const python = join(
  import.meta.dirname,
  '..',
  '..',
  'crates',
  'kilohertz-record',
  'tests',
  'python',
);

/** What a script of Python's prints, as JSON. */
async function read(script: string, ...args: readonly string[]): Promise<Record<string, unknown>> {
  const interpreter = await environment('record-python', join(python, 'requirements.txt'));
  const { stdout } = await promisify(execFile)(interpreter, [join(python, script), ...args]);
  return JSON.parse(stdout);
}

test('pandas and pyarrow read the same numbers from the tables that were recorded', async (t) => {
  t.timeout(300_000, 'Python packages may be installed');
  using folder = new Folder();
  const fields = ['tick', 'robot_time_s', 'kind', 'state.q', 'command', 'answer'];
  const [csv, parquet] = [folder.at('run.csv'), folder.at('run.parquet')];
  const exported = await exportRecording(ARM, { to: 'csv', path: csv, fields });
  t.deepEqual(exported, {
    rows: 397,
    episodes: 0,
    leftOutEpisodes: 0,
    framesInGaps: 0,
    isWhole: true,
  });
  t.deepEqual(await exportRecording([ARM], { to: 'parquet', path: parquet, fields }), exported);
  t.like(await read('table.py', csv, parquet), { rows: 397 });
  const lines = readFileSync(csv, 'utf8').trimEnd().split('\n');
  const joints = (group: string): string[] =>
    Array.from({ length: 7 }, (_, joint) => `${group}.q[${joint}]`);
  const names = ['tick', 'robot_time_s', 'kind', ...['state', 'command', 'answer'].flatMap(joints)];
  t.is(lines[0], names.join(','));
  let line = 1;
  for await (const { tick, robotTimeS, kind, state, command, answer } of replay(ARM)) {
    const numbers = [...state.q, ...command, ...(answer?.actions[0] ?? new Array(7).fill(''))];
    const cells = lines[line]?.split(',') ?? [];
    t.deepEqual(cells.slice(0, 3), [String(tick), cells[1] ?? '', kind]);
    t.deepEqual(
      [cells[1], ...cells.slice(3)].map((cell) => (cell === '' ? '' : Number(cell))),
      [robotTimeS, ...numbers],
    );
    line += 1;
  }
  t.is(line, lines.length);
});

test('several runs become one data set, which pyarrow and pandas read with exact times', async (t) => {
  t.timeout(300_000, 'Python packages may be installed');
  using folder = new Folder();
  const options: DataSetExportOptions = {
    to: 'lerobot',
    path: folder.at('data'),
    fps: 50,
    state: ['state.q', 'state.time'],
    stateChannels: ['gripper/width'],
    cameras: ['camera/wrist'],
  };
  const exported = await exportRecording([ARM, ARM], options);
  t.like(exported, { episodes: 4, leftOutEpisodes: 2, isWhole: true });
  t.like(await exportRecording(ARM, options), { episodes: 2 });
  await read('dataset.py', folder.at('data'));
  const info = JSON.parse(readFileSync(folder.at('data/meta/info.json'), 'utf8'));
  t.like(info, { total_episodes: 6, fps: 50, robot_type: 'fr3' });
  t.is(info.total_frames, exported.rows * 1.5);
  t.deepEqual(info.features['observation.state'].shape, [9]);
  t.true(Object.hasOwn(info.features, 'observation.images.camera.wrist'));
});

test('the actions of a data set are those that were answered, if so chosen', async (t) => {
  using folder = new Folder();
  for (const [name, actions] of [
    ['one', 'answered'],
    ['two', 'commanded'],
  ] as const) {
    const path = folder.at(name);
    await exportRecording(CART, { to: 'lerobot', path, actions, state: ['state'], fps: 50 });
  }
  const stats = ['one', 'two'].map((name) =>
    JSON.parse(readFileSync(folder.at(`${name}/meta/stats.json`), 'utf8')),
  );
  // The cart is commanded straight on; what it answers turns.
  t.true(stats[0].action.max[1] > 0);
  t.is(stats[1].action.max[1], 0);
});

test('an export tells how far it is, and at its end that it is there', async (t) => {
  using folder = new Folder();
  const told: ExportProgress[] = [];
  await exportRecording(
    ARM,
    { to: 'csv', path: folder.at('run.csv') },
    { onProgress: (progress) => told.push(progress) },
  );
  t.is(told.at(-1)?.share, 1);
  for (const [nth, { share }] of told.entries()) t.true(share >= (told[nth - 1]?.share ?? 0));
});

test('what onProgress throws ends the export, and reaches its caller', async (t) => {
  using folder = new Folder();
  const thrown = new Error('mine');
  const onProgress = (): never => {
    throw thrown;
  };
  const failed = exportRecording(ARM, { to: 'csv', path: folder.at('run.csv') }, { onProgress });
  t.is(await rejection(failed), thrown);
});

test('an export whose signal has aborted writes nothing', async (t) => {
  using folder = new Folder();
  const signal = AbortSignal.abort('enough');
  const error = await rejection(
    exportRecording(ARM, { to: 'csv', path: folder.at('run.csv') }, { signal }),
  );
  t.true(error instanceof AbortError);
  t.deepEqual(readdirSync(folder.path), []);
});

test('an export whose signal aborts stops, and the data set keeps what it had', async (t) => {
  using folder = new Folder();
  const controller = new AbortController();
  const path = folder.at('data');
  const files = new Array<string>(1000).fill(ARM);
  const progress: ExportProgress[] = [];
  const onProgress = (told: ExportProgress): void => {
    progress.push(told);
    if (told.share > 0) controller.abort('enough');
  };
  const { signal } = controller;
  const failed = exportRecording(files, { to: 'lerobot', path }, { onProgress, signal });
  const error = (await rejection(failed)) as AbortError;
  t.true(error instanceof AbortError);
  t.is(error.cause, 'enough');
  const share = progress.at(-1)?.share ?? 0;
  t.true(share > 0 && share < 1, `${share}`);
  const episodes = (): number =>
    JSON.parse(readFileSync(folder.at('data/meta/info.json'), 'utf8')).total_episodes;
  const before = episodes();
  t.true(before >= 2 && before < 2000 && before % 2 === 0, `${before}`);
  t.like(await exportRecording(ARM, { to: 'lerobot', path }), { episodes: 2 });
  t.is(episodes(), before + 2);
});

test('nothing is overwritten, and nothing is left of an export that failed', async (t) => {
  using folder = new Folder();
  writeFileSync(folder.at('run.csv'), 'mine');
  mkdirSync(folder.at('taken'));
  const bad = folder.with('damaged.mcap', ARM, damaged);
  const before = readdirSync(folder.path).sort();
  const tries: readonly (readonly [string, TableExportOptions, ErrorCode])[] = [
    [ARM, { to: 'csv', path: folder.at('run.csv') }, 'RECORD_IO'],
    [ARM, { to: 'parquet', path: folder.at('taken') }, 'RECORD_IO'],
    [ARM, { to: 'csv', path: folder.at('no/such/folder.csv') }, 'RECORD_IO'],
    [bad, { to: 'csv', path: folder.at('new.csv') }, 'RECORD_DAMAGED'],
    [ARM, { to: 'csv', path: folder.at('new.csv'), fields: ['speed'] }, 'RECORD_INVALID_ARGUMENT'],
    [
      ARM,
      { to: 'csv', path: folder.at('new.csv'), fields: ['tick', 'tick'] },
      'RECORD_INVALID_ARGUMENT',
    ],
  ];
  for (const [file, options, code] of tries) {
    const error = (await rejection(exportRecording(file, options))) as KilohertzError;
    t.is(error.code, code, error.message);
  }
  t.is(readFileSync(folder.at('run.csv'), 'utf8'), 'mine');
  t.deepEqual(readdirSync(folder.path).sort(), before);
});

test('the Python of the page about recordings finds the frames of a split', async (t) => {
  t.timeout(300_000, 'Python packages may be installed');
  using folder = new Folder();
  const path = folder.at('data');
  const train = await exportRecording(ARM, { to: 'lerobot', path });
  await exportRecording(ARM, { to: 'lerobot', path, split: 'val' });
  const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'recordings.md'), 'utf8');
  const [, code = ''] = page.match(/```python\n(import json\n\nimport pandas[^`]*)```/) ?? [];
  const interpreter = await environment('record-python', join(python, 'requirements.txt'));
  const { stdout } = await promisify(execFile)(interpreter, ['-c', code], { cwd: folder.path });
  t.is(stdout.trim(), `${train.rows} frames of ${train.episodes} episodes at 30 Hz`);
});

test('two exports at once into one data set: one is refused by name, and no episode is lost', async (t) => {
  using folder = new Folder();
  const path = folder.at('data');
  const options: DataSetExportOptions = { to: 'lerobot', path, fps: 20, split: 'val' };
  const ends = await Promise.allSettled(
    Array.from({ length: 4 }, () => exportRecording([ARM, ARM], options)),
  );
  let episodes = 0;
  for (const end of ends) {
    if (end.status === 'fulfilled') {
      episodes += end.value.episodes;
    } else {
      t.is(end.reason.code, 'RECORD_BUSY', end.reason.message);
      t.is(end.reason.path, path);
    }
  }
  const info = JSON.parse(readFileSync(join(path, 'meta/info.json'), 'utf8'));
  t.true(episodes >= 4);
  t.is(info.total_episodes, episodes);
  t.deepEqual(info.splits, { val: `0:${episodes}` });
  const again = exportRecording(ARM, { ...options, split: 'a/b' });
  t.is(((await rejection(again)) as KilohertzError).code, 'RECORD_INVALID_ARGUMENT');
});

test('a file that is no recording is found before a data set is begun', async (t) => {
  using folder = new Folder();
  for (const [file, code] of unreadable(folder)) {
    const path = folder.at('data');
    const error = await rejection(exportRecording([ARM, file], { to: 'lerobot', path }));
    t.is((error as KilohertzError).code, code, file);
    t.false(existsSync(path));
    t.is(((await rejection(repairRecording(file))) as KilohertzError).code, code, file);
  }
});

test('what a recording says never leads out of the folder of its data set', async (t) => {
  using folder = new Folder();
  mkdirSync(folder.at('a/b'), { recursive: true });
  const path = folder.at('a/b/data');
  await exportRecording(CART, { to: 'lerobot', path, state: ['state'] });
  t.deepEqual(readdirSync(folder.path), ['a']);
  t.deepEqual(readdirSync(folder.at('a')), ['b']);
  t.deepEqual(readdirSync(folder.at('a/b')), ['data']);
  t.deepEqual(readdirSync(path).sort(), ['data', 'meta']);
  t.false(existsSync('escaped'));
  const info = JSON.parse(readFileSync(join(path, 'meta/info.json'), 'utf8'));
  t.is(info.robot_type, '../../escaped; $(touch escaped)');
});

test('a recording that was cut off is exported up to there, and whole after a repair', async (t) => {
  using folder = new Folder();
  const file = folder.with('cut.mcap', ARM, cutOff);
  const cut = await exportRecording(file, { to: 'csv', path: folder.at('cut.csv') });
  t.true(cut.rows > 0 && cut.rows < 397);
  t.false(cut.isWhole);
  const repaired = await repairRecording(file);
  t.false(repaired.wasFinished);
  t.is(repaired.cycles, cut.rows);
  t.true(repaired.leftOutBytes > 0);
  const whole = await exportRecording(file, { to: 'csv', path: folder.at('whole.csv') });
  t.deepEqual(whole, { ...cut, isWhole: true });
  t.deepEqual(readFileSync(folder.at('whole.csv')), readFileSync(folder.at('cut.csv')));
  t.deepEqual(await repairRecording(file), {
    wasFinished: true,
    cycles: cut.rows,
    leftOutBytes: 0,
  });
});

test('a damaged recording is not repaired, and stays as it is', async (t) => {
  using folder = new Folder();
  const file = folder.with('damaged.mcap', ARM, (bytes) =>
    damaged(Buffer.from(bytes)).subarray(0, -100),
  );
  const before = readFileSync(file);
  t.is(((await rejection(repairRecording(file))) as KilohertzError).code, 'RECORD_DAMAGED');
  t.deepEqual(readFileSync(file), before);
  t.deepEqual(readdirSync(folder.path), ['damaged.mcap']);
});

test('options of an export are refused by their names before anything is written', async (t) => {
  using folder = new Folder();
  const path = folder.at('out');
  const wrong: readonly (readonly [unknown, object, OptionErrorCode])[] = [
    [ARM, { to: 'json', path }, 'OPTION_TO'],
    [ARM, { to: 'lerobot', path, images: 'jpeg' }, 'OPTION_IMAGES'],
    [ARM, { to: 'lerobot', path, split: 1 }, 'OPTION_SPLIT'],
    [ARM, { path }, 'OPTION_TO'],
    [ARM, { to: 'csv' }, 'OPTION_PATH'],
    [[], { to: 'csv', path }, 'OPTION_FILES'],
    [[ARM, ARM], { to: 'csv', path }, 'OPTION_FILES'],
    [[ARM, 5], { to: 'lerobot', path }, 'OPTION_FILES'],
    [ARM, { to: 'csv', path, fields: 'tick' }, 'OPTION_FIELDS'],
    [ARM, { to: 'csv', path, fields: [] }, 'OPTION_FIELDS'],
    [ARM, { to: 'csv', path, fps: 30 }, 'OPTION_UNKNOWN'],
    [ARM, { to: 'lerobot', path, fields: ['tick'] }, 'OPTION_UNKNOWN'],
    [ARM, { to: 'lerobot', path, fps: 0 }, 'OPTION_FPS'],
    [ARM, { to: 'lerobot', path, fps: 29.97 }, 'OPTION_FPS'],
    [ARM, { to: 'lerobot', path, resampling: 'cubic' }, 'OPTION_RESAMPLING'],
    [ARM, { to: 'lerobot', path, actions: 'all' }, 'OPTION_ACTIONS'],
    [ARM, { to: 'lerobot', path, leaveOut: ['bad'] }, 'OPTION_LEAVE_OUT'],
    [ARM, { to: 'lerobot', path, cameras: [''] }, 'OPTION_CAMERAS'],
    [ARM, { to: 'lerobot', path, task: '' }, 'OPTION_TASK'],
  ];
  for (const [files, options, code] of wrong) {
    const failed = exportRecording(files as string, options as TableExportOptions);
    t.is(((await rejection(failed)) as OptionTypeError).code, code, JSON.stringify(options));
  }
  const call = exportRecording(ARM, { to: 'csv', path }, { onProgress: 1 as never });
  t.is(((await rejection(call)) as OptionTypeError).code, 'OPTION_ON_PROGRESS');
  t.deepEqual(readdirSync(folder.path), []);
});
