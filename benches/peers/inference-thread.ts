import { InferenceThread } from 'kilohertz';
import { CALLS, called, type Started } from './contender.ts';

export default async function start(): Promise<Started> {
  const thread = new InferenceThread(new URL('./work.ts', import.meta.url));
  await thread.start();
  return called(
    (kind) => thread.run(CALLS[kind].name, ...CALLS[kind].args),
    () => thread.stop(),
  );
}
