import { ownOptions } from '../checks.ts';
import { authority, checkAddress, warnOfOthers } from '../listening.ts';
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

const DEFAULT_PORT = 8765;

/** Checks where a session is shown. */
export function checkFoxglove(
  given: FoxgloveOptions | boolean | undefined,
): NativeFoxglove | undefined {
  if (given === undefined || given === false) return undefined;
  const options = given === true ? {} : given;
  const own = ownOptions('foxglove', options, ['port', 'host'], 'true', 'false');
  return checkAddress('foxglove', own, DEFAULT_PORT);
}

/** Warns where others than the programs of this host can read what is shown. */
export function warnOfHost(foxglove: NativeFoxglove | undefined): void {
  if (foxglove === undefined) return;
  const { host } = foxglove;
  const message =
    `the session is shown on ${host}: whoever reaches that address can read all of it, without a password. ` +
    'Leave out foxglove.host to show it to this host alone';
  warnOfOthers(host, message, 'KILOHERTZ_FOXGLOVE_HOST');
}

/** Returns what was shown of a session so far; undefined if it is not shown. */
export function shownOf(native: NativeSession | undefined): FoxgloveReport | undefined {
  const told = native?.shown();
  if (!told) return undefined;
  const { host, port, clients, sent, dropped, lost } = told;
  return {
    address: `ws://${authority(host, port)}`,
    port,
    clients,
    sentMessages: sent,
    droppedMessages: dropped,
    lostEntries: lost,
  };
}
