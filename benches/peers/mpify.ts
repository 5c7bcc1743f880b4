import { mpify } from 'kilohertz';
import { CALLS, called, type Started } from './contender.ts';

export default async function start(): Promise<Started> {
  const work = await mpify(new URL('./work.ts', import.meta.url), 'makeWork');
  return called(
    (kind) => work[CALLS[kind].name](...CALLS[kind].args),
    async () => work.stop(),
  );
}
