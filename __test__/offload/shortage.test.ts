import test from 'ava';
import { shortage } from '../../lib/errors/shortage.ts';
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
