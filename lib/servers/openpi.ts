import { ownOptions } from '../checks.ts';
import { OptionTypeError } from '../errors/errors.ts';
import type { KnownAction } from '../policy/chunked.ts';
import { ServerConnection } from './connection.ts';
import { openpiFrame } from './openpi-form.ts';
import {
  checkKey,
  checkServerOptions,
  checkServerUrl,
  isHere,
  makeServerPolicy,
  type PolicyServerOptions,
  SERVER_OPTIONS,
  type ServerPolicy,
  warnOfKey,
} from './policy-server.ts';

/** Options of {@link openpiPolicy}. */
export interface OpenpiOptions<Action = unknown> extends PolicyServerOptions<Action> {
  /** Is sent as `Authorization: Api-Key …`. Use it with `wss://` only: over `ws://` everybody on the way can read it. */
  readonly apiKey?: string;
  /** Certificates of authorities (PEM) to trust for `wss://`, instead of those that Node knows. */
  readonly ca?: string | readonly string[];
}

const OPTIONS: readonly (keyof OpenpiOptions)[] = [...SERVER_OPTIONS, 'apiKey', 'ca'];

/**
 * Connects to a policy server that speaks openpi's protocol, and makes a policy of it that answers in chunks, as
 * {@link chunked} does. A thread of its own keeps the connection and reads the answers. If the connection is lost, it is
 * made again.
 *
 * @example
 * await using policy = await openpiPolicy('ws://gpu:8000', {
 *   observe: ({ q }) => ({ 'observation/state': q, prompt: 'pick up the cube' }),
 *   actions: (answer) => answer.array('actions', [null, 7]),
 *   dtS: 1 / 30,
 * });
 * console.log(policy.metadata);
 * await run(robot, policy);
 * @param url the address of the server, `ws://` or `wss://`
 * @throws {ServerError} if it cannot be connected to within `connectTimeoutS`
 * @throws {OptionTypeError | OptionRangeError} if an argument is invalid
 * @throws {AbortError} if the signal aborts
 */
export async function openpiPolicy<Action = unknown>(
  url: string | URL,
  given: OpenpiOptions<Action>,
): Promise<ServerPolicy<KnownAction<Action>>> {
  const place = checkServerUrl(url, ['ws:', 'wss:'], 'ws://192.168.1.5:8000');
  const options = ownOptions('openpiPolicy()', given, OPTIONS);
  const limits = checkServerOptions(options);
  const { apiKey, ca, signal } = options;
  if (ca !== undefined) checkAuthorities(ca);
  const isReadable = place.protocol === 'ws:' && !isHere(place);
  const headers: Record<string, string> = {};
  if (apiKey !== undefined) {
    headers['Authorization'] = `Api-Key ${checkKey(apiKey)}`;
    if (isReadable) warnOfKey(place, '. Use wss://');
  }
  const { connectTimeoutS, maxAnswerBytes } = limits;
  const timeoutMs = connectTimeoutS * 1e3;
  const connection = await ServerConnection.open(
    {
      protocol: 'openpi',
      url: place.href,
      timeoutMs,
      maxAnswerBytes,
      isMasked: isReadable,
      headers,
      apiKey,
      ca,
    },
    connectTimeoutS,
    signal,
  );
  return makeServerPolicy(place, connection, options, limits, { frameOf: openpiFrame });
}

/** @throws {OptionTypeError} `OPTION_CA` */
function checkAuthorities(ca: unknown): void {
  const all: readonly unknown[] = Array.isArray(ca) ? ca : [ca];
  if (all.every((each) => typeof each === 'string' && each.includes('-----BEGIN'))) return;
  const expected = 'certificates in PEM, as text';
  throw new OptionTypeError('OPTION_CA', 'ca', ca, expected);
}
