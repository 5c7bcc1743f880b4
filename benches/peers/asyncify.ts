import { type AsyncifiedExport, asyncify } from 'kilohertz';
import { CALLS, called, type Started } from './contender.ts';

const module = new URL('./work.ts', import.meta.url);

type Work = (...args: readonly unknown[]) => unknown;

export default async function start(): Promise<Started> {
  const calls: Readonly<Record<string, AsyncifiedExport<Work>>> = {
    noop: asyncify<Work>(module, 'noop'),
    observe: asyncify<Work>(module, 'observe'),
    look: asyncify<Work>(module, 'look'),
  };
  return called(
    async (kind) => {
      const { name, args } = CALLS[kind];
      return await calls[name]?.(...args);
    },
    // Its pool ends by itself.
    async () => undefined,
  );
}
