import { BlockList, isIP } from 'node:net';
import { checkNumber, ownOptions } from '../checks.ts';
import { OptionTypeError } from '../errors/errors.ts';
import type { NativeFoxglove, NativeSession } from '../native/binding.ts';

/** Where a session is shown to Foxglove and Lichtblick. */
export interface FoxgloveOptions {
  /** The port, 0 to 65535. 0 stands for any that is free. Default 8765. */
  readonly port?: number;
  /**
   * The IP address of this host on which the port is opened. Default `'127.0.0.1'`: programs on this host alone can
   * connect. Whoever can connect can read everything, so any other address is told as a warning of the process with
   * code `KILOHERTZ_FOXGLOVE_HOST`.
   */
  readonly host?: string;
}

/** What was shown of a session so far. */
export interface FoxgloveReport {
  /** The address to open, for example `ws://127.0.0.1:8765`. */
  readonly address: string;
  /** The port that is listened on. */
  readonly port: number;
  /** The clients that are connected. */
  readonly clients: number;
  /** Messages that were sent, counted for each client. */
  readonly sentMessages: number;
  /** Messages that a client was too slow for, counted for each client. */
  readonly droppedMessages: number;
  /** Cycles and logged values that nobody could be shown, because the thread that shows them did not run for seconds. */
  readonly lostEntries: number;
}

const DEFAULT_HOST = '127.0.0.1';
const DEFAULT_PORT = 8765;

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** Checks where a session is shown. `isNative` is false for a robot written in JavaScript. */
export function checkFoxglove(
  given: FoxgloveOptions | boolean | undefined,
  isNative: boolean,
): NativeFoxglove | undefined {
  if (given === undefined || given === false) return undefined;
  if (!isNative) {
    const expected =
      'nothing: only of natively driven robots the loop sees the states, and this robot is written in JavaScript';
    throw new OptionTypeError('OPTION_FOXGLOVE', 'foxglove', given, expected);
  }
  const options = given === true ? {} : given;
  const own = ownOptions('foxglove', options, ['port', 'host'], 'true', 'false');
  const { port = DEFAULT_PORT, host = DEFAULT_HOST } = own;
  if (typeof host !== 'string' || isIP(host) === 0) {
    const expected = "an IP address of this host, as in '127.0.0.1' or '0.0.0.0'";
    throw new OptionTypeError('OPTION_FOXGLOVE_HOST', 'foxglove.host', host, expected);
  }
  const range = { from: 0, to: 65_535, integer: true } as const;
  return { host, port: checkNumber('foxglove.port', port, range) };
}

/** Warns where others than the programs of this host can read what is shown. */
export function warnOfHost(foxglove: NativeFoxglove | undefined): void {
  if (foxglove === undefined) return;
  const { host } = foxglove;
  if (LOOPBACK.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4')) return;
  const message =
    `the session is shown on ${host}: whoever reaches that address can read all of it, without a password. ` +
    'Leave out foxglove.host to show it to this host alone';
  process.emitWarning(message, { code: 'KILOHERTZ_FOXGLOVE_HOST' });
}

/** Returns what was shown of a session so far; undefined if it is not shown. */
export function shownOf(native: NativeSession | undefined): FoxgloveReport | undefined {
  const told = native?.shown();
  if (!told) return undefined;
  const { host, port, clients, sent, dropped, lost } = told;
  return {
    address: `ws://${isIP(host) === 6 ? `[${host}]` : host}:${port}`,
    port,
    clients,
    sentMessages: sent,
    droppedMessages: dropped,
    lostEntries: lost,
  };
}
