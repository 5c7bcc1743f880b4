import type { AnyAction, Session } from 'kilohertz';
import type { Measured } from './jitter.ts';

/** Runs a session while work is done, and says when its cycles began and how much of a core this process took. */
export async function measured<Action extends AnyAction>(
  session: Session<never, Action>,
  work: () => Promise<unknown>,
): Promise<Measured> {
  await session.start();
  session.takeRecords();
  const [since, used] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(used);
  const core = (user + system) / (1e3 * (performance.now() - since));
  const startsS = session.takeRecords().map(({ timeS }) => timeS);
  await session.stop();
  session.checkHealth();
  return { startsS, core };
}
