import { mpify } from 'kilohertz';
import { CALLS, called, type Started } from './contender.ts';
import { installed, python } from './python.ts';

export default async function start(): Promise<Started> {
  await installed();
  const module = new URL('./work.py', import.meta.url);
  const work = await mpify.with({ python })(module, 'make_work');
  return called(
    (kind) => work[CALLS[kind].name](...CALLS[kind].args),
    async () => work.stop(),
  );
}
