"""What a policy answered, as the numbers of a chunk of actions."""

import itertools
import math
import operator
from array import array

from .action import Refused, numbers_of, shown
from .arrays import numpy
from .contract import REFUSALS, Chunk
from .state import ChunkTick

# Which share of a step two times may differ and still count as the same.
SAME_TIME = 1e-6
# How many dimensions of an array are looked at.
MOST_DIMS = 8
EXPECTED = "a chunk: {'actions': …, 'dt_s': …}, with the actions and the time between them [s]"


def chunk_of(answer, lengths, time_s):
    """The head and the rows of a chunk, for a question of the time `time_s`; raises Refused where it is none."""
    most, length = lengths["chunks"]["maxRows"], row_length(lengths)
    try:
        rows, dt_s, observed_at_s = parts_of(answer, time_s)
        count, numbers = rows_of(rows, most, length)
    except Refused as refused:
        if not lengths["chunks"]["skipsBad"]:
            raise
        return array("d", (Chunk.NONE - REFUSALS.index(refused.args[0]), getattr(refused, "row", Chunk.NONE), 0.0))
    frame = array("d", (float(count), dt_s, time_s - observed_at_s))
    frame.extend(numbers)
    return frame


def row_length(lengths):
    """How many numbers a row has: those of an action, and where there is a gripper one for it."""
    return lengths["action"] + bool(lengths["chunks"]["hasGripper"])


def parts_of(answer, time_s):
    """The actions of a chunk, the time between them, and when it was observed [s]."""
    if not isinstance(answer, dict) or "actions" not in answer:
        advice = "" if isinstance(answer, dict) else "Return {'actions': answer, 'dt_s': …}"
        raise Refused("ACTION_TYPE", shown(answer), advice, EXPECTED)
    times = []
    for name, usual in (("dt_s", None), ("observed_at_s", time_s)):
        value = answer.get(name, usual)
        try:
            if isinstance(value, (str, bytes, bytearray, bool)):
                raise TypeError
            times.append(float(value))
        except (TypeError, ValueError, OverflowError):
            received = "a chunk whose %s is %s" % (name, shown(value))
            raise Refused("ACTION_TYPE", received, "", EXPECTED) from None
    return answer["actions"], *times


def rows_of(rows, most, length):
    """How many actions there are, and the numbers of the first `most` of them."""
    if hasattr(rows, "detach") and hasattr(rows, "cpu"):
        rows = rows.detach().cpu()
    shape = getattr(rows, "shape", None)
    if shape is not None and hasattr(rows, "reshape") and hasattr(rows, "tolist"):
        try:
            shape = tuple(itertools.islice((operator.index(size) for size in shape), MOST_DIMS))
        except TypeError:
            received = "a chunk whose actions have the shape %s" % shown(rows.shape)
            raise Refused("ACTION_TYPE", received, "", EXPECTED) from None
        while len(shape) > 2 and shape[0] == 1:
            shape = shape[1:]
        if len(shape) == 1 and shape[0] % length == 0:
            shape = (shape[0] // length, length)
        if len(shape) != 2 or shape[1] != length or shape[0] < 0:
            received = "a chunk whose actions have the shape %s" % shown(rows.shape)
            raise Refused("ACTION_LENGTH", received, "", "the shape (rows, %d)" % length)
        numbers = rows.reshape(-1)[: most * length]
        return shape[0], numbers_of(numbers, min(shape[0], most) * length)
    try:
        known = len(rows) if hasattr(rows, "__len__") else None
        # One more than there may be says that there are too many, however many there are.
        rows = list(itertools.islice(rows, most * length + 1))
        # What says that it is longer than it is would be filled up with what came before it.
        if known is None or known <= most * length:
            known = len(rows)
    except TypeError:
        received = "a chunk whose actions are %s" % shown(rows)
        raise Refused("ACTION_TYPE", received, "", EXPECTED) from None
    if rows and type(rows[0]) in (int, float):
        if known % length:
            received = "a chunk whose actions are %d numbers" % known
            raise Refused("ACTION_LENGTH", received, "", "a multiple of the %d numbers of an action" % length)
        return known // length, numbers_of(rows[: most * length], min(len(rows), most * length))
    numbers = []
    for row, action in enumerate(rows[:most]):
        try:
            numbers.extend(numbers_of(action, length))
        except Refused as wrong:
            code, received, advice = wrong.args[:3]
            received = "a chunk whose actions[%d] is %s" % (row, received)
            told = Refused(code, received, advice)
            told.row = row
            raise told from None
    return known, numbers


class Kept:
    """The last chunk, and what the loop says of it behind the observation."""

    def __init__(self, observation, lengths):
        self.loop_knows = observation.cast("d")[-Chunk.CONTEXT :]
        self.length = row_length(lengths)
        self.horizon = lengths["chunks"]["executionHorizon"]
        self.rows, self.dt_s = [], 0.0
        self.episode = 0.0

    def begins_episode(self):
        """Whether an episode begins with the observation, after the first one. It is told once."""
        last, self.episode = self.episode, self.loop_knows[2]
        return self.episode != last

    def keep(self, frame):
        """Keeps the rows of a frame, which it returns."""
        numbers, length = frame[Chunk.HEADER :], self.length
        self.rows = [numbers[at : at + length] for at in range(0, len(numbers), length)]
        self.dt_s = frame[1]
        return frame

    def news(self):
        """What the policy is told of its chunks."""
        began_s, latency_s, _ = self.loop_knows
        if not self.rows or not self.dt_s > 0:
            return ChunkTick(0, self.shaped([]), self.horizon)
        over = len(self.rows)
        if not math.isnan(began_s):
            # Actions whose time has passed when the question is asked are over.
            over = max(0, math.ceil(began_s / self.dt_s - SAME_TIME))
        delay = math.ceil(latency_s / self.dt_s - SAME_TIME)
        return ChunkTick(delay, self.shaped(self.rows[over:]), self.horizon)

    def shaped(self, rows):
        """Rows as an array of numpy where it is there, else as lists."""
        if numpy():
            return numpy().array(rows, dtype="<f8").reshape(len(rows), self.length)
        return [list(row) for row in rows]
