// A Node child over `child_process`, with the serialization that takes typed arrays.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { CALLS, called, type Started } from './contender.ts';

export default async function start(): Promise<Started> {
  const child = fork(fileURLToPath(new URL('./fork-child.ts', import.meta.url)), {
    serialization: 'advanced',
  });
  await once(child, 'message');
  return called(
    (kind) =>
      new Promise((resolve) => {
        child.once('message', resolve);
        child.send(CALLS[kind]);
      }),
    async () => {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  );
}
