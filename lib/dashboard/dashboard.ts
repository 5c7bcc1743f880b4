import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkBoolean, ownOptions } from '../checks.ts';
import { type KilohertzError, OptionRangeError, OptionTypeError } from '../errors/errors.ts';
import { awaiting, calling } from '../errors/native-call.ts';
import { type FrankaHand, nativeHandOf } from '../franka/hand.ts';
import { authority, checkAddress, hostsOf, isLoopback, warnOfOthers } from '../listening.ts';
import {
  type NativeArm,
  type NativeControls,
  NativeDashboard,
  type NativeDashboardOptions,
  type NativePageReport,
  type NativeSession,
  type NativeStops,
} from '../native/binding.ts';

/** Where a page is opened. */
export interface DashboardOptions {
  /** The port, 0 to 65535. 0 stands for any that is free. Default 0. */
  readonly port?: number;
  /**
   * The IP address of this host on which the page is opened. Default `'127.0.0.1'`: browsers on this host alone can
   * open it. The page comes over plain HTTP, so whoever can read the network can read the token in its address, and
   * stop the arm. Any address that is not a loopback address is therefore told as a warning of the process with code
   * `KILOHERTZ_DASHBOARD_HOST`.
   */
  readonly host?: string;
}

/** What the page may move, and who may ask for it. */
export interface ControlsOptions {
  /**
   * The hand that the page opens and closes. Default: the hand of the arm, to which it connects when it is first asked
   * to.
   */
  readonly hand?: FrankaHand;
  /**
   * Whether the arm may be moved from other devices, where `host` is not a loopback address. The page and its token
   * come over plain HTTP: whoever can read the network can move the arm then. Default false.
   */
  readonly onNetwork?: boolean;
}

/** Options of {@link Session.dashboard}. */
export interface ShownOptions extends DashboardOptions {
  /** The page on which the session is shown, beside others. Default: a page of its own. */
  readonly on?: Dashboard;
  /**
   * Whether the page can also recover the arm, move it to its start pose, jog its joints, and open and close its hand
   * while no session drives it. A second address, {@link Dashboard.controlsAddress}, is printed: who knows it can do
   * that, one page at a time. On loopback addresses alone, unless {@link ControlsOptions.onNetwork} is set. It is given
   * where the page is opened, and is for every Franka arm that is shown there. Default false.
   */
  readonly controls?: ControlsOptions | boolean;
  /**
   * The robot's name on the page, at most 200 characters. A name of another robot, or of another session that runs, is
   * refused with `OPTION_NAME`. Default: its model and its address, or `'robot'`, and a number behind it where that is
   * the name of another one.
   */
  readonly name?: string;
}

/** How many random bytes a token has. */
const TOKEN_BYTES = 16;

/** The folder of the page: where a checkout has built it, or else in its own package. */
function pageFolder(): string {
  const isSource = import.meta.url.endsWith('.ts');
  const built = new URL(isSource ? '../../dist/dashboard/' : '../../dashboard/', import.meta.url);
  if (existsSync(built)) return fileURLToPath(built);
  return dirname(createRequire(import.meta.url).resolve('@kilohertz/page/package.json'));
}

const token = (): string => randomBytes(TOKEN_BYTES).toString('base64url');

function checkWhere(options: DashboardOptions): NativeDashboardOptions {
  const own = ownOptions('dashboard', options, ['port', 'host']);
  return {
    ...checkAddress('dashboard', own, 0),
    token: token(),
    folder: pageFolder(),
  };
}

/** What a page's controls are asked to be, once it is checked. */
export interface CheckedControls {
  readonly hand: FrankaHand | undefined;
  readonly onNetwork: boolean;
}

