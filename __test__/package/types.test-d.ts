// Not run: `npm run test:types` compiles it. Each line marked @ts-expect-error must not compile.

import {
  type AnyKilohertzError,
  Franka,
  isKilohertzError,
  type KilohertzErrorCode,
  type Robot,
  RobotState,
  run,
  Session,
  type SessionStats,
  type SimulatorCounters,
  type SimulatorFault,
  type TickRecord,
  type WorkerPolicy,
} from '../../index.ts';
import type { FaultName, RecordField, SimulatorCounter } from '../../lib/native/contract.ts';

interface Seen {
  readonly distance: number;
}

declare const rover: Robot<Seen, { readonly speed: number }>;
declare const promising: {
  observe(): Promise<Seen>;
  act(action: number[]): Promise<void>;
  reset(): Promise<void>;
};
declare const arm: Franka;
declare const silent: WorkerPolicy<RobotState, number[] | undefined>;

export async function fitting(): Promise<SessionStats> {
  new Session(rover, ({ distance }) => ({ speed: distance }));
  new Session(rover, async ({ distance }, { tick, timeS, periodS }) => ({
    speed: distance + tick + timeS + periodS,
  }));
  new Session(promising, ({ distance }) => [distance]);
  new Session(arm, ({ q_d }) => q_d);
  new Session(arm, () => [0, 0, 0, 0, 0, 0, 0]);
  new Session(arm, ({ q_d }, { tick }) => (tick < 100 ? q_d : undefined));
  new Session(arm, async ({ q_d }, { tick }) => {
    if (tick < 100) return q_d;
    return;
  });
  new Session(arm, silent, { catchUpS: 1 })
    .on('behind', ({ tick, distance, unit, field, index }) =>
      console.log(tick, distance.toFixed(3) + unit, field.length, index.toFixed()),
    )
    .on('late', ({ tick, tookS, periodS }) => console.log(tick, tookS / periodS));
  return await run(arm, async (state) => state.dq, { durationS: 1, rateHz: 1000 });
}

export function notFitting(): void {
  // @ts-expect-error the action is a number, not an object with a speed
  new Session(rover, ({ distance }) => distance);
  // @ts-expect-error the observation has no height
  new Session(rover, ({ height }) => ({ speed: height }));
  // @ts-expect-error the speed is no text
  new Session(rover, () => ({ speed: 'fast' }));
  // @ts-expect-error the promised action is of the wrong type
  new Session(rover, async () => ({ speed: 'fast' }));
  // @ts-expect-error nothing is returned
  new Session(rover, () => undefined);
  // @ts-expect-error a promised observation reaches the policy as its value
  new Session(promising, (seen: Promise<Seen>) => [seen.then.length]);
  // @ts-expect-error the arm is told seven numbers, not one
  new Session(arm, () => 0);
  // @ts-expect-error null is not how it is told nothing new
  new Session(arm, () => null);
  // @ts-expect-error nor texts
  new Session(arm, () => ['0', '0', '0', '0', '0', '0', '0']);
  // @ts-expect-error the state has libfranka's names
  new Session(arm, ({ jointPositions }) => jointPositions);
  // @ts-expect-error run() checks as a session does
  run(rover, ({ distance }) => distance, { durationS: 1 });
  // @ts-expect-error this is no robot
  new Session({ observe: () => 1, act: () => undefined }, () => 1);
  // @ts-expect-error there is no such option
  new Session(arm, ({ q_d }) => q_d, { rate: 1000 });
  // @ts-expect-error a rate is a number
  new Session(arm, ({ q_d }) => q_d, { rateHz: '1000' });
  // @ts-expect-error a duration belongs to run()
  new Session(arm, ({ q_d }) => q_d, { durationS: 1 });
  // @ts-expect-error late policies are held or stopped
  new Session(arm, ({ q_d }) => q_d, { onLate: 'pause' });
  // @ts-expect-error there is no such control mode
  Franka.connect('127.0.0.1', { control: 'cartesian' });
  const session = new Session(arm, ({ q_d }) => q_d);
  // @ts-expect-error there is no such event
  session.on('paused', () => undefined);
  // @ts-expect-error resting comes with its cycle
  session.on('resting', ({ reason }) => reason);
  // @ts-expect-error stats cannot be changed
  session.stats.iterations = 0;
  // @ts-expect-error nor a state's fields be replaced
  new RobotState(new Float64Array(1)).q = new Float64Array(7);
}

/** Each name of the native side is in the public declarations. */
export function declared(
  fault: FaultName,
  field: RecordField,
  counter: SimulatorCounter,
): [SimulatorFault['kind'], keyof TickRecord, keyof SimulatorCounters] {
  return [fault, field, counter];
}

/** The code of whatever was thrown. */
export function codes(thrown: unknown): KilohertzErrorCode | undefined {
  if (!isKilohertzError(thrown)) return undefined;
  const error: AnyKilohertzError = thrown;
  switch (error.code) {
    case 'FRANKA_REFLEX':
    case 'OPTION_RATE_HZ':
      return error.code;
    // @ts-expect-error there is no such code
    case 'FRANKA_REFLEXES':
      return undefined;
    default:
      return 'POLICY_THREW';
  }
}
