// The bare echo over a shared futex: it is in an addon with the cargo feature `echo`, which `scripts/bench.mjs` builds.

/** One end of an echo. */
export interface Echo {
  /** The descriptor for {@link EchoClass.join}. */
  readonly memory: number | null;
  /**
   * Asks the process `pid` so often at 1 kHz from a thread like a session's, with its priority of 80 and the
   * process at 40, and says how long each echo took [s]; with idle states held off where that is wanted.
   */
  measure(rounds: number, pid: number, holdsOff: boolean): Float64Array;
  /** Waits to be asked, for a tenth of a second at most; says whether it was. */
  hear(): boolean;
  /** Echoes what was heard. */
  answer(): void;
}

interface EchoClass {
  /** The asking end. */
  new (): Echo;
  /** The echoing end, in a child. */
  join(memory: number): Echo;
}

const addon = new URL('../target/echo/binding.js', import.meta.url);
const made = (await import(addon.href)) as { readonly NativeEcho: EchoClass };
export const NativeEcho: EchoClass = made.NativeEcho;
