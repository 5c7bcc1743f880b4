"""What a policy is given: the robot's state and the tick."""

import bisect
import collections
import types

from .arrays import numpy
from .errors import Garbled

NO_INPUTS = types.MappingProxyType({})

Tick = collections.namedtuple(
    "Tick", "tick time_s period_s chunk host_time_s wall_time_s inputs", defaults=(None, None, None, NO_INPUTS)
)
Tick.__doc__ = """The cycle, its time from the start of the first one [s], the policy's period [s], for a policy that answers in
chunks what is known of them, and when the state came: by the host's monotonic clock, that of time.monotonic() [s], and by its
wall clock, that of time.time() [s]. `inputs` has what the program has set beside the state, by name: each with its `value`
and its `host_time_s`.
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
        #: Its numbers, as bytes, and their fields.
        self._slots = slots
        self._schema = schema
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

    def copy(self):
        """Returns a state that keeps what this one is now."""
        return State(self._schema, memoryview(bytearray(self._slots)))

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


class StateHistory:
    """The states of the last second, from which a policy takes the one that was there when a camera took a picture.

    `add(state, tick)` keeps a copy in each question; `aligned_to(host_time_s)` returns the pair of the host time [s] and the
    state nearest to a point of time.monotonic(), or None before the first state.
    """

    def __init__(self, seconds=1.0):
        if not 0 < seconds <= 60:
            raise ValueError("seconds is %r; expected above 0 to 60" % (seconds,))
        self._seconds = seconds
        self._times = []
        self._states = []

    def add(self, state, tick):
        """Keeps a copy of a state, and forgets those that are too old."""
        old = bisect.bisect_left(self._times, tick.host_time_s - self._seconds)
        # Removed now and then, so that adding stays cheap.
        if old > 64:
            del self._times[:old], self._states[:old]
        self._times.append(tick.host_time_s)
        self._states.append(state.copy())

    def aligned_to(self, host_time_s):
        """Returns the pair of the host time [s] and the state nearest to `host_time_s`, or None."""
        at = bisect.bisect_left(self._times, host_time_s)
        near = self._times[max(0, at - 1) : at + 1]
        if not near:
            return None
        nearest = min(near, key=lambda time_s: abs(time_s - host_time_s))
        return nearest, self._states[self._times.index(nearest, max(0, at - 1))]
