// A TypeScript user's types of an arm, compiled against the declarations in the package; not run.
import { Franka, poseOf, run, Session, type SessionStats } from 'kilohertz';

export async function reach(address: string): Promise<SessionStats> {
  const arm = await Franka.connect(address, { control: 'cartesianTarget' });
  // @ts-expect-error three numbers are no pose: the compiler sees how many there are
  new Session(arm, () => [0.3, 0, 0.5]);
  // @ts-expect-error nor are three numbers in a promise
  new Session(arm, async () => [0.3, 0, 0.5]);
  // @ts-expect-error a quaternion has four
  new Session(arm, () => ({ xyz: [0.3, 0, 0.5], quat: [0, 0, 1] }));
  new Session(arm, ({ O_T_EE_c }) => Array.from(O_T_EE_c));
  new Session(arm, ({ O_T_EE_c }) => [...O_T_EE_c.subarray(0, 15), 1]);
  const { xyz, quat } = poseOf((await arm.state()).O_T_EE_d);
  await arm.moveTo({ xyz, quat }, { speed: 0.5, signal: AbortSignal.timeout(10_000) });
  return run(arm, () => ({ xyz: [0.3, 0, 0.5], quat }), { durationS: 1, onLate: 'rest' });
}

export async function joints(address: string): Promise<void> {
  const arm: Franka<'jointVelocity'> = await Franka.connect(address);
  const session = new Session(arm, ({ q_d }, { timeS }) => (timeS < 1 ? q_d : undefined));
  session.on('behind', ({ distance, unit }) => console.log(distance, unit));
  for await (const { time } of arm.states({ rateHz: 10 })) console.log(time);
  await session.run({ durationS: 1 });
}
