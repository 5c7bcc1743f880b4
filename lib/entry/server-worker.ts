// The program of the thread that keeps the connection to a policy server.

import { parentPort, workerData } from 'node:worker_threads';
import { Gr00tLink } from '../servers/gr00t-link.ts';
import type { FromLink, LinkTask, ToLink } from '../servers/messages.ts';
import { OpenpiLink } from '../servers/openpi-link.ts';

const task = workerData as LinkTask;

function tell(message: FromLink, moving: ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, moving);
}

const link = task.protocol === 'openpi' ? new OpenpiLink(task, tell) : new Gr00tLink(task, tell);
link.start();

parentPort?.on('message', (message: ToLink) => {
  if (message.kind === 'ask') {
    link.ask(message.id, message.frame, message.timeoutMs);
    return;
  }
  link.close();
  parentPort?.close();
});
