// The settings of the pool of asyncify, its statistics, and how many processors it takes.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import test from 'ava';
import {
  asyncify,
  configurePool,
  OptionRangeError,
  OptionTypeError,
  poolStats,
} from '../../index.ts';
import { processors } from '../../lib/offload/processors.ts';
import type * as offloaded from '../fixtures/offloaded.ts';
import { programBehind } from '../fixtures/programs.ts';
import { rejection, until } from '../fixtures/waiting.ts';

const url = new URL('../fixtures/offloaded.ts', import.meta.url);
const blocking = asyncify<typeof offloaded.blocking>(url, 'blocking');
const fail = asyncify<typeof offloaded.fail>(url, 'fail');
const forever = asyncify<typeof offloaded.forever>(url, 'forever');

test.afterEach.always(() => configurePool({}));

/** A tree of small files. */
function tree(files: Readonly<Record<string, string>>): (path: string) => string | undefined {
  return (path) => files[path];
}

const EIGHT = (): number => 8;

test('the quota of a cgroup of version 2 counts, and that of each group above it, rounded down', (t) => {
  const of = (files: Record<string, string>, path = '/user/job'): number =>
    processors(tree({ '/proc/self/cgroup': `0::${path}\n`, ...files }), EIGHT);
  const own = '/sys/fs/cgroup/user/job/cpu.max';
  t.is(of({}), 8);
  t.is(of({ [own]: 'max 100000\n' }), 8);
  t.is(of({ [own]: '200000 100000\n' }), 2);
  t.is(of({ [own]: '250000 100000\n' }), 2);
  t.is(of({ [own]: '50000 100000\n' }), 1, 'never none');
  t.is(of({ [own]: '1600000 100000\n' }), 8, 'no more than there are');
  t.is(of({ [own]: 'max 100000\n', '/sys/fs/cgroup/user/cpu.max': '300000 100000\n' }), 3);
  t.is(of({ [own]: '400000 100000\n', '/sys/fs/cgroup/cpu.max': '200000 100000\n' }), 2);
  t.is(of({ '/sys/fs/cgroup/cpu.max': '300000 100000\n' }, '/'), 3, 'in a container');
  for (const strange of ['', 'x y', '-1 100000', '100000 0', '100000']) {
    t.is(of({ [own]: strange }), 8, strange);
  }
});

test('the quota of a cgroup of version 1 counts, also if the path is that of the host', (t) => {
  const cgroup = '3:memory:/docker/a\n2:cpu,cpuacct:/docker/a\n1:name=systemd:/docker/a\n';
  const of = (place: string, quota: string): number =>
    processors(
      tree({
        '/proc/self/cgroup': cgroup,
        [`${place}/cpu.cfs_quota_us`]: quota,
        [`${place}/cpu.cfs_period_us`]: '100000\n',
      }),
      EIGHT,
    );
  t.is(of('/sys/fs/cgroup/cpu,cpuacct/docker/a', '200000\n'), 2);
  t.is(of('/sys/fs/cgroup/cpu/docker/a', '200000\n'), 2);
  t.is(of('/sys/fs/cgroup/cpu', '300000\n'), 3);
  t.is(of('/sys/fs/cgroup/cpu', '-1\n'), 8);
});

test('without cgroups the processors count that this process may use', (t) => {
  t.is(processors(tree({})), availableParallelism());
});

test.serial('a program that is bound to one processor has a pool of one thread', async (t) => {
  if (!existsSync('/usr/bin/taskset') && !existsSync('/bin/taskset')) return t.pass();
  const allowed = execFileSync('taskset', ['-cp', `${process.pid}`], { encoding: 'utf8' });
  const first = /: (\d+)/.exec(allowed)?.[1] ?? '0';
  const { lines, stderr } = await programBehind(['taskset', '-c', first], [], 'pooled').ended;
  t.deepEqual(lines, ['{"maxThreads":1,"threads":1,"answered":2}'], stderr);
});

