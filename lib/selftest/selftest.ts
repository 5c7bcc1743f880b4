import { checkSignal, throwIfAborted } from '../abort.ts';
import { checkBoolean, checkNumber, ownOptions } from '../checks.ts';
import { isKilohertzError, OptionTypeError } from '../errors/errors.ts';
import { checkArmAddress } from '../franka/address.ts';
import { Franka } from '../franka/franka.ts';
import { FrankaHand, widestOpening } from '../franka/hand.ts';
import {
  CONTROLS,
  type FrankaClient,
  type FrankaControl,
  type FrankaGeneration,
} from '../native/contract.ts';
import { workerPolicy } from '../policy/worker-policy.ts';
import { Session } from '../session/session.ts';
import type { SessionStats } from '../session/stats.ts';
import { AMPLITUDE_M, AMPLITUDE_RAD, MOTION_S, STANDING_S } from './motions.ts';
import { farthest, Seen } from './seen.ts';

/** Options of {@link selftest}. */
export interface SelftestOptions {
  /** Whether the hand is tested too, if one answers. Default true. */
  readonly hand?: boolean;
  /** The speed of the moves between the modes, as that of {@link MoveOptions}, 0.01 to 0.3. Default 0.1. */
  readonly speed?: number;
  /** Brings the arm to rest when it aborts; the call then rejects with an {@link AbortError}. */
  readonly signal?: AbortSignal;
  /** Called when a step begins and when it has ended. */
  readonly onProgress?: (progress: SelftestProgress) => void;
}

/** How far a selftest has come. */
export interface SelftestProgress {
  /** The name of the step. */
  readonly name: string;
  /** Its number, from 0, and how many steps there are. */
  readonly index: number;
  readonly count: number;
  /** What came of it; undefined while it lasts. */
  readonly step: SelftestStep | undefined;
}

/** What a session of a step measured. */
export interface SelftestFigures {
  readonly cycles: number;
  readonly lateActions: number;
  readonly heldCommands: number;
  readonly restCommands: number;
  /** How late the loop was [s], the median, 99 % and the longest. */
  readonly p50JitterS: number;
  readonly p99JitterS: number;
  readonly maxJitterS: number;
  /** How long the policy's answers and the loop took, 99 % [s]. */
  readonly p99ExecutionS: number;
  /** The smallest share of the last 100 commands that the arm received; undefined of a move. */
  readonly receivedShare: number | undefined;
  /** How far a joint went [rad], and the end effector [m]; undefined of a move. */
  readonly movedRad: number | undefined;
  readonly movedM: number | undefined;
  /** The largest distance of a joint from its command [rad]; undefined of a move. */
  readonly behindRad: number | undefined;
  /** How far from where it should the arm ended, the farthest joint [rad]; undefined of a move. */
  readonly endErrorRad: number | undefined;
}

/** A step of a selftest, and what came of it. */
export interface SelftestStep {
  /** The control mode, or `home`, `moveTo`, `impedance`, `hand homing`, `hand move`. */
  readonly name: string;
  readonly verdict: 'passed' | 'failed' | 'skipped';
  /** Why it failed or was skipped; undefined if it passed. */
  readonly reason: string | undefined;
  /** The code of the error with which it failed. */
  readonly code: string | undefined;
  readonly figures: SelftestFigures | undefined;
}

/** What {@link selftest} found. */
export interface SelftestReport {
  /** `'failed'` if a step failed, or if a step was skipped because of that. */
  readonly verdict: 'passed' | 'failed';
  readonly generation: FrankaGeneration | undefined;
  readonly client: FrankaClient | undefined;
  /** The FCI version. */
  readonly serverVersion: number | undefined;
  readonly steps: readonly SelftestStep[];
}

const OPTIONS = [
  'hand',
  'speed',
  'signal',
  'onProgress',
] as const satisfies readonly (keyof SelftestOptions)[];

/** The name of what a signal aborts, for messages. */
const SELFTEST = 'the selftest';
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const MOTIONS = new URL(`./motions.${extension}`, import.meta.url);
/** How far from where it began a motion may end [rad]. Torques leave the arm where friction holds it. */
const TOLERANCE_RAD = { motion: 0.03, torque: 0.06 } as const;
/** How far the arm has to go of the amplitude. */
const LEAST_SHARE = 0.5;
/** How far joint 7 goes in the step `moveTo` [rad]. */
const MOVE_RAD = 0.1;
/** How wide the fingers are in the step `hand move` [m]. */
const FINGERS_M = 0.04;

/** Thrown by a step that was carried out and is not as it must be. */
class NotRight extends Error {}

/** What a step is carried out with. */
interface Given {
  readonly address: string;
  readonly speed: number;
  readonly signal: AbortSignal | undefined;
}

