// Before a connection: what is no address, and a signal that ends the attempt.

import { getEventListeners } from 'node:events';
import { readdirSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import test from 'ava';
import {
  Franka,
  FrankaHand,
  FrankaSimulator,
  OptionRangeError,
  OptionTypeError,
} from '../../index.ts';
import { abortReason, rejection, until } from '../fixtures/waiting.ts';

const CONNECT = { Franka, FrankaHand };

const WRONG: readonly (readonly [string, RegExp])[] = [
  ['', /it is empty/],
  ['  ', /it is empty/],
  ['arm:99999', /port 99999 is above 65535/],
  ['172.16.0.2:65536', /port 65536 is above 65535/],
  ['arm:0', /port 0 is below 1/],
  ['arm:-1', /port -1 is not a whole number/],
  ['arm:1337x', /port 1337x is not a whole number/],
  ['arm:0x50', /port 0x50 is not a whole number/],
  ['arm:', /no port after the :/],
  [':1337', /no host before the :/],
  [':', /no host before the :/],
  ['http://172.16.0.2', /an address has no http:\/\/, write '172\.16\.0\.2'/],
  ['tcp://arm:1337/x?y', /an address has no tcp:\/\/, write 'arm:1337'/],
  ['arm/desk', /no path after a \//],
  ['user@arm', /no user before an @/],
  ['a b', /it has a blank in it/],
  ['a\nb', /it has a blank in it/],
  ['a\0b', /it has "\\u0000" in it/],
  ['a?b', /it has "\?" in it/],
  ['a:1:2', /more than one :/],
  ['::ffff:127.0.0.1:', /more than one :/],
  ['１７２.16.0.2', /it has １ \(U\+FF11\) in it; digits.*ASCII/],
  ['172.16.0.2：1337', /it has ： \(U\+FF1A\) in it/],
  ['172。16。0。2', /it has 。 \(U\+3002\) in it/],
  ['172.16.0.2:٣', /it has ٣ \(U\+0663\) in it/],
  ['\u200b172.16.0.2', /it has U\+200B, which is not seen, in it/],
  ['172.16.0.2\u202c', /it has U\+202C, which is not seen, in it/],
  ['[::1]:1337', /::1 is an IPv6 address, and an arm sends its states over IPv4/],
  ['::1', /is an IPv6 address/],
  ['[fe80::1', /what is in \[ \] is not an IPv6 address/],
  ['[::1]1337', /only a port may follow/],
  ['172.16.0.256', /172\.16\.0\.256 is not an IPv4 address/],
  ['172.16.0', /is not an IPv4 address/],
  ['1337', /is not an IPv4 address/],
  ['arm..lab', /a part of its name is empty/],
  [`${'a'.repeat(64)}.lab`, /at most 63 characters/],
  [`${'a.'.repeat(130)}lab`, /at most 253 characters/],
];

for (const [name, Class] of Object.entries(CONNECT)) {
  test(`${name}.connect: what has not the form of an address is refused, and told as what it is`, async (t) => {
    for (const [address, why] of WRONG) {
      const error = (await rejection(Class.connect(address))) as OptionRangeError;
      t.true(error instanceof OptionRangeError, address);
      t.is(error.code, 'OPTION_ADDRESS');
      t.is(error.received, address);
      t.regex(error.message, why, address);
    }
    for (const wrong of [undefined, null, 5, {}, ['arm'], new URL('tcp://arm')]) {
      const error = (await rejection(Class.connect(wrong as never))) as OptionTypeError;
      t.true(error instanceof OptionTypeError);
      t.is(error.code, 'OPTION_ADDRESS');
    }
  });

  test(`${name}.connect: a signal that aborts ends the attempt at once, and closes the connection`, async (t) => {
    const sockets = new Set<Socket>();
    // It takes the connection and never answers.
    const server = createServer((socket) => {
      sockets.add(socket.resume());
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => server.close());
    const { port } = server.address() as AddressInfo;
    const controller = new AbortController();
    const { signal } = controller;
    const options = { timeoutS: 600, signal, ...(Class === FrankaHand ? { port } : {}) };
    const reason = new Error('not any more');
    const call = abortReason(Class.connect(`127.0.0.1:${port}`, options));
    await until(() => sockets.size > 0, 'it has connected');
    controller.abort(reason);
    t.is(await call, reason);
    t.is(getEventListeners(signal, 'abort').length, 0);
    await until(() => sockets.size === 0, 'the connection is closed');
  });

  test(`${name}.connect: a signal ends an attempt to which no host answers`, async (t) => {
    const controller = new AbortController();
    // Kept for documentation (RFC 5737): no host has it. Where there is no route, connecting fails by itself.
    const options = { timeoutS: 600, signal: controller.signal };
    const call = rejection(Class.connect('192.0.2.1', options));
    setTimeout(() => controller.abort(), 50);
    const { code } = (await call) as { code: string };
    t.true(['ABORT_ERR', 'FRANKA_CONNECT_FAILED', 'FRANKA_CONNECT_REFUSED'].includes(code), code);
  });

  test(`${name}.connect: a signal that has aborted lets nothing begin, one that aborts behind it changes nothing`, async (t) => {
    const simulator = await FrankaSimulator.start();
    t.teardown(() => simulator.stop());
    const reason = new Error('before');
    const aborted = AbortSignal.abort(reason);
    t.is(await abortReason(Class.connect(simulator.address, { signal: aborted })), reason);
    const controller = new AbortController();
    const connected = await Class.connect(simulator.address, { signal: controller.signal });
    t.is(getEventListeners(controller.signal, 'abort').length, 0);
    controller.abort();
    await t.notThrowsAsync(async () => connected.state());
    await connected.close();
    for (const wrong of [null, {}, 'abort', new AbortController()]) {
      const refused = Class.connect(simulator.address, { signal: wrong as never });
      t.is(((await rejection(refused)) as { code: string }).code, 'OPTION_SIGNAL');
    }
  });
}

test.serial('attempts that are ended leave no descriptor', async (t) => {
  const simulator = await FrankaSimulator.start();
  t.teardown(() => simulator.stop());
  const attempt = async (): Promise<void> => {
    const controller = new AbortController();
    const call = rejection(
      Franka.connect(simulator.address, { signal: controller.signal }).then((arm) => {
        void arm.close();
        throw new Error('connected before');
      }),
    );
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
    controller.abort();
    await call;
  };
  await attempt();
  const count = (): number => readdirSync('/proc/self/fd').length;
  const before = count();
  for (let nth = 0; nth < 10; nth += 1) await attempt();
  await until(() => count() <= before + 2, 'the descriptors are free');
  t.pass();
});
