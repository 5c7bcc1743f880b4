import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { abortErrorOf, checkSignal, onAbort, throwIfAborted } from '../abort.ts';
import { checkName, checkNumber, checkObject, ownOptions } from '../checks.ts';
import type { Dashboard, DashboardOptions, ShownOptions } from '../dashboard/dashboard.ts';
import { Pages } from '../dashboard/pages.ts';
import { type KilohertzError, OptionTypeError, SessionStateError } from '../errors/errors.ts';
import { calling } from '../errors/native-call.ts';
import { Runs } from '../franka/runs.ts';
import type { NativeEvent } from '../native/binding.ts';
import { type CyclePhase, type EventKind, PHASES } from '../native/contract.ts';
import { type AnyPolicy, isAnyPolicy, POLICY_FORMS } from '../policy/any-policy.ts';
import { type ChunkedPolicy, isChunked, onReset } from '../policy/chunked.ts';
import { likeliestOf } from './bad-cycles.ts';
import { chunkFaultText } from './chunk-fault.ts';
import type { DrivenLink, Driver } from './driver.ts';
import type { SessionEvents } from './events.ts';
import { type FoxgloveReport, shownOf } from './foxglove.ts';
import { warnOfLateness } from './lateness.ts';
import { ObjectDriver } from './object-driver.ts';
import {
  type CheckedOptions,
  checkOptions,
  SESSION_OPTIONS,
  type SessionOptions,
} from './options.ts';
import { guardHere } from './process-exit.ts';
import { type Realtime, realtimeOf } from './realtime.ts';
import {
  checkEpisode,
  Episode,
  type EpisodeOptions,
  type LogOptions,
  type LogValue,
  logValue,
  type RecordingReport,
  recordingOf,
} from './recording.ts';
import { type Histogram, type TickRecord, toHistogram, toRecords } from './records.ts';
import { reportOf, type SessionReport } from './report.ts';
import { type AnyRobot, checkRobot, isNativeRobot, type Policy } from './robot.ts';
import { Run } from './run.ts';
import { noStats, type SessionStats, statsOf } from './stats.ts';

/** Options of `session.run` and `run`: how long a session runs. */
export interface RunOptions {
  /**
   * How long the session runs, from the first cycle [s]. Without it the session runs until Ctrl+C, `stop()` or the
   * signal.
   */
  readonly durationS?: number;
  /** Brings the robot to rest when it aborts; the run then rejects with an {@link AbortError}. */
  readonly signal?: AbortSignal;
  /** Shows the run on a page in a browser, whose address is printed. The page ends with the run. Default false. */
  readonly dashboard?: DashboardOptions | boolean;
}

const RUN_OPTIONS = [
  'durationS',
  'signal',
  'dashboard',
] as const satisfies readonly (keyof RunOptions)[];

/** The name of what a signal aborts, for messages. */
const RUN = 'the run';

/** A policy that answers with one action, or in chunks of actions. */
export type SessionPolicy<Observation, Action> =
  | AnyPolicy<Observation, Action>
  | ChunkedPolicy<Observation, Action>;

/** Any action. With the empty lists the compiler infers the lengths of arrays in a policy's answers. */
// biome-ignore lint/complexity/noBannedTypes: anything, of a type parameter without a bound too
export type AnyAction = {} | null | undefined | [] | Readonly<Record<string, []>>;

/**
 * Runs a policy on a robot at a fixed rate, on a thread of its own that JavaScript cannot delay.
 *
 * A session may be started again after it has ended; each start counts from zero. An error that ends the loop is thrown
 * by `run()`, `checkHealth()` and the end of an `await using` block, and emitted as an `error` event. If nothing has
 * received the error by then, it becomes a warning of the process.
 */
