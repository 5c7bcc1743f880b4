import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { abortErrorOf } from '../abort.ts';
import { bare } from '../checks.ts';
import { describeThrown, isInstance, read } from '../errors/describe.ts';
import {
  type AbortError,
  fromFailure,
  InvalidActionError,
  isOurs,
  KilohertzError,
  keepWith,
  PolicyLateError,
  RobotError,
  SessionError,
  type SessionErrorDetails,
  SessionInterruptedError,
  SessionStateError,
} from '../errors/errors.ts';
import { awaiting, calling } from '../errors/native-call.ts';
import { numberText } from '../errors/number.ts';
import type { Driving, Runs } from '../franka/runs.ts';
import type {
  NativeEvent,
  NativeOutcome,
  NativePlace,
  NativeSession,
  NativeViolation,
} from '../native/binding.ts';
import { NEWS } from '../native/contract.ts';
import { settled } from '../promise.ts';
import { pathOf } from '../record/file.ts';
import { likeliestOf, likeliestOfMissed } from './bad-cycles.ts';
import { chunkFaultText } from './chunk-fault.ts';
import type { Driver, Failure } from './driver.ts';
import { endText } from './end-text.ts';
import { warnOfHost } from './foxglove.ts';
import { onGarbage } from './garbage.ts';
import type { CheckedOptions } from './options.ts';
import { policyFailed } from './policy-failure.ts';
import { type Guarded, goingOn, guard, interruption, takePlace, unguard } from './process-exit.ts';
import { fileFor, runInfo } from './recording.ts';
import { allowedText, kindOf, limitName, obstacle, unitSlip, violationText } from './violation.ts';

/** How long the end of a session waits for a reset that is under way [ms]. */
const RESET_LIMIT_MS = 2_000;
const NO_STATES: Float64Array = new Float64Array(0);

/** The calls by which a run reports to its session. */
export interface Listener {
  event(event: NativeEvent): void;
  launched(native: NativeSession): void;
  begun(): void;
  recordingFailed(error: KilohertzError): void;
  ended(error: KilohertzError | undefined): void;
}

/** Describes a run that is about to begin. */
export interface RunPlan {
  /** The name of the run, for messages. */
  readonly what: string;
  readonly durationS: number | undefined;
  readonly endsOnInterrupt: boolean;
  /** What ends the run when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** The sessions and moves that drive the same robot. */
  readonly runs: Runs;
  /** What a recording keeps of the robot. */
  readonly about?: object | undefined;
}

/** One start of a session, until its end. */
export class Run implements Guarded, Driving {
  readonly place: NativePlace;
  /** Resolves when the robot is stopped and the loop has ended. Never rejects. */
  readonly ended: Promise<void>;
  /** Resolves when the first cycle has begun, or at the end if there was no cycle. */
  readonly begun: Promise<void>;
  readonly #driver: Driver;
  readonly #options: CheckedOptions;
  readonly #plan: RunPlan;
  readonly #listener: Listener;
  readonly #abort = new AbortController();
  readonly #keepAlive: NodeJS.Timeout;
  #resolveEnded!: () => void;
  #resolveBegun!: () => void;
  #native: NativeSession | undefined;
  /** Ends the watch for garbage collections. */
  #forgetGarbage: (() => void) | undefined;
  #hasBegun = false;
  #isEnding = false;
  /** Who has asked first for the end, in words. */
  #asked: string | undefined;
  /** Resolves once the robot is stopped and the cause of the end is told; undefined while the loop runs. */
  #settled: Promise<void> | undefined;
  /** What ended the run, once that was looked at: it is looked at once. */
  #cause: { readonly error: KilohertzError | undefined } | undefined;
  #abortError: AbortError | undefined;
  #error: KilohertzError | undefined;
  #stopError: KilohertzError | undefined;

