import { findNotFinite } from '../checks.ts';
import { describeThrown } from '../errors/describe.ts';
import { InvalidActionError, type PastState, PolicyError, RobotError } from '../errors/errors.ts';
import { calling } from '../errors/native-call.ts';
import { numberText } from '../errors/number.ts';
import { type NativePlace, NativeSession, type NativeSessionOptions } from '../native/binding.ts';
import { NEWS } from '../native/contract.ts';
import { resetPolicy } from '../policy/episode.ts';
import { isPromise, settled, within } from '../promise.ts';
import { CycleKeeper } from './cycle-keeper.ts';
import type { Driver, Failure } from './driver.ts';
import { policyThrew } from './policy-failure.ts';
import { CLOCK_LENGTH, type Policy, type Robot, tickOf } from './robot.ts';

/** A call that has not settled. */
interface Pending {
  readonly what: 'policy' | 'observe' | 'act';
  readonly tick: number;
  readonly promise: Promise<unknown>;
}

const NOTHING: Float64Array = new Float64Array(0);

/** How long the end of a session waits for the robot's current action, and then for its `stop()` [ms]. */
const STOP_LIMIT_MS = 2_000;
const LIMIT_S = STOP_LIMIT_MS / 1e3;

/** Drives a robot written in JavaScript. Each tick has one wake, to observe, decide and act. */
export class ObjectDriver<Observation, Action> implements Driver {
  readonly isNative = false;
  readonly hasPolicyHere = true;
  readonly #robot: Robot<Observation, Action>;
  readonly #policy: Policy<Observation, Action>;
  readonly #clock = new Float64Array(CLOCK_LENGTH);
  /** Where cycles are kept; undefined if nobody wants them. */
  #keeper: CycleKeeper | undefined;
  #isAsked = false;
  #session: NativeSession | undefined;
  #busy = false;
  #halted = false;
  #acting: Promise<unknown> | undefined;
  #pending: Pending | undefined;
  #failure: Failure | undefined;

  constructor(robot: Robot<Observation, Action>, policy: Policy<Observation, Action>) {
    this.#robot = robot;
    this.#policy = policy;
  }