export class Session<Observation, Action extends AnyAction>
  extends EventEmitter<SessionEvents>
  implements AsyncDisposable
{
  readonly #makeDriver: () => Driver;
  readonly #options: CheckedOptions;
  /** The sessions and moves that drive the robot. */
  readonly #runs: Runs;
  /** What a recording keeps of the robot. */
  readonly #about: object | undefined;
  /** Whether the robot's states come over a network. */
  readonly #hasNetwork: boolean;
  /** The pages on which it is shown. */
  readonly #pages: Pages;
  /** The newest episode, and how many there were since the last start. */
  #episode: Episode | undefined;
  #episodes = 0;
  /** The run since the last start, ended or not. */
  #last: Run | undefined;
  #isRunning = false;
  #isAwaited = false;
  #isReferenced = true;
  #isLateTold = false;
  /** The policy, if it answers in chunks. */
  readonly #chunked: object | undefined;

  /**
   * @param robot a robot written in JavaScript, or a connected `Franka`
   * @param policy a function from an observation and a {@link Tick} to an action, or to a promise of one; or what
   * {@link workerPolicy}, {@link processPolicy}, {@link onnxPolicy}, {@link chunked}, {@link openpiPolicy} or
   * {@link gr00tPolicy} returns
   * @throws {OptionRangeError} if a value is out of range
   * @throws {OptionTypeError} if a value is of the wrong type
   */
  constructor(
    robot: AnyRobot<Observation, Action>,
    policy: SessionPolicy<NoInfer<Observation>, NoInfer<Action>>,
    options: SessionOptions = {},
  ) {
    super();
    guardHere();
    let controlled: DrivenLink<Observation, Action> | undefined;
    const inside = isChunked<Observation, Action>(policy) ? policy.policy : policy;
    this.#chunked = isChunked(policy) ? policy : undefined;
    if (!isAnyPolicy(inside)) {
      throw new OptionTypeError('OPTION_POLICY', 'policy', inside, POLICY_FORMS);
    }
    this.#hasNetwork = isNativeRobot(robot);
    if (isNativeRobot(robot)) {
      // Every native robot comes from this package, so its link is a `DrivenLink`.
      const link = robot.nativeLink as DrivenLink<Observation, Action>;
      if (typeof link?.drive !== 'function') {
        const expected = 'nothing: only what Franka.connect() resolves to has it';
        throw new OptionTypeError('OPTION_ROBOT', 'robot.nativeLink', link, expected);
      }
      const chunks = isChunked(policy) ? policy.options : undefined;
      this.#options = checkOptions(options, link, chunks && link.chunks(chunks));
      this.#runs = link.runs;
      this.#about = link.about;
      controlled = link;
      this.#makeDriver = () => link.drive(inside as AnyPolicy<Observation, unknown>, chunks);
    } else {
      checkRobot(robot);
      this.#runs = new Runs();
      if (typeof inside !== 'function' || isChunked(policy)) {
        const what = isChunked(policy)
          ? 'chunks are played for'
          : 'a worker, a process or a model sees the observations of';
        const expected = `a function: ${what} natively driven robots only, and this robot is written in JavaScript`;
        throw new OptionTypeError('OPTION_POLICY', 'policy', policy, expected);
      }
      this.#options = checkOptions(options, undefined);
      const decide = inside as Policy<Observation, Action>;
      this.#makeDriver = () => new ObjectDriver(robot, decide);
    }
    this.#pages = new Pages({
      robot: controlled?.arm ?? robot,
      about: this.#about,
      link: controlled,
      runs: this.#runs,
      isRunning: () => this.#isRunning,
      report: () => this.report(),
      policyHereHz: typeof policy === 'function' ? this.#options.native.policyRateHz : 0,
    });
  }

  /** Whether the session is between the call of `start()` and its end. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  /**
   * Whether Ctrl+C ends the run, as a run without a duration is meant to end. Known until its `stop` event is over.
   *
   * @internal
   */
  get wasInterrupted(): boolean {
    return this.#last?.place.askedBy === 'interrupt';
  }

  /** How many cycles were finished since the last start. */
  get stepCount(): number {
    return this.#last?.native?.stepCount ?? 0;
  }

  /** The stats of the session since the last start. */
  get stats(): SessionStats {
    return this.#statsOf(this.#last);
  }

  /** What the loop thread asked of the operating system, and what it got; undefined before the first cycle. */
  get realtime(): Realtime | undefined {
    const native = this.#last?.native;
    const report = native?.realtime();
    const awake = native?.awake();
    if (!report || !awake) return undefined;
    return realtimeOf(report, awake, native?.promotion() ?? undefined, this.#options.native);
  }

  /**
   * Returns how the cycles since the last start went, and why some of them went badly. It may be called at any time, and
   * costs more than {@link Session.stats}.
   */
  report(): SessionReport {
    const native = this.#last?.native;
    return reportOf({
      stats: this.stats,
      native: native?.report(),
      realtime: this.realtime,
      hasNetwork: this.#hasNetwork,
      histogram: (of) => toHistogram(native?.histogram(of)),
    });
  }

  /** Returns a histogram of the jitter, the execution time, the period, or a phase, of all cycles since the last start. */
  histogram(of: 'jitter' | 'execution' | 'period' | CyclePhase = 'jitter'): Histogram {
    const name = checkName('of', of, ['jitter', 'execution', 'period', ...PHASES]);
    return toHistogram(this.#last?.native?.histogram(name));
  }

  /** Returns the records of the ticks since the last call, and removes them. `recordTicks` says how many are kept. */
  takeRecords(): TickRecord[] {
    const native = this.#last?.native;
    return native ? toRecords(native.takeRecords(), native.recordStride) : [];
  }

  /** What was recorded since the last start; undefined if nothing is recorded. */
  get recording(): RecordingReport | undefined {
    return recordingOf(this.#last?.native, this.#last?.unkeptFields ?? 0);
  }

  /** What was shown since the last start, and at which address; undefined if the session is not shown. */
  get foxglove(): FoxgloveReport | undefined {
    return shownOf(this.#last?.native);
  }

  /**
   * Shows the session on a page in a browser and prints the address of the page. Each start of the session is shown from
   * then on, and the one that runs. The page has a button that stops the arm, which also works while JavaScript is
   * blocked. With {@link ShownOptions.controls} it also moves the arm while no session drives it. A page that this call opens ends with `close()`, with the `await using` block of the session, or with the
   * process.
   *
   * @throws {KilohertzError} `LISTEN_IN_USE` or `LISTEN_REFUSED` if the port cannot be opened
   * @throws {OptionTypeError | OptionRangeError} if an option is invalid
   */
  async dashboard(options: ShownOptions = {}): Promise<Dashboard> {
    return this.#pages.show(options, () => (this.#isRunning ? this.#last?.native : undefined));
  }

  /**
   * Records a value beside the cycles, for example an image of a camera, and shows it. Does nothing while the session
   * does not run, and if it is neither recorded nor shown. It never waits for the disk or for a client. Returns false
   * if nothing was taken. A policy in a worker or a process has {@link log}.
   *
   * @param channel the name of the series, for example `'camera/wrist'`: 1 to 200 letters, digits and `_ - . /`, not
   * beginning with `/`, `.` or `kilohertz/`
   * @throws {OptionTypeError | OptionRangeError} if the value or the time cannot be recorded
   * @throws {KilohertzError} `RECORD_INVALID_ARGUMENT` if the name cannot be used, or the value is too large
   */
  log(channel: string, value: LogValue, options: LogOptions = {}): boolean {
    const run = this.#isRunning ? this.#last : undefined;
    return logValue(run?.native, run?.isAsked === true, channel, value, options);
  }

  /**
   * Begins an episode, and ends the one before it if that still goes on. A {@link chunked} policy begins it too: what is
   * played is thrown away, the arm comes to rest, and the policy is reset before its next question. Other policies are
   * reset at the start of a session alone.
   *
   * @throws {SessionStateError} `SESSION_STOPPED` if the session does not run
   */
  episode(options: EpisodeOptions = {}): Episode {
    const { task, reset } = checkEpisode(options);
    const native = this.#isRunning ? this.#last?.native : undefined;
    if (!native) {
      const message = 'an episode begins in a session that runs: await start() before';
      throw new SessionStateError('SESSION_STOPPED', message);
    }
    this.#episode?.end();
    this.#episode = new Episode(native, this.#episodes, task);
    this.#episodes += 1;
    if (reset && this.#chunked) calling(() => native.beginEpisode());
    return this.#episode;
  }

  /**
   * Resets the robot, waits for the warm-up time and starts the loop. Resolves when the first cycle has begun.
   *
   * @throws {SessionStateError} `SESSION_RUNNING` if the session is already running, `SESSION_STOPPED` if it was
   * stopped before the first cycle
   * @throws {SessionError | RobotError} if the robot cannot be started
   */
  async start(): Promise<void> {
    const run = await this.#start({ durationS: undefined, endsOnInterrupt: false });
    if (run.error && !run.hasBegun) throw run.error;
  }

  /**
   * Brings the robot to rest and ends the loop. Resolves when the robot is stopped and the loop thread has ended. It
   * may be called in any state and more than once. It does not throw the error that ended the loop;
   * {@link Session.checkHealth} does.
   *
   * @throws {RobotError} `ROBOT_UNSETTLED` if the `stop()` of a robot written in JavaScript has not settled within 2 s:
   * the robot may still move
   */
  async stop(): Promise<void> {
    if (!this.#isRunning || !this.#last) return;
    const run = this.#last;
    run.requestStop('stop() was called');
    await run.ended;
    if (run.stopError?.code === 'ROBOT_UNSETTLED') throw run.stopError;
  }

  /**
   * Starts the session, runs it, and stops it. Resolves to the final stats.
   *
   * Ctrl+C ends a run without `durationS`: the promise resolves, and the program goes on. In every other case a signal
   * of the operating system makes the run reject, and no motion begins afterwards: see
   * {@link SessionOptions.evenAfterSignal}.
   *
   * @throws {SessionInterruptedError} if a signal of the operating system ended the run
   * @throws {SessionError | RobotError} the first cause, if the loop ended with an error
   * @throws {AbortError} if {@link RunOptions.signal} aborted the run; {@link Session.stats} then has the stats until
   * its end
   */
  async run(options: RunOptions = {}): Promise<SessionStats> {
    const { durationS, signal, dashboard = false } = ownOptions('run()', options, RUN_OPTIONS);
    if (durationS !== undefined) {
      checkNumber('durationS', durationS, { from: 0, to: 1e9, above: true, unit: 's' });
    }
    checkSignal(signal);
    throwIfAborted(signal, RUN);
    checkPage(dashboard);
    const page = dashboard ? await this.dashboard(dashboard === true ? {} : dashboard) : undefined;
    // What it throws, this call throws too.
    const stop = (): void => void this.stop().catch(() => undefined);
    const stopListening = onAbort(signal, stop);
    try {
      // It may have aborted while the page was opened.
      throwIfAborted(signal, RUN);
      const endsOnInterrupt = durationS === undefined;
      const run = await this.#start({ durationS, endsOnInterrupt, signal, isAwaited: true });
      await run.ended;
      if (run.error) throw run.error;
      const aborted = run.abortError ?? abortErrorOf(signal, RUN);
      if (aborted) {
        run.keepCyclesWith(aborted);
        throw aborted;
      }
      return this.#statsOf(run);
    } catch (error) {
      if (!(error instanceof SessionStateError && error.code === 'SESSION_STOPPED')) throw error;
      throwIfAborted(signal, RUN);
      return this.#statsOf(undefined);
    } finally {
      stopListening();
      if (page) await this.#pages.close([page]);
    }
  }

  /** Throws the error that ended the loop since the last start, if there was one. */
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

  /** Lets the process end while the session runs. The robot is stopped then. */
  unref(): this {
    return this.#reference(false);
  }

  /** Keeps the process alive while the session runs, which is the default. */
  ref(): this {
    return this.#reference(true);
  }

  /** Stops the session. Then throws the error that ended the loop, if there was one that `run()` has not thrown. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.stop();
    } finally {
      await this.#pages.close();
    }
    if (!this.#isAwaited) this.checkHealth();
  }

  #statsOf(run: Run | undefined): SessionStats {
    if (run?.native) return statsOf(run.native.stats());
    return noStats(1 / this.#options.native.rateHz);
  }

  #reference(referenced: boolean): this {
    this.#isReferenced = referenced;
    // A start keeps the process alive in any case until it has finished.
    if (this.#last?.hasBegun) this.#last.keepAlive(referenced);
    return this;
  }

  async #start(plan: {
    durationS: number | undefined;
    endsOnInterrupt: boolean;
    signal?: AbortSignal | undefined;
    isAwaited?: boolean;
  }): Promise<Run> {
    if (this.#isRunning) {
      throw new SessionStateError(
        'SESSION_RUNNING',
        'the session runs already: await stop() before starting it again',
      );
    }
    const named = { what: 'the session', runs: this.#runs, about: this.#about, ...plan };
    const run = new Run(this.#makeDriver(), this.#options, named, {
      event: (event) => this.#tell(event),
      launched: (native) => this.#pages.launched(native),
      begun: () => void this.emit('start'),
      recordingFailed: (error) => {
        if (!this.emit('recordingFailed', error)) process.emitWarning(error);
      },
      ended: (error) => {
        leave?.();
        this.#ended(run, error);
      },
    });
    const leave = this.#chunked && onReset(this.#chunked, () => run.native?.beginEpisode());
    this.#isRunning = true;
    this.#episode = undefined;
    this.#episodes = 0;
    this.#isAwaited = plan.isAwaited ?? false;
    this.#last = run;
    await run.launch();
    await run.begun;
    run.keepAlive(this.#isReferenced);
    return run;
  }

  #tell({ kind: name, tick, behind, badChunk, tookS = 0 }: NativeEvent): void {
    const kind = name as EventKind;
    switch (kind) {
      case 'held':
      case 'resting':
      case 'resumed':
        this.emit(kind, { tick });
        break;
      case 'behind':
        if (behind) this.emit(kind, { tick, ...behind });
        break;
      case 'badChunk':
        if (badChunk) this.emit(kind, { tick, ...chunkFaultText(badChunk) });
        break;
      case 'late': {
        const { policyRateHz, deadlineS } = this.#options.native;
        const periodS = 1 / policyRateHz;
        if (!this.#isLateTold) {
          const likeliest = likeliestOf(this.#last?.native?.report());
          warnOfLateness(tookS, periodS, deadlineS, likeliest);
        }
        this.#isLateTold = true;
        this.emit(kind, { tick, tookS, periodS });
      }
    }
  }

  #ended(run: Run, error: KilohertzError | undefined): void {
    this.#isRunning = false;
    this.#pages.ended();
    try {
      if (error) this.#failed(run, error);
    } finally {
      this.emit('stop', this.#statsOf(run));
    }
  }

  #failed(run: Run, error: KilohertzError): void {
    this.#pages.failed(error);
    // An error before the first cycle is thrown by `start()`.
    const isAwaited = this.#isAwaited || !run.hasBegun;
    if (this.listenerCount('error') > 0) this.emit('error', error);
    else if (!isAwaited) process.emitWarning(error);
  }
}

/**
 * Runs `policy` on `robot` and resolves to the stats: the short form of a {@link Session}. It takes the options of the
 * session and those of {@link Session.run}.
 *
 * @throws as the constructor of {@link Session} and {@link Session.run}
 */
export async function run<Observation, Action extends AnyAction>(
  robot: AnyRobot<Observation, Action>,
  policy: SessionPolicy<NoInfer<Observation>, NoInfer<Action>>,
  options: SessionOptions & RunOptions = {},
): Promise<SessionStats> {
  const own = ownOptions('run()', options, [...RUN_OPTIONS, ...SESSION_OPTIONS]);
  const { durationS, signal, dashboard, ...sessionOptions } = own;
  return new Session(robot, policy, sessionOptions).run({
    ...(durationS === undefined ? {} : { durationS }),
    ...(signal === undefined ? {} : { signal }),
    ...(dashboard === undefined ? {} : { dashboard }),
  });
}

/** A page that ends with its run has no controls: they are for the time between runs. */
function checkPage(dashboard: DashboardOptions | boolean): void {
  if (typeof dashboard === 'boolean') return;
  checkObject('dashboard', dashboard, 'true or false');
  const { controls } = dashboard as ShownOptions;
  if (controls === undefined || controls === false) return;
  const expected =
    'left out in run(): its page ends with the run, and the controls move the arm while nothing runs. Open the page ' +
    'with session.dashboard({ controls: true }) before the run';
  throw new OptionTypeError('OPTION_DASHBOARD_CONTROLS', 'dashboard.controls', controls, expected);
}
