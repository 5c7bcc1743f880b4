import {
  bare,
  checkBoolean,
  checkName,
  checkNumber,
  checkNumbers,
  checkText,
  ownOptions,
} from '../checks.ts';
import { OptionTypeError } from '../errors/errors.ts';
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

/** What an arm wears at its flange, as it is set in Desk, with libfranka's names. */
export interface SimulatedEndEffector {
  /** Its mass [kg], 0 to 10; 0 is nothing. */
  readonly m_ee: number;
  /** Its centre of mass in the flange frame [m], 3; at most 1 m away. Default 0, 0, 0. */
  readonly F_x_Cee?: ArrayLike<number>;
  /**
   * Its inertia about its centre of mass [kg m^2]: 3x3, column-major, symmetric, positive definite, no principal moment
   * larger than the sum of the others. Default: that of a ball of this mass and of a radius of 5 cm.
   */
  readonly I_ee?: ArrayLike<number>;
  /** The nominal end effector in the flange frame [m]: 4x4, column-major; at most 1 m away. Default: the flange. */
  readonly F_T_NE?: ArrayLike<number>;
}

/** How a simulated arm starts. */
export interface FrankaSimulatorOptions {
  /** Which arm it is. Default 'fr3'. */
  readonly generation?: FrankaGeneration;
  /** Where to listen; a loopback address. Default 127.0.0.1. */
  readonly host?: string;
  /** The TCP port; 0 (default) takes a free one. The hand listens on the next one. */
  readonly port?: number;
  /** Whether there is a hand. Default true. */
  readonly hand?: boolean;
  /** What the arm wears at its flange. Default: the Franka Hand where there is one, else nothing. */
  readonly endEffector?: SimulatedEndEffector;
  /** Width of an object between the fingers of the open hand [m], above 0 to 0.08. Default: none. */
  readonly objectWidthM?: number;
  /** Joint positions at the start [rad], 7. Default [0, -π/4, 0, -3π/4, 0, π/2, π/4]. */
  readonly q?: JointVector;
  /** Whether the joints have friction. Default true. */
  readonly friction?: boolean;
  /**
   * Whether, during a motion, the next state follows the command for the last one instead of the
   * wall clock. Default false.
   */
  readonly lockstep?: boolean;
  /** Lost commands in a row that end a motion. Default 20, as on an arm. */
  readonly lostPacketLimit?: number;
}

/** How the simulated arm truly moves. */
export interface JointState {
  /** Joint positions [rad], 7. */
  readonly q: readonly number[];
  /** Joint velocities [rad/s], 7. */
  readonly dq: readonly number[];
  /** Joint accelerations [rad/s^2], 7. */
  readonly ddq: readonly number[];
  /** Link-side joint torques, gravity included [N m], 7. */
  readonly tau: readonly number[];
  /** The arm's time since its start [s]. */
  readonly timeS: number;
}

/** How the fingers of the simulated hand truly stand. */
export interface FingerState {
  /** The opening between them [m]. */
  readonly widthM: number;
  /** Whether they are on their way. */
  readonly isMoving: boolean;
  /** Whether a grasp holds something of the width that it was told. */
  readonly isGrasped: boolean;
  /** How hard they press on what they hold [N]. */
  readonly forceN: number;
  /** Width of the object between them [m]; absent without one. */
  readonly objectWidthM?: number;
}

/** What a simulator has counted since its start. */
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
  /** The most of them in a row. */
  readonly longestLostRun: number;
  /** Commands that a fault dropped. */
  readonly commandsDropped: number;
  /** Commands that a fault delayed. */
  readonly commandsDelayed: number;
  /** Motions that started. */
  readonly motionsStarted: number;
  /** Motions that ended regularly. */
  readonly motionsFinished: number;
  /** Motions that ended otherwise. */
  readonly motionsAborted: number;
  /** Reflexes. */
  readonly reflexes: number;
  /** Milliseconds that the simulator itself was too late for. */
  readonly missedTicks: number;
  /** Connections that were taken. */
  readonly clients: number;
}

