// The answering end of a line: takes calls, runs them, and sends their results.

import { setImmediate as turn } from 'node:timers/promises';
import { withArticle } from '../errors/describe.ts';
import { OffloadError } from '../errors/errors.ts';
import { calling } from '../errors/native-call.ts';
import type { NativeLine } from '../native/binding.ts';
import { ANSWER, CALL, LOGGED } from '../native/contract.ts';
import { isPromise, settled } from '../promise.ts';
import { Packer } from './codec/packer.ts';
import { Unpacker } from './codec/unpacker.ts';
import { type Path, readAll } from './line.ts';

/** How long the server polls for the next call before it sleeps [s]. */
const SPIN_S = 0;
/** How long the server sleeps at a time [s]. A worker cannot be terminated during this time. */
const SLEEP_S = 0.1;
/** The total size of borrowed arrays from which garbage is collected [bytes]. The arrays should fit into a cache. */
const COLLECT_AT = 4 * 2 ** 20;
/** The interval of a timer that only keeps a thread alive [ms]. */
const LONG_MS: number = 2 ** 30;
/** How many calls in a row are answered without a turn of the event loop, and for how long [ms]. */
const CALLS_A_TURN = 16;
const TURN_MS = 1;

interface Call {
  readonly id: number;
  readonly kind: number;
  readonly path: Path;
  readonly args: readonly unknown[];
  /** Takes the arrays of the call back. Called when the call is over. */
  readonly revoke: (() => void) | undefined;
}

type AnyIterator = Iterator<unknown> | AsyncIterator<unknown>;

/** An iterator that a call returned. */
interface Walk {
  readonly iterator: AnyIterator;
  /** The `revoke` of that call: the iterator may use the call's arrays until it ends. */
  readonly revoke: (() => void) | undefined;
}

export interface ServerOptions {
  /** Makes the object of the calls, from the arguments of the first call. */
  readonly make: (...args: readonly unknown[]) => Promise<unknown>;
  /**
   * Runs the object as the policy of a session. `tell` sends what is told meanwhile, as an answer of this kind; it returns
   * false if there is no room.
   */
  readonly runPolicy?: (
    tell: (kind: number, message: readonly unknown[]) => boolean,
    ...args: readonly unknown[]
  ) => Promise<unknown>;
  /** Collects garbage quickly. Called when dropped arrays might fill the shared memory. */
  readonly collect?: () => void;
  /** Whether each call, also an asynchronous one, has to be over before the next begins. */
  readonly ordered: boolean;
  /** Whether the arrays of a call are taken back when the call is over. */
  readonly revokes: boolean;
  /** The resources that exist without any work, with the names of `process.getActiveResourcesInfo`. */
  readonly furniture?: readonly string[];
}

/**
 * Answers calls until the line is closed. While nothing else is pending in this thread, it sleeps inside the addon,
 * because a call is then answered fastest. While a call, a timer or a socket is pending, the event loop waits for calls
 * too.
 */
export async function serve(native: NativeLine, options: ServerOptions): Promise<void> {
  await new Server(native, options).serve();
}

class Server {
  readonly #native: NativeLine;
  readonly #options: ServerOptions;
  readonly #packer: Packer;
  #tellPacker: Packer | undefined;
  readonly #unpacker: Unpacker;
  readonly #inbox: Call[] = [];
  /** The calls that have begun but are not over. */
  readonly #running: Set<number> = new Set();
  readonly #cancelled: Set<number> = new Set();
  readonly #iterators: Map<number, Walk> = new Map();
  #nextIterator = 0;
  #collectAt: number = COLLECT_AT;
  #root: unknown;
  /** The first assignment that failed, until a call reports it. */
  #failedSet: { readonly error: unknown } | undefined;
  #woken: (() => void) | undefined;