interface Step {
  readonly name: string;
  /** Throws if it fails; returns a text if it is skipped. */
  readonly run: (given: Given) => Promise<SelftestFigures | string | undefined>;
}

/**
 * Moves an arm through every control mode, slowly and by a few centimetres, and its hand, and tells what came of each:
 * first to its ready pose, then in each mode away from there and back. The arm needs the space of its way to the ready
 * pose, and 5 cm around it. After a step that failed the others are skipped if the arm is not idle any more.
 *
 * @param address the address of the arm, as for `Franka.connect`
 * @throws {OptionTypeError | OptionRangeError} if an argument is invalid
 * @throws {AbortError} if {@link SelftestOptions.signal} aborts
 * @throws {SessionInterruptedError} if a signal of the operating system ended it
 */
export async function selftest(
  address: string,
  options: SelftestOptions = {},
): Promise<SelftestReport> {
  const own = ownOptions('selftest()', options, OPTIONS);
  const { hand = true, speed = 0.1, signal, onProgress } = own;
  checkBoolean('hand', hand);
  checkNumber('speed', speed, { from: 0.01, to: 0.3 });
  checkSignal(signal);
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new OptionTypeError('OPTION_ON_PROGRESS', 'onProgress', onProgress, 'a function');
  }
  const given = { address: checkArmAddress(address), speed, signal };
  const all = [...ARM_STEPS, ...(hand ? HAND_STEPS : [])];
  const steps: SelftestStep[] = [];
  let about: Omit<SelftestReport, 'steps' | 'verdict'> = NOBODY;
  let broken: string | undefined;
  for (const [index, { name, run }] of all.entries()) {
    throwIfAborted(signal, SELFTEST);
    onProgress?.({ name, index, count: all.length, step: undefined });
    const step = broken === undefined ? await tried(name, () => run(given)) : skipped(name, broken);
    steps.push(step);
    onProgress?.({ name, index, count: all.length, step });
    const isFirst = index === 0;
    if (broken !== undefined || (step.verdict !== 'failed' && !isFirst)) continue;
    const found = await ask(given);
    about = found.about;
    if (step.verdict === 'failed') broken = found.trouble;
  }
  const isFine = broken === undefined && steps.every(({ verdict }) => verdict !== 'failed');
  return { verdict: isFine ? 'passed' : 'failed', ...about, steps };
}

const NOBODY = { generation: undefined, client: undefined, serverVersion: undefined };

const ARM_STEPS: readonly Step[] = [
  {
    name: 'home',
    run: (given) =>
      withArm(given, 'jointVelocity', async (arm) => moved(await arm.home(how(given)))),
  },
  {
    name: 'moveTo',
    run: (given) =>
      withArm(given, 'jointVelocity', async (arm) => {
        const there = await arm.moveTo([0, 0, 0, 0, 0, 0, MOVE_RAD], {
          relative: true,
          ...how(given),
        });
        await arm.moveTo([0, 0, 0, 0, 0, 0, -MOVE_RAD], { relative: true, ...how(given) });
        return moved(there);
      }),
  },
  ...CONTROLS.map((control) => ({
    name: control,
    run: (given: Given) => withArm(given, control, (arm) => driven(arm, control, given)),
  })),
  {
    name: 'impedance',
    run: async (given) => {
      const control = 'jointPosition';
      const { signal } = given;
      await using arm = await Franka.connect(given.address, {
        control,
        impedance: {},
        ...(signal ? { signal } : {}),
      });
      return await driven(arm as unknown as Franka, control, given);
    },
  },
];

const HAND_STEPS: readonly Step[] = [
  {
    name: 'hand homing',
    run: (given) =>
      withHand(given, async (hand) => {
        if (!(await hand.homing(stopping(given)))) throw new NotRight('the hand did not succeed');
      }),
  },
  {
    name: 'hand move',
    run: (given) =>
      withHand(given, async (hand) => {
        const inTheWay = 'something is in the way of the fingers';
        if (!(await hand.move(FINGERS_M, stopping(given)))) throw new NotRight(inTheWay);
        const widest = widestOpening(await hand.state());
        if (!(await hand.move(widest, stopping(given)))) throw new NotRight(inTheWay);
      }),
  },
];

async function withArm(
  { address, signal }: Given,
  control: FrankaControl,
  work: (arm: Franka) => Promise<SelftestFigures>,
): Promise<SelftestFigures> {
  await using arm = await Franka.connect(address, { control, ...(signal ? { signal } : {}) });
  return await work(arm);
}

async function withHand(
  { address, signal }: Given,
  work: (hand: FrankaHand) => Promise<void>,
): Promise<string | undefined> {
  let hand: FrankaHand;
  try {
    hand = await FrankaHand.connect(address, signal ? { signal } : {});
  } catch (error) {
    if (isKilohertzError(error) && error.code.startsWith('FRANKA_CONNECT')) {
      return `no hand answered: ${error.code}`;
    }
    throw error;
  }
  try {
    await work(hand);
    return undefined;
  } finally {
    await hand.close();
  }
}

