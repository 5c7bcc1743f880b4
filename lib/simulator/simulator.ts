import { fileURLToPath } from 'node:url';
import {
  bare,
  checkBoolean,
  checkName,
  checkNumber,
  checkNumbers,
  checkText,
  isUrl,
  ownOptions,
} from '../checks.ts';
import { OptionRangeError, OptionTypeError } from '../errors/errors.ts';
import { awaiting, calling } from '../errors/native-call.ts';
import { ball } from '../franka/configuration.ts';
import { type NativeFault, NativeSimulator } from '../native/binding.ts';
import {
  type FaultName,
  type FrankaGeneration,
  GENERATIONS,
  SIMULATOR_COUNTERS,
  type SimulatorCounter,
} from '../native/contract.ts';
import type { JointVector } from '../numbers.ts';

/** The flange in its own frame. */
const FLANGE = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];

/** The end effector at the arm's flange, as it is set in Desk, with libfranka's names. */
export interface SimulatedEndEffector {
  /** The mass of the end effector [kg], 0 to 10. 0 means no end effector. */
  readonly m_ee: number;
  /** The centre of mass of the end effector in the flange frame [m], 3, at most 1 m away. Default 0, 0, 0. */
  readonly F_x_Cee?: ArrayLike<number>;
  /**
   * The inertia of the end effector about its centre of mass [kg m^2]: 3x3, column-major, symmetric, positive definite.
   * No principal moment is larger than the sum of the others. Default: the inertia of a ball of this mass with a radius
   * of 5 cm.
   */
  readonly I_ee?: ArrayLike<number>;
  /** The nominal end effector in the flange frame [m]: 4x4, column-major; at most 1 m away. Default: the flange. */
  readonly F_T_NE?: ArrayLike<number>;
}

/**
 * The noise of the arm's sensors: standard deviations, one for all joints or 7. None has a default, so a sensor that is
 * not named is exact. The noise of two joints, two sensors and two states is independent and normally distributed, up
 * to 6 standard deviations. `theta`, `dtheta`, `dtau_J`, `O_T_EE`, `elbow` and the external wrenches follow from the
 * noisy values. The simulated arm itself, its contacts and its limits use the true values.
 *
 * Franka's data sheet of the Panda names 0.005 N m for torques (RMS); that of the FR3 names none. No source tells the
 * noise of positions and velocities.
 */
export interface SimulatedNoise {
  /** The seed, a whole number from 0: the same seed gives the same noise. Default 0. */
  readonly seed?: number;
  /** Of joint positions [rad], 0 to 0.01. Default 0. */
  readonly q?: number | JointVector;
  /** Of joint velocities [rad/s], 0 to 0.5. Default 0. */
  readonly dq?: number | JointVector;
  /** Of link-side joint torques [N m], 0 to 5. Default 0. */
  readonly tau_J?: number | JointVector;
  /** Of external torques [N m], 0 to 5. Default 0. */
  readonly tau_ext_hat_filtered?: number | JointVector;
}

/** Options of {@link FrankaSimulator.reset}. What is absent is as it was at the start of the simulator. */
export interface SimulatorResetOptions {
  /** Joint positions [rad], 7. */
  readonly q?: JointVector;
  /** The width of an object between the open fingers [m], above 0 to 0.08. */
  readonly objectWidthM?: number;
  /** The seed of the noise, a whole number from 0. */
  readonly seed?: number;
}

