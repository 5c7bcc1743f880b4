import { checkText, ownOptions } from '../checks.ts';
import { type KilohertzError, OptionTypeError } from '../errors/errors.ts';
import type { FrankaHand } from '../franka/hand.ts';
import type { NativeSession } from '../native/binding.ts';
import { type ControlledLink, Controls } from './controls.ts';
import { checkControls, Dashboard, type ShownOptions } from './dashboard.ts';

/** The pages on which a session is shown. */
export class Pages {
  /** What the robot is called where no name is given. */
  readonly #robot: string;
  /** Each page, with the robot's name there. */
  readonly #names = new Map<Dashboard, string>();
  /** The pages that end with the session. */
  readonly #own = new Set<Dashboard>();

  /** What the controls of a page move; undefined if the robot is no Franka arm. */
  readonly #link: ControlledLink | undefined;

  constructor(about: object | undefined, link: ControlledLink | undefined) {
    this.#link = link;
    const { model, address } = (about ?? {}) as { model?: string; address?: string };
    this.#robot = model === undefined ? 'robot' : `${model} at ${address}`;
  }

  /** Shows the session on a page, and the run that goes on. */
  async show(options: ShownOptions, running: NativeSession | undefined): Promise<Dashboard> {
    const own = ownOptions('dashboard()', options, ['port', 'host', 'on', 'name', 'controls']);
    const { on, name = this.#robot, controls: wanted, ...where } = own;
    if (on !== undefined && !(on instanceof Dashboard)) {
      throw new OptionTypeError('OPTION_ON', 'on', on, 'what dashboard() returned');
    }
    checkText('name', name, "a name, as in 'left arm'");
    const controls = checkControls(wanted);
    if (controls && (on || !this.#link)) {
      const why = on
        ? 'beside on: the call that opens the page says whether it has controls'
        : 'for a robot written in JavaScript: they move Franka arms only';
      const expected = `false or left out ${why}`;
      throw new OptionTypeError('OPTION_CONTROLS', 'controls', wanted, expected);
    }
    const page = on ?? Dashboard.open(where, controls);
    this.#names.set(page, name);
    try {
      if (running) page.watch(running, name);
      await this.#control(page, name, controls?.hand);
    } catch (error) {
      this.#names.delete(page);
      if (!on) await page.close();
      throw error;
    }
    if (!on) {
      this.#own.add(page);
      console.log(`watch it in a browser: ${page.address}`);
      const { controlsAddress } = page;
      if (controlsAddress !== undefined) console.log(`move the arm, too: ${controlsAddress}`);
    }
    return page;
  }

  /** Lets the controls of a page move the robot, if it has some. */
  async #control(page: Dashboard, name: string, hand: FrankaHand | undefined): Promise<void> {
    if (!this.#link || !page.takesControls(this.#link.arm, name)) return;
    const controls = new Controls(page, name, this.#link, hand);
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
