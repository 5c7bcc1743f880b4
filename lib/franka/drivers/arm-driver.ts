import { types } from 'node:util';
import type { PastState } from '../../errors/errors.ts';
import { calling } from '../../errors/native-call.ts';
import {
  type NativeArm,
  type NativeHand,
  type NativePlace,
  NativeSession,
  type NativeSessionOptions,
} from '../../native/binding.ts';
import type { FrankaControl } from '../../native/contract.ts';
import { NEWS } from '../../native/contract.ts';
import { RobotState, STATE_LENGTH } from '../../native/robot-state.ts';
import { askAnew, resetPolicy } from '../../policy/episode.ts';
import { isPromise, settled } from '../../promise.ts';
import type { Driver, Failure } from '../../session/driver.ts';
import { armRefused, policyDetached, policyThrew } from '../../session/policy-failure.ts';
import { CLOCK_LENGTH, type Policy } from '../../session/robot.ts';
import { type AnswerBuffer, type Answers, answerBuffer } from './answers.ts';

/**
 * Drives an arm with a policy on the main thread. The loop talks to the arm natively, and wakes the policy for each
 * state.
 */
export class ArmDriver implements Driver {
  readonly isNative = true;
  readonly hasPolicyHere = true;
  readonly #arm: NativeArm;
  readonly #control: FrankaControl;
  readonly #policy: Policy<RobotState, unknown>;
  readonly #slots: Float64Array;
  readonly #state: RobotState;
  readonly #clock = new Float64Array(CLOCK_LENGTH);
  readonly #answers: AnswerBuffer;
  readonly #hand: NativeHand | undefined;
  #session: NativeSession | undefined;
  #busy = false;
  #isAsked = false;
  #halted = false;
  #failure: Failure | undefined;

  constructor(
    arm: NativeArm,
    control: FrankaControl,
    { lengths, hand }: Answers,
    policy: Policy<RobotState, unknown>,
  ) {
    this.#hand = hand;
    this.#arm = arm;
    this.#control = control;
    this.#answers = answerBuffer(lengths);
    this.#slots = new Float64Array(lengths.observation);
    this.#state = new RobotState(this.#slots);
    this.#policy = policy;
  }

  /** Resets the policy. An arm starts from where it stands: moving it there first is the user's own decision. */
  async reset(): Promise<void> {
    try {
      await settled(resetPolicy(this.#policy));
    } catch (error) {
      throw policyThrew(undefined, error)({});
    }
  }

  begin(options: NativeSessionOptions, place: NativePlace, wake: () => void): NativeSession {
    this.#session = calling(() =>
      NativeSession.arm(this.#arm, this.#control, options, place, wake, undefined, this.#hand),
    );
    return this.#session;
  }

  wake(session: NativeSession): number {
    if (this.#busy || this.#halted) return session.news();
    if (this.#slots.length === 0) {
      // The policy has transferred the memory to another thread: it is empty now, and takes no more states.
      const [tick = 0] = this.#clock;
      this.#fail(policyDetached(tick), tick);
      return session.news();
    }
    const news = session.receive(this.#slots, this.#clock);
    if (news & NEWS.observation) this.#ask(session);
    return news;
  }

  halt(): void {
    this.#halted = true;
  }

  async stop(): Promise<void> {
    this.#halted = true;
  }

  stopNow(): void {
    this.#halted = true;
  }

  get failure(): Failure | undefined {
    return this.#failure;
  }

  get isAsked(): boolean {
    return this.#isAsked;
  }

  pastStates(rows: Float64Array): readonly PastState[] {
    return pastStates(rows);
  }

  #ask(session: NativeSession): void {
    const [tick = 0, timeS = 0] = this.#clock;
    this.#isAsked = true;
    try {
      const told = this.#answers.tick(this.#clock, this.#slots);
      const action = this.#answers.beginsEpisode(this.#slots)
        ? askAnew(this.#policy, this.#state, told)
        : this.#policy(this.#state, told);
      if (!isPromise(action)) {
        this.#isAsked = false;
        this.#answer(session, action, tick, timeS);
        return;
      }
      this.#busy = true;
      settled(action)
        .then((answer) => {
          this.#busy = false;
          this.#isAsked = false;
          if (this.#halted) return;
          this.#answer(session, answer, tick, timeS);
          // The wakes that came meanwhile found the policy busy.
          this.wake(session);
        })
        .catch((error: unknown) => this.#fail(policyThrew(tick, error), tick));
    } catch (error) {
      this.#fail(policyThrew(tick, error), tick);
    }
  }

  #answer(session: NativeSession, answer: unknown, tick: number, timeS: number): void {
    const action = this.#answers.take(answer, timeS);
    if (types.isFloat64Array(action)) {
      session.answer(action);
      return;
    }
    if (action === undefined) {
      session.answerNothing();
      return;
    }
    this.#fail(armRefused(tick, action, answer), tick);
  }

  #fail(failure: Failure, tick: number): void {
    this.#halted = true;
    this.#isAsked = false;
    this.#failure ??= (details) => failure({ tick, ...details });
    this.#session?.fail();
  }
}

/** Returns the last states of an arm, from the rows that the loop kept. */
export function pastStates(rows: Float64Array): readonly PastState[] {
  const stride = STATE_LENGTH + 2;
  return Array.from({ length: Math.floor(rows.length / stride) }, (_, row) => {
    const [tick = 0, timeS = 0] = rows.subarray(row * stride, row * stride + 2);
    const slots = rows.slice(row * stride + 2, (row + 1) * stride);
    return { tick, timeS, state: new RobotState(slots) };
  });
}