/** Options of {@link FrankaSimulator.start}. */
export interface FrankaSimulatorOptions {
  /** The generation of the arm. Default 'fr3'. */
  readonly generation?: FrankaGeneration;
  /** The address to listen on, a loopback address. Default 127.0.0.1. */
  readonly host?: string;
  /** The TCP port. 0 (default) takes a free port. The hand listens on the next port. */
  readonly port?: number;
  /** Whether there is a hand. Default true. */
  readonly hand?: boolean;
  /** The end effector at the arm's flange. Default: the Franka Hand if `hand` is true, else nothing. */
  readonly endEffector?: SimulatedEndEffector;
  /** The width of an object between the fingers of the open hand [m], above 0 to 0.08. Default: no object. */
  readonly objectWidthM?: number;
  /** Joint positions at the start [rad], 7. Default [0, -π/4, 0, -3π/4, 0, π/2, π/4]. */
  readonly q?: JointVector;
  /** Whether the joints have friction. Default true. */
  readonly friction?: boolean;
  /** The noise of the arm's sensors. Default: no noise. */
  readonly noise?: SimulatedNoise;
  /**
   * The model library that a FER serves to clients that ask for one: a path, or a `file:` URL, of a shared object (ELF)
   * for this type of machine, at most 32 MiB. It is read once, at the start. Default: the simulator's own, if it could
   * be built.
   */
  readonly modelLibrary?: string | URL;
  /**
   * Whether the simulator works in lockstep: during a motion it sends the next state when the command for the last
   * state has arrived, instead of by the wall clock. Default false.
   */
  readonly lockstep?: boolean;
  /** How many lost commands in a row end a motion. Default 20, as on a real arm. */
  readonly lostPacketLimit?: number;
}

/** The true motion of the simulated arm. */
export interface JointState {
  /** Joint positions [rad], 7. */
  readonly q: readonly number[];
  /** Joint velocities [rad/s], 7. */
  readonly dq: readonly number[];
  /** Joint accelerations [rad/s^2], 7. */
  readonly ddq: readonly number[];
  /** Link-side joint torques including gravity [N m], 7. */
  readonly tau: readonly number[];
  /** The arm's time since its start [s]. */
  readonly timeS: number;
}

/** The true state of the fingers of the simulated hand. */
export interface FingerState {
  /** The opening between the fingers [m]. */
  readonly widthM: number;
  /** Whether the fingers are moving. */
  readonly isMoving: boolean;
  /** Whether a grasp holds an object of the width that was given to it. */
  readonly isGrasped: boolean;
  /** The force of the fingers on the object that they hold [N]. */
  readonly forceN: number;
  /** The width of the object between the fingers [m]; absent without an object. */
  readonly objectWidthM?: number;
}

/** The counters of a simulator since its start. */
export interface SimulatorCounters {
  /** States that were sent. */
  readonly statesSent: number;
  /** States that a fault dropped. */
  readonly statesDropped: number;
  /** States that a fault delayed. */
  readonly statesDelayed: number;
  /** Commands that arrived. */
  readonly commandsReceived: number;
  /** Commands that arrived too late for their state. */
  readonly commandsLate: number;
  /** Milliseconds of a motion without a command. */
  readonly commandsLost: number;
  /** The largest number of lost commands in a row. */
  readonly longestLostRun: number;
  /** Commands that a fault dropped. */
  readonly commandsDropped: number;
  /** Commands that a fault delayed. */
  readonly commandsDelayed: number;
  /** Faults with `atCycle` that took effect. */
  readonly faultsAtCycles: number;
  /** Faults with `atCycle` that did not take effect, because the motion ended before, or by a reset. */
  readonly faultsMissed: number;
  /** Motions that started. */
  readonly motionsStarted: number;
  /** Motions that ended regularly. */
  readonly motionsFinished: number;
  /** Motions that ended in another way. */
  readonly motionsAborted: number;
  /** Reflexes. */
  readonly reflexes: number;
  /** Milliseconds that the simulator itself missed because it was late. */
  readonly missedTicks: number;
  /** Connections that were accepted. */
  readonly clients: number;
}

/** When a fault takes effect. */
export type FaultTime = {
  /**
   * The cycle of a motion in which the fault takes effect: of the motion that runs, or of the next one if none runs. A
   * motion's cycles are counted as `Tick.tick` and records count them: the first command answers cycle 0, and each cycle
   * is a millisecond of the arm. The state of this cycle is the first that shows the fault, and the command that answers
   * it the first that suffers it. A move of `moveTo` is a motion too. Default: the fault takes effect at once.
   */
  readonly atCycle?: number;
};

