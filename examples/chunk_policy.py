"""A policy in Python that answers in chunks, as a diffusion policy does; chunk-python.ts runs it in a process of its own.

Each chunk begins as noise, and a network takes the noise away in steps (DDIM; Song, Meng and Ermon, "Denoising Diffusion
Implicit Models", 2021). It computes with torch where that is installed, and with numpy elsewhere.
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


STEPS = 10
# How much of the plan and how much noise there is before each step, and at the end: all noise first, then none.
_PHASE = 0.5 * np.pi * np.linspace(1, 0, STEPS + 1)
SIGNAL, NOISE = np.cos(_PHASE), np.sin(_PHASE)

_random = np.random.default_rng(0)
_array = np.asarray if torch is None else torch.as_tensor


def noise_in(rows, step, q, dq, goal):
    """Stands in for the network: the noise in the rows (ROWS, 7), for the way from `q` and `dq` to `goal` [rad]."""
    plan = _array(goal) + _array(BASIS) @ _array(np.stack([q - goal, dq]))
    return (rows - SIGNAL[step] * plan) / NOISE[step]


def infer(q, dq, goal):
    """Joint positions [rad] for the next second, an array or a tensor (ROWS, 7)."""
    time.sleep(INFERENCE_S)
    rows = _array(_random.standard_normal((ROWS, 7)))
    for step in range(STEPS):
        noise = noise_in(rows, step, q, dq, goal)
        # At the first step all is noise: there is no plan yet.
        signal = max(SIGNAL[step], 1e-9)
        plan = (rows - NOISE[step] * noise) / signal
        rows = SIGNAL[step + 1] * plan + NOISE[step + 1] * noise
    return rows


def towards(goals, stay_s):
    """The policy that stays at each of the goals, rows of 7 joint positions [rad], for `stay_s`."""
    goals = np.reshape(goals, (-1, 7))

    def policy(state, tick):
        goal = goals[min(int(tick.time_s / stay_s), len(goals) - 1)]
        return {"actions": infer(state.q_d, state.dq_d, goal), "dt_s": DT_S}

    return policy
