// The address at which others are listened to: what foxglove and dashboard have in common.

import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { checkNumber } from './checks.ts';
import { codeOf, OptionTypeError } from './errors/errors.ts';

const DEFAULT_HOST = '127.0.0.1';
const PORTS = { from: 0, to: 65_535, integer: true } as const;

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** Checks the address in the options of `owner`, and the port, which is `defaultPort` if there is none. */
export function checkAddress(
  owner: string,
  { host = DEFAULT_HOST, port }: { readonly host?: string; readonly port?: number },
  defaultPort: number,
): { host: string; port: number } {
  if (typeof host !== 'string' || isIP(host) === 0) {
    const expected = "an IP address of this host, as in '127.0.0.1' or '0.0.0.0'";
    throw new OptionTypeError(codeOf(`${owner}.host`), `${owner}.host`, host, expected);
  }
  const wanted = port === undefined ? defaultPort : port;
  return { host, port: checkNumber(`${owner}.port`, wanted, PORTS) };
}

/** Whether an IP address can be reached from this host alone. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4');
}

/** Warns if others than the programs of this host can reach an address. */
export function warnOfOthers(host: string, message: string, code: string): void {
  if (isLoopback(host)) return;
  process.emitWarning(message, { code });
}

/**
 * Returns the addresses under which an address of this host is reached: of one that stands for all of them, those of
 * the network.
 */
export function hostsOf(host: string): string[] {
  const isAll = host === '::' || host === '0.0.0.0';
  if (!isAll) return [host];
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const reached = all.filter(
    // A link-local address means nothing without the name of an interface.
    ({ address, family, internal }) =>
      !internal && (family === 'IPv4' || (host === '::' && !address.startsWith('fe80:'))),
  );
  const hosts = reached.map(({ address }) => address);
  return hosts.length > 0 ? hosts : [host === '::' ? '::1' : '127.0.0.1'];
}

/** Returns an address as it stands in a URL. */
export function authority(host: string, port: number): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}
