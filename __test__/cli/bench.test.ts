// What the bench measures, and what it makes of it. How late this machine is says nothing here.

import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import test from 'ava';
import { type BenchRow, bench } from '../../index.ts';
import { latenessIn } from '../../lib/bench/cyclictest.ts';
import { Lateness } from '../../lib/bench/lateness.ts';
import { atTerminal, kilohertz } from '../fixtures/command-line.ts';
import { Folder } from '../fixtures/recordings.ts';
import { rejection } from '../fixtures/waiting.ts';

const LOADS = ['idle', 'blocked', 'garbage', 'busy', 'io'] as const;
const QUICK = ['--duration', '0.2'] as const;

/** The files that a load writes. */
const written = (): string[] =>
  readdirSync(tmpdir()).filter((name) => name.startsWith('kilohertz-bench-'));

test('each method is measured under each load, and every deadline is met or counted', async (t) => {
  const before = written();
  const ended = await kilohertz('bench', '--duration', '0.4', '--rate', '500', '--json');
  t.is(ended.code, 0, ended.stderr);
  const rows: BenchRow[] = JSON.parse(ended.stdout).rows;
  for (const load of LOADS) {
    for (const method of ['kilohertz', 'clock_nanosleep', 'spin']) {
      const found = rows.filter((row) => row.load === load && row.method === method);
      t.is(found.length, 1, `${method} ${load}`);
      for (const { cycles, missed, p50S, p99S, p999S, maxS, histogram } of found) {
        // A machine that stalls at the end has more deadlines.
        const deadlines = cycles + missed;
        t.true(cycles > 0 && deadlines > 180 && deadlines < 1_000, `${cycles}, ${missed}`);
        t.true(p50S <= p99S && p99S <= p999S && p999S <= maxS, `${method} ${load}`);
        const sum = Array.from(histogram.counts).reduce((all, count) => all + count, 0);
        t.is(sum, cycles);
        t.is(histogram.upperS.length, histogram.counts.length);
      }
    }
  }
  t.deepEqual(written(), before);
});

test('with --all the settings are ranked by the worst of their loads', async (t) => {
  const words = ['--all', '--loads', 'idle,busy', '--duration', '0.1', '--json'];
  const ended = await kilohertz('bench', ...words);
  t.is(ended.code, 0, ended.stderr);
  const rows: BenchRow[] = JSON.parse(ended.stdout).rows;
  const names = rows.map(({ realtime }) => JSON.stringify(realtime));
  const settings = [...new Set(names)];
  t.true(settings.length === 6 || settings.length === 12);
  t.is(rows.length, 2 * settings.length);
  const worst = settings.map((name) =>
    Math.max(...rows.filter((_, index) => names[index] === name).map(({ p99S }) => p99S)),
  );
  t.deepEqual(
    worst,
    [...worst].sort((a, b) => a - b),
  );
});

test('percentiles are within 2 %, however many wakes there were', (t) => {
  const lateness = new Lateness();
  for (let us = 1; us <= 1_000; us += 1) lateness.add(us / 1e6, 1_000);
  t.is(lateness.cycles, 1_000_000);
  for (const [share, us] of [
    [0.5, 500],
    [0.99, 990],
    [0.999, 999],
  ] as const) {
    const found = lateness.percentile(share) * 1e6;
    t.true(found >= us * 0.999 && found <= us * 1.021, `${share}: ${found}`);
  }
  t.is(lateness.percentile(1), 1e-3);
  const same = new Lateness(lateness.counts, lateness.maxS);
  t.is(same.percentile(0.99), lateness.percentile(0.99));
  t.is(new Lateness().percentile(0.5), Number.NaN);
});

test('cyclictest is measured beside where it is installed, and its reason is told where it is not', async (t) => {
  using folder = new Folder();
  const text =
    '# /dev/cpu_dma_latency set to 0us\n# Histogram\n000000 000000\n000003 000098\n000007 000001\n# Max Latencies: 25000\n# Histogram Overflows: 00001\n';
  const found = latenessIn(text);
  t.deepEqual([found?.cycles, found?.maxS], [100, 0.025]);
  t.true(Math.abs((found?.percentile(0.5) ?? 0) - 3e-6) < 1e-7);
  t.is(latenessIn('unable to get scheduler parameters'), undefined);
  const program = folder.at('cyclictest');
  writeFileSync(program, `#!/bin/sh\ncat <<'END'\n${text}END\n`);
  chmodSync(program, 0o755);
  const before = process.env['PATH'];
  process.env['PATH'] = `${folder.path}:${before}`;
  const beside = await bench({ durationS: 0.1, loads: ['idle'] });
  writeFileSync(program, '#!/bin/sh\necho "could not set policy" >&2\nexit 1\n');
  const refused = await bench({ durationS: 0.1, loads: ['idle', 'blocked'] });
  process.env['PATH'] = before;
  t.like(beside.rows.at(-1), { method: 'cyclictest', cycles: 100 });
  t.is(beside.withoutCyclictest, undefined);
  t.is(refused.withoutCyclictest, 'could not set policy');
  t.false(refused.rows.some(({ method }) => method === 'cyclictest'));
});

