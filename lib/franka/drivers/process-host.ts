import { describeThrown } from '../../errors/describe.ts';
import { isOurs, OffloadError, PolicyError } from '../../errors/errors.ts';
import { calling } from '../../errors/native-call.ts';
import {
  type NativeInputs,
  NativeQuestions,
  NativeSession,
  NativeSharedPort,
} from '../../native/binding.ts';
import { CALL } from '../../native/contract.ts';
import { STATE_LAYOUT } from '../../native/robot-state.ts';
import { Child, placeOf } from '../../offload/child.ts';
import type { Told } from '../../offload/line.ts';
import { CollectedIn } from '../../policy/collected.ts';
import { PolicyInputs } from '../../policy/inputs.ts';
import { LoggedIn } from '../../policy/logged.ts';
import type { ProcessPolicy } from '../../policy/process-policy.ts';
import type { Lengths, PolicyFailure } from '../../policy/worker-messages.ts';
import { within } from '../../promise.ts';
import type { Failure } from '../../session/driver.ts';
import { policyThrew } from '../../session/policy-failure.ts';
import { type Driven, END_LIMIT_MS, PolicyHost, withPriority } from './policy-host.ts';
import { failureIn } from './policy-loop.ts';

/** A policy in another process. */
export class ProcessHost<Observation, Action> extends PolicyHost {
  readonly #policy: ProcessPolicy<Observation, Action>;
  #child: Child | undefined;
  #port: NativeSharedPort | undefined;
  #inputs: NativeInputs | undefined;
  /** Resolves when the policy has ended. */
  #left: Promise<void> = Promise.resolve();

  constructor(
    policy: ProcessPolicy<Observation, Action>,
    lengths: Lengths,
    failureOf: (told: PolicyFailure) => Failure,
  ) {
    super(lengths, failureOf);
    this.#policy = policy;
  }

  /** Starts the process and waits until its policy is loaded. */
  async load(): Promise<void> {
    const { url, exportName, args, python, env, execPath, processGroup } = this.#policy;
    const { observation, answer } = this.lengths;
    const port = calling(() => new NativeSharedPort(observation, answer));
    this.#port = port;
    const inputs = PolicyInputs.of(this.#policy).begin();
    this.#inputs = inputs;
    const told = { sharedBytes: 0, longest: LONGEST_TOLD };
    const started = { python, env, execPath, processGroup };
    const spec = {
      url: url.href,
      ...started,
      ...told,
      policyMemory: [port.memory, inputs.memory],
    } as const;
    let made = false;
    let gone: OffloadError | undefined;
    let child: Child | undefined;
    try {
      child = new Child(spec, (error) => {
        gone = error;
        if (made && !this.isOver) this.fail(died(error), undefined);
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

  protected override open({ arm, control, options, place, wake, hand }: Driven): NativeSession {
    const port = this.#port as NativeSharedPort;
    if (this.#child?.pid !== undefined) port.runsIn(this.#child.pid);
    const own = withPriority(options, this.#policy.priority);
    const session = NativeSession.armShared(arm, control, own, place, wake, port, hand);
    const logged = new LoggedIn(session);
    const collected = new CollectedIn((fromS, toS) => session.notePause(fromS, toS));
    this.#left = this.#run(options.record !== undefined, {
      logged: (message) => logged.take(message),
      collected: (message) => collected.take(message),
    });
    return session;
  }

  protected override questions(periodS: number): NativeQuestions {
    const port = this.#port as NativeSharedPort;
    const questions = NativeQuestions.process(port, this.lengths.answer, periodS);
    this.#left = this.#run(false, undefined);
    return questions;
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

  /** Lets the child run the policy, until it is let go or fails. `told` takes what it tells, if it may tell anything. */
  async #run(isRecorded: boolean, told: Told | undefined): Promise<void> {
    try {
      const failure = await this.#child?.line.callTelling(
        CALL.runPolicy,
        'policy',
        [STATE_LAYOUT, this.lengths, isRecorded, told !== undefined],
        told,
      );
      if (failure === undefined || failure === null) {
        // A policy that was let go ends without a failure.
        if (this.isOver) return;
        throw new OffloadError('OFFLOAD_PROTOCOL', 'it stopped answering while it was asked');
      }
      const known = failureIn(failure);
      if (!known) throw new OffloadError('OFFLOAD_PROTOCOL', 'it told of a failure that is none');
      this.failed(known);
    } catch (error) {
      // A process that was not stopped may say so all the same.
      const wasStopped = this.isOver && isOurs(error) && error.code === 'OFFLOAD_STOPPED';
      if (!wasStopped) this.fail(died(error), undefined);
    }
  }

  async end(): Promise<void> {
    this.release();
    await within(this.endLimitMs, this.#left);
    await this.#child?.stopLater(END_LIMIT_MS / 1e3);
    this.#port?.release();
    PolicyInputs.of(this.#policy).end(this.#inputs);
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
