import test from 'ava';
import { refusal, shortage } from '../../lib/errors/shortage.ts';
import { programBehind } from '../fixtures/programs.ts';

test('without descriptors each start is refused with what to do, leaves nothing open, and works again later', async (t) => {
  const limited = ['sh', '-c', 'ulimit -n 200; exec "$@"', 'sh'];
  const { lines, stderr, code } = await programBehind(limited, [], 'short').ended;
  const refused = 'SYSTEM EMFILE says what to do';
  t.deepEqual(
    lines
      .filter((line) => !line.startsWith('arm:'))
      // The addon may be the first that finds none left.
      .map((line) => line.replace('SYSTEM native says what to do, ', '')),
    ['pool', 'thread', 'process', 'worker', 'policy in a process'].map(
      (name) => `${name}: ${refused}; 0 left open; the next works`,
    ),
    stderr,
  );
  const [arm = ''] = lines.filter((line) => line.startsWith('arm:'));
  // The simulator is a native server, so its own code tells it.
  t.regex(
    arm,
    /^arm: (SIM_SYSTEM|SIM_BIND) native says what to do.*; 0 left open; the next works$/,
  );
  t.is(code, 0);
});

test('a thread without descriptors for its module is told, and the next one loads it', async (t) => {
  const limited = ['sh', '-c', 'ulimit -n 500; exec "$@"', 'sh'];
  const { lines, stderr } = await programBehind(limited, [], 'short-loading').ended;
  t.deepEqual(
    lines,
    [
      'pool, none left: SYSTEM EMFILE',
      'pool, few left: SYSTEM EMFILE',
      'thread, few left: SYSTEM EMFILE',
      'pool: works',
      'thread: works',
    ],
    stderr,
  );
});

test('what the system has run out of is told with its code, and with what to do', (t) => {
  for (const [code, advice] of [
    ['EMFILE', /ulimit -n/],
    ['ENFILE', /fs\.file-max/],
    ['EAGAIN', /ulimit -u.*pids\.max/],
    ['ENOMEM', /memory\.max/],
  ] as const) {
    const cause = Object.assign(new Error(`spawn ${code}`), { code });
    const error = shortage('the process of policy.js', cause);
    t.is(error?.code, 'SYSTEM');
    t.is(error?.cause, cause);
    t.regex(error?.message ?? '', new RegExp(`the process of policy\\.js cannot be .*${code}`));
    t.regex(error?.message ?? '', advice);
    const init = Object.assign(new Error(`Worker initialization failure: ${code}`), {
      code: 'ERR_WORKER_INIT_FAILED',
    });
    t.is(shortage('a thread', init)?.code, 'SYSTEM');
  }
  t.is(shortage('it', Object.assign(new Error('no'), { code: 'ENOENT' })), undefined);
  t.is(shortage('it', 'EMFILE'), undefined);
});

test('what Node does not permit, and that the working directory was removed, is told with what to do', (t) => {
  const denied = Object.assign(new Error('restricted'), { code: 'ERR_ACCESS_DENIED' });
  const error = refusal('a thread', denied, '--allow-worker');
  t.is(error?.code, 'SYSTEM');
  t.is(error?.cause, denied);
  t.regex(error?.message ?? '', /^a thread cannot be started: .*without --allow-worker/);
  const gone = Object.assign(new Error('uv_cwd'), { code: 'ENOENT', syscall: 'uv_cwd' });
  t.regex(refusal('it', gone, '--allow-worker')?.message ?? '', /working directory.*chdir/);
  const short = Object.assign(new Error('spawn'), { code: 'EMFILE' });
  t.regex(refusal('it', short, '--allow-worker')?.message ?? '', /ulimit -n/);
  t.is(refusal('it', new Error('no'), '--allow-worker'), undefined);
});