test.serial(
  'no more calls run than there are threads, and the statistics say what becomes of them',
  async (t) => {
    configurePool({ threads: 1 });
    const before = poolStats();
    const abort = new AbortController();
    const counter = new Int32Array(new SharedArrayBuffer(4));
    const stopped = rejection(forever.with({ signal: abort.signal })(counter));
    await until(() => Atomics.load(counter, 0) > 0, 'it runs');
    const calls = [blocking(0), blocking(0), rejection(fail('range')), rejection(fail('exit'))];
    t.like(poolStats(), { maxThreads: 1, threads: 1, running: 1, waiting: 4 });
    abort.abort();
    await stopped;
    const used = await Promise.all(calls);
    t.is(used[0], used[1], 'one thread');
    const { answered, failed, aborted, running, waiting } = poolStats();
    t.deepEqual(
      [answered - before.answered, failed - before.failed, aborted - before.aborted],
      [3, 1, 1],
    );
    t.deepEqual([running, waiting], [0, 0]);
  },
);

test.serial(
  'more threads take the calls that wait, and fewer let those go on that run',
  async (t) => {
    configurePool({ threads: 1 });
    const abort = new AbortController();
    const counters = [0, 1, 2].map(() => new Int32Array(new SharedArrayBuffer(4)));
    const runs = (nth: number): boolean => Atomics.load(counters[nth] as Int32Array, 0) > 0;
    const calls = counters.map((counter) =>
      rejection(forever.with({ signal: abort.signal })(counter)),
    );
    await until(() => runs(0), 'the first runs');
    t.deepEqual([runs(1), runs(2)], [false, false]);
    configurePool({ threads: 3 });
    await until(() => runs(1) && runs(2), 'the others run');
    configurePool({ threads: 1 });
    t.like(poolStats(), { maxThreads: 1, running: 3 });
    const later = blocking(0);
    t.is(poolStats().waiting, 1);
    abort.abort();
    await Promise.all(calls);
    await later;
    await until(() => poolStats().threads <= 1, 'threads with earlier options end');
  },
);

test.serial('a thread without work ends after idleS', async (t) => {
  configurePool({ threads: 1, idleS: 60 });
  await blocking(0);
  t.is(poolStats().threads, 1);
  configurePool({ threads: 1, idleS: 0.01 });
  await blocking(0);
  await until(() => poolStats().threads === 0, 'it has ended');
  t.pass();
});

test.serial(
  'a thread that needs more than memoryMb ends, the error says so, and the next call works',
  async (t) => {
    configurePool({ threads: 1, memoryMb: 32 });
    const error = (await rejection(fail('memory'))) as Error & { code: string };
    t.is(error.code, 'OFFLOAD_CRASHED');
    t.regex(
      error.message,
      /ran out of memory; .*raise memoryMb, which is 32, with configurePool\(\)/,
    );
    t.is(typeof (await blocking(0)), 'number');
  },
);

test.serial('an invalid setting is refused, and nothing changes', (t) => {
  configurePool({ threads: 3 });
  for (const [options, code] of [
    [{ threads: 0 }, 'OPTION_THREADS'],
    [{ threads: 1.5 }, 'OPTION_THREADS'],
    [{ threads: 1025 }, 'OPTION_THREADS'],
    [{ idleS: -1 }, 'OPTION_IDLE_S'],
    [{ idleS: Number.POSITIVE_INFINITY }, 'OPTION_IDLE_S'],
    [{ memoryMb: 1 }, 'OPTION_MEMORY_MB'],
    [{ memoryMb: Number.NaN }, 'OPTION_MEMORY_MB'],
  ] as const) {
    t.throws(() => configurePool(options), { instanceOf: OptionRangeError, code });
  }
  for (const wrong of [null, 5, { threads: '2' }]) {
    t.throws(() => configurePool(wrong as never), { instanceOf: OptionTypeError });
  }
  t.is(poolStats().maxThreads, 3);
});
