// A policy that asks a server: what the protocols have in common.

import { isIP } from 'node:net';
import { checkSignal, orAborted, throwIfAborted } from '../abort.ts';
import { checkNumber, isUrl } from '../checks.ts';
import { codeOf, OptionRangeError, OptionTypeError, ServerError } from '../errors/errors.ts';
import { numberText } from '../errors/number.ts';
import { isLoopback } from '../listening.ts';
import type { RobotState } from '../native/robot-state.ts';
import { CALLED, type CallLimits, checkCallLimits, LONGEST_S } from '../offload/call-limits.ts';
import {
  type ActionChunk,
  CHUNKED_OPTIONS,
  type CheckedChunkedOptions,
  type ChunkedOptions,
  type ChunkedPolicy,
  checkChunkedOptions,
  type KnownAction,
  makeChunked,
} from '../policy/chunked.ts';
import type { Policy, Tick } from '../session/robot.ts';
import { ServerAnswer } from './answer.ts';
import type { ServerConnection, ServerStats } from './connection.ts';
import type { Frame } from './msgpack.ts';

/** A value that a policy server is told. A typed array becomes an array of numpy, an `ArrayBuffer` bytes. */
export type ServerValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | ArrayBufferView
  | ArrayBuffer
  | readonly ServerValue[]
  | { readonly [key: string]: ServerValue };

/** What a policy server is told. */
export type ServerObservation = { readonly [key: string]: ServerValue };

/** The question that a server has answered. */
export interface ServerQuestion {
  /** The state of the arm at the question. */
  readonly state: RobotState;
  readonly tick: Tick;
}

/** Options of a policy that asks a server, beside those of {@link chunked}. */
export interface PolicyServerOptions<Action = unknown> extends ChunkedOptions {
  /**
   * Returns what the server is told, by its keys. A typed array becomes an array of numpy: `Uint8Array` `uint8`,
   * `Float32Array` `float32`, and so on; {@link shaped} gives it its shape. It is copied at once, so the memory may be
   * used again.
   */
  readonly observe: (
    state: RobotState,
    tick: Tick,
  ) => ServerObservation | Promise<ServerObservation>;
  /**
   * Returns the actions of a chunk for an answer, or `undefined` if there is nothing new. They are as in
   * {@link ActionChunk.actions}.
   */
  readonly actions: (
    answer: ServerAnswer,
    asked: ServerQuestion,
  ) => ActionChunk<Action>['actions'] | undefined;
  /** The time from one action to the next [s], 0.0001 to 60. Models are trained with one: 1/15 for DROID. */
  readonly dtS: number;
  /** Called at the start of each session and of each episode, before its first question. */
  readonly onReset?: () => void | Promise<void>;
  /**
   * How long the server may take for an answer [s], above 0 to 3600. Default 10. The arm is not kept waiting: it plays its
   * chunk to the end and comes to rest. A model that is compiled at its first answer may take longer then: see
   * {@link ServerPolicy.infer}.
   */
  readonly timeoutS?: number;
  /** How long the server may take to be connected to [s], above 0 to 3600. Default 10. */
  readonly connectTimeoutS?: number;
  /**
   * How long the server may be without an answer that can be used until the session ends with a {@link ServerError} [s],
   * from 0. Default 10. Meanwhile the policy has nothing new, so that the arm comes to rest, and the server is asked
   * again. Before the first answer of a session the first fault ends it.
   */
  readonly maxAwayS?: number;
  /** The largest message that is read [bytes], from 1024 to 1 GiB. Default 16 MiB. */
  readonly maxAnswerBytes?: number;
  /**
   * Called with each fault that does not end a session. Default: the first one since the last answer becomes a warning of
   * the process with code `KILOHERTZ_SERVER`.
   */
  readonly onFault?: (error: ServerError) => void;
  /** Ends the attempt to connect when it aborts. */
  readonly signal?: AbortSignal;
}