/** A fault that is injected into the simulator. */
export type SimulatorFault = (FaultTime & ArmFault) | ConnectionFault;

/** A fault of the arm, at once or in a cycle of a motion. */
export type ArmFault =
  /** The next `count` states, or commands, get lost. */
  | { readonly kind: 'dropStates' | 'dropCommands'; readonly count: number }
  /** The next `count` states, or commands, arrive twice. */
  | { readonly kind: 'duplicateStates' | 'duplicateCommands'; readonly count: number }
  /** Each of `count` states, or commands, is overtaken by the next one. */
  | { readonly kind: 'reorderStates' | 'reorderCommands'; readonly count: number }
  /** The second half of the next `count` states, or commands, is missing. */
  | { readonly kind: 'truncateStates' | 'truncateCommands'; readonly count: number }
  /** The next `count` states have the number of an earlier state, as if they had been delayed for long. */
  | { readonly kind: 'oldStates'; readonly count: number }
  /**
   * The next `count` states have `value` in `field[index]` instead of the true value, as if the arm itself reported it.
   * Fields have libfranka's names. For `time`, `value` is how far the clock is ahead [s]. For `robot_mode`, it is the
   * number of the mode, 0 to 255.
   */
  | {
      readonly kind: 'corruptStates';
      readonly count: number;
      readonly field: string;
      /** Default 0. */
      readonly index?: number;
      /** Any number, also NaN and infinities. */
      readonly value: number;
    }
  /** `count` meaningless datagrams are sent before the next state. */
  | { readonly kind: 'noiseDatagrams'; readonly count: number }
  /** The next `count` states, or commands, are delayed by `byS` [s]. */
  | { readonly kind: 'delayStates' | 'delayCommands'; readonly count: number; readonly byS: number }
  /** A reflex, with one of libfranka's error names. Default `joint_reflex`. */
  | { readonly kind: 'reflex'; readonly error?: string }
  /** The user stop is pressed, or released. */
  | { readonly kind: 'userStop'; readonly pressed: boolean }
  /**
   * The guiding buttons at the flange are pressed, or released. Pressing them ends a motion. Until they are released, a
   * `push` moves the arm in the directions that `setGuidingMode` has freed.
   */
  | { readonly kind: 'guide'; readonly pressed: boolean }
  /**
   * A person pushes the joints with these torques [N m], 7, until the next `push`. A positive torque turns its joint
   * forwards. `tau_ext_hat_filtered` shows it with the opposite sign, because it is the torque that the arm applies to
   * the person.
   */
  | { readonly kind: 'push'; readonly torquesNm: JointVector }
  /** The connection is reset. The next client finds the arm in order. */
  | { readonly kind: 'resetConnection' }
  /** The sockets close, and nothing more is sent. */
  | { readonly kind: 'die' }
  /** The sockets stay open, and nothing more is sent. */
  | { readonly kind: 'freeze' };

/** A fault of the next connection, or of the hand. It takes effect at once. */
export type ConnectionFault =
  /** The next connection is refused by a server of this FCI version. */
  | { readonly kind: 'rejectConnect'; readonly version: number }
  /** The answer to the next connection is delayed by `byS` [s]. */
  | { readonly kind: 'slowConnect'; readonly byS: number }
  /** The next connection to the hand is refused by a server of this version. */
  | { readonly kind: 'handRejectConnect'; readonly version: number }
  /** The next command of the hand fails. */
  | { readonly kind: 'handFailNext' }
  /** The hand obeys and answers no more commands, but goes on sending its states. */
  | { readonly kind: 'handDeaf' }
  /** The faults `die` and `freeze`, only for the hand. */
  | { readonly kind: 'handDie' | 'handFreeze' };

/**
 * A simulated Franka arm of either generation. It listens on a loopback address, speaks the arm's protocol over TCP and
 * UDP, and computes the motion of an arm of rigid bodies.
 */
export class FrankaSimulator implements AsyncDisposable {
  /** `host:port`, for `Franka.connect` and `FrankaHand.connect`. */
  readonly address: string;
  /** The TCP port of the hand, which is the port after the arm's; undefined without a hand. */
  readonly handPort: number | undefined;
  readonly #simulator: NativeSimulator;

