// How a policy is asked again: here, or where it runs.

import { types } from 'node:util';
import { onAbort, throwIfAborted } from '../abort.ts';
import { bare } from '../checks.ts';
import { InvalidActionError, KilohertzError, PolicyError } from '../errors/errors.ts';
import { awaiting, calling } from '../errors/native-call.ts';
import { numberText } from '../errors/number.ts';
import { type AnswerBuffer, answerBuffer } from '../franka/drivers/answers.ts';
import { hostOf } from '../franka/drivers/host-of.ts';
import type { PolicyHost } from '../franka/drivers/policy-host.ts';
import { WorkerHost } from '../franka/drivers/worker-host.ts';
import type { NativeQuestions } from '../native/binding.ts';
import { type RobotState, slotsOf } from '../native/robot-state.ts';
import { fromMessage } from '../offload/codec/error-message.ts';
import type { HostedPolicy } from '../policy/any-policy.ts';
import { askAnew, resetPolicy } from '../policy/episode.ts';
import { PolicyInputs } from '../policy/inputs.ts';
import type { Lengths, PolicyFailure } from '../policy/worker-messages.ts';
import { isWorkerPolicy, type WorkerPolicy } from '../policy/worker-policy.ts';
import { within } from '../promise.ts';
import type { Refusal } from '../session/action.ts';
import type { Failure } from '../session/driver.ts';
import { policyDetached, policyFailed, policyThrew } from '../session/policy-failure.ts';
import type { Policy, Tick } from '../session/robot.ts';

/** What a policy that is run again receives beside the observation. */
export interface RerunTick extends Tick {
  /**
   * How long after the question the recorded answer came, by the robot's clock [s]. A policy in a worker or a process is
   * not told, and its `wallTimeS` counts from now.
   */
  readonly answeredAfterS: number;
}

/** A recorded question. */
export interface Question<Observation> {
  readonly observation: Observation;
  readonly tick: number;
  /** The robot's time, and the time since the question before [ns]. */
  readonly askedNs: number;
  readonly periodNs: number;
  /** The robot's time since the first question, as the policy is told it, and since the one before [s]. */
  readonly timeS: number;
  readonly periodS: number;
  /** When the state came, by the host's monotonic clock [ns] and by its wall clock [s]. */
  readonly hostNs: number;
  readonly wallTimeS: number;
  readonly answeredAfterS: number;
  /** What a policy that answers in chunks was told: `CHUNK.context` numbers. */
  readonly context: Float64Array;
}

/** Asks a policy. */
export interface Asking<Observation> {
  /** Makes the policy ready for its first question. */
  begin(): Promise<void>;
  /** Returns the numbers of an answer, valid until the next call; undefined if the policy has nothing new. */
  ask(question: Question<Observation>): Promise<Float64Array | undefined>;
  /** Ends what runs the policy. */
  end(): Promise<void>;
}

/** How long a policy may take. */
export interface Patience {
  readonly timeoutS: number;
  readonly signal: AbortSignal | undefined;
}

/** The name of what a signal aborts, for messages. */
const RERUN = 'the rerun';

/** Asks a policy of this thread. */
export class AskingHere<Observation> implements Asking<Observation> {
  readonly #policy: Policy<Observation, unknown>;
  readonly #buffer: AnswerBuffer;
  readonly #patience: Patience;

  constructor(policy: Policy<Observation, unknown>, lengths: Lengths, patience: Patience) {
    this.#policy = policy;
    this.#buffer = answerBuffer(lengths);
    this.#patience = patience;
  }

  async begin(): Promise<void> {
    await this.#settled(undefined, () => resetPolicy(this.#policy));
  }

  async ask(question: Question<Observation>): Promise<Float64Array | undefined> {
    const { observation, tick, timeS, periodS, hostNs, wallTimeS } = question;
    const { answeredAfterS, context } = question;
    const clock = Float64Array.of(tick, timeS, periodS, hostNs / 1e9, wallTimeS);
    const asked = this.#buffer.tick(clock, context);
    const told: RerunTick = { ...asked, answeredAfterS };
    const isAnew = this.#buffer.beginsEpisode(context);
    const given = await this.#settled(tick, () =>
      isAnew ? askAnew(this.#policy, observation, told) : this.#policy(observation, told),
    );
    const taken = this.#buffer.take(given, timeS);
    if (taken === undefined || types.isFloat64Array(taken)) return taken;
    throw refused(tick, taken, given);
  }

  async end(): Promise<void> {}

  /** Awaits what the policy does, at most for the time that it has. */
  async #settled(tick: number | undefined, call: () => unknown): Promise<unknown> {
    const { timeoutS, signal } = this.#patience;
    let outcome: { readonly answer: unknown } | { readonly cause: unknown } | undefined;
    const work = new Promise((resolve) => resolve(call())).then(
      (answer) => {
        outcome = { answer };
      },
      (cause: unknown) => {
        outcome = { cause };
      },
    );
    if (!(await withinOr(timeoutS, signal, work)) || !outcome) throw unsettled(tick, timeoutS);
    if ('answer' in outcome) return outcome.answer;
    throw policyThrew(tick, outcome.cause)(tick === undefined ? {} : { tick });
  }
}

