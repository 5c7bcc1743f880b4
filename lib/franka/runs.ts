import { RobotError } from '../errors/errors.ts';
import { numberText } from '../errors/number.ts';
import { NativeStops } from '../native/binding.ts';
import { within } from '../promise.ts';

/** A session or a move that drives a robot, as the call that closes the robot sees it. */
export interface Driving {
  /** Asks the session or move to end, and returns at once. `why` says in words who asks. */
  requestStop(why?: string): void;
  /** Resolves when the robot is at rest. Never rejects. */
  readonly ended: Promise<void>;
}

/** How long a session may take to end [ms]. The slowest braking takes about 3 s, and a policy gets 1 s to end. */
const END_LIMIT_MS = 10_000;

/** The sessions and moves that drive one robot now, until the robot is closed. The robot itself refuses later ones. */
export class Runs {
  /** What a stop of a page ends. */
  readonly stops: NativeStops = new NativeStops();
  readonly #driving = new Set<Driving>();
  #isClosed = false;

  /** Whether the robot was closed. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  add(driving: Driving): void {
    this.#driving.add(driving);
  }

  delete(driving: Driving): void {
    this.#driving.delete(driving);
  }

  /**
   * Asks everything that drives the robot to stop, and resolves when all has stopped.
   *
   * @throws {RobotError} `ROBOT_UNSETTLED` if something has not stopped within 10 s
   */
  async close(limitMs: number = END_LIMIT_MS): Promise<void> {
    this.#isClosed = true;
    const driving = [...this.#driving];
    for (const each of driving) each.requestStop('the robot was closed');
    const ended = Promise.all(driving.map((each) => each.ended));
    if (await within(limitMs, ended)) return;
    const limit = `${numberText(limitMs / 1e3)} s`;
    const message = `what drove the robot has not ended within ${limit} after close(): the robot may still move`;
    throw new RobotError('ROBOT_UNSETTLED', message);
  }
}
