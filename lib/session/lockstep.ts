import { checkBoolean, checkNumber, ownOptions } from '../checks.ts';
import { OptionTypeError } from '../errors/errors.ts';
import type { NativeSessionOptions } from '../native/binding.ts';

/** How long a policy takes for an answer, by the robot's clock: uniformly distributed between two durations. */
export interface LatencyRange {
  /** The shortest [s], 0 to 60. */
  readonly fromS: number;
  /** The longest [s], `fromS` to 60. */
  readonly toS: number;
  /** The seed of the latencies: the same seed gives the same latencies. An integer from 0. Default 0. */
  readonly seed?: number;
}

/** Options that decide which clock counts in a session that drives an arm. */
export interface LockstepOptions {
  /**
   * Whether only the arm's clock counts, for a simulated arm that waits for its commands. The loop then waits for each
   * answer of the policy, wherever the policy runs, up to 10 s of the wall clock. After that the policy counts as
   * silent until it answers. Durations, statistics and records are in the arm's time, so the same program gives the
   * same records, bit by bit. Default: true for a {@link FrankaSimulator} of this process with `lockstep: true`, else
   * false. Refused for an arm on another machine: a real arm does not wait for a command, but stops by its own reflex.
   */
  readonly lockstep?: boolean;
  /**
   * In lockstep: how late an answer comes by the arm's clock [s], 0 to 60; a number, or a range from which a seed
   * chooses. The policy then has one question at a time, like a policy on a thread of its own. Of the questions that
   * come meanwhile, only the newest is kept. Default 0: each answer comes in the cycle of its question.
   */
  readonly latencyS?: number | LatencyRange;
}

const MOST = { from: 0, to: 60, unit: 's' } as const;

/** Whether the arm waits for its commands, and whether it is on this machine. */
interface Arm {
  readonly isInLockstep: boolean;
  readonly isLocal: boolean;
}

/** Checks these options. `arm` is undefined for a robot written in JavaScript. */
export function checkLockstep(
  options: LockstepOptions,
  arm: Arm | undefined,
): Pick<NativeSessionOptions, 'lockstep' | 'latency'> {
  const { lockstep = arm?.isInLockstep ?? false, latencyS } = options;
  checkBoolean('lockstep', lockstep);
  if (arm === undefined && lockstep) {
    const expected = 'nothing: a robot written in JavaScript waits for its policy as it is';
    throw new OptionTypeError('OPTION_LOCKSTEP', 'lockstep', lockstep, expected);
  }
  if (lockstep && arm?.isLocal === false) {
    const expected =
      'nothing for an arm on another machine: a real one stops where its command does not come';
    throw new OptionTypeError('OPTION_LOCKSTEP', 'lockstep', lockstep, expected);
  }
  if (latencyS === undefined) return { lockstep };
  if (!lockstep) {
    const expected =
      'nothing without lockstep: by the wall clock a policy takes as long as it takes';
    throw new OptionTypeError('OPTION_LATENCY_S', 'latencyS', latencyS, expected);
  }
  if (typeof latencyS === 'number') {
    checkNumber('latencyS', latencyS, MOST);
    return { lockstep, latency: [latencyS, latencyS, 0] };
  }
  const known = ['fromS', 'toS', 'seed'];
  const { fromS, toS, seed = 0 } = ownOptions('latencyS', latencyS, known, 'a number [s]');
  checkNumber('latencyS.fromS', fromS, MOST);
  checkNumber('latencyS.toS', toS, { ...MOST, from: fromS });
  checkNumber('latencyS.seed', seed, { from: 0, to: Number.MAX_SAFE_INTEGER, integer: true });
  return { lockstep, latency: [fromS, toS, seed] };
}
