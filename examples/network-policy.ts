// A policy behind a model that answers when it can. It is asked once a period, and says each answer of the
// model once: where none has come since, it has nothing new, and returns undefined. So the arm is held for
// `maxHeldTicks` and then brought to rest when the model is slow, stuck or gone, and not moved on for ever by
// the last thing that it said.

import type { RobotState, Tick } from 'kilohertz';

/** Joint velocities [rad/s] for joint positions and the goal behind them, 14 numbers [rad]. */
export type Infer = (observation: Float32Array) => Promise<Float32Array>;

/** How fast the policy takes on what the model says [1/s]. */
const BANDWIDTH = 10;

/** The policy that follows `infer` to `goal` [rad], smoothly. */
export function followModel(
  infer: Infer,
  goal: Float64Array,
): (state: Pick<RobotState, 'q_d'>, tick: Tick) => Float64Array | undefined {
  const velocity = new Float64Array(7);
  const acceleration = new Float64Array(7);
  let newest: Float32Array | undefined;
  let failure: unknown;
  let isAsked = false;
  let lastS = 0;

  /** Asks the model how to go on from here. Its answer comes while the policy goes on. */
  async function ask(q: Float64Array): Promise<void> {
    isAsked = true;
    const observation = new Float32Array(14);
    observation.set(q);
    observation.set(goal, 7);
    try {
      newest = await infer(observation);
    } catch (error) {
      failure = error;
    }
    isAsked = false;
  }

  return ({ q_d }, { timeS }) => {
    if (failure) throw failure;
    const wanted = newest;
    newest = undefined;
    if (!isAsked) void ask(q_d);
    if (!wanted) return undefined;
    // Silence is not made up for: the velocity goes on from what was said last.
    const sinceS = Math.min(timeS - lastS, 0.05);
    lastS = timeS;
    for (let joint = 0; joint < 7; joint += 1) {
      const [v = 0, a = 0] = [velocity[joint], acceleration[joint]];
      const towards = BANDWIDTH * ((wanted[joint] ?? 0) - v) - 2 * a;
      acceleration[joint] = a + BANDWIDTH * towards * sinceS;
      velocity[joint] = v + (acceleration[joint] ?? 0) * sinceS;
    }
    return velocity;
  };
}