/** Drives the arm along the motion of a mode, with a policy in a worker, as a program that is in earnest does. */
async function driven(arm: Franka, control: FrankaControl, given: Given): Promise<SelftestFigures> {
  const seen = new Seen();
  const args = [control, arm.generation, seen.shared];
  const policy = workerPolicy(MOTIONS, { export: 'makeMotion', args });
  const session = new Session(arm, policy, { warmupS: 0 });
  const before = await arm.state();
  const stats = await session.run({ durationS: MOTION_S + STANDING_S, ...stopping(given) });
  const endErrorRad = farthest((await arm.state()).q, before.q);
  const { movedRad, movedM, behindRad, receivedShare } = seen;
  const figures = {
    ...figuresOf(stats),
    receivedShare,
    movedRad,
    movedM,
    behindRad,
    endErrorRad,
  };
  const isCartesian = control.startsWith('cartesian');
  const share = isCartesian ? movedM / AMPLITUDE_M : movedRad / AMPLITUDE_RAD;
  if (share < LEAST_SHARE) {
    throw new Failed(`the arm went ${Math.round(share * 100)} % of its way`, figures);
  }
  const tolerance = control === 'torque' ? TOLERANCE_RAD.torque : TOLERANCE_RAD.motion;
  if (endErrorRad > tolerance) {
    const text = `a joint ended ${endErrorRad.toFixed(3)} rad from where it began; expected at most ${tolerance}`;
    throw new Failed(text, figures);
  }
  return figures;
}

/** Thrown by a motion that was carried out and is not as it must be. */
class Failed extends NotRight {
  readonly figures: SelftestFigures;

  constructor(message: string, figures: SelftestFigures) {
    super(message);
    this.figures = figures;
  }
}

function moved(stats: SessionStats): SelftestFigures {
  return {
    ...figuresOf(stats),
    receivedShare: undefined,
    movedRad: undefined,
    movedM: undefined,
    behindRad: undefined,
    endErrorRad: undefined,
  };
}

function figuresOf(stats: SessionStats) {
  const { iterations, lateActions, heldCommands, restCommands } = stats;
  const { p50JitterS, p99JitterS, maxJitterS, p99ExecutionS } = stats;
  const timing = { p50JitterS, p99JitterS, maxJitterS, p99ExecutionS };
  return { cycles: iterations, lateActions, heldCommands, restCommands, ...timing };
}

function stopping({ signal }: Given): { readonly signal?: AbortSignal } {
  return signal ? { signal } : {};
}

function how(given: Given): { readonly speed: number; readonly signal?: AbortSignal } {
  return { speed: given.speed, ...stopping(given) };
}

/** What ends the whole selftest, in place of a step. */
const ENDS: readonly string[] = ['ABORT_ERR', 'SESSION_INTERRUPTED'];

async function tried(name: string, run: () => ReturnType<Step['run']>): Promise<SelftestStep> {
  try {
    const found = await run();
    if (typeof found === 'string') return skipped(name, found);
    return { name, verdict: 'passed', reason: undefined, code: undefined, figures: found };
  } catch (error) {
    if (error instanceof NotRight) {
      const figures = error instanceof Failed ? error.figures : undefined;
      return { name, verdict: 'failed', reason: error.message, code: undefined, figures };
    }
    if (!isKilohertzError(error) || ENDS.includes(error.code)) throw error;
    const { code, message } = error;
    return { name, verdict: 'failed', reason: message, code, figures: undefined };
  }
}

function skipped(name: string, reason: string): SelftestStep {
  return { name, verdict: 'skipped', reason, code: undefined, figures: undefined };
}

/** Looks at which arm it is, and at whether it can go on. */
async function ask(given: Given): Promise<{
  readonly about: Omit<SelftestReport, 'steps' | 'verdict'>;
  readonly trouble: string | undefined;
}> {
  try {
    await using arm = await Franka.connect(given.address, stopping(given));
    const { robot_mode, current_errors } = await arm.state();
    const { generation, client, serverVersion } = arm;
    const errors = current_errors.join(', ') || 'no errors';
    const isFine = robot_mode === 'Idle' && current_errors.length === 0;
    const trouble = `a step failed, and the arm is in mode ${robot_mode} with ${errors}`;
    return { about: { generation, client, serverVersion }, trouble: isFine ? undefined : trouble };
  } catch (error) {
    if (!isKilohertzError(error) || ENDS.includes(error.code)) throw error;
    return { about: NOBODY, trouble: `a step failed, and the arm does not answer: ${error.code}` };
  }
}
