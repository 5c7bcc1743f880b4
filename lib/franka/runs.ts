import { RobotError } from '../errors/errors.ts';
import { numberText } from '../errors/number.ts';
import { within } from '../promise.ts';

/** What drives a robot, for whoever closes it. */
export interface Driving {
  /** Asks for the end; returns at once. */
  requestStop(): void;
  /** Resolves when the robot is at rest. Never rejects. */
  readonly ended: Promise<void>;
}

/** How long a session may take to end [ms]. The slowest braking takes some 3 s, and what a policy is given to end 1 s. */
const END_LIMIT_MS = 10_000;

/** What drives one robot now, until it is closed. The robot itself refuses what comes later. */
export class Runs {
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
   * Asks whatever drives the robot to stop, and resolves when it has.
   *
   * @throws {RobotError} `ROBOT_UNSETTLED` where it has not within 10 s
   */
  async close(limitMs: number = END_LIMIT_MS): Promise<void> {
    this.#isClosed = true;
    const driving = [...this.#driving];
    for (const each of driving) each.requestStop();
    const ended = Promise.all(driving.map((each) => each.ended));
    if (await within(limitMs, ended)) return;
    const limit = `${numberText(limitMs / 1e3)} s`;
    const message = `what drove the robot has not ended within ${limit} after close(): the robot may still move`;
    throw new RobotError('ROBOT_UNSETTLED', message);
  }
}
