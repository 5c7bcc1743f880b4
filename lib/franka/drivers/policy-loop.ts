// Runs a policy outside the main thread: it waits for the loop's observations, and answers them.

import { types } from 'node:util';
import { cut, inOneLine, read, textIn } from '../../errors/describe.ts';
import { NEWS, REFUSALS } from '../../native/contract.ts';
import { RobotState } from '../../native/robot-state.ts';
import { type ErrorMessage, fromMessage, toMessage } from '../../offload/codec/error-message.ts';
import { exportsNone } from '../../offload/module.ts';
import { askAnew, resetPolicy } from '../../policy/episode.ts';
import { GarbageWatch } from '../../policy/garbage-watch.ts';
import type { InputReader } from '../../policy/input-reader.ts';
import type { Lengths, PolicyFailure } from '../../policy/worker-messages.ts';
import { isPromise, settled } from '../../promise.ts';
import { CLOCK_LENGTH, type Policy } from '../../session/robot.ts';
import { answerBuffer } from './answers.ts';

/** How long a wait inside the addon lasts at most [s]. A worker cannot be terminated during a wait. */
const LONGEST_WAIT_S = 0.1;

/** The port at which a policy waits for the loop. */
export interface PolicyPort {
  /** Blocks until there is an observation or the end. Copies the observation, and its clock. */
  wait(observation: Float64Array, clock: Float64Array, limitS: number, spin: boolean): number;
  /** Answers the observation that was copied last. */
  answer(action: Float64Array): void;
  /** Answers this observation with "nothing new". */
  answerNothing(): void;
  /**
   * Notes that this thread collected garbage for so long [s] between the question and the answer, as if it had begun at
   * `fromMs` of `performance.now()`; absent if nobody takes that.
   */
  paused?(lengthS: number, fromMs: number): void;
  /** Tells the loop that the policy failed and will not answer again. */
  fail(): void;
}

/** Returns the failure that another thread or process reported, or undefined if the value is not a failure. */
export function failureIn(told: unknown): PolicyFailure | undefined {
  if (typeof told !== 'object' || told === null) return undefined;
  const [kind, tick] = [read(told, 'kind'), read(told, 'tick')];
  if (kind === 'threw' && ['number', 'undefined'].includes(typeof tick)) {
    try {
      fromMessage(read(told, 'error') as ErrorMessage);
    } catch {
      return undefined;
    }
    return told as PolicyFailure;
  }
  if (typeof tick !== 'number') return undefined;
  if (kind === 'detached') return { kind, tick };
  const code = REFUSALS.find((each) => each === textIn(told, 'code'));
  if (kind !== 'refused' || code === undefined) return undefined;
  const [received = '', expected = '', advice = ''] = ['received', 'expected', 'advice'].map(
    (name) => inOneLine(cut(textIn(told, name) ?? '', LONGEST_WORDS)),
  );
  return { kind, tick, code, received, expected, advice };
}

/** The longest description of a refused answer. */
const LONGEST_WORDS = 2_000;

/**
 * Runs a policy until the session ends or the policy fails. When the policy has failed, the loop already knows of it
 * and brakes.
 */
export async function runPolicy(
  policy: Policy<RobotState, unknown>,
  port: PolicyPort,
  inputs: InputReader,
  lengths: Lengths,
  spin: boolean,
): Promise<PolicyFailure | undefined> {
  const slots = new Float64Array(lengths.observation);
  const state = new RobotState(slots);
  const clock = new Float64Array(CLOCK_LENGTH);
  const buffer = answerBuffer(lengths);
  const garbage = port.paused ? new GarbageWatch() : undefined;
  for (;;) {
    const news = port.wait(slots, clock, LONGEST_WAIT_S, spin);
    if (news === NEWS.end) return undefined;
    if (news !== NEWS.observation) continue;
    const [tick = 0, timeS = 0] = clock;
    const tookAtMs = performance.now();
    try {
      const told = { ...buffer.tick(clock, slots), inputs: inputs.look() };
      let answer = buffer.beginsEpisode(slots) ? askAnew(policy, state, told) : policy(state, told);
      // Only a promise is awaited: the event loop of this thread is for the policy's own use.
      if (isPromise(answer)) answer = await settled(answer);
      const taken = buffer.take(answer, timeS);
      // It is empty once the policy has transferred it, and takes no state any more.
      if (slots.length === 0) {
        port.fail();
        return { kind: 'detached', tick };
      }
      if (types.isFloat64Array(taken)) port.answer(taken);
      else if (taken === undefined) port.answerNothing();
      else {
        port.fail();
        return { kind: 'refused', tick, ...taken };
      }
      const collected = garbage?.in(1e-3 * (performance.now() - tookAtMs)) ?? [];
      let fromMs = tookAtMs;
      for (const lengthS of collected) {
        port.paused?.(lengthS, fromMs);
        fromMs += 1e3 * lengthS;
      }
    } catch (error) {
      port.fail();
      return { kind: 'threw', tick, error: toMessage(error) };
    }
  }
}

/**
 * Returns the policy of a module: the export itself, or, with `args`, what the export returns when it is called with
 * them. It was reset for its first episode.
 */
export async function policyOf(
  module: Record<string, unknown>,
  url: string,
  exportName: string,
  args: readonly unknown[] | undefined,
): Promise<Policy<RobotState, unknown>> {
  const policy = await exported(module, url, exportName, args);
  await settled(resetPolicy(policy));
  return policy;
}

async function exported(
  module: Record<string, unknown>,
  url: string,
  exportName: string,
  args: readonly unknown[] | undefined,
): Promise<Policy<RobotState, unknown>> {
  const found = module[exportName];
  if (typeof found !== 'function') {
    throw new TypeError(exportsNone(url, exportName, Object.keys(module)));
  }
  if (args === undefined) return found as Policy<RobotState, unknown>;
  const made: unknown = await found(...args);
  if (typeof made !== 'function') {
    throw new TypeError(
      `${exportName} of ${url} was called with args and returned ${typeof made}; expected the ` +
        'policy, a function. Leave args out where the export is the policy itself',
    );
  }
  return made as Policy<RobotState, unknown>;
}
