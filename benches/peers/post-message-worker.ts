import { parentPort } from 'node:worker_threads';
import { WORK } from './contender.ts';

parentPort?.on('message', ({ name, args }: { name: string; args: never[] }) => {
  parentPort?.postMessage(WORK[name]?.(...args));
});
parentPort?.postMessage('ready');
