import { calling } from '../errors/native-call.ts';
import { type NativeArm, type NativeControls, NativeSession } from '../native/binding.ts';
import { Run } from '../session/run.ts';
import { NativeDriver } from './drivers/native-driver.ts';
import { ownSession } from './move-to.ts';
import type { Runs } from './runs.ts';

/**
 * Returns a session that turns the joint which the page's controls ask for, at a low speed. It ends when nothing is
 * asked for any more, and when the controls are let go. `launched` is called when it has begun.
 */
export function jog(
  arm: NativeArm,
  controls: NativeControls,
  runs: Runs,
  launched: (native: NativeSession) => void,
): Run {
  const nobody = (): void => undefined;
  const driver = new NativeDriver((options, place, wake) =>
    calling(() => NativeSession.jogging(arm, controls, options, place, wake)),
  );
  const plan = { what: 'the jog', durationS: undefined, endsOnInterrupt: false, runs };
  const listener = {
    event: nobody,
    launched,
    begun: nobody,
    recordingFailed: nobody,
    ended: nobody,
  };
  return new Run(driver, ownSession(arm, {}), plan, listener);
}