  constructor(native: NativeLine, options: ServerOptions) {
    this.#native = native;
    this.#options = options;
    this.#packer = new Packer(native, true);
    const { revokes: revocable } = options;
    // This end belongs to the caller, so the caller's messages have no size limit.
    const longest = Number.POSITIVE_INFINITY;
    this.#unpacker = new Unpacker(native, { revocable, longest, clones: true });
  }

  async serve(): Promise<void> {
    let calls = 0;
    let turnAt = 0;
    let sleepS = 0;
    for (;;) {
      this.#take(sleepS > 0 ? SPIN_S : 0, sleepS);
      sleepS = 0;
      const call = this.#inbox.shift();
      if (call) {
        const done = this.#begin(call);
        if (done && this.#options.ordered) await lasting(done);
        calls += 1;
        if (calls < CALLS_A_TURN && performance.now() < turnAt) {
          if (await this.#isIdle()) sleepS = SLEEP_S;
          continue;
        }
      } else if (this.#running.size === 0 && this.#isOver()) {
        return;
      }
      // Timers, sockets and finalizers get a turn of the event loop.
      await this.#turn();
      calls = 0;
      turnAt = performance.now() + TURN_MS;
      if (await this.#isIdle()) sleepS = SLEEP_S;
      else if (this.#inbox.length === 0) await this.#awaitWake();
    }
  }

  /** Whether nothing is pending in this thread, so that it may sleep while its event loop does not turn. */
  async #isIdle(): Promise<boolean> {
    if (this.#inbox.length > 0 || this.#running.size > 0) return false;
    await settling();
    return !this.#isBusy();
  }

  /**
   * Whether the line is closed and no call is left. Everything that was sent before the line was closed has arrived
   * then.
   */
  #isOver(): boolean {
    if (!this.#native.closed) return false;
    this.#take();
    return this.#inbox.length === 0;
  }

  /**
   * Gives the event loop a turn. If many arrays are held, garbage is collected, so that dropped arrays are given back.
   */
  async #turn(): Promise<void> {
    const collects = this.#native.heldBytes >= this.#collectAt;
    if (collects) this.#options.collect?.();
    await turn();
    // The arrays that are left are in use. The next collection makes sense when as much has been added.
    if (collects) this.#collectAt = Math.max(COLLECT_AT, 2 * this.#native.heldBytes);
  }

  /** Whether anything else keeps the event loop alive. */
  #isBusy(): boolean {
    const resources = process.getActiveResourcesInfo();
    const { furniture = [] } = this.#options;
    if (resources.length > furniture.length) return true;
    const left = [...furniture];
    return resources.some((name) => {
      const place = left.indexOf(name);
      if (place >= 0) left.splice(place, 1);
      return place < 0;
    });
  }

  /** Waits in the event loop for the next call, or for the end of one that is pending. */
  async #awaitWake(): Promise<void> {
    const woken = new Promise<void>((resolve) => {
      this.#woken = resolve;
    });
    this.#native.listen(() => this.#woken?.());
    this.#native.hold(true);
    this.#park();
    const isOver = this.#native.closed && this.#running.size === 0;
    if (this.#inbox.length > 0 || isOver) this.#woken?.();
    await woken;
    this.#woken = undefined;
    this.#native.deafen();
  }

  /**
   * Takes the calls that are there. If there is no call, waits for one, at most for `limitS` [s], and polls for the
   * first `spinS`.
   */
  #take(spinS: number = 0, limitS: number = 0): void {
    const first = calling(() => this.#native.next(this.#unpacker.bytes, spinS, limitS));
    readAll(this.#unpacker, this.#next, this.#taken, first);
  }

  /** Takes the calls that are there. The next call then wakes this thread. */
  #park(): void {
    readAll(this.#unpacker, () => this.#native.take(this.#unpacker.bytes, true), this.#taken);
  }

  readonly #next = (): number => this.#native.next(this.#unpacker.bytes, 0, 0);

  readonly #taken = (length: number): void => {
    const id = this.#unpacker.begin(length);
    const { kind } = this.#unpacker;
    const path = this.#unpacker.value() as Path;
    const args = this.#unpacker.value() as readonly unknown[];
    if (kind === CALL.cancel) {
      const place = this.#inbox.findIndex((call) => call.id === args[0]);
      if (place >= 0) this.#inbox.splice(place, 1);
      else if (this.#running.has(args[0] as number)) this.#cancelled.add(args[0] as number);
    } else {
      this.#inbox.push({ id, kind, path, args, revoke: this.#unpacker.revoker });
    }
  };

  /** Runs a call. Returns a promise if the call is not over at once; the promise never rejects. */
  #begin(call: Call): Promise<void> | undefined {
    try {
      const result = this.#run(call);
      if (call.kind === CALL.set) return undefined;
      if (!isPromise(result)) {
        this.#answer(call, result);
        return undefined;
      }
      this.#running.add(call.id);
      return settled(result)
        .then((value) => this.#answer(call, value))
        .catch((error) => this.#send(call, ANSWER.error, error))
        .then(() => {
          this.#running.delete(call.id);
          this.#woken?.();
        });
    } catch (error) {
      if (call.kind === CALL.set) this.#failedSet ??= { error };
      else this.#send(call, ANSWER.error, error);
      return undefined;
    }
  }

  #run({ id, kind, path, args }: Call): unknown {
    if (this.#failedSet && kind !== CALL.set) {
      const { error } = this.#failedSet;
      this.#failedSet = undefined;
      throw error;
    }
    switch (kind) {
      case CALL.make:
        return this.#options.make(...args).then((root) => {
          this.#root = root;
        });
      case CALL.call: {
        const { owner, name, value } = this.#find(path);
        if (typeof value !== 'function') throw noFunction(owner, name, value);
        return value.apply(owner, args);
      }
      case CALL.get:
        return this.#find(path).value;
      case CALL.set: {
        const { owner, name } = this.#find(path);
        (owner as Record<string, unknown>)[name] = args[0];
        return undefined;
      }
      case CALL.next:
        return this.#iterators.get(args[0] as number)?.iterator.next();
      case CALL.return:
        return this.#iterators.get(args[0] as number)?.iterator.return?.();
      case CALL.runPolicy:
        return this.#options.runPolicy?.((...told) => this.#tell(id, ...told), ...args);
      default:
        throw new OffloadError('OFFLOAD_PROTOCOL', `${kind} is no kind of call`);
    }
  }

  /** Returns the value at a path, and its owner. */
  #find(path: Path): { owner: unknown; name: string; value: unknown } {
    const names = typeof path === 'string' ? [path] : path;
    let owner: unknown;
    let value = this.#root;
    let name = '';
    for (const [nth, next] of names.entries()) {
      owner = value;
      name = next;
      if (owner === null || owner === undefined) throw noMember(names.slice(0, nth), owner, name);
      value = (owner as Record<string, unknown>)[name];
    }
    return { owner, name, value };
  }

