// The address of an arm or a hand: a host, or a host and a port.

import { isIPv4, isIPv6 } from 'node:net';
import { OptionRangeError, OptionTypeError } from '../errors/errors.ts';

const FORMS = "a host, or host:port, as in '172.16.0.2' or '172.16.0.2:1337'";
const MOST_PORT = 65_535;
/** Digits and signs that only look like those of an address, and characters that are not seen. */
const FOREIGN = /(?!\p{ASCII})[\p{Cf}\p{N}\p{P}\p{S}]/u;
const UNSEEN = /\p{Cf}/u;
/** The longest name of a host, and of a part of it (RFC 1035). */
const LONGEST_NAME = 253;
const LONGEST_LABEL = 63;

/**
 * Checks the address of an arm before anything connects to it, and returns it without blanks around it.
 *
 * @throws {OptionRangeError | OptionTypeError} `OPTION_ADDRESS`; it says what is wrong with the address
 */
export function checkArmAddress(address: unknown): string {
  if (typeof address !== 'string') {
    throw new OptionTypeError('OPTION_ADDRESS', 'address', address, FORMS);
  }
  const trimmed = address.trim();
  const wrong = wrongIn(trimmed);
  if (wrong === undefined) return trimmed;
  throw new OptionRangeError('OPTION_ADDRESS', 'address', address, `${FORMS}: ${wrong}`);
}

/** Returns what is wrong with an address; undefined if it has the form of one. */
function wrongIn(address: string): string | undefined {
  if (address === '') return 'it is empty';
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(address);
  if (scheme) {
    const [begin, name] = scheme;
    const rest = address.slice(begin.length).replace(/[/?#].*$/, '') || '172.16.0.2';
    return `an address has no ${name}://, write '${rest}'`;
  }
  const sign = /[\s/\\@?#%<>"'`{}|^,;\p{Cc}]/u.exec(address)?.[0];
  if (sign === '@') return 'an address has no user before an @';
  if (sign === '/') return 'an address has no path after a /';
  if (sign !== undefined) {
    return /\s/.test(sign) ? 'it has a blank in it' : `it has ${JSON.stringify(sign)} in it`;
  }
  const foreign = FOREIGN.exec(address)?.[0];
  if (foreign !== undefined) {
    const code = (foreign.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    const shown = UNSEEN.test(foreign) ? `U+${code}, which is not seen,` : `${foreign} (U+${code})`;
    return `it has ${shown} in it; digits, dots and the colon have to be those of ASCII`;
  }
  if (address.startsWith('[')) {
    const [, ip = '', rest = ''] = /^\[([^\]]*)\](.*)$/.exec(address) ?? [];
    if (!isIPv6(ip)) return 'what is in [ ] is not an IPv6 address';
    if (rest !== '' && !rest.startsWith(':')) return 'only a port may follow an address in [ ]';
    return wrongPort(rest) ?? wrongIpV6(ip);
  }
  if (isIPv6(address)) return wrongIpV6(address);
  const at = address.indexOf(':');
  const host = at < 0 ? address : address.slice(0, at);
  const port = at < 0 ? '' : address.slice(at);
  if (port.includes(':', 1)) return 'it has more than one :, and is not an IPv6 address';
  if (host === '') return 'there is no host before the :';
  return wrongPort(port) ?? wrongHost(host);
}

/** @param port with its colon; empty if there is none */
function wrongPort(port: string): string | undefined {
  if (port === '') return undefined;
  const number = port.slice(1);
  if (number === '') return 'there is no port after the :, leave the : out for port 1337';
  if (!/^\d+$/.test(number)) return `port ${number} is not a whole number from 1 to ${MOST_PORT}`;
  if (Number(number) === 0) return 'port 0 is below 1';
  return Number(number) > MOST_PORT ? `port ${number} is above ${MOST_PORT}` : undefined;
}

function wrongIpV6(ip: string): string | undefined {
  // An IPv4 address in the form of IPv6.
  if (/^::ffff:[0-9a-f:.]+$/i.test(ip)) return undefined;
  return `${ip} is an IPv6 address, and an arm sends its states over IPv4: give its IPv4 address`;
}

function wrongHost(host: string): string | undefined {
  if (/^[\d.]+$/.test(host)) {
    return isIPv4(host) ? undefined : `${host} is not an IPv4 address: four numbers from 0 to 255`;
  }
  if (host.length > LONGEST_NAME) return `a name has at most ${LONGEST_NAME} characters`;
  const labels = host.replace(/\.$/, '').split('.');
  if (labels.includes('')) return 'a part of its name is empty';
  return labels.some((label) => label.length > LONGEST_LABEL)
    ? `a part of a name has at most ${LONGEST_LABEL} characters`
    : undefined;
}
