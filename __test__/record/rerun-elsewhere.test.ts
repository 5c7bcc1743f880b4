import test from 'ava';
import {
  AbortError,
  chunked,
  InvalidActionError,
  type OptionTypeError,
  PolicyError,
  processPolicy,
  type RerunPolicy,
  type RobotState,
  rerun,
  Session,
  workerPolicy,
} from '../../index.ts';
import { setUp } from '../fixtures/arms.ts';
import { continued, towards } from '../fixtures/policies.ts';
import { childrenOf } from '../fixtures/processes.ts';
import { WITHOUT_NUMPY } from '../fixtures/python.ts';
import { ARM, CART, Folder, GAIN } from '../fixtures/recordings.ts';
import { rejection } from '../fixtures/waiting.ts';

const NODE = new URL('../fixtures/policies.ts', import.meta.url);
const PYTHON = new URL('../fixtures/policies.py', import.meta.url);

type Made = RerunPolicy<RobotState>;
/** Each place in which a policy runs, with a maker of policies there. */
const PLACES: Readonly<Record<string, (name: string, ...args: readonly unknown[]) => Made>> = {
  'a worker': (name, ...args) => workerPolicy(NODE, { export: name, args }),
  'a spinning worker': (name, ...args) => workerPolicy(NODE, { export: name, args, spin: true }),
  'a process': (name, ...args) => processPolicy(NODE, { export: name, args }),
  'a Python process': (name, ...args) =>
    processPolicy(PYTHON, { export: name, args, env: WITHOUT_NUMPY }),
};

/** Nothing that ran a policy is left. */
function isOver(t: { deepEqual(a: unknown, b: unknown): unknown }): void {
  t.deepEqual(childrenOf('self'), []);
}

for (const [place, make] of Object.entries(PLACES)) {
  test.serial(
    `a policy in ${place} is run again to the bit, and told the questions of the run`,
    async (t) => {
      const same = await rerun(ARM, make('towards', GAIN));
      t.deepEqual(same, { answers: 39, differing: 0, withoutState: 0, firstDifference: undefined });
      for (const tick of [2, 212, 392]) {
        const report = await rerun(ARM, make('towards', GAIN, tick));
        t.is(report.differing, 1);
        t.is(report.firstDifference?.tick, tick);
        // Of the cycle, its times and its state everything is as a function is told it.
        t.deepEqual(report, await rerun(ARM, towards(GAIN, tick)));
      }
      const other = await rerun(ARM, make('towards', 0.3));
      t.deepEqual(other, await rerun(ARM, towards(0.3)));
      t.is(other.differing, 39);
      isOver(t);
    },
  );
}

test.serial(
  'a session with a chunked policy is run again in a worker and a process, with its chunks and resets',
  async (t) => {
    using folder = new Folder();
    const file = folder.at('run.mcap');
    const options = { replanAt: 0.5, executionHorizon: 5 };
    {
      await using setup = await setUp('jointPosition', { lockstep: true });
      const policy = chunked(continued(20) as never, options);
      const session = new Session(setup.arm, policy, { record: file, warmupS: 0, latencyS: 0.03 });
      session.once('start', () => session.episode({ task: 'again' }));
      await session.run({ durationS: 1 });
    }
    const here = await rerun(file, chunked(continued(20) as never, options));
    t.true(here.answers > 5, `${here.answers} answers`);
    for (const place of ['a worker', 'a process']) {
      const elsewhere = PLACES[place]?.('continued', 20) as never;
      t.deepEqual(await rerun(file, chunked(elsewhere, options)), here);
      t.is(here.differing, 0);
    }
    const shorter = PLACES['a worker']?.('continued', 19) as never;
    const { firstDifference } = await rerun(file, chunked(shorter, options));
    t.deepEqual([...new Set(firstDifference?.slots.map(({ row }) => row))], [19]);
    isOver(t);
  },
);

test.serial('a session with a chunked policy in Python is run again to the bit', async (t) => {
  using folder = new Folder();
  const file = folder.at('run.mcap');
  const policy = chunked(PLACES['a Python process']?.('swinging', 50, 0) as never);
  {
    await using setup = await setUp('jointPosition', { lockstep: true });
    await using session = new Session(setup.arm, policy, { record: file, warmupS: 0 });
    await session.run({ durationS: 1 });
  }
  const report = await rerun(file, policy as never);
  t.true(report.answers > 1, `${report.answers} answers`);
  t.like(report, { differing: 0, withoutState: 0 });
  isOver(t);
});

