// Each example is killed in mid-motion, blocked, and starved: its motions are finished all the same. The
// simulated arms live here, so that they outlive the example.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { FrankaSimulator, type FrankaSimulatorOptions } from '../../index.ts';
import { isRested, REST, speed, WALL } from '../fixtures/arms.ts';
import type { Asked } from '../fixtures/preloaded/elsewhere.ts';
import { venv } from '../fixtures/python.ts';
import { until } from '../fixtures/waiting.ts';

const FOLDER = join(import.meta.dirname, '..', '..', 'examples');
const PRELOADED = join(import.meta.dirname, '..', 'fixtures', 'preloaded', 'elsewhere.ts');
const LIMIT_MS = 90_000;

/** What can be run of the examples: every file that no other one loads. Tests drive no arm but a simulated one. */
function programs(): string[] {
  const all = readdirSync(FOLDER).filter((file) => file.endsWith('.ts'));
  const files = all.filter((file) => !file.endsWith('.test.ts'));
  const text = files.map((file) => readFileSync(join(FOLDER, file), 'utf8')).join('\n');
  const names = files.map((file) => file.slice(0, -'.ts'.length));
  return names.filter((name) => !new RegExp(`['"]\\./${name}\\.[jt]s['"]`).test(text));
}

/** Two at a time: each takes its own time, whatever the processor has left. */
function inPairs(names: readonly string[]): string[][] {
  return names.flatMap((name, nth) =>
    nth % 2 === 0 ? [[name, ...names.slice(nth + 1, nth + 2)]] : [],
  );
}

/** An example that runs. */
interface Running extends AsyncDisposable {
  readonly process: ChildProcess;
  readonly arms: readonly FrankaSimulator[];
  readonly ended: Promise<string>;
}

async function start(
  name: string,
  words: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const loaded = ['--import=@oxc-node/core/register', `--import=${PRELOADED}`];
  const file = join(FOLDER, '..', 'dist', 'examples', `${name}.js`);
  const [command = '', ...args] = [...words, process.execPath, ...loaded, file];
  const python = { VIRTUAL_ENV: join(await venv(), '..', '..') };
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '', ...python, ...env },
    // A group of its own, as a terminal sends Ctrl+C to one.
    detached: true,
  });
  const arms: FrankaSimulator[] = [];
  serve(child, arms);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  const overdue = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
  const ended = once(child, 'close').then(([code, signal]) => {
    clearTimeout(overdue);
    return `${signal ?? code}\n${said}`;
  });
  return {
    process: child,
    arms,
    ended,
    async [Symbol.asyncDispose](): Promise<void> {
      child.kill('SIGKILL');
      await ended;
      for (const arm of arms) await arm.stop();
    },
  };
}

/** Answers what the example asks of its simulators. */
function serve({ stdio }: ChildProcess, arms: FrankaSimulator[]): void {
  const answers = stdio[4] as Writable;
  // It may be gone by then.
  answers.on('error', () => undefined);
  createInterface({ input: stdio[3] as Readable }).on('line', async (line) => {
    const { of, call, args } = JSON.parse(line) as Asked;
    if (of === undefined) {
      const arm = await FrankaSimulator.start({ ...(args[0] as FrankaSimulatorOptions), ...WALL });
      arms.push(arm);
      answers.write(`${JSON.stringify({ of: arms.length - 1, address: arm.address })}\n`);
      return;
    }
    const method = Reflect.get(arms[of] ?? {}, call) as (...args: readonly unknown[]) => unknown;
    answers.write(`${JSON.stringify(method.call(arms[of], ...args) ?? null, plain)}\n`);
  });
}

/** Typed arrays as arrays. */
function plain(_: string, value: unknown): unknown {
  return value instanceof Float64Array ? Array.from(value) : value;
}

/** All motions that were begun are finished, and no arm has helped itself. */
async function finished(t: ExecutionContext, { arms }: Running, said: string): Promise<void> {
  for (const arm of arms) {
    await until(() => speed(arm) < REST, 'the arm is at rest');
    isRested(t, arm, undefined, said);
    t.false(arm.fingers().isMoving, said);
  }
}

/** Resolves in the middle of a motion; to false where the example has ended before. */
async function inMotion({ arms, process: child }: Running): Promise<boolean> {
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const moves = (): boolean => arms.some((arm) => speed(arm) > 0.03);
  while (!moves() && !isOver()) await sleep(2);
  return !isOver();
}

async function killed(t: ExecutionContext, name: string, signal: NodeJS.Signals): Promise<void> {
  await using example = await start(name);
  if (await inMotion(example)) {
    const { pid = 0 } = example.process;
    const begun = example.arms.map((arm) => arm.counters().motionsStarted);
    process.kill(signal === 'SIGINT' ? -pid : pid, signal);
    const said = await example.ended;
    t.is(said.split('\n')[0], signal, said);
    await finished(t, example, said);
    t.deepEqual(
      example.arms.map((arm) => arm.counters().motionsStarted),
      begun,
      said,
    );
  } else {
    const said = await example.ended;
    const begun = example.arms.map((arm) => arm.counters().motionsStarted);
    t.true(
      begun.every((motions) => motions === 0),
      `it has moved, and was not killed: ${said}`,
    );
  }
}

/** Runs an example to its end; it may say that it was not what it should be, and must end by itself. */
async function survives(t: ExecutionContext, example: Running): Promise<void> {
  const said = await example.ended;
  t.regex(said, /^[01]\n/, said);
  await finished(t, example, said);
}

for (const name of programs()) {
  test(`${name}: its motion is finished when it is killed, by a signal and by Ctrl+C`, async (t) => {
    t.timeout(2 * LIMIT_MS);
    await Promise.all([killed(t, name, 'SIGTERM'), killed(t, name, 'SIGINT')]);
  });
}

for (const names of inPairs(programs())) {
  const them = names.join(' and ');
  test(`${them}: their motions are finished although their event loops are blocked, and with next to no processor`, async (t) => {
    t.timeout(2 * LIMIT_MS);
    const busy = Array.from({ length: 4 }, () => spawn(process.execPath, ['-e', 'for (;;);']));
    try {
      await Promise.all(
        names.map(async (name) => {
          await using blocked = await start(name, [], { BLOCK_MS: '400' });
          await using starved = await start(name, ['nice', '-n', '19']);
          await Promise.all([survives(t, blocked), survives(t, starved)]);
        }),
      );
    } finally {
      for (const each of busy) each.kill('SIGKILL');
    }
  });
}

test('no example is forgotten', (t) => {
  const names = programs();
  for (const name of ['hand', 'chunk-policy', 'chunk-python']) t.true(names.includes(name));
  t.false(names.includes('terminal'));
  t.true(names.length >= 13, names.join(' '));
});