  private constructor(simulator: NativeSimulator) {
    this.#simulator = simulator;
    this.address = simulator.address;
    this.handPort = simulator.handPort ?? undefined;
  }

  /**
   * Starts a simulated arm.
   *
   * @throws {KilohertzError} `SIM_ADDRESS`, `SIM_BIND`, `SIM_OPTION`, `SIM_MODEL_LIBRARY` or `SIM_SYSTEM`
   * @throws {OptionRangeError} {@link OptionTypeError} if an option is invalid
   */
  static async start(options: FrankaSimulatorOptions = {}): Promise<FrankaSimulator> {
    const known = [
      'generation',
      'host',
      'port',
      'hand',
      'endEffector',
      'objectWidthM',
      'q',
      'friction',
      'noise',
      'modelLibrary',
      'lockstep',
      'lostPacketLimit',
    ];
    const own = ownOptions('FrankaSimulator.start()', options, known);
    const { generation, host, port, q, friction, lockstep, lostPacketLimit } = own;
    const { hand, objectWidthM, endEffector, noise, modelLibrary } = own;
    const checked = {
      ...(generation === undefined
        ? {}
        : { generation: checkName('generation', generation, GENERATIONS) }),
      ...(host === undefined ? {} : { host: checkText('host', host, 'a loopback address') }),
      ...(port === undefined
        ? {}
        : { port: checkNumber('port', port, { from: 0, to: 65_535, integer: true }) }),
      ...(hand === undefined ? {} : { hand: checkBoolean('hand', hand) }),
      ...(endEffector === undefined ? {} : { endEffector: checkWorn(endEffector) }),
      ...(objectWidthM === undefined ? {} : { objectWidthM: checkObjectWidth(objectWidthM) }),
      ...(q === undefined ? {} : { q: checkNumbers('q', q, 7) }),
      ...(friction === undefined ? {} : { friction: checkBoolean('friction', friction) }),
      ...(noise === undefined ? {} : checkNoise(noise)),
      ...(modelLibrary === undefined ? {} : { modelLibrary: checkPath(modelLibrary) }),
      ...(lockstep === undefined ? {} : { lockstep: checkBoolean('lockstep', lockstep) }),
      ...(lostPacketLimit === undefined
        ? {}
        : {
            lostPacketLimit: checkNumber('lostPacketLimit', lostPacketLimit, {
              from: 1,
              to: 10_000,
              integer: true,
            }),
          }),
    };
    return new FrankaSimulator(await awaiting(() => NativeSimulator.start(bare(checked))));
  }

  /** Returns the true motion of the arm now. */
  joints(): JointState {
    return this.#simulator.joints();
  }

