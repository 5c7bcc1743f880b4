// The program of a thread that makes a load for `bench`, until it is ended.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { setImmediate as next } from 'node:timers/promises';
import { workerData } from 'node:worker_threads';
import type { LoadTask } from '../bench/loads.ts';

/** How much is written at a time, and how long the file gets [bytes]; how many datagrams are sent between. */
const BLOCK = 1 << 20;
const LONGEST = 64 << 20;
const DATAGRAMS = 100;

const { load, file, stop } = workerData as LoadTask;
// It is asked to end: Node 20 aborts if a thread is terminated while a datagram comes.
const goesOn = (): boolean => Atomics.load(stop, 0) === 0;

if (load === 'io') await writeAndSend();
while (goesOn());

/** Keeps the disk and the loopback busy. */
async function writeAndSend(): Promise<void> {
  const receiver = createSocket('udp4');
  receiver.bind(0, '127.0.0.1');
  await once(receiver, 'listening');
  const sender = createSocket('udp4');
  const { port } = receiver.address();
  const descriptor = openSync(file, 'w');
  const block = Buffer.alloc(BLOCK, 1);
  const datagram = Buffer.alloc(1_000);
  try {
    for (let written = 0; goesOn(); written += BLOCK) {
      if (written >= LONGEST) {
        ftruncateSync(descriptor);
        written = 0;
      }
      writeSync(descriptor, block, 0, BLOCK, written);
      fsyncSync(descriptor);
      for (let sent = 0; sent < DATAGRAMS; sent += 1) sender.send(datagram, port, '127.0.0.1');
      await next();
    }
  } finally {
    closeSync(descriptor);
    sender.close();
    receiver.close();
  }
}