/** The names of these options. */
export const SERVER_OPTIONS: readonly (keyof PolicyServerOptions)[] = [
  ...CHUNKED_OPTIONS,
  'observe',
  'actions',
  'dtS',
  'onReset',
  'timeoutS',
  'connectTimeoutS',
  'maxAwayS',
  'maxAnswerBytes',
  'onFault',
  'signal',
];

/** A policy that asks a server, made by {@link openpiPolicy} or {@link gr00tPolicy}. It may run in one session after the other. */
export interface ServerPolicy<Action = unknown>
  extends ChunkedPolicy<RobotState, Action>,
    AsyncDisposable {
  /** The URL of the server, without a user name, a password or a query. */
  readonly url: string;
  /** What the server has told of itself when it was connected to last. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** What has happened so far. */
  readonly stats: ServerStats;
  /**
   * Asks the server without a session: to warm a model up, or to see what it answers. `timeoutS` replaces that of the
   * policy.
   *
   * @throws {ServerError}
   * @throws {AbortError} if the signal aborts
   */
  infer(observation: ServerObservation, limits?: CallLimits): Promise<ServerAnswer>;
  /** Closes the connection. A session that runs the policy ends with `SERVER_CLOSED` when it asks the next time. */
  close(): Promise<void>;
}

/** The limits with their defaults, and how chunks are played. */
export interface ServerLimits {
  readonly chunks: CheckedChunkedOptions;
  readonly timeoutS: number;
  readonly connectTimeoutS: number;
  readonly maxAwayS: number;
  readonly maxAnswerBytes: number;
}

/**
 * Checks what all servers have in common, and returns the limits.
 *
 * @throws {OptionTypeError | OptionRangeError}
 */
export function checkServerOptions<Action>(options: PolicyServerOptions<Action>): ServerLimits {
  const { timeoutS = 10, connectTimeoutS = 10, maxAwayS = 10, signal } = options;
  const { maxAnswerBytes = 2 ** 24 } = options;
  checkSignal(signal);
  checkFunction('observe', options.observe, 'a function that returns what the server is told');
  checkFunction('actions', options.actions, 'a function that returns the actions of a chunk');
  for (const name of ['onReset', 'onFault'] as const) {
    if (options[name] !== undefined) checkFunction(name, options[name], 'a function');
  }
  checkNumber('dtS', options.dtS, { from: 1e-4, to: 60, unit: 's' });
  const limit = { from: 0, to: 3600, above: true, unit: 's' };
  const bytes = { from: 1024, to: 2 ** 30, integer: true, unit: 'bytes' };
  return {
    chunks: checkChunkedOptions(options),
    timeoutS: checkNumber('timeoutS', timeoutS, limit),
    connectTimeoutS: checkNumber('connectTimeoutS', connectTimeoutS, limit),
    maxAwayS: checkNumber('maxAwayS', maxAwayS, { from: 0, to: LONGEST_S, unit: 's' }),
    maxAnswerBytes: checkNumber('maxAnswerBytes', maxAnswerBytes, bytes),
  };
}

function checkFunction(option: string, value: unknown, expected: string): void {
  if (typeof value === 'function') return;
  throw new OptionTypeError(codeOf(option), option, value, expected);
}

/**
 * Returns the URL of a server.
 *
 * @throws {OptionTypeError | OptionRangeError} `OPTION_URL`
 */
export function checkServerUrl(
  url: unknown,
  protocols: readonly string[],
  example: string,
  needsPort = false,
): URL {
  const expected = `the URL of a policy server, as '${example}'`;
  if (typeof url !== 'string' && !isUrl(url)) {
    throw new OptionTypeError('OPTION_URL', 'url', url, expected);
  }
  const parsed = URL.canParse(String(url)) ? new URL(String(url)) : undefined;
  const hasPlace = parsed !== undefined && parsed.host !== '' && !(needsPort && parsed.port === '');
  if (!hasPlace || !protocols.includes(parsed.protocol)) {
    throw new OptionRangeError('OPTION_URL', 'url', url, expected);
  }
  if (parsed.hash === '') return parsed;
  throw new OptionRangeError('OPTION_URL', 'url', url, `${expected}, with nothing behind a #`);
}

