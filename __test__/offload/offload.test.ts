// What holds for all ways to run something off the main thread.

import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import {
  type AnyPolicy,
  asyncify,
  InferenceThread,
  type JointVector,
  mpify,
  OffloadError,
  processPolicy,
  type RobotState,
  Session,
  workerPolicy,
} from '../../index.ts';
import { answered, setUp } from '../fixtures/arms.ts';
import { longProgram } from '../fixtures/programs.ts';
import { block } from '../fixtures/waiting.ts';

type Model = typeof import('../fixtures/inference.ts');
type Offloaded = typeof import('../fixtures/offloaded.ts');
type Remote = typeof import('../fixtures/remote.ts');

const fixture = (name: string): URL => new URL(`../fixtures/${name}`, import.meta.url);

/** How many calls one caller makes, and how many of them at a time. */
const CALLS = 2500;
const AT_A_TIME = 50;

/** What became of the calls of one caller. */
interface Tally {
  right: number;
  wrong: number;
  crashed: number;
  other: unknown[];
}

/** Makes all calls of one caller; each is to answer with its own number. */
async function tally(call: (nth: number) => PromiseLike<unknown>): Promise<Tally> {
  const told: Tally = { right: 0, wrong: 0, crashed: 0, other: [] };
  for (let from = 0; from < CALLS; from += AT_A_TIME) {
    const answers = Array.from({ length: AT_A_TIME }, (_, at) => call(from + at));
    for (const [at, answer] of (await Promise.allSettled(answers)).entries()) {
      if (answer.status === 'fulfilled') {
        if (answer.value === from + at) told.right += 1;
        else told.wrong += 1;
      } else if (
        answer.reason instanceof OffloadError &&
        answer.reason.code === 'OFFLOAD_CRASHED'
      ) {
        told.crashed += 1;
      } else {
        told.other.push(answer.reason);
      }
    }
  }
  return told;
}

test('of 10,000 mixed calls none is lost while the main thread is blocked and a child is killed', async (t) => {
  const half = asyncify<Offloaded['solve']>(fixture('offloaded.ts'), 'solve');
  await using thread = new InferenceThread<Model>(fixture('inference.ts'));
  await thread.start();
  await using killed = await mpify.with({ restarts: 1 })<Remote['makePolicy']>(
    fixture('remote.ts'),
    'makePolicy',
  );
  const python = await mpify(fixture('remote.py'), 'make_without_numpy');
  t.teardown(() => python.stop());
  const pid = await killed.pid;
  const blocks = setInterval(() => block(20), 50);
  t.teardown(() => clearInterval(blocks));

  // Every tenth call has an array behind it that goes through shared memory.
  const image = new Uint8Array(100_000).fill(7);
  const large = (nth: number): boolean => nth % 10 === 0;
  const [pool, inference, node, snake] = await Promise.all([
    tally(async (nth) => (await half(nth / 2)) as number),
    tally(async (nth) => {
      if (!large(nth)) return thread.run('echo', nth);
      const back = (await thread.run('echo', { nth, image })) as { nth: number; image: Uint8Array };
      return back.image.every((value) => value === 7) ? back.nth : -1;
    }),
    tally((nth) => {
      if (nth === CALLS / 2) process.kill(pid, 'SIGKILL');
      return killed.echo(nth);
    }),
    tally(async (nth) => {
      if (!large(nth)) return python.echo(nth);
      const back = await python.echo({ nth, image });
      return back.image.every((value: number) => value === 7) ? back.nth : -1;
    }),
  ]);
  const all = { right: CALLS, wrong: 0, crashed: 0, other: [] };
  t.deepEqual({ pool, inference, snake }, { pool: all, inference: all, snake: all });
  // Those that were under way when it was killed, and no others.
  t.true(node.crashed > 0 && node.crashed <= 2 * AT_A_TIME, `${node.crashed} crashed`);
  t.deepEqual(node, { ...all, right: CALLS - node.crashed, crashed: node.crashed });
});

for (const what of ['thread', 'node', 'python']) {
  test(`200 rounds of starting and stopping leave nothing behind (${what})`, async (t) => {
    const { code, lines, stderr } = await longProgram(t, 'offload-rounds.js', what).ended;
    t.is(code, 0, stderr);
    const { before, after } = JSON.parse(lines.at(-1) ?? '');
    t.is(before.children, 0);
    t.is(before.segments, 0, 'nothing is shared any more');
    t.deepEqual({ ...after, threads: 0 }, { ...before, threads: 0 });
    // Node and the loader have threads that come and go.
    t.true(after.threads <= before.threads + 4, `${before.threads}, then ${after.threads}`);
  });
}

const WATCHFUL: Readonly<Record<string, AnyPolicy<RobotState, JointVector>>> = {
  'a worker': workerPolicy(fixture('policies.ts'), { export: 'watchful', args: [] }),
  'a Node process': processPolicy(fixture('policies.ts'), { export: 'watchful', args: [] }),
  'a Python process': processPolicy(fixture('policies.py'), { export: 'watchful', args: [] }),
};

for (const [where, policy] of Object.entries(WATCHFUL)) {
  test(`the state that a policy in ${where} sees is that of one cycle`, async (t) => {
    await using setup = await setUp();
    const session = new Session(setup.arm, policy, { warmupS: 0 });
    t.true((await answered(session, 1_000)).policyAnswers > 1_000);
  });
}

test('an answer that comes after its call was given up is nobody else’s', async (t) => {
  await using thread = new InferenceThread<Model>(fixture('inference.ts'));
  await thread.start();
  await using child = await mpify<Remote['makePolicy']>(fixture('remote.ts'), 'makePolicy');
  let given = 0;
  for (let nth = 0; nth < 20; nth += 1) {
    const late = [
      thread.wrap('blocking').with({ timeoutS: 0.001 })(5, -1),
      child.wait.with({ timeoutS: 0.001 })(5, 'late'),
    ];
    // On a loaded machine an answer may be there before this thread looks at the time.
    for (const settled of await Promise.allSettled(late)) {
      if (settled.status === 'fulfilled') {
        t.true([-1, 'late'].includes(settled.value as number | string));
      } else {
        t.is((settled.reason as OffloadError).code, 'OFFLOAD_TIMEOUT');
        given += 1;
      }
    }
    const after = [thread.run('echo', nth), child.echo(nth)];
    t.deepEqual(await Promise.all(after), [nth, nth]);
    await sleep(1);
  }
  t.true(given > 0, 'calls were given up');
});
