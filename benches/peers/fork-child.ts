import { WORK } from './contender.ts';

process.on('message', ({ name, args }: { name: string; args: never[] }) => {
  process.send?.({ value: WORK[name]?.(...args) });
});
process.send?.('ready');
