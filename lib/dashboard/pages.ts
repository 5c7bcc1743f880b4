import { checkText, ownOptions } from '../checks.ts';
import { describeThrown } from '../errors/describe.ts';
import {
  codeOf,
  type KilohertzError,
  OptionRangeError,
  OptionTypeError,
} from '../errors/errors.ts';
import type { FrankaHand } from '../franka/hand.ts';
import type { Runs } from '../franka/runs.ts';
import type { NativeSession } from '../native/binding.ts';
import type { SessionReport } from '../session/report.ts';
import { type ControlledLink, Controls } from './controls.ts';
import { checkControls, Dashboard, type ShownOptions } from './dashboard.ts';
import { shownReport } from './report.ts';

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
  /** Returns how the cycles of the newest run went. */
  readonly report: () => SessionReport;
  /** How often a policy on this thread has to answer [Hz]; 0 if it runs elsewhere, or answers in chunks. */
  readonly policyHereHz: number;
}

/** How often a report is shown of a run that goes on, while a browser has a page open [ms]. */
const REPORT_EACH_MS = 5_000;
/** It takes this thread 1 to 2 ms: a policy here that has to answer more often would be late by it [Hz]. */
const UNDISTURBED_HZ = 100;

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
  /** Shows a report again and again while a run goes on. */
  #reporting: NodeJS.Timeout | undefined;

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
    // It does not keep the process alive: the run does.
    this.#reporting = setInterval(() => this.#report(false), REPORT_EACH_MS).unref();
  }

  /** Shows the report of a run that has ended. */
  ended(): void {
    // A run that has not begun has none.
    if (this.#reporting === undefined) return;
    clearInterval(this.#reporting);
    this.#reporting = undefined;
    this.#report(true);
  }

  /** Shows the report of the newest run; of one that goes on only where somebody looks, and no policy is delayed. */
  #report(isOver: boolean): void {
    const isFree = this.#shown.policyHereHz <= UNDISTURBED_HZ;
    const pages = [...this.#names].filter(([page]) => isOver || (isFree && page.isWatched));
    if (pages.length === 0) return;
    try {
      const report = shownReport(this.#shown.report(), isOver);
      for (const [page, name] of pages) page.report(name, report);
    } catch (error) {
      // A report must not end the program that it is about.
      const text = `The report cannot be shown: ${describeThrown(error)}`;
      for (const [page, name] of pages) page.note(name, 'noReport', text, true);
    }
  }

  /** Shows the error with which a run ended. */
  failed(error: KilohertzError): void {
    for (const [page, name] of this.#names) page.tell(name, error);
  }

  /** Closes pages, if the session opened them. */
  async close(pages: Iterable<Dashboard> = [...this.#own]): Promise<void> {
    const own = [...pages].filter((page) => this.#own.delete(page));
    for (const page of own) this.#names.delete(page);
    const closed = await Promise.allSettled(own.map((page) => page.close()));
    const failed = closed.find(({ status }) => status === 'rejected');
    if (failed) throw (failed as PromiseRejectedResult).reason;
  }
}

function checkShownName(name: unknown): void {
  const expected = `a name of at most ${LONGEST_NAME} characters, as in 'left arm'`;
  if (checkText('name', name, expected).length > LONGEST_NAME) {
    throw new OptionRangeError('OPTION_NAME', 'name', name, expected);
  }
}
