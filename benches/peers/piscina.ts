// Piscina as it is used directly: a module, and the name of its export.

import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { CALLS, called, type Started } from './contender.ts';

export default async function start(): Promise<Started> {
  const pool = new Piscina({ filename: fileURLToPath(new URL('./work.ts', import.meta.url)) });
  return called(
    (kind) => {
      const { name, args } = CALLS[kind];
      return pool.run(args[0], { name });
    },
    () => pool.destroy(),
  );
}
