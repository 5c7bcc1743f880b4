// How values are printed for people.

const DEGREES = 180 / Math.PI;
/** How wide a number of a table is. */
const COLUMN = 9;

/** Returns a number with a fixed number of digits, and never as -0. */
export function fixed(value: number, digits: number): string {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace('-', '') : text;
}

/** Returns numbers in columns. */
export function columns(values: ArrayLike<number>, digits = 3): string {
  return Array.from(values, (value) => fixed(value, digits).padStart(COLUMN)).join('');
}

/** Returns numbers between commas. */
export function listed(values: ArrayLike<number>, digits = 3): string {
  return Array.from(values, (value) => fixed(value, digits)).join(', ');
}

export function toDegrees(values: ArrayLike<number>): number[] {
  return Array.from(values, (value) => value * DEGREES);
}

export function toRadians(values: ArrayLike<number>): number[] {
  return Array.from(values, (value) => value / DEGREES);
}

/** Returns a duration in the unit that suits it. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '-';
  if (seconds < 1e-6) return `${fixed(seconds * 1e9, 0)} ns`;
  if (seconds < 1e-3) return `${fixed(seconds * 1e6, 1)} us`;
  return seconds < 1 ? `${fixed(seconds * 1e3, 2)} ms` : `${fixed(seconds, 2)} s`;
}

/** Returns two columns as lines. */
export function table(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`.trimEnd());
}

/** Returns how many of something there are, as `1 row` and `2 rows`. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** Returns a path as a word of a shell. */
export function shellWord(path: string): string {
  // A name that begins with a dash would be an option.
  const word = path.startsWith('-') ? `./${path}` : path;
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
