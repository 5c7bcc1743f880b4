// The stop. It brings an arm to rest as `session.stop()` does, and is no emergency stop.

import { find, setText } from '../dom.ts';
import type { ArmInfo, Asked } from '../protocol.ts';

/** An arm comes to rest in less than a second; after this it is said that it did not [ms]. */
const ANSWER_MS = 3000;
/** A stop that is not acknowledged is asked for again after this [ms], and after this it is said that it was not. */
const AGAIN_MS = 500;
const UNHEARD_MS = 1000;
/** A stop is asked for again until this long after it was pressed, also when the link is back [ms]. */
const KEPT_MS = 10_000;
/** How long it is told that there was nothing to stop [ms]. */
const TOLD_MS = 6000;

type Send = (asked: Asked) => boolean;

interface Pressed {
  readonly arm: number | null;
  readonly number: number;
  readonly atMs: number;
  /** When it was sent last; undefined if it could not be. */
  sentAtMs: number | undefined;
  /** How many sessions and moves the server has asked to end; undefined until it says so. */
  asked: number | undefined;
  isOver: boolean;
  /** True once something runs again. */
  isPast: boolean;
}

export class Stop {
  readonly #button = find<HTMLButtonElement>('stop');
  readonly #state = find('stop-state');
  readonly #root = find('stop-block');
  readonly #send: Send;
  readonly #arms: () => readonly ArmInfo[];
  #isKnown = false;
  #number = 0;
  /** The stops that were pressed: the last, and before it those that were not acknowledged. */
  #presses: Pressed[] = [];

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
      this.#sendAgain();
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
    this.#number += 1;
    const pressed = {
      ...{ arm, number: this.#number, atMs: performance.now() },
      ...{ sentAtMs: undefined, asked: undefined, isOver: false, isPast: false },
    };
    const isUnheard = (each: Pressed) => each.asked === undefined && this.#isKept(each);
    this.#presses = [...this.#presses.filter(isUnheard), pressed];
    this.#ask(pressed);
    this.update();
  }

  /** Asks again when everything is told anew: a stop or its answer may be lost. */
  onOpen(): void {
    for (const pressed of this.#presses) {
      if (pressed.isOver || !this.#isKept(pressed)) continue;
      pressed.asked = undefined;
      this.#ask(pressed);
    }
    if (this.isVisible) this.update();
  }

  onStopping(number: number, asked: number): void {
    const pressed = this.#presses.find((each) => each.number === number);
    if (pressed !== undefined) pressed.asked = asked;
    this.update();
  }

  onStopped(number: number): void {
    const pressed = this.#presses.find((each) => each.number === number);
    if (pressed !== undefined) pressed.isOver = true;
    this.update();
  }

  /** A session has begun. */
  onBegin(): void {
    for (const pressed of this.#presses) if (pressed.isOver) pressed.isPast = true;
  }

  update(): void {
    const [text, kind] = this.#told();
    setText(this.#state, text);
    this.#root.dataset['state'] = kind;
  }

  #isKept({ atMs }: Pressed): boolean {
    return performance.now() - atMs <= KEPT_MS;
  }

  #ask(pressed: Pressed): void {
    const { arm, number } = pressed;
    if (this.#send({ type: 'stop', arm, number })) pressed.sentAtMs = performance.now();
  }

  #sendAgain(): void {
    const nowMs = performance.now();
    for (const pressed of this.#presses) {
      const { sentAtMs, asked } = pressed;
      if (sentAtMs === undefined || asked !== undefined || !this.#isKept(pressed)) continue;
      if (nowMs - sentAtMs >= AGAIN_MS) this.#ask(pressed);
    }
  }

  #told(): [text: string, kind: string] {
    const all = this.#arms();
    const pressed = this.#presses.at(-1);
    if (pressed !== undefined && !pressed.isPast) {
      const told = this.#toldOf(pressed, all);
      if (told !== undefined) return told;
    }
    const running = all.filter(({ isRunning }) => isRunning).length;
    if (running === 0) return ['no session runs', 'idle'];
    return [running === 1 ? '1 session runs' : `${running} sessions run`, 'ready'];
  }

  #toldOf(pressed: Pressed, all: readonly ArmInfo[]): [string, string] | undefined {
    const { arm, sentAtMs, asked, isOver } = pressed;
    const sinceMs = performance.now() - pressed.atMs;
    if (sentAtMs === undefined)
      return ['NOT SENT: no connection. Use the emergency stop.', 'failed'];
    if (asked === undefined) {
      if (sinceMs < UNHEARD_MS) return ['stop sent …', 'sent'];
      return ['NO ANSWER to the stop. Use the emergency stop.', 'failed'];
    }
    const running = all.filter(({ id, isRunning }) => isRunning && (arm ?? id) === id);
    if (asked === 0) {
      const isNews = sinceMs < TOLD_MS && running.length === 0;
      return isNews ? ['nothing was moving: nothing was stopped', 'idle'] : undefined;
    }
    if (isOver)
      return arm === null || running.length === 0
        ? ['stopped: the session has ended', 'done']
        : undefined;
    if (sinceMs < ANSWER_MS) return ['stop sent, coming to rest …', 'sent'];
    const names = running.map(({ name }) => name).join(', ') || 'something';
    return [`${names} still runs! Use the emergency stop.`, 'failed'];
  }
}
