import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { ownOptions } from '../checks.ts';
import type { KilohertzError } from '../errors/errors.ts';
import { awaiting, calling } from '../errors/native-call.ts';
import { authority, checkAddress, warnOfOthers } from '../listening.ts';
import {
  NativeDashboard,
  type NativeDashboardOptions,
  type NativeSession,
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

/** Options of {@link Session.dashboard}. */
export interface ShownOptions extends DashboardOptions {
  /** The page on which the session is shown, beside others. Default: a page of its own. */
  readonly on?: Dashboard;
  /** The robot's name on the page. Default: its model and its address. */
  readonly name?: string;
}

/** How many random bytes a token has. */
const TOKEN_BYTES = 16;
/** Where the page was built, beside what was compiled. */
const PAGE = new URL('../../dashboard/', import.meta.url);
/** The same while this package runs from its sources. */
const BUILT_PAGE = new URL('../../dist/dashboard/', import.meta.url);

function checkWhere(options: DashboardOptions): NativeDashboardOptions {
  const own = ownOptions('dashboard', options, ['port', 'host']);
  return {
    ...checkAddress('dashboard', own, 0),
    token: randomBytes(TOKEN_BYTES).toString('base64url'),
    folder: fileURLToPath(import.meta.url.endsWith('.ts') ? BUILT_PAGE : PAGE),
  };
}

function warnOfHost(host: string): void {
  const message =
    `the page is opened on ${host}, over plain HTTP: whoever can read the network can read its token, look at the ` +
    'sessions and stop them. Leave out host to open it for this host alone';
  warnOfOthers(host, message, 'KILOHERTZ_DASHBOARD_HOST');
}

/**
 * A page in a browser that shows sessions while they run, and can stop them. A thread of its own serves it, so it also
 * works while JavaScript is blocked. {@link Session.dashboard} opens it.
 */
export class Dashboard implements AsyncDisposable {
  readonly #native: NativeDashboard;
  /** The address of the page, with its token: whoever has it can look at the sessions and stop them. */
  readonly address: string;

  private constructor(native: NativeDashboard, token: string) {
    this.#native = native;
    this.address = `http://${authority(native.host, native.port)}/${token}/`;
  }

  /**
   * Opens a page.
   *
   * @internal
   * @throws {KilohertzError} `LISTEN_IN_USE` or `LISTEN_REFUSED` if the port cannot be opened
   * @throws {OptionTypeError | OptionRangeError} if an option is invalid
   */
  static open(options: DashboardOptions = {}): Dashboard {
    const checked = checkWhere(options);
    const native = calling(() => NativeDashboard.open(checked));
    warnOfHost(checked.host);
    return new Dashboard(native, checked.token);
  }

  /**
   * Opens a page that plays recordings. {@link view} is what users call.
   *
   * @internal
   */
  static async play(files: readonly string[], options: DashboardOptions): Promise<Dashboard> {
    const checked = checkWhere(options);
    const native = await awaiting(() => NativeDashboard.view(checked, [...files]));
    warnOfHost(checked.host);
    return new Dashboard(native, checked.token);
  }

  /**
   * Shows a session that has begun, as the robot with this name.
   *
   * @internal
   */
  watch(session: NativeSession, name: string): void {
    calling(() => this.#native.watch(session, name));
  }

  /**
   * Tells an error of the newest session of the robot with this name.
   *
   * @internal
   */
  tell(name: string, error: KilohertzError): void {
    calling(() => this.#native.tell(name, error.code, error.message));
  }

  /** Closes the page. The sessions go on. Resolves when the port is free. */
  async close(): Promise<void> {
    await awaiting(() => this.#native.close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
