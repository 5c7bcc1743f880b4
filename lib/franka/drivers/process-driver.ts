import { describeThrown } from '../../errors/describe.ts';
import { isOurs, OffloadError, PolicyError } from '../../errors/errors.ts';
import { calling } from '../../errors/native-call.ts';
import {
  type NativeArm,
  type NativePlace,
  NativeSession,
  type NativeSessionOptions,
  NativeSharedPort,
} from '../../native/binding.ts';
import { CALL, type FrankaControl } from '../../native/contract.ts';
import { STATE_LAYOUT } from '../../native/robot-state.ts';
import { Child, placeOf } from '../../offload/child.ts';
import { LoggedIn } from '../../policy/logged.ts';
import type { ProcessPolicy } from '../../policy/process-policy.ts';
import { within } from '../../promise.ts';
import type { Failure } from '../../session/driver.ts';
import { policyThrew } from '../../session/policy-failure.ts';
import type { Answers } from './answers.ts';
import { failureIn } from './policy-loop.ts';
import { END_LIMIT_MS, RemoteDriver, withPriority } from './remote-driver.ts';

/** Drives an arm with a policy in another process. */
export class ProcessDriver<Observation, Action> extends RemoteDriver {
  readonly #policy: ProcessPolicy<Observation, Action>;
  #child: Child | undefined;
  #port: NativeSharedPort | undefined;
  /** Resolves when the policy has ended. */
  #left: Promise<void> = Promise.resolve();

  constructor(
    arm: NativeArm,
    control: FrankaControl,
    answers: Answers,
    policy: ProcessPolicy<Observation, Action>,
  ) {
    super(arm, control, answers);
    this.#policy = policy;
  }

  /** Starts the process and waits until its policy is loaded. */
  async reset(): Promise<void> {
    const { url, exportName, args, python, env } = this.#policy;
    const { observation, answer } = this.lengths;
    const port = calling(() => new NativeSharedPort(observation, answer));
    this.#port = port;
    const told = { sharedBytes: 0, longest: LONGEST_TOLD };
    const spec = { url: url.href, python, env, ...told, policyMemory: port.memory };
    let made = false;
    let gone: OffloadError | undefined;
    let child: Child | undefined;
    try {
      child = new Child(spec, (error) => {
        gone = error;
        if (made && !this.halted) this.fail(died(error), undefined);
      });
      this.#child = child;
      await child.line.call(CALL.make, 'make', [placeOf(url.href), exportName, args]);
      made = true;
    } catch (error) {
      const lost: unknown = gone ?? (child ? undefined : error);
      await child?.stopLater(0);
      // What the system refuses is no fault of the policy.
      if (isOurs(lost) && lost.code === 'SYSTEM') throw lost;
      this.fail(lost ? died(lost) : policyThrew(undefined, error), undefined);
    }
    if (this.failure) throw this.failure({});
  }

  protected override open(
    arm: NativeArm,
    control: FrankaControl,
    options: NativeSessionOptions,
    place: NativePlace,
    wake: () => void,
  ): NativeSession {
    const port = this.#port as NativeSharedPort;
    if (this.#child?.pid !== undefined) port.runsIn(this.#child.pid);
    const own = withPriority(options, this.#policy.priority);
    const session = NativeSession.armShared(arm, control, own, place, wake, port, this.hand);
    this.#left = this.#run(session, options.record !== undefined);
    return session;
  }

  protected override dismiss(): void {
    this.#port?.dismiss();
  }

  /**
   * The failure of the policy. What the loop read in place of an answer comes first, because that ended the session.
   */
  override get failure(): Failure | undefined {
    const trouble = this.#port?.trouble();
    if (!trouble) return super.failure;
    return died(new OffloadError('OFFLOAD_PROTOCOL', trouble));
  }

  async #run(session: NativeSession, isRecorded: boolean): Promise<void> {
    const logged = new LoggedIn(session);
    try {
      const failure = await this.#child?.line.callLogging(
        CALL.runPolicy,
        'policy',
        [STATE_LAYOUT, this.lengths, isRecorded],
        (message) => logged.take(message),
      );
      if (failure === undefined || failure === null) {
        // A policy that was let go ends without a failure.
        if (this.halted) return;
        throw new OffloadError('OFFLOAD_PROTOCOL', 'it stopped answering while its session ran');
      }
      const told = failureIn(failure);
      if (!told) throw new OffloadError('OFFLOAD_PROTOCOL', 'it told of a failure that is none');
      this.failed(told);
    } catch (error) {
      if (!(isOurs(error) && error.code === 'OFFLOAD_STOPPED')) this.fail(died(error), undefined);
    }
  }

  async stop(): Promise<void> {
    this.stopNow();
    await within(this.endLimitMs, this.#left);
    await this.#child?.stopLater(END_LIMIT_MS / 1e3);
    this.#port?.release();
  }
}

/** The longest report of the process about its policy [bytes]: an error with its causes. */
const LONGEST_TOLD = 2 ** 24;

function died(cause: unknown): Failure {
  return (details) => {
    const why = isOurs(cause) ? cause.message : describeThrown(cause);
    const message = `the policy's process is gone: ${why}`;
    return new PolicyError('POLICY_CRASHED', message, { ...details, cause });
  };
}
