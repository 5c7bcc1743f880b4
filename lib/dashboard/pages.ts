import { checkText, ownOptions } from '../checks.ts';
import {
  codeOf,
  type KilohertzError,
  OptionRangeError,
  OptionTypeError,
} from '../errors/errors.ts';
import type { FrankaHand } from '../franka/hand.ts';
import type { Runs } from '../franka/runs.ts';
import type { NativeSession } from '../native/binding.ts';
import { type ControlledLink, Controls } from './controls.ts';
import { checkControls, Dashboard, type ShownOptions } from './dashboard.ts';

/** A session, as its pages see it. */
export interface Shown {
  /** The robot, by which two sessions of the same one are known. */
  readonly robot: object;
  /** What a recording keeps of the robot. */
  readonly about: object | undefined;
  /** What the controls of a page move; undefined if the robot is no Franka arm. */
  readonly link: ControlledLink | undefined;
  /** What drives the robot, which the stop of a page ends. */
  readonly runs: Runs;
  readonly isRunning: () => boolean;
}

/** The longest name of a robot on a page, in characters. */
const LONGEST_NAME = 200;

/** The pages on which a session is shown. */
export class Pages {
  readonly #shown: Shown;
  /** What the robot is called where no name is given. */
  readonly #usual: string;
  /** Each page, with the robot's name there. */
  readonly #names = new Map<Dashboard, string>();
  /** The pages that end with the session. */
  readonly #own = new Set<Dashboard>();

  constructor(shown: Shown) {
    this.#shown = shown;
    const { model, address } = (shown.about ?? {}) as { model?: string; address?: string };
    this.#usual = model === undefined ? 'robot' : `${model} at ${address}`;
  }

  /** Shows the session on a page, and the run that goes on. */
  async show(options: ShownOptions, running: () => NativeSession | undefined): Promise<Dashboard> {
    const own = ownOptions('dashboard()', options, ['port', 'host', 'on', 'name', 'controls']);
    const { on, name: given, controls: wanted, ...where } = own;
    if (on !== undefined && !(on instanceof Dashboard && on.isOpen)) {
      const expected = 'what dashboard() returned, before its close()';
      throw new OptionTypeError('OPTION_ON', 'on', on, expected);
    }
    if (given !== undefined) checkShownName(given);
    const controls = checkControls(wanted);
    if (controls && (on || !this.#shown.link)) {
      const why = on
        ? 'beside on: the call that opens the page says whether it has controls'
        : 'for a robot written in JavaScript: they move Franka arms only';
      const expected = `false or left out ${why}`;
      throw new OptionTypeError('OPTION_CONTROLS', 'controls', wanted, expected);
    }
    const [place] = Object.keys(where) as (keyof typeof where)[];
    if (on && place) {
      const expected = 'left out beside on: the page is open already';
      throw new OptionTypeError(codeOf(place), place, where[place], expected);
    }
    const page = on ?? Dashboard.open(where, controls);
    const known = this.#names.get(page);
    const name = page.claim(this.#shown, this.#usual, given, known);
    this.#names.set(page, name);
    try {
      page.stands(this.#shown.runs.stops, name);
      const native = running();
      if (native && known === undefined) page.watch(native, name);
      await this.#control(page, name, controls?.hand);
    } catch (error) {
      if (known === undefined) {
        this.#names.delete(page);
        page.disclaim(name);
      }
      if (!on) await page.close();
      throw error;
    }
    if (!on) {
      this.#own.add(page);
      for (const line of page.announced) console.log(line);
    }
    return page;
  }

  /** Lets the controls of a page move the robot, if it has some. */
  async #control(page: Dashboard, name: string, hand: FrankaHand | undefined): Promise<void> {
    const { link, runs } = this.#shown;
    if (!link || !page.takesControls(link.arm, name)) return;
    const controls = new Controls(page, name, link, runs.stops, hand);
    page.endsWith(() => controls.close());
    await controls.open();
  }

  /** Shows a run that begins. */
  launched(native: NativeSession): void {
    for (const [page, name] of this.#names) page.watch(native, name);
  }

  /** Shows the error with which a run ended. */
  failed(error: KilohertzError): void {
    for (const [page, name] of this.#names) page.tell(name, error);
  }

  /** Closes pages, if the session opened them. */
  async close(pages: Iterable<Dashboard> = [...this.#own]): Promise<void> {
    for (const page of pages) {
      if (!this.#own.delete(page)) continue;
      this.#names.delete(page);
      await page.close();
    }
  }
}

function checkShownName(name: unknown): void {
  const expected = `a name of at most ${LONGEST_NAME} characters, as in 'left arm'`;
  if (checkText('name', name, expected).length > LONGEST_NAME) {
    throw new OptionRangeError('OPTION_NAME', 'name', name, expected);
  }
}
