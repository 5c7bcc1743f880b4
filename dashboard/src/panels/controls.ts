// The controls: they move an arm while no program does. What they move goes on only while this page answers the
// server's beats, and is in view.

import { button, element, find, setText } from '../dom.ts';
import type { ArmInfo, Asked, PageCommand } from '../protocol.ts';

const JOINTS = [0, 1, 2, 3, 4, 5, 6];
const ACTIONS: readonly (readonly [PageCommand, string, string])[] = [
  ['recover', 'Recover', 'Clears the errors of a reflex. Nothing moves.'],
  [
    'home',
    'Home',
    'Moves to the start pose, slowly, by the shortest way: look what is in between.',
  ],
  ['openHand', 'Open hand', 'Opens the fingers as far as they go.'],
  ['closeHand', 'Close hand', 'Closes the fingers until they meet something, with 20 N.'],
];
const IDLE = 'Hold the controls to move the arm: slowly, and with this page in view.';
const HELD = 'You hold them. Letting go, hiding this page or a lost link brakes the arm.';
const TAKEN = 'Another page holds the controls.';
const DRIVEN = 'A session of the program runs: the controls are off until it ends.';
const HOMING = 'Moving home. Let go of the controls to brake.';
const LOST = 'No connection: what the controls moved brakes.';

interface Pressed {
  readonly arm: number;
  readonly joint: number;
  readonly direction: -1 | 1;
  readonly button: HTMLButtonElement;
}

export class Controls {
  readonly #root = find('controls');
  readonly #send: (asked: Asked) => boolean;
  readonly #arms: () => readonly ArmInfo[];
  readonly #toggle = button('hold', 'Hold the controls', () => this.#toggled());
  readonly #state = element('p', 'controls-state');
  readonly #choice = element('select');
  readonly #buttons: HTMLButtonElement[] = [];
  #isAllowed = false;
  #isOpen = false;
  #isHeld = false;
  #isTaken = false;
  #beat: number | undefined;
  #pressed: Pressed | undefined;