  async reset(): Promise<void> {
    await settled(this.#robot.reset());
    try {
      await settled(resetPolicy(this.#policy));
    } catch (error) {
      throw policyThrew(undefined, error)({});
    }
  }

  begin(options: NativeSessionOptions, place: NativePlace, wake: () => void): NativeSession {
    const session = calling(() => NativeSession.paced(options, place, wake));
    const { record, blackBoxS, foxglove } = options;
    const isKept = record !== undefined || blackBoxS !== undefined || foxglove !== undefined;
    this.#keeper = isKept ? new CycleKeeper(session) : undefined;
    this.#session = session;
    return session;
  }

  wake(session: NativeSession): number {
    if (this.#busy || this.#halted) return session.news();
    const news = session.receive(NOTHING, this.#clock);
    if (news & NEWS.observation) this.#cycle();
    return news;
  }

  halt(): void {
    this.#halted = true;
  }

  async stop(): Promise<void> {
    this.#halted = true;
    // A failure of the action is reported elsewhere. The robot is stopped in any case.
    await within(STOP_LIMIT_MS, this.#acting).catch(() => undefined);
    if (await within(STOP_LIMIT_MS, settled(this.#robot.stop?.()))) return;
    const message = `the robot's stop() has not settled within ${LIMIT_S} s: the robot may still move`;
    throw new RobotError('ROBOT_UNSETTLED', message);
  }

  async unsettled(): Promise<Failure | undefined> {
    const pending = this.#pending;
    if (!pending) return undefined;
    const { what, tick, promise } = pending;
    // `stop()` has already waited for a pending action.
    const limitMs = what === 'act' ? 0 : STOP_LIMIT_MS;
    if (await within(limitMs, promise).catch(() => true)) return undefined;
    const who = what === 'policy' ? 'the policy' : `the robot's ${what}()`;
    const message =
      `${who} was called in cycle ${tick} and had not settled ${LIMIT_S} s after the session's end. ` +
      'The robot was stopped';
    return (details) =>
      what === 'policy'
        ? new PolicyError('POLICY_UNSETTLED', message, { tick, ...details })
        : new RobotError('ROBOT_UNSETTLED', message, { tick, ...details });
  }

  stopNow(): void {
    this.#halted = true;
    this.#robot.stop?.();
  }

  get isAsked(): boolean {
    return this.#isAsked;
  }

  get unkeptFields(): number {
    return this.#keeper?.unkeptFields ?? 0;
  }

  get failure(): Failure | undefined {
    return this.#failure;
  }

  pastStates(): readonly PastState[] {
    return [];
  }

  #cycle(): void {
    this.#busy = true;
    const told = tickOf(this.#clock);
    const { tick } = told;
    this.#step(
      'observe',
      () => this.#robot.observe(),
      (error) => this.#robotThrew('observe', tick, error),
      (observation) => {
        this.#keeper?.observed(observation);
        this.#isAsked = true;
        this.#step(
          'policy',
          () => this.#policy(observation, told),
          (error) => policyThrew(tick, error),
          (action) => {
            this.#isAsked = false;
            this.#act(action, tick);
          },
        );
      },
    );
  }

  #act(action: Action, tick: number): void {
    // The loop may have ended meanwhile, because its time is over: then the action is not carried out.
    if (this.#session?.hasEnded) return;
    let wrong: ReturnType<typeof findNotFinite>;
    try {
      wrong = findNotFinite(action);
    } catch (error) {
      this.#fail(policyThrew(tick, error), tick);
      return;
    }
    if (wrong) {
      const expected = 'finite numbers';
      const message =
        `action ${tick} refused: ${wrong.path} is ${numberText(wrong.value)}; expected ${expected}. ` +
        'The robot was not told; see to the policy';
      const { value } = wrong;
      this.#fail(
        (details) => new InvalidActionError('ACTION_NOT_FINITE', message, value, expected, details),
        tick,
      );
      return;
    }
    this.#keeper?.commanded(tick, action);
    this.#step(
      'act',
      () => this.#robot.act(action),
      (error) => this.#robotThrew('act', tick, error),
      () => {
        this.#busy = false;
        this.#session?.answer(NOTHING);
      },
    );
  }

  /** Runs `call`, and passes what it returns or promises to `next`, unless the session was halted. */
  #step<T>(
    what: Pending['what'],
    call: () => T | PromiseLike<T>,
    refuse: (error: unknown) => Failure,
    next: (value: T) => void,
  ): void {
    // A step after the end must not reach the robot: late results are dropped.
    if (this.#halted) return;
    const [tick = 0] = this.#clock;
    let value: T | PromiseLike<T>;
    let isPending: boolean;
    try {
      value = call();
      isPending = isPromise(value);
    } catch (error) {
      this.#fail(refuse(error), tick);
      return;
    }
    if (!isPending) {
      if (what === 'act') this.#acting = undefined;
      next(value as T);
      return;
    }
    const promise = settled(value);
    this.#pending = { what, tick, promise };
    if (what === 'act') this.#acting = promise;
    promise.then(
      (value) => {
        this.#pending = undefined;
        if (!this.#halted) next(value);
      },
      (error: unknown) => {
        this.#pending = undefined;
        this.#fail(refuse(error), tick);
      },
    );
  }

  #robotThrew(method: string, tick: number, error: unknown): Failure {
    return (details) => {
      const message = `the robot's ${method}() failed in cycle ${tick}: ${describeThrown(error)}`;
      return new RobotError('ROBOT_THREW', message, { ...details, cause: error });
    };
  }

  #fail(failure: Failure, tick: number): void {
    this.#halted = true;
    this.#isAsked = false;
    this.#failure ??= (details) => failure({ tick, ...details });
    this.#session?.fail();
  }
}
