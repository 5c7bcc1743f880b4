// The process of one contender: starts it, measures what it is asked for, stops it.

import type { Kind, Started } from './contender.ts';

const { default: start } = (await import(String(process.argv[2]))) as {
  default: () => Promise<Started>;
};
const started = await start();
process.on('message', async ({ kind, calls }: { kind: Kind; calls: number }) => {
  process.send?.(await started.measure(kind, calls));
});
process.on('disconnect', () => started.stop());
process.send?.('ready');