  #answer(call: Call, value: unknown): Promise<void> | undefined {
    if (call.kind === CALL.next) {
      const step = value as IteratorResult<unknown> | undefined;
      const sent = this.#send(call, ANSWER.value, step ?? { done: true, value: undefined });
      if (step === undefined || step.done) this.#endWalk(call);
      return sent;
    }
    const iterator = call.kind === CALL.return ? undefined : iteratorOf(value);
    if (!iterator) return this.#send(call, ANSWER.value, value);
    const number = this.#nextIterator;
    this.#nextIterator += 1;
    this.#iterators.set(number, { iterator, revoke: call.revoke });
    return this.#send({ ...call, revoke: undefined }, ANSWER.iterator, number);
  }

  #endWalk({ args }: Call): void {
    const number = args[0] as number;
    const walk = this.#iterators.get(number);
    this.#iterators.delete(number);
    walk?.revoke?.();
  }

  /** Sends what is told in a call that goes on. Returns false if there is no room. */
  #tell(id: number, kind: number, message: readonly unknown[]): boolean {
    const native = this.#native;
    if (native.lentBytes > LOGGED.most) return false;
    // The other packer may be at work.
    this.#tellPacker ??= new Packer(native, true);
    const packer = this.#tellPacker;
    packer.begin(id, kind);
    let isSent = false;
    try {
      packer.value(message, 'what was logged');
      isSent = calling(() => native.send(packer.bytes, packer.length));
    } finally {
      if (!isSent) packer.discard();
    }
    return isSent;
  }

  #send(call: Call, kind: number, value: unknown): Promise<void> | undefined {
    if (call.kind === CALL.return) this.#endWalk(call);
    const sent = this.#trySend(call, kind, value);
    if (sent) return sent.then(call.revoke);
    call.revoke?.();
    return undefined;
  }

  #trySend(call: Call, kind: number, value: unknown): Promise<void> | undefined {
    // No caller waits for it any more, but the caller still has to end an iterator.
    if (this.#cancelled.delete(call.id) && kind !== ANSWER.iterator) return undefined;
    const packer = this.#packer;
    packer.begin(call.id, kind);
    try {
      if (kind === ANSWER.error) packer.thrown(value);
      else packer.value(value, `the result of ${String(call.path)}`);
    } catch (error) {
      packer.discard();
      packer.begin(call.id, ANSWER.error);
      packer.thrown(error);
    }
    if (calling(() => this.#native.send(packer.bytes, packer.length))) return undefined;
    // The caller is far behind. Messages that it has not taken must not get lost.
    packer.discard();
    return turn().then(() => this.#trySend(call, kind, value));
  }
}

/** Lets the reactions of all settled promises run, and the reactions that follow from them. */
function settling(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

/** Awaits a promise, and keeps the thread alive meanwhile, because nothing else may do so. */
async function lasting(done: Promise<void>): Promise<void> {
  const alive = setInterval(() => undefined, LONG_MS);
  await done;
  clearInterval(alive);
}

/** Returns the iterator of a generator or another iterator. Arrays and other collections are not iterators. */
function iteratorOf(value: unknown): AnyIterator | undefined {
  if (value === null || typeof value !== 'object') return undefined;
  const walked = value as Partial<AsyncIterable<unknown> & Iterable<unknown> & Iterator<unknown>>;
  if (typeof walked[Symbol.asyncIterator] === 'function') return walked[Symbol.asyncIterator]?.();
  if (typeof walked[Symbol.iterator] === 'function' && typeof walked.next === 'function') {
    return walked[Symbol.iterator]?.();
  }
  return undefined;
}

/** What the calls are of, for messages. */
const WHOLE = 'what was made';

function kindOf(value: unknown): string {
  return value === null || value === undefined ? String(value) : withArticle(typeof value);
}

function noMember(path: readonly string[], owner: unknown, name: string): OffloadError {
  const message = `${path.join('.') || WHOLE} is ${kindOf(owner)}, and has no ${name || 'call'}`;
  return new OffloadError('OFFLOAD_NOT_FOUND', message);
}

function noFunction(owner: unknown, name: string, value: unknown): OffloadError {
  // What was made has no owner: its own names are told.
  const asked = name === '' ? value : owner;
  const names = asked !== null && typeof asked === 'object' ? namesOf(asked) : [];
  return new OffloadError(
    'OFFLOAD_NOT_FOUND',
    `${name || WHOLE} is ${value === undefined ? 'not there' : kindOf(value)}; ` +
      `expected a function. There is ${names.join(', ') || 'nothing'}`,
  );
}

/** Returns the property names of an object and of its class, without those that every object has. */
function namesOf(object: object): string[] {
  const names = new Set<string>();
  for (let at: object | null = object; at && at !== Object.prototype; ) {
    for (const name of Object.getOwnPropertyNames(at)) names.add(name);
    at = Object.getPrototypeOf(at);
  }
  names.delete('constructor');
  return [...names];
}
