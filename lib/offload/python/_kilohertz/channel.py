"""The server's end of a line: calls come in as messages, answers go out."""

import ctypes
import mmap
import os
import select
import struct
import weakref

from .arena import Arena
from .errors import Garbled
from .layout import (
    ALWAYS_SIGNAL, ANSWERS, ARENA_BYTES_AT, ARENAS_AT, BLOCKS, BLOCKS_FOR_MESSAGES, CALLS, CLOSED_AT, COUNTER_STRIDE,
    COUNTERS_AT, MAGIC, PAGE, RETURNED_AT, SLOT_BODY, SLOT_BYTES, SLOT_HEAD, SLOTS, SLOTS_AT, TIB,
    VERSION, VERSION_AT,
)
from .memory import memory_order, words_of


class Line:
    """The server's end of a line."""

    def __init__(self, memory, call_event, answer_event):
        self.memory = memory
        self.call_event = call_event
        self.answer_event = answer_event
        head = mmap.mmap(memory, ARENAS_AT)
        (self.arena_bytes,) = struct.unpack_from("<Q", head, ARENA_BYTES_AT)
        (version,) = struct.unpack_from("<I", head, VERSION_AT)
        if head[:8] != MAGIC or version != VERSION:
            raise Garbled("the memory was not made by this version of kilohertz")
        head.close()
        self.map = mmap.mmap(memory, ARENAS_AT + 2 * self.arena_bytes)
        self.words = words_of(self.map)
        self.sent = 0
        self.taken = 0
        self.arena = Arena(ARENAS_AT + self.arena_bytes, self.arena_bytes, 2 * TIB)
        self.held_bytes = 0
        self.held_blocks = 0
        # Publishing and taking are stores here, behind `order`; whether the other end sleeps is not looked at, so each
        # message wakes it, and each of the other end has to wake this one.
        self.order = memory_order()
        self.words[self._counter(CALLS, 2)] = ALWAYS_SIGNAL
        self.poll = select.poll()
        self.poll.register(call_event, select.POLLIN)

    @staticmethod
    def _counter(direction, nth):
        return (COUNTERS_AT + (3 * direction + nth) * COUNTER_STRIDE) // 4

    @property
    def closed(self):
        return self.words[CLOSED_AT // 4] != 0

    def wait(self):
        """Blocks until the other end has sent a message or closed the line."""
        self.poll.poll()
        try:
            os.read(self.call_event, 8)
        except BlockingIOError:
            pass

    def take(self):
        """The next message, or None."""
        under_way = (self.words[self._counter(CALLS, 0)] - self.taken) & 0xFFFFFFFF
        if under_way == 0:
            return None
        if under_way > SLOTS:
            raise Garbled("more messages than there is room for")
        # The slot is read behind the counter that says it is written.
        self.order()
        slot = SLOTS_AT + (self.taken % SLOTS) * SLOT_BYTES
        length, spilled = struct.unpack_from("<II", self.map, slot)
        body = slot + SLOT_HEAD
        if spilled:
            (number,) = struct.unpack_from("<Q", self.map, body)
            message = bytes(self.borrow(number, length, False))
        else:
            message = self.map[body : body + length]
        self.taken = (self.taken + 1) & 0xFFFFFFFF
        # It is read before the counter says so.
        self.order()
        self.words[self._counter(CALLS, 1)] = self.taken
        return message

    def send(self, message):
        """Sends a message; says whether there was room."""
        if (self.sent - self.words[self._counter(ANSWERS, 1)]) & 0xFFFFFFFF >= SLOTS:
            return False
        slot = SLOTS_AT + (SLOTS + self.sent % SLOTS) * SLOT_BYTES
        spilled = len(message) > SLOT_BODY
        if spilled:
            number = self.lend(message, 0)
            if number < 0:
                return False
            struct.pack_into("<Q", self.map, slot + SLOT_HEAD, number)
        else:
            self.map[slot + SLOT_HEAD : slot + SLOT_HEAD + len(message)] = bytes(message)
        struct.pack_into("<II", self.map, slot, len(message), int(spilled))
        self.sent = (self.sent + 1) & 0xFFFFFFFF
        # The message, and what it lends, are written before the counter says so.
        self.order()
        self.words[self._counter(ANSWERS, 0)] = self.sent
        os.write(self.answer_event, struct.pack("=Q", 1))
        return True

    def borrow(self, number, length, keep):
        """A view of what the other end lent. It is given back at once, or when nobody holds the view any more."""
        offset, index = number // BLOCKS * PAGE, number % BLOCKS
        start = ARENAS_AT
        if start <= offset and offset + length <= start + self.arena_bytes:
            owner = (ctypes.c_char * length).from_buffer(self.map, offset)
        elif TIB <= offset and offset + length <= 2 * TIB:
            window = mmap.mmap(self.memory, max(length, 1), offset=offset)
            owner = (ctypes.c_char * length).from_buffer(window)
        else:
            raise Garbled("a block that cannot be")
        at = RETURNED_AT // 4 + index
        if not keep:
            copy = bytes(owner)
            self.order()
            self.words[at] = 1
            return copy
        self.held_bytes += length
        self.held_blocks += 1
        weakref.finalize(owner, self._give_back, at, length).atexit = False
        return owner

    def may_keep(self, length):
        return self.held_blocks < 256 and self.held_bytes + length <= self.arena_bytes // 2

    def _give_back(self, at, length):
        self.held_bytes -= length
        self.held_blocks -= 1
        self.order()
        self.words[at] = 1

    def lend(self, data, kept=BLOCKS_FOR_MESSAGES):
        """Lends a copy of bytes; its number, or -1 where it has to go within the message."""
        self._collect_returned()
        # A block is written again behind the word that gives it back.
        self.order()
        block = self.arena.lend(len(data), kept)
        if block is None:
            return -1
        offset, index, inside = block
        if inside:
            self.map[offset : offset + len(data)] = data
        else:
            os.posix_fallocate(self.memory, offset, max(len(data), 1))
            with mmap.mmap(self.memory, max(len(data), 1), offset=offset) as window:
                window[: len(data)] = data
        return offset // PAGE * BLOCKS + index

    def lent_bytes(self):
        """How many bytes are lent, and not returned yet."""
        self._collect_returned()
        return sum(end - start for start, end in self.arena.lent.values())

    def _collect_returned(self):
        for index in list(self.arena.lent):
            at = RETURNED_AT // 4 + BLOCKS + index
            if self.words[at]:
                self.words[at] = 0
                self._take_back(index)

    def retract(self, number):
        self._take_back(number % BLOCKS)

    def _take_back(self, index):
        # Memory beyond the arena stays with the file: Python cannot give parts of it to the system.
        self.arena.take_back(index)
