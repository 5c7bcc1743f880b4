import { limitText, numberText } from '../errors/number.ts';
import type { NativeViolation } from '../native/binding.ts';
import { LIMIT_NAMES, type LimitKind, type LimitName } from '../native/contract.ts';

/** What happens to an action that breaks a limit. */
export type OnViolation = 'stop' | 'clamp';

/** Returns the kind of limit that a violation breaks. */
export function kindOf({ kind }: NativeViolation): LimitKind {
  return kind as LimitKind;
}

/**
 * Returns the name of the limit if violations of this kind can be clamped; undefined if they always end the session.
 */
export function limitName(kind: LimitKind): LimitName | undefined {
  return LIMIT_NAMES.find((name) => name === kind);
}

/** Returns a violation's kind in words. */
function wordsOf(kind: LimitKind): string {
  return kind === 'torqueRate' ? 'torque rate' : kind;
}

/** The fields with the position or the velocity of joint 3. */
const ELBOWS: readonly string[] = ['elbow', 'delbow'];

/** The units of the limited quantities. */
const UNITS: Readonly<Partial<Record<LimitKind, string>>> = {
  position: 'rad',
  velocity: 'rad/s',
  acceleration: 'rad/s^2',
  jerk: 'rad/s^3',
  torque: 'N m',
  torqueRate: 'N m/s',
  distance: 'rad',
  box: 'm',
};

/** What every slot of an action must be, for every arm. */
export const NUMBER = 'a finite number of at most 1e12';

/** Returns a description of a violation: the joint, the value and the limit, each with its unit. */
export function violationText(violation: NativeViolation): string {
  const { field, index, action, received, limit } = violation;
  const kind = kindOf(violation);
  const slot = `${field}[${index}]`;
  const joint = `joint ${ELBOWS.includes(field) ? 3 : index + 1}`;
  if (kind === 'notFinite') return `${slot} is ${numberText(action)}; expected ${NUMBER}`;
  const unit = UNITS[kind] ?? violation.unit;
  // A limit of a position is rounded so that the printed value is itself allowed.
  const isPlace = kind === 'position' || kind === 'box';
  const least = isPlace ? limitText(limit, received) : numberText(limit, received);
  const what = numberText(received, limit);
  const bound = `(limit ${least} ${unit})`;
  const numbered = `joint ${violation.slot + 1}`;
  if (kind === 'distance') {
    return `the command for ${numbered} is ${what} ${unit} ahead of the arm ${bound}`;
  }
  if (kind === 'frame') {
    return (
      `${field} is no rigid transform, ${violation.flaw ?? 'it'} is off by ${what} (limit ${least}); ` +
      'its sixteen numbers are a 4x4 matrix column by column, with a rotation in the upper left and ' +
      '0, 0, 0, 1 in the last row'
    );
  }
  if (kind === 'joints') {
    return jointsText(violation);
  }
  if (kind === 'box') {
    const axis = 'xyz'[(field === 'O_T_EE' ? index - 12 : index) % 3];
    return `the end effector would come to ${axis} = ${what} m ${bound}, out of its box`;
  }
  const part = partOf(field, index);
  if (part) {
    return `the action means a ${part.name} ${kind} of ${what} ${cartesianUnit(kind, part.unit)} (limit ${least})`;
  }
  // In torque control the position and the velocity are the arm's measured ones.
  if (field === 'tau_J' && (kind === 'position' || kind === 'velocity')) {
    return `${joint} of the arm has a ${kind} of ${what} ${unit} ${bound}`;
  }
  const quantity = kind === 'acceleration' ? `an ${kind}` : `a ${wordsOf(kind)}`;
  return (
    `${joint}, ${slot} = ${numberText(action)} ${violation.unit} means ${quantity} of ` +
    `${what} ${unit} ${bound}`
  );
}

/**
 * A joint that is this close to an end of its range counts as being at the end [rad], because it comes to rest before.
 */
const AT_END_RAD = 0.1;

/** Returns why an arm stands still away from its target, or undefined if it does not. */
export function obstacle(
  joint: NativeViolation['joint'],
): 'length' | 'range' | 'singular' | undefined {
  if (!joint?.isOutOfReach) return undefined;
  if (joint.tooFar) return 'length';
  const { at, lower, upper } = joint;
  return Math.min(at - lower, upper - at) <= AT_END_RAD ? 'range' : 'singular';
}

