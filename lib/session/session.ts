import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkSignal, throwIfAborted } from '../abort.ts';
import { checkName, checkNumber, ownOptions } from '../checks.ts';
import { type KilohertzError, OptionTypeError, SessionStateError } from '../errors/errors.ts';
import { numberText } from '../errors/number.ts';
import type { Runs } from '../franka/runs.ts';
import type { NativeEvent } from '../native/binding.ts';
import { isProcessPolicy, type ProcessPolicy } from '../policy/process-policy.ts';
import { isWorkerPolicy, type WorkerPolicy } from '../policy/worker-policy.ts';
import type { DrivenLink, Driver } from './driver.ts';
import { ObjectDriver } from './object-driver.ts';
import {
  type CheckedOptions,
  checkOptions,
  SESSION_OPTIONS,
  type SessionOptions,
} from './options.ts';
import { guardHere } from './process-exit.ts';
import { type Realtime, realtimeOf } from './realtime.ts';
import { type Histogram, type TickRecord, toHistogram, toRecords } from './records.ts';
import type { NativeRobot, Policy, Robot } from './robot.ts';
import { Run } from './run.ts';
import { noStats, type SessionStats, statsOf } from './stats.ts';

/** How long a session runs, for `session.run` and `run`. */
export interface RunOptions {
  /** How long, from the first cycle [s]; without it until Ctrl+C, `stop()` or the signal. */
  readonly durationS?: number;
  /** Brings the robot to rest when it aborts; the run then rejects with an {@link AbortError}. */
  readonly signal?: AbortSignal;
}

const RUN_OPTIONS = ['durationS', 'signal'] as const satisfies readonly (keyof RunOptions)[];

/** What a signal aborts. */
const RUN = 'the run';

/** Something that happened at a tick. */
export interface TickEvent {
  /** The cycle. */
  readonly tick: number;
}

/** An arm that is too far from the policy's actions for too long. */
export interface BehindEvent extends TickEvent {
  /** How far it is away where it is farthest, in `unit`. */
  readonly distance: number;
  /** The unit, as `rad`. */
  readonly unit: string;
  /** The field of the action that is, as `q`. */
  readonly field: string;
  /** Which of the field's numbers. */
  readonly index: number;
}

/** A policy that is late often. */
export interface LateEvent extends TickEvent {
  /** The mean time that its late answers took, or the time without an answer where that is longer [s]. */
  readonly tookS: number;
  /** The period in which it is asked [s]. */
  readonly periodS: number;
}

/** The events of a session, and what listeners get. */
export interface SessionEvents {
  /** The loop runs. */
  start: [];
  /** The robot is stopped and the loop has ended. */
  stop: [stats: SessionStats];
  /** The loop ended with this error; told after the robot was stopped. */
  error: [error: KilohertzError];
  /** No action came in time; the last command is held. On a busy machine this comes often. */
  held: [event: TickEvent];
  /** No action came for too long; the robot is brought to rest. */
  resting: [event: TickEvent];
  /** Actions are used again. */
  resumed: [event: TickEvent];
  /** The arm has been on its way to the policy's actions for `catchUpS`, once each time. */
  behind: [event: BehindEvent];
  /**
   * More than a tenth of the answers, of at least 20 questions in 2 s, were late; told once, and as a warning
   * of the process with code `KILOHERTZ_LATE`.
   */
  late: [event: LateEvent];
}

/** A robot that a session can drive. */
export type AnyRobot<Observation, Action> =
  | Robot<Observation, Action>
  | NativeRobot<Observation, Action>;

/** A policy in this thread, in a worker, or in another process. */
export type AnyPolicy<Observation, Action> =
  | Policy<Observation, Action>
  | WorkerPolicy<Observation, Action>
  | ProcessPolicy<Observation, Action>;

/** Any action. The empty lists let the compiler see the length of an array that a policy answers, or that is in an answer. */
export type AnyAction = {} | null | undefined | [] | Readonly<Record<string, []>>;