test('what is no option is refused before anything is measured', async (t) => {
  const never = (): void => t.fail();
  for (const [options, code] of [
    [{ rateHz: 0 }, 'OPTION_RATE_HZ'],
    [{ durationS: '5' }, 'OPTION_DURATION_S'],
    [{ loads: ['heavy'] }, 'OPTION_LOADS'],
    [{ loads: [] }, 'OPTION_LOADS'],
    [{ realtime: { priority: 200 } }, 'OPTION_PRIORITY'],
    [{ all: 1 }, 'OPTION_ALL'],
    [{ onProgress: 1 }, 'OPTION_ON_PROGRESS'],
    [{ signal: AbortSignal.abort() }, 'ABORT_ERR'],
  ] as const) {
    const error = await rejection(bench({ onProgress: never, ...(options as object) }));
    t.like(error, { code }, JSON.stringify(options));
  }
});

test('a signal ends the bench, and nothing is left', async (t) => {
  const before = written();
  const controller = new AbortController();
  const running = bench({
    durationS: 60,
    loads: ['io'],
    signal: controller.signal,
    onProgress: () => setTimeout(() => controller.abort('enough'), 200),
  });
  t.like(await rejection(running), { code: 'ABORT_ERR' });
  t.deepEqual(written(), before);
});

test('the command prints a table and histograms, draws them, and is a gate', async (t) => {
  using folder = new Folder();
  const svg = folder.at('bench.svg');
  const words = ['bench', '--loads', 'idle', ...QUICK];
  const good = await kilohertz(...words, '--svg', svg, '--fail-p99', '60s');
  t.is(good.code, 0, good.stderr);
  t.regex(good.stdout, /\nload +method +p50 +p99 +p99\.9 +latest +missed\nidle +kilohertz /);
  t.regex(good.stdout, /the session's wakes, idle .+:\n +<= [\d.]+ [nm]?u?s +#+/);
  t.regex(good.stdout, /p99 of the session: .+ at worst; at most 60\.00 s\n/);
  const picture = readFileSync(svg, 'utf8');
  t.regex(picture, /^<svg .+<\/svg>\n$/s);
  t.false(/NaN|undefined/.test(picture));
  // A line a method; cyclictest may be installed.
  t.true([4, 5].includes(picture.split('<path').length));
  const bad = await kilohertz(...words, '--fail-p99', '0.0001us', '--json');
  t.is(bad.code, 1);
  t.like(JSON.parse(bad.stdout), { hasFailed: true, rateHz: 1000 });
  const kept = await kilohertz(...words, '--svg', svg);
  t.is(kept.code, 1);
  t.regex(kept.stderr, /^REPORT_IO: .+exists already/);
});

test('the command with --all ends each row with the line to use', async (t) => {
  const all = await kilohertz('bench', '--all', '--loads', 'idle', '--duration', '0.1');
  t.is(all.code, 0, all.stderr);
  t.regex(all.stdout, /\nidle .+ {2}realtime: \{ priority: .+ \}\n/);
});

test('wrong words of the bench end with 2', async (t) => {
  for (const [words, reason] of [
    [['--fail-p99', '50'], /a duration with its unit/],
    [['--loads', 'idle,heavy'], /OPTION_LOADS.+idle/],
    [['--rate', '0'], /OPTION_RATE_HZ/],
    [['--durations', '1'], /Did you mean --duration/],
  ] as const) {
    const ended = await kilohertz('bench', ...words);
    t.is(ended.code, 2, ended.stderr);
    t.regex(ended.stderr, reason);
  }
});

test('a load that the system refuses ends the bench with 1, and says what to do', async (t) => {
  using folder = new Folder();
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = folder.at('nowhere');
  const ending = kilohertz('bench', '--loads', 'io', ...QUICK, '--json');
  if (before === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = before;
  const { code, stdout } = await ending;
  t.is(code, 1, stdout);
  const { error } = JSON.parse(stdout);
  t.is(error.code, 'SYSTEM');
  t.regex(
    error.message,
    /^the load io cannot be made: .*ENOENT.*nowhere must be a folder.* TMPDIR/,
  );
});

test('Ctrl+C ends the bench with 130, also while the event loop is blocked', async (t) => {
  for (const load of ['blocked', 'io']) {
    using folder = new Folder();
    const svg = folder.at('bench.svg');
    const before = written();
    const words = ['--loads', load, '--duration', '60', '--svg', svg];
    const running = atTerminal(t, 'bench', ...words);
    await running.printed(/1 of 4: kilohertz, /);
    running.type('\u0003');
    t.is(await running.ended, 130, running.text);
    t.false(existsSync(svg));
    t.deepEqual(written(), before);
  }
});
