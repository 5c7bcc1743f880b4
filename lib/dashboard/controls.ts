// The page's controls: what is asked of an arm while no program drives it. JavaScript starts it; the loops end it
// themselves when the controls are let go.

import { describeThrown } from '../errors/describe.ts';
import { isOurs } from '../errors/errors.ts';
import { awaiting, calling } from '../errors/native-call.ts';
import { FrankaHand, nativeHandOf, widestOpening } from '../franka/hand.ts';
import { jog } from '../franka/jog.ts';
import { moveTo } from '../franka/move-to.ts';
import type { NativeAsked, NativeControls, NativeSession, NativeStops } from '../native/binding.ts';
import { HOME } from '../native/contract.ts';
import type { JointVector } from '../numbers.ts';
import type { DrivenLink } from '../session/driver.ts';
import type { Run } from '../session/run.ts';
import type { Dashboard } from './dashboard.ts';

/** What of a robot the controls need. */
export type ControlledLink = Pick<DrivenLink<unknown, unknown>, 'arm' | 'runs' | 'address'>;

/** The share of the arm's velocity limits that the move home uses. */
const HOME_SPEED = 0.1;
/** The speed of the fingers [m/s]. */
const FINGER_SPEED = 0.05;
/** How hard the fingers close [N]. */
const FINGER_FORCE = 20;
/** Whatever the fingers meet is held. */
const WIDEST = 0.1;

/** The controls of one arm on one page. */
export class Controls {
  readonly #link: ControlledLink;
  readonly #stops: NativeStops;
  readonly #page: Dashboard;
  readonly #name: string;
  readonly #given: FrankaHand | undefined;
  /** The hand that the controls have connected to. */
  #own: FrankaHand | undefined;
  #native: NativeControls | undefined;
  /** The jog that goes on. */
  #jog: Run | undefined;
  /** What was asked for is done one after the other. */
  #work: Promise<void> = Promise.resolve();

  constructor(
    page: Dashboard,
    name: string,
    link: ControlledLink,
    stops: NativeStops,
    hand: FrankaHand | undefined,
  ) {
    this.#stops = stops;
    this.#page = page;
    this.#name = name;
    this.#link = link;
    this.#given = hand;
  }

  /** Shows the arm on its page, where it can be moved from now on. */
  async open(): Promise<void> {
    const { arm } = this.#link;
    const state = await awaiting(() => arm.state());
    const wake = (): void => this.#wake();
    this.#native = this.#page.control(arm, this.#stops, this.#name, state, wake);
  }

  /** Waits for the end of what goes on, after the page was closed. */
  async close(): Promise<void> {
    this.#jog?.requestStop();
    await this.#work;
    await this.#own?.close();
    this.#own = undefined;
  }

  #wake(): void {
    // Something else than a jog is asked for, or a jog after what goes on.
    this.#jog?.requestStop();
    this.#work = this.#work.then(() => this.#serve());
  }

  async #serve(): Promise<void> {
    const native = this.#native;
    const asked = native?.take();
    if (!native || !asked) return;
    try {
      native.done(!(await this.#do(native, asked)));
    } catch (error) {
      // First, so that who is told may ask again at once.
      native.done(true);
      this.#tell(error);
    }
  }

  /** Does what was asked for. Resolves to false if it was not begun. */
  async #do(native: NativeControls, { what, isLate }: NativeAsked): Promise<boolean> {
    if (isLate) {
      const text =
        'The program was busy for more than a second, or the controls were let go: nothing was begun. Ask again.';
      this.#note('notBegun', text, true);
      return false;
    }
    if (what === 'jog') await this.#turn(native);
    else if (what === 'home') await this.#home(native);
    else if (what === 'recover') {
      await awaiting(() => this.#link.arm.recover());
      this.#note('recovered', 'The errors of the arm are cleared. It can be moved again.');
    } else await this.#withHand((hand) => this.#grip(native, hand, what));
    return true;
  }

  async #turn(native: NativeControls): Promise<void> {
    const { arm, runs } = this.#link;
    const run = jog(arm, native, runs, (session) => this.#show(session));
    this.#jog = run;
    try {
      await run.launch();
      await run.ended;
    } catch (error) {
      // Something else was asked for before the first cycle.
      if (!(isOurs(error) && error.code === 'SESSION_STOPPED')) throw error;
    } finally {
      this.#jog = undefined;
    }
    if (run.error) throw run.error;
  }

  async #home(native: NativeControls): Promise<void> {
    const { arm, runs } = this.#link;
    const launched = (session: NativeSession): void => this.#show(session);
    const controls = { native, launched };
    await moveTo(arm, HOME as unknown as JointVector, { speed: HOME_SPEED }, runs, controls);
    this.#note('home', 'The arm stands at its start pose.');
  }

  /** Does something with the hand; one that is lost is connected to again the next time. */
  async #withHand(work: (hand: FrankaHand) => Promise<void>): Promise<void> {
    if (!this.#given) this.#own ??= await FrankaHand.connect(this.#link.address);
    const hand = this.#given ?? this.#own;
    if (!hand) return;
    try {
      await work(hand);
    } catch (error) {
      if (isOurs(error) && error.code === 'FRANKA_CONNECTION_LOST') {
        await this.#own?.close();
        this.#own = undefined;
      }
      throw error;
    }
  }

  async #grip(native: NativeControls, hand: FrankaHand, what: string): Promise<void> {
    const inside = nativeHandOf(hand);
    const widestM = widestOpening(await hand.state());
    if (!inside || !native.isHeld) return;
    calling(() => native.moves(inside));
    const moving =
      what === 'openHand'
        ? hand.move(widestM, { speedMPerS: FINGER_SPEED })
        : hand.grasp(0, { speedMPerS: FINGER_SPEED, forceN: FINGER_FORCE, epsilonOuterM: WIDEST });
    // The controls may have been let go before the command began.
    if (!native.isHeld) await hand.stop();
    const isDone = await moving;
    const { widthM } = await hand.state();
    const text = `The opening of the hand is ${Math.round(1000 * widthM)} mm.`;
    if (isDone) this.#note(what === 'openHand' ? 'handOpened' : 'handClosed', text);
    else {
      const why = 'The hand has not succeeded: is something in the way of the fingers?';
      this.#note('handFailed', `${why} ${text}`, true);
    }
  }

  #show(session: NativeSession): void {
    this.#page.watch(session, this.#name, true);
  }

  #note(what: string, text: string, isWarning = false): void {
    this.#page.note(this.#name, what, text, isWarning);
  }

  #tell(error: unknown): void {
    if (isOurs(error)) this.#page.tell(this.#name, error);
    else this.#note('failed', `The controls failed: ${describeThrown(error)}`, true);
  }
}
