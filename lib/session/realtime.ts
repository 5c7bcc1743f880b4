import { checkBoolean, checkName, checkNumber, ownOptions } from '../checks.ts';
import { OptionTypeError } from '../errors/errors.ts';
import type {
  NativeAwake,
  NativeGrant,
  NativePromotion,
  NativeRealtime,
  NativeSessionOptions,
} from '../native/binding.ts';
import { DEFAULTS } from '../native/contract.ts';

/** What the loop thread asks of the operating system. */
export interface RealtimeOptions {
  /** The `SCHED_FIFO` priority, 1 to 99. `null` leaves the thread to the ordinary scheduler. Default 80. */
  readonly priority?: number | null;
  /** The CPU on which the thread stays. `null` lets the scheduler choose. Default `null`. */
  readonly cpu?: number | null;
  /** Whether the loop's code and stack are locked into memory. Default true. */
  readonly lockMemory?: boolean;
  /** How late the kernel may wake the thread to save power [s]. `null` does not change it. Default 1e-9. */
  readonly timerSlackS?: number | null;
  /**
   * How the cores of the loop and of its policy are kept awake while the session runs. A core that has gone idle takes
   * 20 to 60 us to wake. `'idleStates'` prevents idle states (by `/dev/cpu_dma_latency`, which needs a permission).
   * `'threads'` keeps the cores busy with threads of the class `SCHED_IDLE`, which every other thread preempts.
   * `'auto'` (the default) does what helps on this machine, and nothing if the machine runs on battery. `false` does
   * nothing. `'idleStates'` and `'threads'` cost power. {@link Realtime.keepAwake} tells what is done and why.
   */
  readonly keepAwake?: 'auto' | 'threads' | 'idleStates' | false;
  /**
   * How many cores may be kept busy by threads, 0 to 64. Default 2. With `'auto'` it is never all CPUs of the process.
   */
  readonly keepAwakeCores?: number;
  /**
   * The longest acceptable wake from an idle state [us], 0 to 1,000,000. 0 (the default) allows no idle state at all.
   * `null` does not change the system's idle states.
   */
  readonly idleLatencyUs?: number | null;
}

/** The outcome of one request of the loop thread to the operating system. */
export interface Grant<T> {
  /** What was asked for; undefined if nothing was. */
  readonly asked: T | undefined;
  /** Whether the system granted it. */
  readonly granted: boolean;
  /** Why the request was not granted, and what to do; undefined if it was granted, or if nothing was asked for. */
  readonly reason: string | undefined;
}

/** The priority of a policy's thread. */
export interface PolicyGrant extends Grant<number> {
  /** How often the priority was taken back because the policy had not answered for `maxHeldTicks` cycles. */
  readonly takenBack: number;
}

/** What the loop thread asked of the operating system, and what it got. */
export interface Realtime {
  /** The `SCHED_FIFO` priority. */
  readonly priority: Grant<number>;
  /** The CPU on which the thread stays. */
  readonly cpu: Grant<number>;
  /** Whether the loop's code and stack are locked into memory. */
  readonly lockMemory: Grant<boolean>;
  /** How late the kernel may wake the thread to save power [s]. */
  readonly timerSlackS: Grant<number>;
  /** The longest wake from an idle state [us]. It is granted if deeper idle states are prevented. */
  readonly idleLatencyUs: Grant<number>;
  /** How cores are kept awake. */
  readonly keepAwake: AwakeCores;
  /**
   * The `SCHED_FIFO` priority of the policy's thread, in a worker or a process. For a policy on the main thread nothing
   * is asked for.
   */
  readonly policyPriority: PolicyGrant;
  /** Whether the kernel is a `PREEMPT_RT` one, which bounds how late it may wake a thread. */
  readonly preemptRt: boolean;
}

/** How the cores of the loop and of its policy are kept awake. */
export interface AwakeCores {
  /** What was asked for. */
  readonly asked: 'auto' | 'threads' | 'idleStates' | false;
  /** How many threads keep a core busy. */
  readonly threads: number;
  /** Why the cores are kept awake in this way, or not at all. */
  readonly reason: string;
  /**
   * How long a wake took before the session began [us], the median of nine. If idle states are prevented, they were
   * already prevented during the measurement. Undefined if it was not measured.
   */
  readonly wakeUs: number | undefined;
}