/** Something that goes wrong on purpose. */
export type SimulatorFault =
  /** The next `count` states, or commands, get lost. */
  | { readonly kind: 'dropStates' | 'dropCommands'; readonly count: number }
  /** The next `count` states, or commands, arrive twice. */
  | { readonly kind: 'duplicateStates' | 'duplicateCommands'; readonly count: number }
  /** Each of `count` states, or commands, is overtaken by the one behind it. */
  | { readonly kind: 'reorderStates' | 'reorderCommands'; readonly count: number }
  /** The second half of the next `count` states, or commands, is missing. */
  | { readonly kind: 'truncateStates' | 'truncateCommands'; readonly count: number }
  /** The next `count` states have a number that was there before, as if they had long been on their way. */
  | { readonly kind: 'oldStates'; readonly count: number }
  /**
   * The next `count` states hold `value` in `field[index]` instead of the true value, as if the arm
   * itself were wrong. Fields are libfranka's. Of `time`, `value` is how far the clock is ahead [s];
   * of `robot_mode`, the number of the mode, 0 to 255.
   */
  | {
      readonly kind: 'corruptStates';
      readonly count: number;
      readonly field: string;
      /** Default 0. */
      readonly index?: number;
      /** Any number; NaN and infinities too. */
      readonly value: number;
    }
  /** `count` datagrams that mean nothing go before the next state. */
  | { readonly kind: 'noiseDatagrams'; readonly count: number }
  /** The next `count` states, or commands, come `byS` seconds later. */
  | { readonly kind: 'delayStates' | 'delayCommands'; readonly count: number; readonly byS: number }
  /** A reflex, with one of libfranka's error names. Default `joint_reflex`. */
  | { readonly kind: 'reflex'; readonly error?: string }
  /** The user stop is pressed, or released. */
  | { readonly kind: 'userStop'; readonly pressed: boolean }
  /**
   * Somebody pushes the joints with these torques [N m], 7, until the next push. A positive one turns its joint
   * forwards. `tau_ext_hat_filtered` shows it with the opposite sign: it is what the arm applies to who pushes it.
   */
  | { readonly kind: 'push'; readonly torquesNm: JointVector }
  /** The next connection is refused by a server of this FCI version. */
  | { readonly kind: 'rejectConnect'; readonly version: number }
  /** The next connection is answered `byS` seconds later. */
  | { readonly kind: 'slowConnect'; readonly byS: number }
  /** The connection is reset; the next client finds the arm as it should be. */
  | { readonly kind: 'resetConnection' }
  /** The sockets close, and nothing more is sent. */
  | { readonly kind: 'die' }
  /** The sockets stay open, and nothing more is sent. */
  | { readonly kind: 'freeze' }
  /** The next connection to the hand is refused by a server of this version. */
  | { readonly kind: 'handRejectConnect'; readonly version: number }
  /** The next command of the hand fails. */
  | { readonly kind: 'handFailNext' }
  /** The hand does and answers nothing any more, and goes on sending its states. */
  | { readonly kind: 'handDeaf' }
  /** The same as `die` and `freeze`, of the hand alone. */
  | { readonly kind: 'handDie' | 'handFreeze' };

/**
 * A simulated Franka arm of either generation: it listens on a loopback address and speaks the arm's
 * protocol over TCP and UDP, with a rigid-body arm behind it.
 */
