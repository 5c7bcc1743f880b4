import { bare } from '../checks.ts';
import { OptionTypeError } from '../errors/errors.ts';
import type { NativeChunks } from '../native/binding.ts';
import type { FrankaControl } from '../native/contract.ts';
import { type CheckedChunkedOptions, isEnsemble } from '../policy/chunked.ts';
import { isPose, isVelocity } from './control.ts';

/** How many joints an arm has. */
const JOINTS = 7;

/**
 * Returns how an arm plays chunks.
 *
 * @throws {OptionTypeError} `OPTION_POLICY` if the control mode has no chunks
 */
export function nativeChunks(
  options: CheckedChunkedOptions,
  control: FrankaControl,
  hasTorques: boolean,
): NativeChunks {
  if (control === 'torque' || hasTorques) {
    const expected = 'a policy that answers each question: torques are not played as chunks';
    throw new OptionTypeError('OPTION_POLICY', 'policy', 'a chunked policy', expected);
  }
  const { replanAt, merge, maxRows, skipsBad, relative, gripper } = options;
  return bare({
    rows: maxRows,
    isPose: isPose(control),
    ...(typeof replanAt === 'number'
      ? { replanShare: replanAt }
      : 'steps' in replanAt
        ? { replanSteps: replanAt.steps }
        : { replanEveryS: 1 / replanAt.rateHz }),
    replaces: merge === 'replace',
    ...(isEnsemble(merge) ? { ensemble: merge.m } : {}),
    maxSeam: seams(options, control),
    skipsBad,
    isRelative: relative,
    ...(gripper === undefined ? {} : { gripper: bare(gripper.rule) }),
  });
}

/** How far each coordinate of an action may be from what is commanded; empty if they are velocities. */
function seams({ maxSeamRad, maxSeamM }: CheckedChunkedOptions, control: FrankaControl): number[] {
  if (isPose(control)) {
    // The translation, the rotation and the elbow.
    return [...Array(3).fill(maxSeamM), ...Array(4).fill(maxSeamRad)];
  }
  return isVelocity(control) ? [] : Array(JOINTS).fill(maxSeamRad);
}
