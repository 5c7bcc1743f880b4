import { ownOptions } from '../checks.ts';
import type { KnownAction } from '../policy/chunked.ts';
import { ServerConnection } from './connection.ts';
import { gr00tQuestion, gr00tReset } from './gr00t-form.ts';
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

/** Options of {@link gr00tPolicy}. */
export interface Gr00tOptions<Action = unknown> extends PolicyServerOptions<Action> {
  /** Is sent as `api_token`. Everybody on the way can read it. */
  readonly apiKey?: string;
}

const OPTIONS: readonly (keyof Gr00tOptions)[] = [...SERVER_OPTIONS, 'apiKey'];

/**
 * Connects to a policy server of GR00T over ZeroMQ's protocol, and makes a policy of it that answers in chunks, as
 * {@link openpiPolicy} does. The metadata is the server's modality configuration; the answer has the actions by their
 * names.
 *
 * @example
 * await using policy = await gr00tPolicy('tcp://gpu:5555', {
 *   observe: ({ q }) => ({
 *     video: { front: shaped(picture, [1, 1, 256, 256, 3]) },
 *     state: { arm: shaped(Float32Array.from(q), [1, 1, 7]) },
 *     language: { task: [['pick up the cube']] },
 *   }),
 *   actions: (answer) => answer.array('arm', [null, 7]),
 *   dtS: 1 / 15,
 * });
 * @param url the address of the server, `tcp://` with a port
 * @throws {ServerError} if it cannot be connected to within `connectTimeoutS`
 * @throws {OptionTypeError | OptionRangeError} if an argument is invalid
 * @throws {AbortError} if the signal aborts
 */
export async function gr00tPolicy<Action = unknown>(
  url: string | URL,
  given: Gr00tOptions<Action>,
): Promise<ServerPolicy<KnownAction<Action>>> {
  const place = checkServerUrl(url, ['tcp:'], 'tcp://192.168.1.5:5555', true);
  const options = ownOptions('gr00tPolicy()', given, OPTIONS);
  const limits = checkServerOptions(options);
  const { apiKey, signal } = options;
  if (apiKey !== undefined) {
    checkKey(apiKey);
    if (!isHere(place)) warnOfKey(place, '');
  }
  const { connectTimeoutS, maxAnswerBytes } = limits;
  const connection = await ServerConnection.open(
    {
      protocol: 'gr00t',
      url: `tcp://${place.host}`,
      timeoutMs: connectTimeoutS * 1e3,
      maxAnswerBytes,
      isMasked: false,
      headers: {},
      apiKey,
      ca: undefined,
    },
    connectTimeoutS,
    signal,
  );
  return makeServerPolicy(place, connection, options, limits, {
    frameOf: (observation) => gr00tQuestion(observation, apiKey),
    resetFrame: () => gr00tReset(apiKey),
  });
}