const REALTIME_OPTIONS = [
  'priority',
  'cpu',
  'lockMemory',
  'timerSlackS',
  'keepAwake',
  'keepAwakeCores',
  'idleLatencyUs',
] as const satisfies readonly (keyof RealtimeOptions)[];

const NOT_REALTIME: RealtimeOptions = {
  priority: null,
  cpu: null,
  lockMemory: false,
  timerSlackS: null,
  keepAwake: false,
  idleLatencyUs: null,
};

const KEEP_AWAKE = ['auto', 'threads', 'idleStates', false] as const;

/** Checks what the loop thread will ask of the operating system, and fills in the defaults. */
export function checkRealtime(
  asked: RealtimeOptions | false = {},
): Pick<
  NativeSessionOptions,
  | 'priority'
  | 'cpu'
  | 'lockMemory'
  | 'timerSlackS'
  | 'keepAwake'
  | 'keepAwakeCores'
  | 'idleLatencyS'
> {
  const wanted = asked === false ? NOT_REALTIME : asked;
  const realtime = ownOptions('realtime', wanted, REALTIME_OPTIONS, 'false');
  const { priority = DEFAULTS.priority, cpu = null, lockMemory = true } = realtime;
  const { timerSlackS = DEFAULTS.timerSlackS, keepAwake = 'auto', idleLatencyUs = 0 } = realtime;
  const { keepAwakeCores = DEFAULTS.keepAwakeCores } = realtime;
  if (keepAwake === 'idleStates' && idleLatencyUs === null) {
    const expected = "a number beside keepAwake: 'idleStates'";
    throw new OptionTypeError('OPTION_IDLE_LATENCY_US', 'idleLatencyUs', null, expected);
  }
  const latency = { from: 0, to: 1_000_000, unit: 'us', orNull: true };
  return {
    lockMemory: checkBoolean('lockMemory', lockMemory),
    keepAwake: checkName('keepAwake', keepAwake, KEEP_AWAKE) || 'off',
    keepAwakeCores: checkNumber('keepAwakeCores', keepAwakeCores, {
      from: 0,
      to: 64,
      integer: true,
    }),
    ...(idleLatencyUs === null
      ? {}
      : { idleLatencyS: checkNumber('idleLatencyUs', idleLatencyUs, latency) / 1e6 }),
    ...(priority === null
      ? {}
      : {
          priority: checkNumber('priority', priority, {
            from: 1,
            to: 99,
            integer: true,
            orNull: true,
          }),
        }),
    ...(cpu === null
      ? {}
      : { cpu: checkNumber('cpu', cpu, { from: 0, to: 1023, integer: true, orNull: true }) }),
    ...(timerSlackS === null
      ? {}
      : {
          timerSlackS: checkNumber('timerSlackS', timerSlackS, {
            from: 0,
            to: 1,
            unit: 's',
            orNull: true,
          }),
        }),
  };
}

/** @internal */
export function realtimeOf(
  report: NativeRealtime,
  awake: NativeAwake,
  promotion: NativePromotion | undefined,
  asked: NativeSessionOptions,
): Realtime {
  const grant = <T>(grant: NativeGrant, value: T | undefined): Grant<T> => ({
    asked: value,
    granted: grant.status === 'granted',
    reason: grant.reason ?? undefined,
  });
  return {
    priority: grant(report.priority, asked.priority),
    cpu: grant(report.cpu, asked.cpu),
    lockMemory: grant(report.memory, asked.lockMemory || undefined),
    timerSlackS: grant(report.timerSlack, asked.timerSlackS),
    idleLatencyUs: grant(
      awake.idleStates,
      awake.idleStates.status === 'notAsked' ? undefined : (asked.idleLatencyS ?? 0) * 1e6,
    ),
    policyPriority: promotion
      ? { ...grant(promotion.grant, promotion.priority), takenBack: promotion.takenBack }
      : { asked: undefined, granted: false, reason: undefined, takenBack: 0 },
    keepAwake: {
      asked: asked.keepAwake === 'off' ? false : asked.keepAwake,
      threads: awake.threads,
      reason: awake.reason,
      wakeUs: awake.wakeS === undefined ? undefined : awake.wakeS * 1e6,
    },
    preemptRt: report.preemptRt,
  };
}
