// What is left when a child has ended, or the thread that has started it.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import test, { type ExecutionContext } from 'ava';
import { FrankaSimulator, type MpifyOptions, mpify, type ProcessProxy } from '../../index.ts';
import type { makeGrouped } from '../fixtures/grouped.ts';
import { childrenOf, runs, stateOf } from '../fixtures/processes.ts';
import { program } from '../fixtures/programs.ts';
import { rejection, until } from '../fixtures/waiting.ts';

const url = new URL('../fixtures/grouped.ts', import.meta.url);
type Grouped = ProcessProxy<ReturnType<typeof makeGrouped>>;

async function made(
  t: ExecutionContext,
  options: MpifyOptions,
  ignores: Parameters<typeof makeGrouped>[0],
): Promise<{ child: Grouped; leader: number; helper: number }> {
  const child = await mpify.with(options)<typeof makeGrouped>(url, 'makeGrouped', ignores);
  const [leader = 0, helper = 0] = await child.pids;
  t.teardown(() => {
    child.stop({ timeoutS: 0 });
    if (runs(helper)) process.kill(helper, 'SIGKILL');
  });
  t.true(runs(leader) && runs(helper));
  return { child, leader, helper };
}

test('without processGroup a stop ends the process alone', async (t) => {
  const { child, leader, helper } = await made(t, {}, 'ends at SIGTERM');
  child.stop({ timeoutS: 30 });
  t.false(runs(leader));
  t.true(runs(helper));
});

test('stop ends the process group before it returns', async (t) => {
  const { child, leader, helper } = await made(t, { processGroup: true }, 'ends at SIGTERM');
  const started = performance.now();
  child.stop({ timeoutS: 50 });
  t.false(runs(leader) || runs(helper));
  t.true(performance.now() - started < 45_000, 'SIGTERM is enough');
});

test('what ignores SIGTERM is killed after timeoutS', async (t) => {
  const { child, leader, helper } = await made(t, { processGroup: true }, 'ignores SIGTERM');
  const hanging = rejection(child.forever());
  const started = performance.now();
  child.stop({ timeoutS: 0.3 });
  t.true(performance.now() - started >= 550, 'once for the process, once for what it has started');
  t.false(runs(leader) || runs(helper));
  t.is(((await hanging) as { code: string }).code, 'OFFLOAD_STOPPED');
});

test('await using ends the process group, and blocks nothing', async (t) => {
  let pids: number[] = [];
  {
    await using child: Grouped = await mpify.with({ processGroup: true })<typeof makeGrouped>(
      url,
      'makeGrouped',
      'ignores SIGTERM',
    );
    pids = [...(await child.pids)];
  }
  t.deepEqual(pids.filter(runs), []);
});

test('the group of a child that ends by itself ends too', async (t) => {
  const { child, helper } = await made(t, { processGroup: true }, 'ignores SIGTERM');
  t.is(((await rejection(child.exit())) as { code: string }).code, 'OFFLOAD_CRASHED');
  await until(() => !runs(helper), 'what the child had started is gone');
});

test('the group ends with a program that exits', async (t) => {
  const { lines, code, stderr } = await program('grouped').ended;
  t.is(code, 0, stderr);
  const pids = (lines[0] ?? '').split(' ').map(Number);
  t.is(pids.length, 2);
  await until(() => !pids.some(runs), 'its processes are gone');
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
  test(`the group ends with a program that ${signal} ends`, async (t) => {
    const ended = await program('grouped', signal).ended;
    t.is(ended.signal, signal, ended.stderr);
    const pids = (ended.lines[0] ?? '').split(' ').map(Number);
    t.is(pids.length, 2);
    await until(() => !pids.some(runs), 'its processes are gone');
  });
}

test('the group ends with a worker that is terminated', async (t) => {
  const worker = new Worker(new URL('../fixtures/worker-children.ts', import.meta.url), {
    workerData: { way: 'group' },
  });
  const [pids] = (await once(worker, 'message')) as [readonly number[]];
  t.true(pids.length === 2 && pids.every(runs), `${pids}`);
  await worker.terminate();
  await until(() => !pids.some(runs), 'its processes are gone');
});

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return ''; // it has just ended
  }
}

test('what watches a process group ends with the group, and is collected', async (t) => {
  const { child, leader } = await made(t, { processGroup: true }, 'ends at SIGTERM');
  const shell = childrenOf('self').find((pid) => commandOf(pid).endsWith(`\0sh\0${leader}\0`));
  if (shell === undefined) return t.fail('nothing watches the group');
  child.stop();
  await until(() => stateOf(shell) === undefined, 'it is collected');
  t.pass();
});

for (const way of ['node', 'python', 'processPolicy']) {
  test(`the child of a worker that is terminated ends, and leaves no zombie (${way})`, async (t) => {
    await using simulator = await FrankaSimulator.start();
    const before = childrenOf('self');
    const worker = new Worker(new URL('../fixtures/worker-children.ts', import.meta.url), {
      workerData: { way, address: simulator.address },
    });
    const [told] = await once(worker, 'message');
    const begun = childrenOf('self').filter((pid) => !before.includes(pid));
    t.true(begun.length > 0 && (told === 0 || begun.includes(told)), `${begun}`);
    await worker.terminate();
    await until(() => begun.every((pid) => stateOf(pid) === undefined), 'they are collected');
    t.pass();
  });
}

test('processGroup and execPath are checked', (t) => {
  const untyped = mpify as unknown as { with(options: unknown): unknown };
  t.throws(() => untyped.with({ processGroup: 1 }), { code: 'OPTION_PROCESS_GROUP' });
  t.throws(() => untyped.with({ execPath: '' }), { code: 'OPTION_EXEC_PATH' });
});