  constructor(driver: Driver, options: CheckedOptions, plan: RunPlan, listener: Listener) {
    const { isNative } = driver;
    const { endsOnInterrupt } = plan;
    const { evenAfterSignal } = options;
    this.place = takePlace({ isNative, endsOnInterrupt, evenAfterSignal });
    this.#plan = plan;
    this.#driver = driver;
    this.#options = options;
    this.#listener = listener;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.begun = new Promise((resolve) => {
      this.#resolveBegun = resolve;
    });
    // This timer keeps the process alive, because the loop's wakes do not.
    this.#keepAlive = setInterval(() => undefined, 2 ** 30);
    guard(this);
    plan.runs.add(this);
    plan.runs.stops.add(this.place);
  }

  /** The loop; undefined before it was started. */
  get native(): NativeSession | undefined {
    return this.#native;
  }

  /** Whether a policy of this thread is answering a question. */
  get isAsked(): boolean {
    return this.#driver.isAsked;
  }

  /** How many fields of a robot written in JavaScript could not be recorded. */
  get unkeptFields(): number {
    return this.#driver.unkeptFields ?? 0;
  }

  /** The error that ended the run, if one did. */
  get error(): KilohertzError | undefined {
    return this.#error;
  }

  /** The error of the signal, if that has ended the run and nothing else did. */
  get abortError(): AbortError | undefined {
    return this.#abortError;
  }

  /** The error with which stopping the robot failed, if it did. */
  get stopError(): KilohertzError | undefined {
    return this.#stopError;
  }

  /** Whether a cycle has begun. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  keepAlive(referenced: boolean): void {
    if (referenced) this.#keepAlive.ref();
    else this.#keepAlive.unref();
  }

  /** Lets an error save the newest cycles, if they are kept. */
  keepCyclesWith(error: KilohertzError): void {
    const native = this.#native;
    if (!native || this.#options.native.blackBoxS === undefined) return;
    keepWith(error, (path) => awaiting(() => native.save(pathOf('path', path))));
  }

  /** Resets the robot, waits for the warm-up time and starts the loop. */
  async launch(): Promise<void> {
    let isResetting = true;
    try {
      await this.#orGivenUp(settled(this.#driver.reset()));
      isResetting = false;
      await this.#warmUp();
      const { durationS } = this.#plan;
      const { record, given } = this.#options;
      const options = bare({
        ...this.#options.native,
        ...(durationS === undefined ? {} : { runForS: durationS }),
        ...(record === undefined ? {} : { record: fileFor(record) }),
        runInfo: runInfo(given, this.#plan.about ?? { kind: 'javascript' }),
      });
      this.#native = this.#driver.begin(options, this.place, () => this.#wake());
      this.#watchGarbage(this.#native);
      warnOfHost(this.#options.native.foxglove);
      this.#listener.launched(this.#native);
    } catch (thrown) {
      // Stop the robot first. The error is looked at afterwards.
      await this.#stopRobot();
      const error = isResetting ? resetFailure(thrown) : this.#causeBefore(thrown);
      const isTold = error === this.#stopError || isInstance(error, SessionInterruptedError);
      if (isOurs(error) && isTold) this.#error = error;
      try {
        this.#close();
      } catch (later) {
        // A listener has thrown. The first cause is told, and this as what nobody caught.
        process.nextTick(() => {
          throw later;
        });
      }
      await this.ended;
      throw error;
    }
  }

  /** Returns what is told of an end before the first cycle: of a mere stop, that the robot could not be stopped. */
  #causeBefore(thrown: unknown): unknown {
    const isStopped = thrown instanceof SessionStateError && thrown.code === 'SESSION_STOPPED';
    return isStopped ? (this.#stopError ?? thrown) : thrown;
  }

  /** Tells the loop's side when this thread collects garbage, if the policy stands still meanwhile. */
  #watchGarbage(native: NativeSession): void {
    if (!this.#driver.hasPolicyHere) return;
    this.#forgetGarbage = onGarbage((fromS, toS) => native.notePause(fromS, toS));
  }

  requestStop(why?: string): void {
    this.#asked ??= why;
    this.#driver.halt();
    this.#abort.abort();
    this.#native?.requestStop();
  }

  stopNow(limitS: number): void {
    this.#native?.join(limitS);
    this.#driver.stopNow();
  }

  tellEnd(): void {
    const native = this.#native;
    const outcome = native?.outcome();
    // To read what a policy has thrown may take long, and the process is ending.
    if (native && outcome && outcome.cause !== 'policyFailed') this.#tellCause(native, undefined);
  }

  /** Waits for a reset, at most `resetTimeoutS`, and only briefly once the session is to end. */
  async #orGivenUp(reset: Promise<void>): Promise<void> {
    const done = new AbortController();
    const { signal } = this.#abort;
    const aborted = signal.aborted ? Promise.resolve() : once(signal, 'abort', done);
    const givenUp = aborted.then(() => sleep(RESET_LIMIT_MS, undefined, done));
    givenUp.catch(() => undefined);
    const { resetTimeoutS } = this.#options;
    const waits: Promise<void>[] = [reset, givenUp];
    if (resetTimeoutS !== undefined) waits.push(tooLong(resetTimeoutS, done.signal));
    try {
      await Promise.race(waits);
    } finally {
      done.abort();
    }
  }

  async #warmUp(): Promise<void> {
    const { signal } = this.#abort;
    if (!signal.aborted) {
      await sleep(this.#options.warmupS * 1e3, undefined, { signal }).catch(() => undefined);
    }
    const interrupted = interruption(this.#plan.what, this.place);
    if (interrupted) throw interrupted;
    // A stop of a page counts, although this thread has not been told of it yet.
    if (signal.aborted || this.place.isToEnd) {
      throw new SessionStateError(
        'SESSION_STOPPED',
        'the session was stopped before its first cycle',
      );
    }
  }

  #wake(): void {
    const native = this.#native;
    if (!native || this.#isEnding) return;
    const news = this.#driver.wake(native);
    if (news & NEWS.begun && !this.#hasBegun) {
      this.#hasBegun = true;
      this.#resolveBegun();
      this.#listener.begun();
    }
    try {
      if (news & NEWS.events) this.#tellEvents(native);
    } finally {
      // A listener that throws must not keep the session from ending.
      if (news & NEWS.over) this.#settled ??= this.#settle(native);
      if (news & NEWS.end) {
        this.#isEnding = true;
        void this.#end(native);
      }
    }
  }

  #tellEvents(native: NativeSession): void {
    for (const event of native.takeEvents()) this.#listener.event(event);
    const failure = native.takeRecordingFailure();
    if (failure) this.#listener.recordingFailed(fromFailure(failure));
  }

  /** Stops the robot when the loop has ended, and tells why it did: the files of the run wait for that. */
  async #settle(native: NativeSession): Promise<void> {
    native.expectEnd();
    await this.#stopRobot();
    const isOver = this.#plan.durationS !== undefined && !this.#abort.signal.aborted;
    const unsettled = isOver ? await this.#driver.unsettled?.() : undefined;
    this.#tellCause(native, unsettled);
  }

  /** Determines what ended the run, once the robot is stopped, and tells it. A second call does nothing. */
  #tellCause(native: NativeSession, unsettled: Failure | undefined): void {
    if (this.#cause) return;
    let error: KilohertzError | undefined;
    try {
      error = this.#causeOf(native, unsettled);
    } catch (thrown) {
      error = untold(thrown);
    }
    this.#cause = { error };
    if (!error) this.#abortError = abortErrorOf(this.#plan.signal, 'the run');
    const told = error ?? this.#abortError;
    const text = told?.message ?? endText(this.place, this.#asked, this.#plan.durationS);
    native.tellEnd(told?.code ?? '', text);
  }

  /** Ends the run once everything is in its files. */
  async #end(native: NativeSession): Promise<void> {
    await this.#settled;
    try {
      this.#tellEvents(native);
    } finally {
      this.#conclude(native);
    }
  }

  #conclude(native: NativeSession): void {
    this.#error = this.#cause?.error;
    try {
      if (this.#error) {
        this.keepCyclesWith(this.#error);
        this.#nameBlackBox(native, this.#error);
      }
    } catch (error) {
      this.#error = untold(error);
    }
    this.#close();
  }

  /** Names in the error the file that has the newest cycles, if one was written. */
  #nameBlackBox(native: NativeSession, error: KilohertzError): void {
    try {
      const path = calling(() => native.saved());
      if (path !== null) error.blackBox = path;
    } catch (failure) {
      if (isOurs(failure) && failure instanceof KilohertzError) {
        this.#listener.recordingFailed(failure);
      }
    }
  }

  #causeOf(native: NativeSession, unsettled: Failure | undefined): KilohertzError | undefined {
    const outcome = native.outcome();
    const details = { lastStates: this.#driver.pastStates(outcome?.lastStates ?? NO_STATES) };
    const interrupted = interruption(this.#plan.what, this.place, details);
    const told = outcome ? this.#errorOf(outcome) : undefined;
    return told ?? interrupted ?? unsettled?.({}) ?? this.#stopError;
  }

  async #stopRobot(): Promise<void> {
    this.#driver.halt();
    try {
      await this.#driver.stop();
    } catch (error) {
      this.#stopError =
        isOurs(error) && isInstance(error, RobotError)
          ? error
          : new RobotError('ROBOT_THREW', `the robot's stop() failed: ${describeThrown(error)}`, {
              cause: error,
            });
    }
  }

  #close(): void {
    this.#forgetGarbage?.();
    unguard(this);
    this.#plan.runs.delete(this);
    try {
      this.#listener.ended(this.#error);
    } finally {
      this.place.leave();
      void this.#resolve();
    }
  }

  async #resolve(): Promise<void> {
    if (this.#error instanceof SessionInterruptedError) await goingOn();
    clearInterval(this.#keepAlive);
    this.#resolveBegun();
    this.#resolveEnded();
  }

  #errorOf(outcome: NativeOutcome): KilohertzError | undefined {
    const details: SessionErrorDetails = {
      tick: outcome.tick,
      lastStates: this.#driver.pastStates(outcome.lastStates),
    };
    switch (outcome.cause) {
      case 'policyFailed':
        return (this.#driver.failure ?? policyFailed(outcome.tick))(details);
      case 'invalidAction':
        return invalidAction(outcome, details);
      case 'badChunk':
        return badChunk(outcome, details);
      case 'noAction':
        return noAction(outcome, details);
      case 'tooLate':
      case 'nothingNew':
        return tooLate(outcome, this.#options, details, likeliestOf(this.#native?.report()));
      case 'behind':
        return behind(outcome, this.#options, details);
      case 'panicked': {
        const message = `the loop failed: ${outcome.message}; please report this`;
        return new SessionError('INTERNAL', message, details);
      }
      default:
        return robotFailed(outcome, details, this.#native);
    }
  }
}

/** Returns the error of a robot that failed. If an arm did because it missed commands, the likeliest cause is named. */
function robotFailed(
  { robotError, tick }: NativeOutcome,
  details: SessionErrorDetails,
  native: NativeSession | undefined,
): KilohertzError | undefined {
  if (!robotError) return undefined;
  const hasMissed = robotError.errors.includes('communication_constraints_violation');
  const likeliest = hasMissed ? likeliestOfMissed(native?.report(), tick ?? 0) : '';
  const more = likeliest && `. ${likeliest}session.report() says more`;
  return fromFailure(robotError, details, more);
}

/** Returns the error of a run whose cause cannot be told. It is over nevertheless, and what waits for it must learn so. */
function untold(thrown: unknown): KilohertzError {
  const message = `what ended the session cannot be told: ${describeThrown(thrown)}; please report this`;
  return new SessionError('INTERNAL', message, { cause: thrown });
}

/** Returns the error for a reset that threw or rejected. */
function resetFailure(thrown: unknown): KilohertzError {
  const isTold = isInstance(thrown, SessionError) || isInstance(thrown, RobotError);
  // What the system refuses is no fault of the robot.
  if (isOurs(thrown) && (isTold || read(thrown, 'code') === 'SYSTEM')) return thrown;
  const message = `the robot's reset() failed: ${describeThrown(thrown)}`;
  return new RobotError('ROBOT_THREW', message, { cause: thrown });
}

/** Rejects after `timeoutS`, which is too long for a reset. Resolves instead if `over` aborts before. */
async function tooLong(timeoutS: number, over: AbortSignal): Promise<void> {
  const isOver = await sleep(timeoutS * 1e3, false, { signal: over }).catch(() => true);
  if (isOver) return;
  const message = `the reset() of the robot or of its policy has not settled within ${numberText(timeoutS)} s. The robot was stopped`;
  throw new RobotError('ROBOT_UNSETTLED', message);
}

function badChunk(outcome: NativeOutcome, details: SessionErrorDetails): KilohertzError {
  const { tick, badChunk: fault } = outcome;
  if (!fault) return new SessionError('INTERNAL', 'a chunk was refused', details);
  const { code, message, expected } = chunkFaultText(fault);
  const refused = `chunk refused in cycle ${tick}: ${message}; expected ${expected}. The robot was brought to rest`;
  return new InvalidActionError(code, refused, fault.received, expected, details);
}

function invalidAction(outcome: NativeOutcome, details: SessionErrorDetails): KilohertzError {
  const { tick, row, violation } = outcome;
  if (!violation) return new SessionError('INTERNAL', 'an action was refused', details);
  const which =
    row === undefined ? `action ${tick}` : `actions[${row}] of the chunk of cycle ${tick}`;
  const refused = `${which} refused: ${violationText(violation)}. The robot was brought to rest`;
  const kind = kindOf(violation);
  const { action } = violation;
  const expected = allowedText(violation);
  if (kind === 'notFinite') {
    return new InvalidActionError('ACTION_NOT_FINITE', refused, action, expected, details);
  }
  if (kind === 'frame') {
    return new InvalidActionError('ACTION_FRAME', refused, action, expected, details);
  }
  const message = `${refused}. ${unitSlip(violation)}${adviceFor(violation)}`;
  return new InvalidActionError('ACTION_LIMIT', message, action, expected, details);
}

function adviceFor(violation: NativeViolation): string {
  const { field, joint } = violation;
  const kind = kindOf(violation);
  const clamp = `choose limits: { ${limitName(kind)}: 'clamp' }`;
  if (kind === 'distance') {
    return (
      'See what keeps the arm from following, ask for less acceleration, allow more with ' +
      `limits: { maxDistanceRad }, or ${clamp}`
    );
  }
  const standing = obstacle(joint);
  if (standing === 'length') {
    return `Choose a pose nearer to the arm, or ${clamp} to stay as close as it gets`;
  }
  if (standing === 'singular') {
    return (
      'Choose a pose nearer to the arm, or go there by joint positions, as moveTo does where it can be reached; or ' +
      `${clamp} to stay as close as it gets`
    );
  }
  if (kind === 'position' && field === 'q') {
    return (
      'Choose positions within the range of the joint, which ends at the limit that is told, or ' +
      `${clamp} to have the arm stop there`
    );
  }
  if (standing === 'range') {
    return (
      'Choose a pose nearer to where the arm can bend, or another way there by joint positions; or ' +
      `${clamp} to stay as close as it gets`
    );
  }
  return (
    "Take smaller steps from one action to the next, start from the robot's desired state, not the " +
    `measured one, or ${clamp} to have what is beyond the limits followed as far as they allow`
  );
}

function tooLate(
  outcome: NativeOutcome,
  options: CheckedOptions,
  details: SessionErrorDetails,
  likeliest: string,
): KilohertzError {
  const { maxHeldTicks, rateHz } = options.native;
  const ms = ((outcome.withoutAction ?? 0) / rateHz) * 1e3;
  const hadNothing = outcome.cause === 'nothingNew';
  if (options.native.chunks !== undefined) {
    return chunkLate(outcome, maxHeldTicks, ms, details, likeliest);
  }
  const what = hadNothing ? 'nothing new from the policy, which answered undefined,' : 'no action';
  const advice = hadNothing ? 'See what it waits for' : 'Make the policy faster';
  const message =
    `${what} for ${outcome.withoutAction} cycles (${numberText(ms)} ms) in cycle ${outcome.tick}; ` +
    `${maxHeldTicks} are allowed. The robot was brought to rest. ${hadNothing ? '' : likeliest}${advice}, allow ` +
    "more with maxHeldTicks, or let the robot rest and go on with onLate: 'rest'";
  return new PolicyLateError('POLICY_LATE', message, details);
}

/** Returns the error of a policy whose chunk was over for too long. */
function chunkLate(
  { tick, withoutAction }: NativeOutcome,
  maxHeldTicks: number,
  ms: number,
  details: SessionErrorDetails,
  likeliest: string,
): KilohertzError {
  const message =
    `the chunk was over for ${withoutAction} cycles (${numberText(ms)} ms) in cycle ${tick}, and no other had come; ` +
    `${maxHeldTicks} are allowed. The robot was brought to rest. ${likeliest}Answer with longer chunks, ask for them earlier with ` +
    'replanAt of chunked(): what is left then has to last longer than the slowest inference; allow more with ' +
    "maxHeldTicks, or let the robot rest and go on with onLate: 'rest'";
  return new PolicyLateError('POLICY_LATE', message, details);
}

function noAction(outcome: NativeOutcome, details: SessionErrorDetails): KilohertzError {
  const expected = 'an action within the first second';
  const message =
    'the policy returned undefined (in Python None) to each question of its first second, until ' +
    `cycle ${outcome.tick}: is a \`return\` missing? Expected ${expected}; after it undefined means that ` +
    'there is nothing new. The robot stayed at rest. Load and warm up a model before its session starts';
  return new InvalidActionError('ACTION_TYPE', message, undefined, expected, details);
}

function behind(
  outcome: NativeOutcome,
  options: CheckedOptions,
  details: SessionErrorDetails,
): KilohertzError {
  const { field, index, unit, distance } = outcome.behind ?? NOWHERE;
  const message =
    `after ${numberText(options.native.catchUpS)} s the arm is still ${numberText(distance)} ${unit} away from the ` +
    `policy's action, at ${field}[${index}], in cycle ${outcome.tick}. The robot was brought to rest. Let ` +
    "actions start from the robot's desired state again after a rest, ask for slower motions, allow more " +
    "with catchUpS, or let the arm follow as long as it takes with onLate: 'rest'";
  return new PolicyLateError('POLICY_BEHIND', message, details);
}

/** Stands in for a distance that was not reported. */
const NOWHERE = { field: 'action', index: 0, unit: '', distance: Number.NaN };