/** Asks a policy in a worker or a process, as the loop of a session does. */
export class AskingElsewhere implements Asking<RobotState> {
  readonly #host: PolicyHost;
  readonly #lengths: Lengths;
  readonly #periodS: number;
  readonly #patience: Patience;
  readonly #slots: Float64Array;
  #questions: NativeQuestions | undefined;

  constructor(
    policy: HostedPolicy<RobotState, unknown>,
    lengths: Lengths,
    periodS: number,
    patience: Patience,
  ) {
    // A core of its own is for a policy that has to keep up with a robot.
    this.#host = isWorkerPolicy<RobotState, unknown>(policy)
      ? new WorkerHost(withoutSpin(policy), lengths, failureOf)
      : hostOf(policy, lengths, failureOf);
    this.#lengths = lengths;
    this.#periodS = periodS;
    this.#patience = patience;
    this.#slots = new Float64Array(lengths.observation);
  }

  async begin(): Promise<void> {
    const { timeoutS, signal } = this.#patience;
    if (!(await withinOr(timeoutS, signal, this.#host.load())))
      throw unsettled(undefined, timeoutS);
    this.#questions = calling(() => this.#host.ask(this.#periodS));
  }

  async ask(question: Question<RobotState>): Promise<Float64Array | undefined> {
    const { observation, tick, askedNs, periodNs, hostNs, context } = question;
    const { timeoutS, signal } = this.#patience;
    const slots = slotsOf(observation);
    if (!slots) throw new KilohertzError('INTERNAL', 'the policy is asked about no state');
    this.#slots.set(slots);
    if (this.#lengths.chunks) this.#slots.set(context, this.#slots.length - context.length);
    const questions = this.#questions;
    if (!questions)
      throw new KilohertzError('INTERNAL', 'the policy is asked before it was made ready');
    const stopListening = onAbort(signal, () => questions.fail());
    try {
      const answer = await awaiting(() =>
        questions.ask(bare({ tick, timeNs: askedNs, periodNs, hostNs }), this.#slots, timeoutS),
      );
      throwIfAborted(signal, RERUN);
      switch (answer.kind) {
        case 'action':
          return answer.numbers;
        case 'nothing':
          return undefined;
        case 'late':
          throw unsettled(tick, timeoutS);
        default:
          // The policy may still be telling why.
          await this.#host.end();
          throw (this.#host.failure ?? policyFailed(tick))({ tick });
      }
    } finally {
      stopListening();
    }
  }

  end(): Promise<void> {
    return this.#host.end();
  }
}

/** Returns a policy that does not spin, with the inputs of the one that does. */
function withoutSpin(policy: WorkerPolicy<RobotState, unknown>): WorkerPolicy<RobotState, unknown> {
  return PolicyInputs.of(policy).belongTo({ ...policy, spin: false });
}

/** Awaits work, at most for `limitS`. Returns whether it settled in time; throws if the signal aborts before. */
async function withinOr(
  limitS: number,
  signal: AbortSignal | undefined,
  work: Promise<unknown>,
): Promise<boolean> {
  let stopListening: () => void = () => undefined;
  const aborted = new Promise<void>((resolve) => {
    stopListening = onAbort(signal, resolve);
  });
  // What is left over when the time is up has nobody to tell of its failure.
  work.catch(() => undefined);
  try {
    const isInTime = await within(limitS * 1e3, Promise.race([work, aborted]));
    throwIfAborted(signal, RERUN);
    return isInTime;
  } finally {
    stopListening();
  }
}

function unsettled(tick: number | undefined, timeoutS: number): PolicyError {
  const when =
    tick === undefined ? 'being made ready' : `its answer to the question of cycle ${tick}`;
  const message = `the policy has not finished ${when} within ${numberText(timeoutS)} s. Allow more with timeoutS`;
  return new PolicyError('POLICY_UNSETTLED', message, tick === undefined ? {} : { tick });
}

/** Returns the error of an answer that is no action. */
function refused(
  tick: number,
  { code, received, expected, advice }: Refusal,
  given: unknown,
): InvalidActionError {
  const message = `the policy returned ${received} for cycle ${tick}; expected ${expected}${advice && `. ${advice}`}`;
  return new InvalidActionError(code, message, given, expected, { tick });
}

/** Returns the failure that a policy in a worker or a process reported. */
function failureOf(told: PolicyFailure): Failure {
  switch (told.kind) {
    case 'threw':
      return policyThrew(told.tick, fromMessage(told.error));
    case 'refused':
      return () => refused(told.tick, told, told.received);
    case 'detached':
      return policyDetached(told.tick, '');
  }
}
