import { checkText, ownOptions } from '../checks.ts';
import { type KilohertzError, OptionTypeError } from '../errors/errors.ts';
import type { NativeSession } from '../native/binding.ts';
import { Dashboard, type ShownOptions } from './dashboard.ts';

/** The pages on which a session is shown. */
export class Pages {
  /** What the robot is called where no name is given. */
  readonly #robot: string;
  /** Each page, with the robot's name there. */
  readonly #names = new Map<Dashboard, string>();
  /** Those that end with the session. */
  readonly #own = new Set<Dashboard>();

  constructor(about: object | undefined) {
    const { model, address } = (about ?? {}) as { model?: string; address?: string };
    this.#robot = model === undefined ? 'robot' : `${model} at ${address}`;
  }

  /** Shows the session on a page, and the run that goes on. */
  show(options: ShownOptions, running: NativeSession | undefined): Dashboard {
    const own = ownOptions('dashboard()', options, ['port', 'host', 'on', 'name']);
    const { on, name = this.#robot, ...where } = own;
    if (on !== undefined && !(on instanceof Dashboard)) {
      throw new OptionTypeError('OPTION_ON', 'on', on, 'what dashboard() returned');
    }
    checkText('name', name, "a name, as in 'left arm'");
    const page = on ?? Dashboard.open(where);
    this.#names.set(page, name);
    if (running) page.watch(running, name);
    if (!on) {
      this.#own.add(page);
      console.log(`watch it in a browser: ${page.address}`);
    }
    return page;
  }

  /** Shows a run that begins. */
  launched(native: NativeSession): void {
    for (const [page, name] of this.#names) page.watch(native, name);
  }

  /** Tells the error with which a run ended. */
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