  constructor(send: (asked: Asked) => boolean, arms: () => readonly ArmInfo[]) {
    this.#send = send;
    this.#arms = arms;
    this.#state.setAttribute('role', 'status');
    this.#choice.setAttribute('aria-label', 'arm');
    this.#choice.addEventListener('change', () => {
      this.#unpress();
      this.update();
    });
    const jogs = element('div', 'jogs', ...JOINTS.map((joint) => this.#jogs(joint)));
    const actions = element('div', 'actions', ...ACTIONS.map((action) => this.#action(action)));
    const holding = element('div', 'holding', this.#toggle, this.#choice);
    this.#root.append(element('div', 'holder', holding, this.#state), jogs, actions);
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'hidden') this.release();
    });
    window.addEventListener('pagehide', () => this.release());
    window.addEventListener('blur', () => this.#unpress());
    for (const end of ['pointerup', 'pointercancel']) {
      window.addEventListener(end, () => this.#unpress());
    }
    this.update();
  }

  /** Sets whether the server lets this page hold the controls. */
  setAllowed(isAllowed: boolean): void {
    this.#isAllowed = isAllowed;
    this.update();
  }

  setHolder(isYou: boolean, isTaken: boolean): void {
    this.#isHeld = isYou;
    this.#isTaken = isTaken;
    if (!isYou) this.#forget();
    this.update();
  }

  setLink(isOpen: boolean): void {
    this.#isOpen = isOpen;
    if (!isOpen) {
      this.#isHeld = false;
      this.#isTaken = false;
      this.#forget();
    }
    this.update();
  }

  /** Answers that this page is there, and what is pressed. */
  answer(beat: number): void {
    this.#beat = beat;
    if (document.visibilityState === 'hidden') this.release();
    else if (this.#pressed === undefined) this.#send({ type: 'alive', beat });
    else this.#jog(this.#pressed, this.#pressed.direction);
  }

  /** Ends a jog that the server has refused, or that has failed. */
  fail(): void {
    this.#unpress();
  }

  /** Lets the controls go. */
  release(): void {
    if (!this.#isHeld) return;
    this.#send({ type: 'release' });
    this.setHolder(false, false);
  }

  update(): void {
    const arms = this.#arms().filter(({ hasControls }) => hasControls);
    this.#root.hidden = !this.#isAllowed || arms.length === 0;
    const known = [...this.#choice.options].map(({ value, text }) => `${value} ${text}`);
    if (known.join('\n') !== arms.map(({ id, name }) => `${id} ${name}`).join('\n')) {
      const chosen = this.#choice.value;
      this.#choice.replaceChildren(...arms.map(({ id, name }) => new Option(name, String(id))));
      if (arms.some(({ id }) => String(id) === chosen)) this.#choice.value = chosen;
    }
    this.#choice.hidden = arms.length < 2;
    this.#toggle.setAttribute('aria-pressed', String(this.#isHeld));
    setDisabled(this.#toggle, !this.#isOpen || this.#isTaken);
    const isReady = this.#isReady();
    for (const each of this.#buttons) setDisabled(each, !isReady);
    if (!isReady) this.#unpress();
    setText(this.#state, this.#words());
    this.#root.classList.toggle('is-held', this.#isHeld);
  }

  get #arm(): ArmInfo | undefined {
    const chosen = this.#choice.value;
    return this.#arms().find(({ id, hasControls }) => hasControls && String(id) === chosen);
  }

  /** Whether the program drives the arm, or the controls move it home. */
  #isBusy(): { isDriven: boolean; isHoming: boolean } {
    const { isRunning = false, isControlled = false, control = '' } = this.#arm ?? {};
    return {
      isDriven: isRunning && !isControlled,
      isHoming: isRunning && isControlled && control !== 'jog',
    };
  }

  #isReady(): boolean {
    const { isDriven, isHoming } = this.#isBusy();
    return this.#isHeld && this.#arm !== undefined && !isDriven && !isHoming;
  }

  #words(): string {
    const { isDriven, isHoming } = this.#isBusy();
    if (!this.#isOpen) return LOST;
    if (isDriven) return DRIVEN;
    if (this.#isTaken) return TAKEN;
    if (!this.#isHeld) return IDLE;
    return isHoming ? HOMING : HELD;
  }

  #toggled(): void {
    if (this.#isHeld) this.release();
    else if (isEnabled(this.#toggle)) this.#send({ type: 'hold' });
  }

  #action([control, label, what]: (typeof ACTIONS)[number]): HTMLButtonElement {
    const made = button('', label, () => {
      const arm = this.#arm;
      if (isEnabled(made) && arm !== undefined) this.#send({ type: 'do', arm: arm.id, control });
    });
    made.title = what;
    this.#buttons.push(made);
    return made;
  }

  #jogs(joint: number): HTMLElement {
    const of = (direction: -1 | 1) => {
      const way = direction < 0 ? 'negative' : 'positive';
      const made = button('jog', direction < 0 ? '−' : '+', () => undefined);
      made.setAttribute('aria-label', `turn joint ${joint + 1}, ${way} direction, while pressed`);
      made.addEventListener('pointerdown', (event) => {
        if (event.button === 0) this.#press(made, joint, direction);
      });
      // A touch belongs to the button that it began on, unless that gives it up.
      made.addEventListener('gotpointercapture', ({ pointerId }) =>
        made.releasePointerCapture(pointerId),
      );
      made.addEventListener('keydown', (event) => {
        if (event.key !== 'Enter') return;
        event.preventDefault();
        if (!event.repeat) this.#press(made, joint, direction);
      });
      made.addEventListener('keyup', ({ key }) => {
        if (key === 'Enter') this.#unpress();
      });
      for (const end of ['pointerleave', 'blur']) {
        made.addEventListener(end, () => {
          if (this.#pressed?.button === made) this.#unpress();
        });
      }
      made.addEventListener('contextmenu', (event) => event.preventDefault());
      this.#buttons.push(made);
      return made;
    };
    return element('div', 'joint', of(-1), element('span', 'number', `J${joint + 1}`), of(1));
  }

  #press(pressed: HTMLButtonElement, joint: number, direction: -1 | 1): void {
    this.#unpress();
    const arm = this.#arm;
    if (arm === undefined || !isEnabled(pressed)) return;
    this.#pressed = { arm: arm.id, joint, direction, button: pressed };
    pressed.classList.add('is-pressed');
    this.#jog(this.#pressed, direction);
  }

  #unpress(): void {
    const pressed = this.#pressed;
    if (pressed === undefined) return;
    this.#jog(pressed, 0);
    this.#forget();
  }

  /** Presses nothing any more, without a word: the server knows, or cannot be told. */
  #forget(): void {
    this.#pressed?.button.classList.remove('is-pressed');
    this.#pressed = undefined;
  }

  #jog({ arm, joint }: Pressed, direction: -1 | 0 | 1): void {
    const beat = this.#beat;
    if (beat !== undefined) this.#send({ type: 'jog', arm, joint, direction, beat });
  }
}

// A button that is off keeps the focus: `aria-disabled` says so, and what it does looks here.
function setDisabled(of: HTMLButtonElement, isDisabled: boolean): void {
  of.setAttribute('aria-disabled', String(isDisabled));
}

function isEnabled(of: HTMLButtonElement): boolean {
  return of.getAttribute('aria-disabled') !== 'true';
}