/** Checks the option `controls`; undefined if there are to be none. */
export function checkControls(controls: unknown): CheckedControls | undefined {
  if (controls === undefined || controls === false) return undefined;
  if (controls === true) return { hand: undefined, onNetwork: false };
  const others = ['true or false'];
  const own = ownOptions('controls', controls as ControlsOptions, ['hand', 'onNetwork'], ...others);
  const { hand, onNetwork = false } = own;
  checkBoolean('controls.onNetwork', onNetwork);
  if (hand !== undefined && !nativeHandOf(hand)) {
    const expected = 'what FrankaHand.connect() returned';
    throw new OptionTypeError('OPTION_CONTROLS_HAND', 'controls.hand', hand, expected);
  }
  return { hand, onNetwork };
}

function warnOfHost(host: string, hasControls: boolean): void {
  const what = hasControls
    ? 'its tokens, look at the sessions, stop them, and move the arm'
    : 'its token, look at the sessions and stop them';
  const message =
    `the page is opened on ${host}, over plain HTTP: whoever can read the network can read ${what}. Leave out host ` +
    'to open it for this host alone';
  warnOfOthers(host, message, 'KILOHERTZ_DASHBOARD_HOST');
}

/** A robot that has a name on a page. */
export interface Named {
  readonly robot: object;
  readonly isRunning: () => boolean;
}

/** The pages that are open. They stay open although nobody keeps them. */
const open = new Set<Dashboard>();

/**
 * A page in a browser that shows sessions while they run, and can stop them. A thread of its own serves it, so it also
 * works while JavaScript is blocked. {@link Session.dashboard} opens it.
 */
export class Dashboard implements AsyncDisposable {
  readonly #native: NativeDashboard;
  /** The address of the page, with its token: whoever has it can look at the sessions and stop them. */
  readonly address: string;
  /** The address of the page with controls, if it has any: whoever has it can also move the arms. */
  readonly controlsAddress: string | undefined;
  /** The arms that the controls move, by their names. */
  readonly #controlled = new Map<string, NativeArm>();
  /** What ends with the page. */
  readonly #ends: (() => Promise<void>)[] = [];

  /**
   * The lines that say how the page is opened in a browser.
   *
   * @internal
   */
  readonly announced: readonly string[];
  /** The names that are taken, with the session that has each. */
  readonly #names = new Map<string, WeakRef<Named>>();

  private constructor(native: NativeDashboard, { token, controlsToken }: NativeDashboardOptions) {
    this.#native = native;
    const hosts = hostsOf(native.host).map((host) => `http://${authority(host, native.port)}`);
    const addresses = hosts.map((host) => `${host}/${token}/`);
    const [at = ''] = hosts;
    this.address = `${at}/${token}/`;
    this.controlsAddress = controlsToken === undefined ? undefined : `${at}/${controlsToken}/`;
    this.announced = [
      `watch it in a browser: ${addresses.join(' or ')}`,
      ...(controlsToken === undefined
        ? []
        : [`move the arm, too: ${hosts.map((host) => `${host}/${controlsToken}/`).join(' or ')}`]),
    ];
    open.add(this);
  }

  /**
   * Opens a page, with controls if they are given.
   *
   * @internal
   * @throws {KilohertzError} `LISTEN_IN_USE` or `LISTEN_REFUSED` if the port cannot be opened
   * @throws {OptionTypeError | OptionRangeError} if an option is invalid
   */
  static open(options: DashboardOptions = {}, controls?: CheckedControls): Dashboard {
    const where = checkWhere(options);
    if (controls && !controls.onNetwork && !isLoopback(where.host)) {
      const expected =
        `false where dashboard.host is ${where.host}, or { onNetwork: true }: whoever can read the network can move the ` +
        'arm then. Leave out host to use the controls on this host alone';
      throw new OptionRangeError('OPTION_CONTROLS', 'controls', true, expected);
    }
    const checked = controls ? { ...where, controlsToken: token() } : where;
    const native = calling(() => NativeDashboard.open(checked));
    warnOfHost(checked.host, controls !== undefined);
    return new Dashboard(native, checked);
  }

  /**
   * Opens a page that plays recordings. {@link view} is what users call.
   *
   * @internal
   */
  static async play(files: readonly string[], options: DashboardOptions): Promise<Dashboard> {
    const checked = checkWhere(options);
    const native = await awaiting(() => NativeDashboard.view(checked, [...files]));
    warnOfHost(checked.host, false);
    return new Dashboard(native, checked);
  }

