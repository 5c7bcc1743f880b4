// What the connection to a policy server tells of its loss, and what the questions tell that fail with it.

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ServerError } from '../../index.ts';
import { ServerConnection } from '../../lib/servers/connection.ts';
import { rejection, until } from '../fixtures/waiting.ts';

/** An empty map of MessagePack, and bytes that are none. */
const EMPTY = Buffer.from([0x80]);
const NONE = Buffer.from([0xc1]);

/** Connects to a server that does something with each question. Returns the connection, and the losses that it tells. */
async function connected(t: ExecutionContext, asked: (socket: WebSocket) => void) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  t.teardown(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  server.on('connection', (socket) => {
    socket.send(EMPTY);
    socket.on('message', () => asked(socket));
  });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const task = {
    protocol: 'openpi',
    url: `ws://127.0.0.1:${port}`,
    timeoutMs: 60_000,
    maxAnswerBytes: 1 << 20,
    isMasked: true,
    headers: {},
    apiKey: undefined,
    ca: undefined,
  } as const;
  const connection = await ServerConnection.open(task, 60, undefined);
  t.teardown(() => connection.close());
  const losses: ServerError[] = [];
  connection.onLost((error) => losses.push(error));
  const ask = (): Promise<unknown> => connection.ask(new Uint8Array(1), 60);
  return { connection, losses, ask };
}

test('a loss that a question has told is not told again', async (t) => {
  const { connection, losses, ask } = await connected(t, (socket) =>
    socket.close(1011, 'no model'),
  );
  const error = (await rejection(ask())) as ServerError;
  t.is(error.code, 'SERVER_UNREACHABLE');
  t.regex(error.message, /with the code 1011, because of "no model"/);
  await until(() => connection.stats.connects === 2, 'it is connected again');
  t.is(connection.stats.losses, 1);
  t.deepEqual(losses, []);
});

test('a loss without a question is told, also if a question has failed for the same reason before', async (t) => {
  const { connection, losses, ask } = await connected(t, (socket) => {
    socket.send(NONE);
    // Nobody has asked for this one, so the connection is given up.
    socket.send(NONE);
  });
  const error = (await rejection(ask())) as ServerError;
  t.is(error.code, 'SERVER_FRAME');
  await until(() => losses.length > 0, 'the loss is told');
  t.deepEqual(
    losses.map(({ code, message }) => [code, message]),
    [[error.code, error.message]],
  );
  t.is(connection.stats.losses, 1);
});
