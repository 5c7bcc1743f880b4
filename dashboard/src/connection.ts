// The connection to the server: opened again when it is lost, and known to be lost when nothing comes any more.

import type { Asked } from './protocol.ts';

/** How long until the first try, and at most between two [ms]. */
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 4000;
/** The server tells of a session that runs four times a second; a link that is silent for so long is lost [ms]. */
const SILENCE_MS = 2500;

export type Link =
  | { state: 'connecting' }
  | { state: 'open' }
  | { state: 'lost'; sinceMs: number; retryAtMs: number };

export interface Listener {
  onText(text: string): void;
  onBytes(bytes: ArrayBuffer): void;
  onLink(link: Link): void;
  /** Whether the server has something to say all the time. */
  expectsNews(): boolean;
}

export class Connection {
  readonly #address: URL;
  readonly #listener: Listener;
  #socket: WebSocket | undefined;
  #retry = 0;
  #waitMs = FIRST_WAIT_MS;
  #lostSinceMs: number | undefined;
  #heardAtMs = 0;

  constructor(address: URL, listener: Listener) {
    this.#address = address;
    this.#listener = listener;
    // A page that was hidden, or a phone that slept, tries at once.
    const wake = () => {
      if (document.visibilityState === 'visible' && this.#socket === undefined) this.#open();
    };
    document.addEventListener('visibilitychange', wake);
    window.addEventListener('online', wake);
    setInterval(() => this.#watch(), SILENCE_MS / 5);
    this.#open();
  }

  get isOpen(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Sends what is asked; returns false if the link is not open. */
  ask(asked: Asked): boolean {
    if (!this.isOpen) return false;
    this.#socket?.send(JSON.stringify(asked));
    return true;
  }

  #open(): void {
    clearTimeout(this.#retry);
    if (this.#lostSinceMs === undefined) this.#listener.onLink({ state: 'connecting' });
    const socket = new WebSocket(this.#address);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    this.#heardAtMs = performance.now();
    socket.addEventListener('open', () => {
      if (this.#socket !== socket) return;
      this.#lostSinceMs = undefined;
      this.#heardAtMs = performance.now();
      this.#listener.onLink({ state: 'open' });
    });
    socket.addEventListener('message', ({ data }) => {
      if (this.#socket !== socket) return;
      this.#heardAtMs = performance.now();
      this.#waitMs = FIRST_WAIT_MS;
      if (typeof data === 'string') this.#listener.onText(data);
      else this.#listener.onBytes(data);
    });
    socket.addEventListener('close', () => this.#lose(socket));
  }

  #watch(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    const isSilent = performance.now() - this.#heardAtMs > SILENCE_MS;
    const isExpected = socket.readyState !== WebSocket.OPEN || this.#listener.expectsNews();
    if (!isSilent || !isExpected) return;
    // `close` of a dead link may take a minute until it is told.
    this.#lose(socket);
    socket.close();
  }

  #lose(socket: WebSocket): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    const nowMs = performance.now();
    this.#lostSinceMs ??= nowMs;
    const retryAtMs = nowMs + this.#waitMs;
    this.#retry = window.setTimeout(() => this.#open(), this.#waitMs);
    this.#waitMs = Math.min(2 * this.#waitMs, LONGEST_WAIT_MS);
    this.#listener.onLink({ state: 'lost', sinceMs: this.#lostSinceMs, retryAtMs });
  }
}
