"""A policy in Python that answers in chunks; chunk-python.ts runs it in a process of its own.

It computes with torch where that is installed, and with numpy elsewhere.
"""

import time

import numpy as np

try:
    import torch
except ImportError:
    torch = None

ROWS = 50
DT_S = 0.02
INFERENCE_S = 0.15
BANDWIDTH = 4.0  # How fast the model closes in on its goal [1/s].

# What is left of a distance and of a velocity after each row's time: one column for each.
_WAY = BANDWIDTH * DT_S * np.arange(ROWS)
BASIS = np.exp(-_WAY)[:, None] * np.stack([1 + _WAY, _WAY / BANDWIDTH], axis=1)


def infer(q, dq, goal):
    """Stands in for a network: joint positions [rad] from `q` and `dq` to `goal`, an array or a tensor (ROWS, 7)."""
    time.sleep(INFERENCE_S)
    left = np.stack([q - goal, dq])
    if torch is None:
        return goal + BASIS @ left
    with torch.inference_mode():
        return torch.as_tensor(goal) + torch.as_tensor(BASIS) @ torch.as_tensor(left)


def towards(goals, stay_s):
    """The policy that stays at each of the goals, rows of 7 joint positions [rad], for `stay_s`."""
    goals = np.reshape(goals, (-1, 7))

    def policy(state, tick):
        goal = goals[min(int(tick.time_s / stay_s), len(goals) - 1)]
        return {"actions": infer(state.q_d, state.dq_d, goal), "dt_s": DT_S}

    return policy
