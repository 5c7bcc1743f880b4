// Clients of a dashboard or of Foxglove's protocol, in a process of their own: they take what comes and throw it away.

import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';

/** What this process is asked for. */
export type Task =
  /** Watches with so many clients, the first of which reads nothing if `isFirstDeaf`. */
  | { kind: 'watch'; protocol?: string; address: string; clients: number; isFirstDeaf: boolean }
  /** Makes so many connections: with a wrong token, with the right one, as a page, and such that ask for nothing. */
  | { kind: 'connect'; address: string; connections: number };

const AT_ONCE = 20;

async function watch(task: Task & { kind: 'watch' }): Promise<void> {
  for (let nth = 0; nth < task.clients; nth += 1) {
    const socket = open(task.address, task.protocol);
    socket.on('message', (data, isBinary) => {
      if (isBinary || task.protocol === undefined) return;
      const { op, channels: told = [] } = JSON.parse(String(data));
      if (op !== 'advertise') return;
      const ids = told.map(({ id }: { id: number }) => ({ id: 1000 + id, channelId: id }));
      socket.send(JSON.stringify({ op: 'subscribe', subscriptions: ids }));
    });
    await once(socket, 'open');
    if (task.isFirstDeaf && nth === 0) socket.pause();
  }
}

function open(address: string, protocol: string | undefined): WebSocket {
  if (protocol !== undefined) return new WebSocket(address, protocol);
  const url = new URL('live', address);
  const { origin } = url;
  url.protocol = 'ws:';
  return new WebSocket(url, { origin });
}

async function one(address: string, nth: number): Promise<void> {
  const url = new URL(address);
  if (nth % 4 === 3) {
    // A page that is closed as soon as it is open.
    const socket = open(address, undefined);
    socket.on('error', () => undefined);
    await Promise.race([once(socket, 'open'), once(socket, 'close')]);
    socket.terminate();
    return;
  }
  const socket = connect(Number(url.port), url.hostname);
  socket.on('error', () => undefined);
  const closed = once(socket, 'close');
  await Promise.race([once(socket, 'connect'), closed]);
  if (nth % 4 === 2) {
    // Half a request, and nothing more for a while.
    socket.write(`GET ${url.pathname} HTTP/1.1\r\nhost: `);
    await sleep(20);
    socket.destroy();
  } else {
    const path = nth % 4 === 0 ? url.pathname : `${url.pathname.slice(0, -3)}xx/`;
    socket.resume();
    socket.write(`GET ${path} HTTP/1.1\r\nhost: ${url.host}\r\nconnection: close\r\n\r\n`);
  }
  await closed;
}

async function connectMany({ address, connections }: Task & { kind: 'connect' }): Promise<void> {
  let nth = 0;
  const lane = async (): Promise<void> => {
    while (nth < connections) {
      nth += 1;
      await one(address, nth);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

process.on('message', async (task: Task) => {
  if (task.kind === 'watch') await watch(task);
  else await connectMany(task);
  process.send?.('done');
});
process.on('disconnect', () => process.exit(0));
