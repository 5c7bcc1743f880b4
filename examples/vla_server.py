"""Stands in for the server of a vision-language-action model; vla.ts starts it.

Speaks openpi's protocol, with openpi's own packer. It ends when its standard input does.
"""

import asyncio
import os
import threading
import time

import numpy as np
from lerobot_server import serve

ROWS = 50
DT_S = 1 / 30
INFERENCE_S = 0.1
BANDWIDTH = 4.0  # How fast the arm closes in on its goal [1/s].

# Where the joints go from where they were at first [rad], and whether the hand is then closed.
TASKS = {
    "pick up the cube": (np.array([0.25, 0.1, 0, 0.1, 0, 0.1, 0]), 1.0),
    "bring it back": (np.zeros(7), 0.0),
}

# What is left of a distance and of a velocity after each row's time: one column for each.
_WAY = BANDWIDTH * DT_S * np.arange(ROWS)
BASIS = np.exp(-_WAY)[:, None] * np.stack([1 + _WAY, _WAY / BANDWIDTH], axis=1)

first = None


def infer(observation):
    global first
    q, dq = observation["observation/joint_position"], observation["observation/joint_velocity"]
    for camera in ("exterior", "wrist"):
        image = observation[f"observation/{camera}_image"]
        if image.dtype != np.uint8 or image.shape != (224, 224, 3):
            raise ValueError(f"the {camera} image is {image.dtype} {image.shape}")
    first = q if first is None else first
    way, grip = TASKS[observation["prompt"]]
    goal = first + way
    time.sleep(INFERENCE_S)
    distance = np.abs(q - goal).max()
    rows = goal + BASIS @ np.stack([q - goal, dq])
    # The hand holds what it holds until the arm is there.
    hand = grip if distance < 0.02 else 1.0 - grip
    actions = np.column_stack([rows, np.full(ROWS, hand)]).astype(np.float32)
    return {"actions": actions, "done": bool(distance < 0.005)}


def end_with_parent():
    while os.read(0, 1):
        pass
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=end_with_parent, daemon=True).start()
    metadata = {"model": "stands in for a VLA", "tasks": list(TASKS)}
    asyncio.run(serve(infer, metadata, port=0, started=lambda url: print(url, flush=True)))