const WATCHING = new URL('../fixtures/watching.ts', import.meta.url);
const WATCHING_PYTHON = new URL('../fixtures/watching.py', import.meta.url);
const WATCHES = {
  'a worker': () => workerPolicy(WATCHING, { export: 'watch' }),
  'a process': () => processPolicy(WATCHING, { export: 'watch' }),
  'a Python process': () => processPolicy(WATCHING_PYTHON, { export: 'watch', env: WITHOUT_NUMPY }),
};

for (const [place, make] of Object.entries(WATCHES)) {
  test.serial(
    `a policy in ${place} that is run again has the inputs that it is given then, and without these none`,
    async (t) => {
      const policy = make();
      // Where there is no prompt, it answers zeros.
      t.like(await rerun(ARM, policy), { answers: 39, differing: 39 });
      policy.set({ prompt: 'now' }, { hostTimeS: 5 });
      const error = (await rejection(rerun(ARM, policy))) as PolicyError;
      t.is(error.code, 'POLICY_THREW');
      const seen = JSON.parse((error.cause as Error).message);
      t.deepEqual(seen, { prompt: { value: 'now', hostTimeS: 5 } });
      isOver(t);
    },
  );
}

for (const place of ['a worker', 'a process', 'a Python process']) {
  const make = PLACES[place];
  if (!make) throw new Error(place);
  test.serial(
    `a policy in ${place} that throws, ends or hangs is told by its code, in time, and is gone then`,
    async (t) => {
      const cases = [
        ['throw', 'POLICY_THREW', PolicyError],
        ['exit', 'POLICY_CRASHED', PolicyError],
        ['loop', 'POLICY_UNSETTLED', PolicyError],
        ['length', 'ACTION_LENGTH', InvalidActionError],
      ] as const;
      for (const [how, code, kind] of cases) {
        const timeoutS = how === 'loop' ? 15 : 60;
        const error = await rejection(rerun(ARM, make('misbehave', how), { timeoutS }));
        t.true(error instanceof kind, `${how}: ${error}`);
        t.is((error as PolicyError).code, code, how);
        // The first question from cycle 200 on.
        t.is((error as PolicyError).tick, 212, how);
        t.notRegex((error as Error).message, /arm was/);
        isOver(t);
      }
      const absent = (await rejection(rerun(ARM, make('absent')))) as PolicyError;
      t.is(absent.code, 'POLICY_THREW');
      isOver(t);
      const controller = new AbortController();
      const endless = rerun(ARM, make('misbehave', 'loop'), { signal: controller.signal });
      setTimeout(() => controller.abort(), 300);
      t.true((await rejection(endless)) instanceof AbortError);
      isOver(t);
    },
  );
}

test.serial('a module that never loads is told in time', async (t) => {
  const module = new URL('../fixtures/never-loads.ts', import.meta.url);
  for (const policy of [workerPolicy(module), processPolicy(module)]) {
    const error = (await rejection(rerun(ARM, policy, { timeoutS: 0.5 }))) as PolicyError;
    t.is(error.code, 'POLICY_UNSETTLED');
    isOver(t);
  }
});

test.serial(
  'a function whose promise never settles is told in time, and ends when the signal aborts',
  async (t) => {
    const never = (): Promise<number[]> => new Promise(() => undefined);
    const error = (await rejection(rerun(ARM, never, { timeoutS: 0.2 }))) as PolicyError;
    t.is(error.code, 'POLICY_UNSETTLED');
    t.is(error.tick, 2);
    const controller = new AbortController();
    const asked = rerun(ARM, never, { signal: controller.signal });
    setTimeout(() => controller.abort(), 100);
    t.true((await rejection(asked)) instanceof AbortError);
  },
);

test.serial(
  'a recording of another robot, and a time that is none, are refused before anything starts',
  async (t) => {
    for (const place of ['a worker', 'a process']) {
      const policy = PLACES[place]?.('towards', GAIN) as Made;
      t.is(((await rejection(rerun(CART, policy))) as OptionTypeError).code, 'OPTION_POLICY');
      for (const timeoutS of [0, -1, Number.NaN, 3601]) {
        const error = (await rejection(rerun(ARM, policy, { timeoutS }))) as OptionTypeError;
        t.is(error.code, 'OPTION_TIMEOUT_S');
      }
      isOver(t);
    }
  },
);
