"""What policies.ts does, in Python."""

import math


def swing(_state, tick):
    """Swings joint 1 gently, once a second and back to where it was."""
    return [0.3 * math.sin(2 * math.pi * tick.time_s), 0, 0, 0, 0, 0, 0]
