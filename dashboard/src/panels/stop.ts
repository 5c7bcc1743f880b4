// The stop. It brings an arm to rest as `session.stop()` does, and is no emergency stop.

import { find, setText } from '../dom.ts';
import type { ArmInfo, Asked } from '../protocol.ts';

/** An arm comes to rest in less than a second; after this it is said that it did not [ms]. */
const ANSWER_MS = 3000;
/** A stop that could not be sent is sent when the link is back, if that is not later than this [ms]. */
const KEPT_MS = 10_000;

type Send = (asked: Asked) => boolean;

export class Stop {
  readonly #button = find<HTMLButtonElement>('stop');
  readonly #state = find('stop-state');
  readonly #root = find('stop-block');
  readonly #send: Send;
  readonly #arms: () => readonly ArmInfo[];
  #isKnown = false;
  #unsent: { arm: number | null; atMs: number } | undefined;
  #waiting: { arms: number[]; atMs: number } | undefined;

  constructor(send: Send, arms: () => readonly ArmInfo[]) {
    this.#send = send;
    this.#arms = arms;
    // Not on `click`: the arm is stopped when the finger comes down.
    this.#button.addEventListener('pointerdown', () => this.press(null));
    this.#button.addEventListener('click', (event) => {
      // By a keyboard or by what reads the screen: without a pointer.
      if (event.detail === 0) this.press(null);
    });
    setInterval(() => {
      if (this.isVisible) this.update();
    }, 200);
  }

  /** Shows the stop only where there is something to stop. */
  setVisible(isVisible: boolean): void {
    this.#root.hidden = !isVisible;
    this.#isKnown = true;
    if (isVisible) this.update();
  }

  /** Before the server has said what there is, nothing can be stopped. */
  get isVisible(): boolean {
    return this.#isKnown && !this.#root.hidden;
  }

  /** Stops an arm, or all of them. */
  press(arm: number | null): void {
    const running = this.#arms().filter(({ id, isRunning }) => isRunning && (arm ?? id) === id);
    if (!this.#send({ type: 'stop', arm })) {
      this.#unsent = { arm, atMs: performance.now() };
      this.#waiting = undefined;
    } else {
      this.#unsent = undefined;
      this.#waiting = { arms: running.map(({ id }) => id), atMs: performance.now() };
    }
    this.update();
  }

  /** Sends what could not be sent while there was no link. */
  onOpen(): void {
    const unsent = this.#unsent;
    if (unsent !== undefined && performance.now() - unsent.atMs <= KEPT_MS) this.press(unsent.arm);
    this.#unsent = undefined;
    if (this.isVisible) this.update();
  }

  update(): void {
    const [text, kind] = this.#told();
    setText(this.#state, text);
    this.#root.dataset['state'] = kind;
  }

  #told(): [text: string, kind: string] {
    if (this.#unsent !== undefined)
      return ['NOT SENT: no connection. Use the emergency stop.', 'failed'];
    const all = this.#arms();
    if (this.#waiting !== undefined) {
      const { arms, atMs } = this.#waiting;
      const moving = all.filter(({ id, isRunning }) => isRunning && arms.includes(id));
      if (moving.length > 0) {
        if (performance.now() - atMs < ANSWER_MS) return ['stop sent, coming to rest …', 'sent'];
        const names = moving.map(({ name }) => name).join(', ');
        return [`${names} still runs! Use the emergency stop.`, 'failed'];
      }
      if (!all.some(({ isRunning }) => isRunning))
        return ['stopped: the session has ended', 'done'];
    }
    const running = all.filter(({ isRunning }) => isRunning).length;
    if (running === 0) return ['no session runs', 'idle'];
    return [running === 1 ? '1 session runs' : `${running} sessions run`, 'ready'];
  }
}