/** Returns which joint prevents a motion of the end effector from going on, and the joint's position. */
function jointsText({ slot, received, limit, joint }: NativeViolation): string {
  const numbered = `joint ${slot + 1}`;
  const { at = Number.NaN, lower = Number.NaN, upper = Number.NaN } = joint ?? {};
  const range = `from ${limitText(lower, -Infinity)} to ${limitText(upper, Infinity)} rad`;
  const place = `${numbered} is at ${numberText(at)} rad and may be commanded ${range}`;
  const standing = obstacle(joint);
  if (joint?.tooFar) {
    const { distance, longest } = joint.tooFar;
    return (
      `the target is out of the arm's reach: it is ${numberText(distance, longest)} m away from the shoulder (joint 2), ` +
      `and the end effector reaches ${limitText(longest, Infinity)} m at most. The arm came as close as it gets`
    );
  }
  if (standing === 'range') {
    return `the target is out of the arm's reach: it came as close as ${numbered} lets it. There ${place}`;
  }
  if (standing === 'singular') {
    return (
      'the arm came no closer to the target because it is near a singular pose, as where it is almost stretched: ' +
      `from there its joints would have to move too fast, ${numbered} most of all. There ${place}`
    );
  }
  return (
    `the motion takes ${numbered} to ${numberText(received, limit)} times what it can do, close to the end ` +
    `of its range, to a singular pose, or too fast; ${place}`
  );
}

/** Distances [m] and angles [rad] that are beyond every arm. */
const FARTHEST_M = 10;
const FARTHEST_RAD = 2 * Math.PI;

/** If an action is too large to be in its unit, returns a sentence that asks for the unit that was probably used. */
export function unitSlip(violation: NativeViolation): string {
  const { field, index, action, joint } = violation;
  const kind = kindOf(violation);
  const isFar = kind === 'joints' && (joint?.tooFar?.distance ?? 0) > FARTHEST_M;
  if (isFar || (lengthsOf(field).includes(index) && Math.abs(action) > FARTHEST_M)) {
    return 'Is it in millimetres? Metres are expected. ';
  }
  const isAngle = kind !== 'joints' && anglesOf(field).includes(index);
  return isAngle && Math.abs(action) > FARTHEST_RAD
    ? 'Is it in degrees? Radians are expected. '
    : '';
}

/** Returns which numbers of a field are lengths, or lengths per second. */
function lengthsOf(field: string): readonly number[] {
  return { O_T_EE: [12, 13, 14], O_dP_EE: [0, 1, 2] }[field] ?? [];
}

/** Returns which numbers of a field are angles, or angles per second. */
function anglesOf(field: string): readonly number[] {
  if (field === 'q' || field === 'dq') return [0, 1, 2, 3, 4, 5, 6];
  if (field === 'O_dP_EE') return [3, 4, 5];
  return ELBOWS.includes(field) ? [0] : [];
}

/** Returns what would not have broken the limit. */
export function allowedText(violation: NativeViolation): string {
  const { unit, limit, received, field, index, joint } = violation;
  const kind = kindOf(violation);
  if (kind === 'notFinite') return NUMBER;
  if (kind === 'frame') return `a rigid transform within ${numberText(limit)}`;
  if (kind === 'joints') {
    const allowed = {
      length: 'a pose within reach',
      range: 'a pose within reach',
      singular: 'a pose further from a singular one',
    };
    const standing = obstacle(joint);
    return standing ? allowed[standing] : 'a motion that the joints can follow';
  }
  if (kind === 'box') return `no further than ${limitText(limit, received)} m`;
  const part = partOf(field, index);
  if (part && kind !== 'distance') {
    return `a ${part.name} ${kind} up to ${numberText(limit)} ${cartesianUnit(kind, part.unit)}`;
  }
  const quantity = kind === 'acceleration' ? `an ${kind}` : `a ${wordsOf(kind)}`;
  const most = kind === 'position' ? 'no further than' : 'up to';
  const value = kind === 'position' ? limitText(limit, received) : numberText(Math.abs(limit));
  return `${quantity} ${most} ${value} ${UNITS[kind] ?? unit}`;
}

/** Returns the part of a twist or a pose to which a slot belongs. */
function partOf(field: string, index: number): { name: string; unit: string } | undefined {
  if (field !== 'O_T_EE' && field !== 'O_dP_EE') return undefined;
  const translates = field === 'O_T_EE' ? index >= 12 : index < 3;
  return translates ? { name: 'translational', unit: 'm' } : { name: 'rotational', unit: 'rad' };
}

/** Returns the unit of a velocity, an acceleration or a jerk. */
function cartesianUnit(kind: LimitKind, unit: string): string {
  const powers: Readonly<Partial<Record<LimitKind, string>>> = { acceleration: '^2', jerk: '^3' };
  const power = powers[kind] ?? '';
  return `${unit}/s${power}`;
}
