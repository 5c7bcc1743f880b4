"""What a policy is given: the robot's state and the tick."""

import collections

from .arrays import numpy
from .errors import Garbled

Tick = collections.namedtuple("Tick", "tick time_s period_s chunk", defaults=(None,))
Tick.__doc__ = """The cycle, its time from the start of the first one [s], the policy's period [s], and for a policy that
answers in chunks what is known of them.
"""

ChunkTick = collections.namedtuple("ChunkTick", "delay_steps prefix execution_horizon")
ChunkTick.__doc__ = """How many steps the answer will probably take; the actions of the newest chunk whose time has not
passed, as the policy answered them; and how many actions are to be executed until the next chunk.
"""


class State:
    """The robot's state. In a policy it is in memory that holds the observation taken last, and arrays are refreshed in
    place each cycle: copy what is needed later.
    """

    def __init__(self, schema, slots):
        fields = schema["fields"]
        if len(slots) < 8 * sum(length for _, length in fields):
            raise Garbled("a state of %d bytes, which the session's fields do not make" % len(slots))
        #: Its numbers, as bytes.
        self._slots = slots
        doubles = slots.cast("d")
        if numpy():
            doubles = numpy().frombuffer(slots, dtype="<f8")
        self._modes = schema["modes"]
        self._error_names = schema["errorNames"]
        self._named = {}
        numbers = {}
        at = 0
        for name, length in fields:
            part = doubles[at : at + length]
            if name in ("robot_mode", "current_errors", "last_motion_errors"):
                self._named[name] = part
            elif length == 1:
                numbers[name] = property(lambda _, part=part: float(part[0]))
            else:
                setattr(self, name, part)
            at += length
        # What a policy does not look at costs it nothing.
        self.__class__ = type("State", (State,), numbers)

    @property
    def robot_mode(self):
        """What the robot is doing, by libfranka's name."""
        number = int(self._named["robot_mode"][0])
        return self._modes[number] if number < len(self._modes) else "Other"

    @property
    def current_errors(self):
        """What is wrong now, by the robot's names."""
        return self._names("current_errors")

    @property
    def last_motion_errors(self):
        """What ended the last motion, by the robot's names."""
        return self._names("last_motion_errors")

    def _names(self, field):
        return [name for name, slot in zip(self._error_names, self._named[field]) if slot == 1]
