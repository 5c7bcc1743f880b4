import type { NativeViolation } from './native.ts';

/** What happens to an action that breaks a limit. */
export type OnViolation = 'stop' | 'clamp';

/** What an action may break that can be clamped, by the name of the native side. */
const KINDS = {
  position: 'position',
  velocity: 'velocity',
  acceleration: 'acceleration',
  jerk: 'jerk',
  torque: 'torque',
  torqueRate: 'torque rate',
  distance: 'distance',
} as const;

/** The name of a limit in the options and in the stats. */
export type LimitName = keyof typeof KINDS;

export const LIMIT_NAMES = Object.keys(KINDS) as readonly LimitName[];

/** The native names of limits. */
export function nativeKinds(names: readonly LimitName[]): string[] {
  return names.map((name) => KINDS[name]);
}

/** The option for a limit of the native side. */
export function limitName(kind: string): LimitName | undefined {
  return LIMIT_NAMES.find((name) => KINDS[name] === kind);
}

/** Units of the quantities that limits are about. */
const UNITS: Readonly<Record<string, string>> = {
  position: 'rad',
  velocity: 'rad/s',
  acceleration: 'rad/s^2',
  jerk: 'rad/s^3',
  torque: 'N m',
  'torque rate': 'N m/s',
  distance: 'rad',
};

/** What broke a limit, in words: the joint, the value, the limit, each with its unit. */
export function violationText(violation: NativeViolation): string {
  const { kind, field, index, action, received, limit } = violation;
  const slot = `${field}[${index}]`;
  const joint = `joint ${index + 1}`;
  if (kind === 'finite value') return `${slot} is ${action}; expected a finite number`;
  const unit = UNITS[kind] ?? violation.unit;
  const bound = `(limit ${short(limit)} ${unit})`;
  if (kind === 'distance') {
    return `the command for ${joint} is ${short(received)} ${unit} ahead of the arm ${bound}`;
  }
  // What a torque leads to is the arm's: it is measured there.
  if (field === 'tau_J' && (kind === 'position' || kind === 'velocity')) {
    return `${joint} of the arm has a ${kind} of ${short(received)} ${unit} ${bound}`;
  }
  const quantity = kind === 'acceleration' ? `an ${kind}` : `a ${kind}`;
  return (
    `${joint}, ${slot} = ${short(action)} ${violation.unit} means ${quantity} of ` +
    `${short(received)} ${unit} ${bound}`
  );
}

/** What would not have broken the limit. */
export function allowedText({ kind, unit, limit }: NativeViolation): string {
  if (kind === 'finite value') return 'a finite number';
  const quantity = kind === 'acceleration' ? `an ${kind}` : `a ${kind}`;
  const most = kind === 'position' ? 'no further than' : 'up to';
  const value = kind === 'position' ? limit : Math.abs(limit);
  return `${quantity} ${most} ${short(value)} ${UNITS[kind] ?? unit}`;
}

/** A number for a message. */
export function short(value: number): string {
  return Number(value.toPrecision(5)).toString();
}