  /**
   * Whether the page was not closed.
   *
   * @internal
   */
  get isOpen(): boolean {
    return open.has(this);
  }

  /**
   * Gives a session the name with which its robot is shown: the `given` one, or else the one that it has here already,
   * or else the first like the `usual` one that is free.
   *
   * @internal
   * @throws {OptionRangeError} `OPTION_NAME` if the given name is another one's
   */
  claim(by: Named, usual: string, given: string | undefined, known: string | undefined): string {
    if (given !== undefined && known !== undefined && given !== known) {
      const expected = `left out or '${known}': the session is shown under that name on this page`;
      throw new OptionRangeError('OPTION_NAME', 'name', given, expected);
    }
    let name = given ?? known ?? usual;
    for (let number = 2; this.#isTaken(name, by, given !== undefined); number += 1) {
      if (given !== undefined) {
        const expected =
          'another name: on this page it is that of another robot, or of another session that runs';
        throw new OptionRangeError('OPTION_NAME', 'name', given, expected);
      }
      name = `${usual} ${number}`;
    }
    this.#names.set(name, new WeakRef(by));
    return name;
  }

  /**
   * Gives a name back.
   *
   * @internal
   */
  disclaim(name: string): void {
    this.#names.delete(name);
  }

  /** Whether another one has a name. Two sessions of one robot have the same, one after the other. */
  #isTaken(name: string, by: Named, isGiven: boolean): boolean {
    const has = this.#names.get(name)?.deref();
    if (has === undefined || has === by) return false;
    return has.robot !== by.robot || (isGiven && has.isRunning());
  }

  /**
   * Lets the page stop what drives the robot with this name.
   *
   * @internal
   */
  stands(stops: NativeStops, name: string): void {
    calling(() => this.#native.stands(stops, name));
  }

  /**
   * Shows a session that has begun, as the robot with this name.
   *
   * @internal
   */
  watch(session: NativeSession, name: string, isControlled = false): void {
    calling(() => this.#native.watch(session, name, isControlled));
  }

  /**
   * Whether the controls do not move the arm with this name yet, and are to.
   *
   * @internal
   */
  takesControls(arm: NativeArm, name: string): boolean {
    return this.controlsAddress !== undefined && this.#controlled.get(name) !== arm;
  }

  /**
   * Lets the controls move an arm; `wake` is called when something is asked for.
   *
   * @internal
   */
  control(
    arm: NativeArm,
    stops: NativeStops,
    name: string,
    state: Float64Array,
    wake: () => void,
  ): NativeControls | undefined {
    this.#controlled.set(name, arm);
    return calling(() => this.#native.control(arm, stops, name, state, wake)) ?? undefined;
  }

  /**
   * Does this after the page was closed.
   *
   * @internal
   */
  endsWith(end: () => Promise<void>): void {
    this.#ends.push(end);
  }

  /**
   * Shows what the controls have done with the robot of this name, or why they have not.
   *
   * @internal
   */
  note(name: string, what: string, text: string, isWarning: boolean): void {
    calling(() => this.#native.note(name, isWarning, what, text));
  }

  /**
   * Shows an error of the newest session of the robot with this name.
   *
   * @internal
   */
  tell(name: string, error: KilohertzError): void {
    calling(() => this.#native.tell(name, error.code, error.message));
  }

  /**
   * Whether a browser has the page open.
   *
   * @internal
   */
  get isWatched(): boolean {
    return this.#native.isWatched;
  }

  /**
   * Shows a report of the newest session of the robot with this name.
   *
   * @internal
   */
  report(name: string, report: NativePageReport): void {
    calling(() => this.#native.report(name, report));
  }

  /**
   * Closes the page. The sessions go on; what its controls move is brought to rest. Resolves when the port is free and
   * nothing moves by the controls.
   */
  async close(): Promise<void> {
    open.delete(this);
    await awaiting(() => this.#native.close());
    await Promise.all(this.#ends.splice(0).map((end) => end()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
