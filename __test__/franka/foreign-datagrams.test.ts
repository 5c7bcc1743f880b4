import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { Franka, FrankaHand, FrankaSimulator, run, Session } from '../../index.ts';
import { WALL } from '../fixtures/arms.ts';
import { until } from '../fixtures/waiting.ts';

/** The ports of this process's UDP sockets that are bound to all addresses. */
function ports(): number[] {
  const own = new Set<string>();
  for (const name of readdirSync('/proc/self/fd')) {
    try {
      own.add(readlinkSync(`/proc/self/fd/${name}`));
    } catch {
      // It was closed meanwhile.
    }
  }
  return readFileSync('/proc/net/udp', 'utf8')
    .split('\n')
    .slice(1)
    .map((row) => row.trim().split(/\s+/))
    .filter(([, at, ...rest]) => at?.startsWith('00000000:') && own.has(`socket:[${rest[7]}]`))
    .map(([, at]) => Number.parseInt(at?.slice(9) ?? '', 16));
}

test('what a stranger sends is counted, not answered, and ends no motion', async (t) => {
  await using simulator = await FrankaSimulator.start(WALL);
  await using arm = await Franka.connect(simulator.address);
  const [armPort = 0] = ports();
  await using hand = await FrankaHand.connect(simulator.address);
  const handPort = ports().find((port) => port !== armPort) ?? 0;
  t.is(arm.foreignDatagrams, 0);
  t.is(hand.foreignDatagrams, 0);

  const stranger = createSocket('udp4').bind(0, '127.0.0.9');
  await once(stranger, 'listening');
  stranger.on('message', () => t.fail('the stranger was answered'));
  const session = new Session(arm, () => [0, 0, 0, 0, 0, 0, 0], { warmupS: 0 });
  await session.start();
  await until(() => session.stats.iterations > 50, 'a motion');
  for (let nth = 0; nth < 100; nth += 1) {
    // Nothing, one byte, and a state of the hand, of an FR3 and of a FER.
    for (const bytes of [0, 1, 27, 1377, 2373]) {
      stranger.send(Buffer.alloc(bytes, 0xff), armPort, '127.0.0.1');
      stranger.send(Buffer.alloc(bytes, 0xff), handPort, '127.0.0.1');
    }
    await sleep(2);
  }
  t.true((await hand.state()).widthM < 0.1);
  await session.stop();
  stranger.close();

  t.true(arm.foreignDatagrams > 250 && arm.foreignDatagrams <= 500, `${arm.foreignDatagrams}`);
  t.true(hand.foreignDatagrams > 250 && hand.foreignDatagrams <= 500, `${hand.foreignDatagrams}`);
  t.is(simulator.counters().motionsFinished, 1);
  await run(arm, () => [0, 0, 0, 0, 0, 0, 0], { warmupS: 0, durationS: 0.1 });
});