/**
 * Runs a policy on a robot at a fixed rate, on a thread of its own that JavaScript cannot delay.
 *
 * A session may be started again after it has ended; each start counts from zero. An error that
 * ends the loop is thrown by `run()`, `checkHealth()` and the end of an `await using` block, and
 * told to listeners of `error`; where nobody asked by then, it is a warning of the process.
 */
export class Session<Observation, Action extends AnyAction>
  extends EventEmitter<SessionEvents>
  implements AsyncDisposable
{
  readonly #makeDriver: () => Driver;
  readonly #options: CheckedOptions;
  /** What drives the robot, of one that can be closed. */
  readonly #runs: Runs | undefined;
  /** The run since the last start, ended or not. */
  #last: Run | undefined;
  #isRunning = false;
  #isAwaited = false;
  #isReferenced = true;
  #isLateTold = false;

  /**
   * @param robot a robot written in JavaScript, or a connected `Franka`
   * @param policy from an observation and a {@link Tick} to an action, or a promise of one
   * @throws {OptionRangeError} where a value is not possible
   * @throws {OptionTypeError} where something is of the wrong type
   */
  constructor(
    robot: AnyRobot<Observation, Action>,
    policy: AnyPolicy<NoInfer<Observation>, NoInfer<Action>>,
    options: SessionOptions = {},
  ) {
    super();
    guardHere();
    if (typeof policy !== 'function' && !isWorkerPolicy(policy) && !isProcessPolicy(policy)) {
      const expected = 'a function, or what workerPolicy() or processPolicy() returns';
      throw new OptionTypeError('OPTION_POLICY', 'policy', policy, expected);
    }
    if (isNative(robot)) {
      // Every native robot is one of ours, and has the link's other half.
      const link = robot.nativeLink as DrivenLink<Observation, Action>;
      this.#options = checkOptions(options, link);
      this.#runs = link.runs;
      this.#makeDriver = () => link.drive(policy);
    } else {
      checkRobot(robot);
      if (typeof policy !== 'function') {
        const expected =
          'a function: a worker or a process sees the observations of natively driven robots only, ' +
          'and this robot is written in JavaScript';
        throw new OptionTypeError('OPTION_POLICY', 'policy', policy, expected);
      }
      this.#options = checkOptions(options, undefined);
      this.#makeDriver = () => new ObjectDriver(robot, policy);
    }
  }

  /** Whether the session is between the call of `start()` and its end. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Cycles finished since the last start. */
  get stepCount(): number {
    return this.#last?.native?.stepCount ?? 0;
  }

  /** What the session has done since the last start. */
  get stats(): SessionStats {
    return this.#statsOf(this.#last);
  }

  /** What the loop thread asked of the system and got; undefined before its first cycle. */
  get realtime(): Realtime | undefined {
    const native = this.#last?.native;
    const report = native?.realtime();
    const awake = native?.awake();
    if (!report || !awake) return undefined;
    return realtimeOf(report, awake, native?.promotion() ?? undefined, this.#options.native);
  }

  /** The jitter, or the execution time, of every cycle since the last start. */
  histogram(of: 'jitter' | 'execution' = 'jitter'): Histogram {
    const name = checkName('of', of, ['jitter', 'execution']);
    return toHistogram(this.#last?.native?.histogram(name));
  }

  /** Takes the records of the ticks since the last call; `recordTicks` says how many are kept. */
  takeRecords(): TickRecord[] {
    const native = this.#last?.native;
    return native ? toRecords(native.takeRecords(), native.recordStride) : [];
  }

  /**
   * Resets the robot, waits the warm-up and starts the loop. Resolves when the first cycle has
   * begun.
   *
   * @throws {SessionStateError} `SESSION_RUNNING` where it runs already, `SESSION_STOPPED` where
   * it was stopped before the first cycle
   * @throws {SessionError | RobotError} where the robot cannot be started
   */
  async start(): Promise<void> {
    const run = await this.#start({ durationS: undefined, endsOnInterrupt: false });
    if (run.error && !run.hasBegun) throw run.error;
  }

  /**
   * Brings the robot to rest and ends the loop. Resolves when the robot is stopped and the loop
   * thread has ended. May be called in any state and more than once; does not throw what ended
   * the loop: {@link Session.checkHealth} does.
   *
   * @throws {RobotError} `ROBOT_UNSETTLED` where the `stop()` of a robot written in JavaScript has not
   * settled within 2 s: the robot may still move
   */
  async stop(): Promise<void> {
    if (!this.#isRunning || !this.#last) return;
    const run = this.#last;
    run.requestStop();
    await run.ended;
    if (run.stopError?.code === 'ROBOT_UNSETTLED') throw run.stopError;
  }

  /**
   * Starts, runs, and stops. Resolves to the final stats.
   *
   * Ctrl+C ends a run without `durationS`, and the program goes on behind it. Whatever else a signal ends
   * rejects, and no motion begins behind it: see {@link SessionOptions.evenAfterSignal}.
   *
   * @throws {SessionInterruptedError} where a signal of the system ended it
   * @throws {SessionError | RobotError} the first cause, where the loop ended with an error
   * @throws {AbortError} where {@link RunOptions.signal} aborted it; {@link Session.stats} has what was done
   */
  async run(options: RunOptions = {}): Promise<SessionStats> {
    const { durationS, signal } = ownOptions('run()', options, RUN_OPTIONS);
    if (durationS !== undefined) {
      checkNumber('durationS', durationS, { from: 0, to: 1e9, above: true, unit: 's' });
    }
    checkSignal(signal);
    throwIfAborted(signal, RUN);
    const stop = (): void => void this.stop();
    signal?.addEventListener('abort', stop, { once: true });
    try {
      const endsOnInterrupt = durationS === undefined;
      const run = await this.#start({ durationS, endsOnInterrupt, isAwaited: true });
      await run.ended;
      if (run.error) throw run.error;
      throwIfAborted(signal, RUN);
      return this.#statsOf(run);
    } catch (error) {
      if (!(error instanceof SessionStateError && error.code === 'SESSION_STOPPED')) throw error;
      throwIfAborted(signal, RUN);
      return this.#statsOf(undefined);
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  /** Throws what ended the loop, if it ended with an error since the last start. */
  checkHealth(): void {
    if (this.#last?.error) throw this.#last.error;
  }

  /**
   * Yields the stats at an interval while the session runs, and once more at its end.
   *
   * @param options.intervalS the interval [s], default 1
   */
  async *snapshots(options: { intervalS?: number } = {}): AsyncGenerator<SessionStats, void, void> {
    const { intervalS = 1 } = ownOptions('snapshots()', options, ['intervalS']);
    checkNumber('intervalS', intervalS, { from: 0, to: 1e6, above: true, unit: 's' });
    const run = this.#last;
    if (!this.#isRunning || !run) return;
    for (let hasEnded = false; !hasEnded; ) {
      const over = new AbortController();
      const { signal } = over;
      const wait = sleep(intervalS * 1e3, false, { signal, ref: false }).catch(() => false);
      hasEnded = await Promise.race([run.ended.then(() => true), wait]);
      over.abort();
      yield this.#statsOf(run);
    }
  }

  /** Lets the process end although the session runs; the robot is stopped then. */
  unref(): this {
    return this.#reference(false);
  }

  /** Keeps the process alive while the session runs, which is the default. */
  ref(): this {
    return this.#reference(true);
  }

  /** Stops, then throws what ended the loop, if anything did that `run()` has not thrown. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    if (!this.#isAwaited) this.checkHealth();
  }

  #statsOf(run: Run | undefined): SessionStats {
    if (run?.native) return statsOf(run.native.stats());
    return noStats(1 / this.#options.native.rateHz);
  }

  #reference(referenced: boolean): this {
    this.#isReferenced = referenced;
    // A start under way keeps the process alive in any case.
    if (this.#last?.hasBegun) this.#last.keepAlive(referenced);
    return this;
  }

  async #start(plan: {
    durationS: number | undefined;
    endsOnInterrupt: boolean;
    isAwaited?: boolean;
  }): Promise<Run> {
    if (this.#isRunning) {
      throw new SessionStateError(
        'SESSION_RUNNING',
        'the session runs already: await stop() before starting it again',
      );
    }
    const named = { what: 'the session', runs: this.#runs, ...plan };
    const run = new Run(this.#makeDriver(), this.#options, named, {
      event: (event) => this.#tell(event),
      begun: () => void this.emit('start'),
      ended: (error) => this.#ended(run, error),
    });
    this.#isRunning = true;
    this.#isAwaited = plan.isAwaited ?? false;
    this.#last = run;
    await run.launch();
    await run.begun;
    run.keepAlive(this.#isReferenced);
    return run;
  }

  #tell({ kind, tick, behind, tookS = 0 }: NativeEvent): void {
    switch (kind) {
      case 'held':
      case 'resting':
      case 'resumed':
        this.emit(kind, { tick });
        break;
      case 'behind':
        if (behind) this.emit(kind, { tick, ...behind });
        break;
      case 'late': {
        const { policyRateHz, deadlineS } = this.#options.native;
        const periodS = 1 / policyRateHz;
        if (!this.#isLateTold) warnOfLateness(tookS, periodS, deadlineS);
        this.#isLateTold = true;
        this.emit(kind, { tick, tookS, periodS });
      }
    }
  }

  #ended(run: Run, error: KilohertzError | undefined): void {
    this.#isRunning = false;
    if (error) {
      // What comes before the first cycle is thrown by `start()`.
      const isAwaited = this.#isAwaited || !run.hasBegun;
      if (this.listenerCount('error') > 0) this.emit('error', error);
      else if (!isAwaited) process.emitWarning(error);
    }
    this.emit('stop', this.#statsOf(run));
  }
}

/**
 * Runs `policy` on `robot` and resolves to the stats: a {@link Session} in one line. It takes the options of the session
 * and those of {@link Session.run}.
 *
 * @throws as the constructor of {@link Session} and {@link Session.run}
 */
export async function run<Observation, Action extends AnyAction>(
  robot: AnyRobot<Observation, Action>,
  policy: AnyPolicy<NoInfer<Observation>, NoInfer<Action>>,
  options: SessionOptions & RunOptions = {},
): Promise<SessionStats> {
  const own = ownOptions('run()', options, [...RUN_OPTIONS, ...SESSION_OPTIONS]);
  const { durationS, signal, ...sessionOptions } = own;
  return new Session(robot, policy, sessionOptions).run({
    ...(durationS === undefined ? {} : { durationS }),
    ...(signal === undefined ? {} : { signal }),
  });
}

function warnOfLateness(tookS: number, periodS: number, deadlineS: number): void {
  const ms = (seconds: number): string =>
    `${numberText(Number((seconds * 1e3).toPrecision(2)))} ms`;
  const message =
    `the policy took ${ms(tookS)} of its ${ms(periodS)} period: more than a tenth of its answers are later ` +
    `than deadlineS, ${ms(deadlineS)}, and the arm holds, rests and catches up in between. Lower rateHz, ` +
    'allow more with deadlineS where it is shorter than the period, or let the policy answer undefined until ' +
    'a model that runs elsewhere (InferenceThread, workerPolicy, processPolicy) has something new';
  process.emitWarning(message, { code: 'KILOHERTZ_LATE' });
}

function isNative<Observation, Action>(
  robot: AnyRobot<Observation, Action>,
): robot is NativeRobot<Observation, Action> {
  return robot !== null && typeof robot === 'object' && 'nativeLink' in robot;
}

function checkRobot(robot: unknown): void {
  const expected = 'a robot: an object with the methods observe(), act(action) and reset()';
  if (robot === null || typeof robot !== 'object') {
    throw new OptionTypeError('OPTION_ROBOT', 'robot', robot, expected);
  }
  for (const method of ['observe', 'act', 'reset'] as const) {
    const value = (robot as Record<string, unknown>)[method];
    if (typeof value !== 'function') {
      throw new OptionTypeError('OPTION_ROBOT', `robot.${method}`, value, expected);
    }
  }
}
