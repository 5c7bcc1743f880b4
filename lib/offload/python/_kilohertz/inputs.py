"""The inputs of a policy: what the program gives it beside the robot's state, of each name the newest.

The memory is laid out as crates/kilohertz-offload/src/inputs/layout.rs says.
"""

import json
import mmap
import os
import struct
import types

from .arrays import DTYPES, FORMATS, numpy
from .contract import Input as Bounds
from .contract import Inputs as Layout
from .errors import Garbled
from .layout import MAGIC
from .memory import full_fence, memory_order, words_of

CHANGES, COUNT = Layout.CHANGES_AT // 4, Layout.COUNT_AT // 4
HEAD = struct.Struct("=d3I")
NONE = Layout.NO_SLOT


class Inputs:
    """The inputs that there are."""

    def __init__(self, memory):
        size = os.fstat(memory).st_size
        self.map = mmap.mmap(memory, size)
        (version,) = struct.unpack_from("=I", self.map, 8)
        if self.map[:8] != MAGIC or version != Layout.VERSION:
            raise Garbled("the memory of the inputs was not made by this version of kilohertz")
        self.memory = memoryview(self.map)
        self.words = words_of(self.map)
        self.order = memory_order()
        self.fence = full_fence()
        self.changes = 0
        self.all = []
        self._named = {}
        #: What the policy is given.
        self.named = types.MappingProxyType(self._named)

    def look(self):
        """Looks what there is for a new question. A value is taken when the policy looks at it."""
        changes = self.words[CHANGES]
        if changes == self.changes:
            return self.named
        self.changes = changes
        self.order()
        for index in range(len(self.all), self.words[COUNT]):
            self.all.append(Input(self, index))
        for each in self.all:
            if each._look():
                self._named[each._name] = each
            else:
                self._named.pop(each._name, None)
        return self.named


class Input:
    """An input: its `value`, and the time to which that belongs, `host_time_s`, by the clock of time.monotonic() [s].

    An array is a numpy array, or a memoryview without numpy. It lies in memory that it shares with the program, and stays as
    it is until the policy has answered: copy what is needed later. Do not write into it.
    """

    __slots__ = ("_inputs", "_name", "_word_at", "_taken", "_is_old", "_value", "_host_time_s", "_seen")

    def __init__(self, inputs, index):
        self._inputs = inputs
        at = Layout.ENTRIES_AT + index * Layout.ENTRY_BYTES
        self._word_at = at // 4
        name = at + Layout.NAME_AT
        length = inputs.words[name // 4]
        self._name = bytes(inputs.memory[name + 4 : name + 4 + length]).decode()
        self._taken = None
        self._is_old = True
        self._value = self._host_time_s = None
        # The array in each slot, beside what was told of it when it was made.
        self._seen = {}

    def __repr__(self):
        return "Input(value=%r, host_time_s=%r)" % (self.value, self.host_time_s)

    @property
    def value(self):
        """The newest value."""
        if self._is_old:
            self._take()
        return self._value

    @property
    def host_time_s(self):
        """The time to which the value belongs, by the clock of time.monotonic() [s]."""
        if self._is_old:
            self._take()
        return self._host_time_s

    def _look(self):
        newest = self._inputs.words[self._word_at]
        if newest != self._taken:
            self._is_old = True
        return newest & NONE != NONE

    def _take(self):
        """Takes the newest value: marks it, so that it is not overwritten, and looks whether it is still the newest."""
        self._is_old = False
        inputs, words = self._inputs, self._inputs.words
        word = words[self._word_at]
        while word & NONE != NONE:
            # What was marked before was read before.
            inputs.order()
            words[self._word_at + Layout.MARK_AT // 4] = word
            inputs.fence()
            newest = words[self._word_at]
            if newest == word:
                break
            word = newest
        else:
            # It was removed since the question: it stays as it was.
            return
        inputs.order()
        self._taken = word
        slot = word & NONE
        at = words[self._word_at + 1 + slot] * Layout.PAGE
        time_s, length, kind, dims = HEAD.unpack_from(inputs.map, at)
        start = at + Layout.HEAD_BYTES
        self._host_time_s = time_s
        if kind == Bounds.PLAIN:
            self._value = json.loads(bytes(inputs.memory[start : start + length]))
            return
        shape = struct.unpack_from("=%dI" % dims, inputs.map, at + Layout.SHAPE_AT)
        told = at, kind, shape
        seen = self._seen.get(slot)
        if seen is None or seen[0] != told:
            seen = told, self._array(inputs.memory[start : start + length], kind, shape)
            self._seen[slot] = seen
        self._value = seen[1]

    @staticmethod
    def _array(data, kind, shape):
        np = numpy()
        if np:
            return np.frombuffer(data, dtype="=" + DTYPES[kind]).reshape(shape)
        return data.cast(FORMATS[kind], shape)