  /**
   * Returns the true state of the fingers of the hand now.
   *
   * @throws {KilohertzError} `SIM_OPTION` without a hand
   */
  fingers(): FingerState {
    return calling(() => this.#simulator.fingers());
  }

  /**
   * Puts an object between the fingers. It replaces the object that is there.
   *
   * @param widthM the width of the object [m], at most the opening between the fingers
   * @throws {KilohertzError} `SIM_OPTION` if the object does not fit between the fingers
   * @throws {OptionRangeError} {@link OptionTypeError} if the width is invalid
   */
  placeObject(widthM: number): void {
    const checked = checkObjectWidth(widthM, 'widthM');
    calling(() => this.#simulator.placeObject(checked));
  }

  /** Removes the object between the fingers. */
  removeObject(): void {
    calling(() => this.#simulator.removeObject());
  }

  /** Returns the counters since the start. */
  counters(): SimulatorCounters {
    const counts = this.#simulator.counters();
    const entries = SIMULATOR_COUNTERS.map((name, nth) => [name, counts[nth] ?? 0] as const);
    return Object.fromEntries(entries) as Record<SimulatorCounter, number>;
  }

  /**
   * Injects a fault, which takes effect from now on, or in the cycle `atCycle` of a motion. Up to 10,000 faults may wait
   * for a cycle; those whose cycle does not come are counted as `faultsMissed`. In lockstep the same program has the
   * same faults in each run.
   *
   * @throws {KilohertzError} `SIM_FAULT`, also if the cycle has passed; or `SIM_STOPPED` after `stop()`
   * @throws {OptionRangeError} {@link OptionTypeError} if the fault is invalid
   */
  inject(fault: SimulatorFault): void {
    const checked = checkFault(fault);
    calling(() => this.#simulator.inject(checked));
  }

  /**
   * Puts the arm and the hand back to where an episode begins, without a new connection. The arm stands at `q`; the
   * fingers are open around the object. Reflexes, the user stop, guiding, pushes and all faults are over, also those
   * that wait for a cycle. The noise begins anew. The arm's time and the counters go on, and what clients have set
   * (load, frames, stiffness, collision thresholds) stays.
   *
   * @throws {KilohertzError} `SIM_BUSY` if the arm or the hand is in a motion or the arm recovers; `SIM_OPTION` for
   * a posture or an object that cannot be; `SIM_STOPPED` after `stop()`. Nothing has changed then.
   * @throws {OptionRangeError} {@link OptionTypeError} if an option is invalid
   */
  reset(options: SimulatorResetOptions = {}): void {
    const own = ownOptions('reset()', options, ['q', 'objectWidthM', 'seed']);
    const { q, objectWidthM, seed } = own;
    const checked = {
      ...(q === undefined ? {} : { q: checkNumbers('q', q, 7) }),
      ...(objectWidthM === undefined ? {} : { objectWidthM: checkObjectWidth(objectWidthM) }),
      ...(seed === undefined ? {} : { seed: checkSeed('seed', seed) }),
    };
    calling(() => this.#simulator.reset(bare(checked)));
  }

  /**
   * Stops the simulator. Resolves when its threads have ended. It may be called more than once. A session that still
   * drives the simulated arm loses its connection and ends with `FRANKA_CONNECTION_LOST`, so close the arm first.
   */
  async stop(): Promise<void> {
    await awaiting(() => this.#simulator.stop());
  }

  /** Stops the simulator. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/**
 * Returns mass, centre of mass, inertia and frame, in this order. The native side checks that a body can have these
 * values.
 */
function checkWorn(given: SimulatedEndEffector): number[] {
  const known = ['m_ee', 'F_x_Cee', 'I_ee', 'F_T_NE'];
  const own = ownOptions('endEffector', given, known);
  const m_ee = checkNumber('endEffector.m_ee', own.m_ee, { from: 0, to: 10, unit: 'kg' });
  const { F_x_Cee = [0, 0, 0], I_ee = ball(m_ee), F_T_NE = FLANGE } = own;
  return [
    m_ee,
    ...checkNumbers('endEffector.F_x_Cee', F_x_Cee, 3),
    ...checkNumbers('endEffector.I_ee', I_ee, 9),
    ...checkNumbers('endEffector.F_T_NE', F_T_NE, 16),
  ];
}

/** The sensors that can have noise, with the largest standard deviation and its unit. */
const SENSORS = [
  ['q', 0.01, 'rad'],
  ['dq', 0.5, 'rad/s'],
  ['tau_J', 5, 'N m'],
  ['tau_ext_hat_filtered', 5, 'N m'],
] as const;

function checkNoise(given: SimulatedNoise): { noise: number[]; noiseSeed: number } {
  const own = ownOptions('noise', given, ['seed', ...SENSORS.map(([name]) => name)]);
  const noise = SENSORS.flatMap(([name, to, unit]) => {
    const { [name]: value = 0 } = own;
    const each = typeof value === 'number' ? new Array<number>(7).fill(value) : value;
    const checked = checkNumbers(`noise.${name}`, each, 7);
    return checked.map((deviation) =>
      checkNumber(`noise.${name}`, deviation, { from: 0, to, unit }),
    );
  });
  const { seed = 0 } = own;
  return { noise, noiseSeed: checkSeed('noise.seed', seed) };
}

function checkSeed(option: string, value: unknown): number {
  return checkNumber(option, value, { from: 0, to: Number.MAX_SAFE_INTEGER, integer: true });
}

/** Returns the path of a file that was given as a path or as a URL. */
function checkPath(value: unknown): string {
  const expected = 'the path, or the file: URL, of a shared object';
  if (!isUrl(value)) return checkText('modelLibrary', value, expected);
  try {
    return fileURLToPath(value.href);
  } catch {
    throw new OptionRangeError('OPTION_MODEL_LIBRARY', 'modelLibrary', value.href, expected);
  }
}

function checkObjectWidth(value: unknown, option = 'objectWidthM'): number {
  return checkNumber(option, value, { from: 0, to: 0.08, above: true, unit: 'm' });
}

/** The properties of faults beside their kind, and how each is checked. */
const PARTS = {
  count: (value: unknown) => checkNumber('count', value, { from: 1, to: 1e9, integer: true }),
  byS: (value: unknown) => checkNumber('byS', value, { from: 0, to: 60, unit: 's' }),
  error: (value: unknown) =>
    optional(value, () => checkText('error', value, "one of libfranka's names")),
  pressed: (value: unknown) => checkBoolean('pressed', value),
  torquesNm: (value: unknown) => checkNumbers('torquesNm', value, 7),
  version: (value: unknown) =>
    checkNumber('version', value, { from: 0, to: 65_535, integer: true }),
  field: (value: unknown) => checkText('field', value, "a field of libfranka's robot state"),
  index: (value: unknown) =>
    optional(value, () => checkNumber('index', value, { from: 0, to: 100, integer: true })),
  value: (value: unknown) => {
    if (typeof value === 'number') return value;
    const expected = 'a number, NaN and infinities included';
    throw new OptionTypeError('OPTION_VALUE', 'value', value, expected);
  },
  atCycle: (value: unknown) =>
    optional(value, () => checkNumber('atCycle', value, { from: 0, to: 1e9, integer: true })),
} as const;

/** The properties of each fault. */
const FAULT_PARTS: Readonly<Record<FaultName, readonly (keyof typeof PARTS)[]>> = {
  dropStates: ['count'],
  dropCommands: ['count'],
  delayStates: ['byS', 'count'],
  delayCommands: ['byS', 'count'],
  duplicateStates: ['count'],
  duplicateCommands: ['count'],
  reorderStates: ['count'],
  reorderCommands: ['count'],
  truncateStates: ['count'],
  truncateCommands: ['count'],
  oldStates: ['count'],
  corruptStates: ['count', 'field', 'index', 'value'],
  noiseDatagrams: ['count'],
  reflex: ['error'],
  userStop: ['pressed'],
  guide: ['pressed'],
  push: ['torquesNm'],
  rejectConnect: ['version'],
  slowConnect: ['byS'],
  resetConnection: [],
  die: [],
  freeze: [],
  handRejectConnect: ['version'],
  handFailNext: [],
  handDeaf: [],
  handDie: [],
  handFreeze: [],
};

function optional<T>(value: unknown, check: () => T): T | undefined {
  return value === undefined ? undefined : check();
}

function checkFault(given: SimulatorFault): NativeFault {
  const fault: Readonly<Record<string, unknown>> & { readonly kind: string } = ownOptions(
    'fault',
    given,
    ['kind', ...Object.keys(PARTS)],
  );
  const kind = checkText('kind', fault.kind, 'the name of a fault');
  // For an unknown fault, the simulator's error lists the known ones.
  const parts = Object.hasOwn(FAULT_PARTS, kind) ? FAULT_PARTS[kind as FaultName] : [];
  // The simulator refuses a cycle for a fault that takes effect at once.
  const all = [...parts, 'atCycle'] as const;
  const checked = all.map((part) => [part, PARTS[part](fault[part])] as const);
  const made = Object.fromEntries(checked.filter(([, value]) => value !== undefined));
  return bare({ kind, ...made });
}