export class FrankaSimulator implements AsyncDisposable {
  /** `host:port`, for `Franka.connect` and `FrankaHand.connect`. */
  readonly address: string;
  /** The TCP port of the hand, the one after the arm's; undefined without a hand. */
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
   * @throws {KilohertzError} `SIM_ADDRESS`, `SIM_BIND`, `SIM_OPTION` or `SIM_SYSTEM`
   * @throws {OptionRangeError} {@link OptionTypeError} where an option is not as it must be
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
      'lockstep',
      'lostPacketLimit',
    ];
    const own = ownOptions('FrankaSimulator.start()', options, known);
    const { generation, host, port, q, friction, lockstep, lostPacketLimit } = own;
    const { hand, objectWidthM, endEffector } = own;
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

  /** How the arm truly moves now. */
  joints(): JointState {
    return this.#simulator.joints();
  }

  /**
   * How the fingers of the hand truly stand now.
   *
   * @throws {KilohertzError} `SIM_OPTION` without a hand
   */
  fingers(): FingerState {
    return calling(() => this.#simulator.fingers());
  }

  /**
   * Puts an object between the fingers, in the place of the one that is there.
   *
   * @param widthM its width [m], at most what the fingers leave free
   * @throws {KilohertzError} `SIM_OPTION` where it does not fit between the fingers
   * @throws {OptionRangeError} {@link OptionTypeError} where no object is that wide
   */
  placeObject(widthM: number): void {
    const checked = checkObjectWidth(widthM, 'widthM');
    calling(() => this.#simulator.placeObject(checked));
  }

  /** Takes away what is between the fingers. */
  removeObject(): void {
    calling(() => this.#simulator.removeObject());
  }

  /** What was counted since the start. */
  counters(): SimulatorCounters {
    const counts = this.#simulator.counters();
    const entries = SIMULATOR_COUNTERS.map((name, nth) => [name, counts[nth] ?? 0] as const);
    return Object.fromEntries(entries) as Record<SimulatorCounter, number>;
  }

  /**
   * Lets something go wrong, from now on.
   *
   * @throws {KilohertzError} `SIM_FAULT`, or `SIM_STOPPED` after `stop()`
   * @throws {OptionRangeError} {@link OptionTypeError} where the fault is not as it must be
   */
  inject(fault: SimulatorFault): void {
    const checked = checkFault(fault);
    calling(() => this.#simulator.inject(checked));
  }

  /**
   * Stops the simulator; resolves when its threads have ended. May be called more than once. For what drives the
   * simulated arm that is an arm that is gone: its session ends with `FRANKA_CONNECTION_LOST`. Close the arm first.
   */
  async stop(): Promise<void> {
    await awaiting(() => this.#simulator.stop());
  }

  /** Stops the simulator. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Mass, centre of mass, inertia and frame, in this order. That they are those of a body is looked at where they go. */
function checkWorn(given: SimulatedEndEffector): number[] {
  const known = ['m_ee', 'F_x_Cee', 'I_ee', 'F_T_NE'];
  const own = ownOptions('endEffector', given, known);
  const m_ee = checkNumber('endEffector.m_ee', own.m_ee, { from: 0, to: 10, unit: 'kg' });
  return [
    m_ee,
    ...checkNumbers('endEffector.F_x_Cee', own.F_x_Cee ?? [0, 0, 0], 3),
    ...checkNumbers('endEffector.I_ee', own.I_ee ?? ball(m_ee), 9),
    ...checkNumbers('endEffector.F_T_NE', own.F_T_NE ?? FLANGE, 16),
  ];
}

function checkObjectWidth(value: unknown, option = 'objectWidthM'): number {
  return checkNumber(option, value, { from: 0, to: 0.08, above: true, unit: 'm' });
}

/** What faults are made of beside their kind, and how each part is checked. */
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
} as const;

/** The parts of each fault. */
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
  // Where there is no such fault, the simulator says which there are.
  const parts = Object.hasOwn(FAULT_PARTS, kind) ? FAULT_PARTS[kind as FaultName] : [];
  const checked = parts.map((part) => [part, PARTS[part](fault[part])] as const);
  const made = Object.fromEntries(checked.filter(([, value]) => value !== undefined));
  return bare({ kind, ...made });
}