/** @throws {OptionTypeError | OptionRangeError} `OPTION_API_KEY`; the message does not show the key */
export function checkKey(key: unknown): string {
  const expected = 'visible characters of ASCII';
  if (typeof key !== 'string') {
    throw new OptionTypeError('OPTION_API_KEY', 'apiKey', key, expected);
  }
  if (/^[\x21-\x7e]+$/.test(key)) return key;
  const received = key === '' ? key : 'a text with other characters';
  throw new OptionRangeError('OPTION_API_KEY', 'apiKey', received, expected);
}

/** Whether a server is on this machine. */
export function isHere({ hostname }: URL): boolean {
  const name = hostname.replace(/^\[|\]$/g, '');
  return name === 'localhost' || (isIP(name) !== 0 && isLoopback(name));
}

/** Warns of a key that others can read. */
export function warnOfKey({ host, protocol }: URL, instead: string): void {
  const message = `the apiKey for ${host} goes over ${protocol}//: everybody on the way can read it${instead}`;
  process.emitWarning(message, { code: 'KILOHERTZ_API_KEY' });
}

/** Returns the bytes of what a server is told, in `memory` if that is large enough. */
type FrameOf = (observation: ServerObservation, memory: ArrayBuffer | undefined) => Frame;

/** What is special about a protocol. */
export interface ServerProtocol {
  readonly frameOf: FrameOf;
  /** Returns the request that begins an episode, where there is one. */
  readonly resetFrame?: () => Frame;
}

/** Makes the policy that asks over a connection. */
export function makeServerPolicy<Action>(
  url: URL,
  connection: ServerConnection,
  options: PolicyServerOptions<Action>,
  limits: ServerLimits,
  protocol: ServerProtocol,
): ServerPolicy<KnownAction<Action>> {
  const asker = new Asker(connection, options, limits, protocol);
  const members = {
    url: `${url.protocol}//${url.host}${url.pathname}`,
    get metadata(): Readonly<Record<string, unknown>> {
      return connection.metadata.value as Readonly<Record<string, unknown>>;
    },
    get stats(): ServerStats {
      return connection.stats;
    },
    async infer(observation: ServerObservation, given: CallLimits = {}): Promise<ServerAnswer> {
      const { signal, timeoutS = limits.timeoutS } = checkCallLimits(given);
      throwIfAborted(signal, CALLED);
      return orAborted(asker.infer(observation, timeoutS), signal, CALLED);
    },
    close: () => connection.close(),
    [Symbol.asyncDispose]: () => connection.close(),
  };
  return makeChunked(asker.policy(), limits.chunks, members);
}

type Chunk<Action> = ActionChunk<Action> | undefined;

/** What is known of the server in a session. */
interface Known {
  hasAnswered: boolean;
  /** Since when no answer could be used [ms]; undefined while answers can be. */
  awaySinceMs: number | undefined;
  hasWarned: boolean;
}

/** Asks a server for a session, and decides what becomes of faults. */
class Asker<Action> {
  readonly #connection: ServerConnection;
  readonly #options: PolicyServerOptions<Action>;
  readonly #limits: ServerLimits;
  readonly #protocol: ServerProtocol;
  /** Whether the server is to be told that an episode begins. */
  #isReset = false;
  /** Of the newest session: an answer of the one before says nothing of this one. */
  #known: Known = { hasAnswered: false, awaySinceMs: undefined, hasWarned: false };

