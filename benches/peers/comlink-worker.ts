import { parentPort } from 'node:worker_threads';
import { expose } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { WORK } from './contender.ts';

if (parentPort) expose(WORK, nodeEndpoint(parentPort));
