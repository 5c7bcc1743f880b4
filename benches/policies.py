"""What policies.ts does, in Python."""

import math


def swing(_state, tick):
    """Swings joint 1 gently, once a second and back to where it was."""
    return [0.3 * math.sin(2 * math.pi * tick.time_s), 0, 0, 0, 0, 0, 0]


def swing_and_look():
    """Swings as well, and looks at each image, if there is one."""
    seen = []

    def policy(state, tick):
        image = tick.inputs.get("image")
        if image is not None:
            seen[:] = [image.host_time_s, image.value[240, 320, 0], image.value[0, 0, 0]]
        return swing(state, tick)

    return policy