  constructor(
    connection: ServerConnection,
    options: PolicyServerOptions<Action>,
    limits: ServerLimits,
    protocol: ServerProtocol,
  ) {
    this.#connection = connection;
    this.#options = options;
    this.#limits = limits;
    this.#protocol = protocol;
    connection.onLost((error) => this.#tell(error, this.#known));
  }

  /** Returns the policy of sessions. */
  policy(): Policy<RobotState, Chunk<Action>> {
    const policy = (state: RobotState, tick: Tick): Chunk<Action> | Promise<Chunk<Action>> => {
      // Only the first question of a session has no period.
      if (tick.periodS === 0) {
        this.#known = { hasAnswered: false, awaySinceMs: undefined, hasWarned: false };
      }
      const known = this.#known;
      // An answer that waited for the connection would be one for an old state.
      if (known.hasAnswered && !this.#connection.isConnected) {
        this.#away(this.#connection.newestError(), known);
        return undefined;
      }
      return this.#ask(state, tick, known);
    };
    const { onReset } = this.#options;
    const reset = (): void | Promise<void> => {
      // The server is told with the next question, and what goes wrong with it counts as what goes wrong with that.
      this.#isReset = true;
      return onReset?.();
    };
    return Object.assign(policy, { reset });
  }

  async infer(observation: ServerObservation, timeoutS: number): Promise<ServerAnswer> {
    const connection = this.#connection;
    let leftS = timeoutS;
    if (!connection.isConnected) {
      const sinceMs = performance.now();
      await connection.connected(timeoutS);
      // The limit is that of the whole call.
      leftS = Math.max(timeoutS - (performance.now() - sinceMs) / 1e3, 0);
    }
    const frame = this.#protocol.frameOf(observation, connection.takeMemory());
    const read = await connection.ask(frame, leftS);
    connection.judged(true);
    return new ServerAnswer(read, (fault) => connection.errorOf(fault));
  }

  async #ask(state: RobotState, tick: Tick, known: Known): Promise<Chunk<Action>> {
    const { observe, dtS } = this.#options;
    const connection = this.#connection;
    const { timeoutS, connectTimeoutS } = this.#limits;
    try {
      await connection.connected(connectTimeoutS);
      await this.#beginEpisode();
      const observation = await observe(state, tick);
      const frame = this.#protocol.frameOf(observation, connection.takeMemory());
      const read = await connection.ask(frame, timeoutS);
      const answer = new ServerAnswer(read, (fault) => connection.errorOf(fault));
      const actions = this.#actions(answer, { state, tick });
      known.hasAnswered = true;
      known.awaySinceMs = undefined;
      known.hasWarned = false;
      return actions === undefined ? undefined : { actions, dtS };
    } catch (error) {
      if (!(error instanceof ServerError) || !known.hasAnswered) throw error;
      this.#away(error, known);
      this.#tell(error, known);
      return undefined;
    }
  }

  /** Tells the server that an episode begins, if it is to be told. */
  async #beginEpisode(): Promise<void> {
    const { resetFrame } = this.#protocol;
    if (!this.#isReset || resetFrame === undefined) return;
    await this.#connection.ask(resetFrame(), this.#limits.timeoutS);
    this.#isReset = false;
  }

  /** Returns the actions of an answer, and counts whether it could be used. */
  #actions(
    answer: ServerAnswer,
    asked: ServerQuestion,
  ): ActionChunk<Action>['actions'] | undefined {
    let isUsed = false;
    try {
      const actions = this.#options.actions(answer, asked);
      isUsed = true;
      return actions;
    } finally {
      this.#connection.judged(isUsed);
    }
  }

  /**
   * The server gives no answer that can be used.
   *
   * @throws {ServerError} if that has lasted for too long
   */
  #away(error: ServerError, known: Known): void {
    const { code, message, received, expected, traceback } = error;
    const { maxAwayS } = this.#limits;
    if (code === 'SERVER_CLOSED' || maxAwayS === 0) throw error;
    const now = performance.now();
    known.awaySinceMs ??= now;
    if (now - known.awaySinceMs < maxAwayS * 1e3) return;
    const since = `there was no answer that can be used for ${numberText(maxAwayS)} s (maxAwayS):`;
    throw new ServerError(code, `${since} ${message}`, { received, expected, traceback });
  }

  #tell(error: ServerError, known: Known): void {
    const { onFault } = this.#options;
    if (onFault) onFault(error);
    else if (!known.hasWarned) process.emitWarning(error.message, { code: 'KILOHERTZ_SERVER' });
    known.hasWarned = true;
  }
}
