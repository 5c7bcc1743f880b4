"""A policy and a planner in Python, with numpy; python.ts runs each in a process of its own."""

import time

import numpy as np

STEP_S = 0.01
GAIN = 2.0  # How fast the policy closes in on its way [1/s].


class Planner:
    """Plans how to get from one joint position to another, and takes its time for it."""

    def __init__(self, duration_s):
        self.duration_s = duration_s
        self.planned = 0

    def plan(self, start, goal):
        """Joint positions [rad], one row every STEP_S."""
        time.sleep(0.3)  # In place of a search.
        self.planned += 1
        share = np.linspace(0.0, 1.0, round(self.duration_s / STEP_S) + 1)
        way = share**3 * (10 - 15 * share + 6 * share**2)
        return start + np.outer(way, goal - start)


def follow(way):
    """The policy that follows a way: joint velocities [rad/s]."""
    speeds = np.gradient(way, STEP_S, axis=0)
    last = len(way) - 1

    def policy(state, tick):
        at = min(tick.time_s / STEP_S, last)
        row = min(int(at), last - 1)
        share = at - row
        wanted = (1 - share) * way[row] + share * way[row + 1]
        speed = (1 - share) * speeds[row] + share * speeds[row + 1]
        return speed + GAIN * (wanted - state.q_d)

    return policy
