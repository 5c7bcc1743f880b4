// Numbers for people, each with its unit, and as wide as the one before.

/** Returns the value with its unit, or a dash if there is none. */
export function withUnit(value: number | undefined, digits: number, unit: string): string {
  const isNumber = value !== undefined && Number.isFinite(value);
  // A real minus: as wide as a plus.
  const text = isNumber ? value.toFixed(digits).replace('-', '−') : '–';
  return unit === '' ? text : `${text} ${unit}`;
}

/** Returns a duration in the unit that suits it. */
export function duration(seconds: number | undefined): string {
  if (seconds === undefined || !Number.isFinite(seconds)) return '–';
  if (seconds === 0) return '0 µs';
  if (seconds < 1e-3) return `${significant(1e6 * seconds)} µs`;
  if (seconds < 1) return `${significant(1e3 * seconds)} ms`;
  return `${significant(seconds)} s`;
}

const significant = (value: number): string => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);

/** Returns a count with its thousands apart. */
export function count(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return '–';
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

/** Returns a time in a run as minutes and seconds. */
export function clock(seconds: number): string {
  const whole = Math.max(0, seconds);
  const minutes = Math.floor(whole / 60);
  return `${minutes}:${(whole - 60 * minutes).toFixed(2).padStart(5, '0')}`;
}

/** Returns a wall time as hours, minutes and seconds of this place. */
export function wallClock(seconds: number): string {
  return new Date(1000 * seconds).toLocaleTimeString([], { hour12: false });
}

/** Returns a name such as `lateActions` as words. */
export function words(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, '$1 $2').toLowerCase();
}
