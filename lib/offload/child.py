"""What runs in a Python child: it makes an object, answers calls about it, and ends with its parent.

It needs the standard library only. The memory that it shares with its parent is laid out as
crates/kilohertz-offload/src/layout.rs says, and that in which a policy is asked as
crates/kilohertz-core/src/channel/shared_memory.rs does; values are written as lib/offload/codec/packer.ts writes them.
"""

import sys

if sys.version_info < (3, 9):
    sys.stderr.write("this is Python %d.%d; expected 3.9 or newer\n" % sys.version_info[:2])
    sys.exit(97)

try:
    import ctypes
except ImportError as error:
    sys.stderr.write("this Python has no ctypes, which shared memory needs (%s)\n" % error)
    sys.exit(97)

import asyncio
import collections
import datetime
import errno
import importlib.util
import inspect
import itertools
import mmap
import os
import select
import signal
import struct
import traceback
import weakref

_numpy = None

MAGIC = b"kilohrtz"
VERSION = 1
CLOSED_AT = 64
SLOTS = 256
SLOT_BYTES = 4096
SLOT_HEAD = 8
SLOT_BODY = SLOT_BYTES - SLOT_HEAD
BLOCKS = 1024
BLOCKS_FOR_MESSAGES = SLOTS
PAGE = 4096
COUNTERS_AT = 128
COUNTER_STRIDE = 64
RETURNED_AT = 4096
SLOTS_AT = RETURNED_AT + 2 * 4 * BLOCKS
ARENAS_AT = SLOTS_AT + 2 * SLOTS * SLOT_BYTES
TIB = 1 << 40
CALLS, ANSWERS = 0, 1
ALWAYS_RING = 2

MAKE, CALL, GET, SET, NEXT, RETURN, CANCEL, SIT = range(8)
VALUE, ERROR, ITERATOR = range(3)

LARGEST_WITHIN = 1024
SMALLEST_IN_PLACE = 65536
DEEPEST = 100

(
    UNDEFINED, NULL, FALSE, TRUE, INT, FLOAT, WHOLE, TEXT, LIST, RECORD,
    ARRAY, LENT_ARRAY, FLOATS, INTS, BIGINT, DATE, MAP, SET_OF, ERROR_OF, CLONE,
) = range(20)

# The kinds of arrays, in the order of their numbers: as struct and memoryview, and as numpy name them.
FORMATS = ["b", "B", "h", "H", "i", "I", "q", "Q", "f", "d", "B", "B", "B"]
DTYPES = ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8", "u1", "u1", None]
BUFFER = 12
KINDS = {"i1": 0, "u1": 1, "b1": 1, "i2": 2, "u2": 3, "i4": 4, "u4": 5, "i8": 6, "u8": 7, "f4": 8, "f8": 9}


def numpy():
    """numpy where it is there, else None."""
    global _numpy
    if _numpy is None:
        try:
            import numpy as module
        except ImportError:
            module = False
        _numpy = module
    return _numpy or None


class Garbled(Exception):
    """The other end sent what cannot be."""


class NotCloneable(TypeError):
    """A value cannot be sent to another process."""

    code = "OFFLOAD_NOT_CLONEABLE"


class NotFound(LookupError):
    """The file has nothing of this name that could be called."""

    code = "OFFLOAD_NOT_FOUND"


def memory_order():
    """What orders this thread's accesses to memory before it behind those before it; raises where there is nothing.

    A store to shared memory may be seen before an earlier one, and a load may be made before an earlier one, on every
    processor but x86, whose stores and loads keep their order among themselves; there Python's own steps are enough.
    Elsewhere the order is that of membarrier(2): MEMBARRIER_CMD_GLOBAL_EXPEDITED is a full barrier for the thread that
    calls it, at its begin and at its end, whoever else has registered. A system call alone would not do: it
    takes and gives back locks, and accesses may move into what a lock guards. Writing to the bell comes behind what it
    tells of, so the other end may have looked by itself before.
    """
    machine = os.uname().machine
    if machine in ("x86_64", "i686", "i386"):
        return lambda: None
    number = {"arm": 389, "armv7l": 389, "ppc64le": 365, "s390x": 356}.get(machine, 283)
    call = ctypes.CDLL(None, use_errno=True).syscall
    global_expedited = 1 << 1

    def order():
        if call(number, global_expedited, 0) != 0:
            code = ctypes.get_errno()
            raise OSError(code, "membarrier: %s; this system cannot order shared memory" % os.strerror(code))

    order()
    return order


class Unfit(Exception):
    """This system lacks what a policy needs here."""


class Futex:
    """Sleeping on a word of shared memory, and waking who does; raises Unfit where this system cannot.

    The kernel looks at the word in one with putting a thread to sleep, and a wake comes behind what was stored before
    it: so neither a fence nor an exchange is needed, which Python has not.
    """

    WAIT, WAKE = 0, 1
    NUMBERS = {"x86_64": 202, "aarch64": 98, "riscv64": 98, "loongarch64": 98, "ppc64le": 221, "s390x": 238}
    NUMBERS_32 = {"x86_64": 240, "i686": 240, "i386": 240, "aarch64": 240, "armv8l": 240, "armv7l": 240, "armv6l": 240}
    # So long it sleeps at a time [s].
    LONGEST = 0.1

    def __init__(self):
        machine = os.uname().machine
        numbers = self.NUMBERS if ctypes.sizeof(ctypes.c_void_p) == 8 else self.NUMBERS_32
        self._number = numbers.get(machine)
        if not sys.platform.startswith("linux") or self._number is None:
            raise Unfit("a policy in Python needs futex(2), whose number on %s is not known here" % machine)
        # Other threads of the policy run while this one sleeps. Waking is too short to let them.
        self._wait = self._call(ctypes.CDLL(None, use_errno=True).syscall)
        self._wake = self._call(ctypes.PyDLL(None).syscall)
        self._limit = (ctypes.c_long * 2)(0, int(self.LONGEST * 1e9))
        self._limit_at = ctypes.addressof(self._limit)
        word = ctypes.c_uint32(1)
        ctypes.set_errno(0)
        slept = self._wait(self._number, ctypes.addressof(word), self.WAIT, 0, self._limit_at)
        if (slept, ctypes.get_errno()) != (-1, errno.EAGAIN) or self.wake(ctypes.addressof(word)) != 0:
            raise Unfit("a policy in Python needs futex(2): %s" % os.strerror(ctypes.get_errno()))

    @staticmethod
    def _call(syscall):
        syscall.argtypes = [ctypes.c_long, ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32, ctypes.c_void_p]
        syscall.restype = ctypes.c_long
        return syscall

    def wait(self, address, expected):
        """Sleeps while the word is `expected`, until a wake, a signal or `LONGEST`: the caller looks again.

        Python runs the handler of a signal when this returns.
        """
        if self._wait(self._number, address, self.WAIT, expected, self._limit_at) != 0:
            code = ctypes.get_errno()
            if code not in (errno.EAGAIN, errno.EINTR, errno.ETIMEDOUT):
                raise OSError(code, "futex: %s" % os.strerror(code))

    def wake(self, address):
        """Wakes one who sleeps on the word; says how many."""
        return self._wake(self._number, address, self.WAKE, 1, None)


class Seat:
    """Where a policy waits for the loop: memory that both map, with words to sleep on."""

    QUESTIONS, ANSWERS = 4, 16
    ASKED_AT, SLEEPS_AT, TAKEN_AT, ANSWERED_AT, LOOP_SLEEPS_AT, ROWS_AT = range(64, 448, 64)
    NUMBERS = (1 << 31) - 1
    OVER = 1
    ALWAYS_WAKE = 2
    LOOP_AWAKE = 0
    VERSION = 1

    def __init__(self, memory, futex, lengths):
        self.futex = futex
        self.question = 8 * (3 + lengths["observation"])
        self.question_stride = -(-self.question // 64) * 64
        self.answer_stride = -(-8 * (2 + lengths["action"]) // 64) * 64
        self.answers_at = self.ROWS_AT + self.QUESTIONS * self.question_stride
        size = self.answers_at + self.ANSWERS * self.answer_stride
        if os.fstat(memory).st_size != size:
            raise Garbled("the policy's memory was not made by this version of kilohertz")
        self.map = mmap.mmap(memory, size)
        (version,) = struct.unpack_from("=I", self.map, 8)
        if self.map[:8] != MAGIC or version != self.VERSION:
            raise Garbled("the policy's memory was not made by this version of kilohertz")
        self.words = Words(self.map)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self.map))
        self.asked = start + self.ASKED_AT
        self.loop_sleeps = start + self.LOOP_SLEEPS_AT
        self.order = memory_order()
        self.number = 0
        self.answered = 0
        # Whether this end sleeps cannot be told in time without a fence: so each question wakes. If it was already
        # asked, the kernel does not put this end to sleep.
        self.words[self.SLEEPS_AT] = self.ALWAYS_WAKE

    @property
    def over(self):
        return self.words[self.ASKED_AT] & self.OVER != 0

    def wait(self):
        """Sleeps until there may be a question or it is over, for a while."""
        asked = self.words[self.ASKED_AT]
        if asked >> 1 == self.number and not asked & self.OVER:
            self.futex.wait(self.asked, asked)

    def take(self):
        """The newest question: its tick, time and period [ns], and the observation; None where there is no new one."""
        while True:
            number = self.words[self.ASKED_AT] >> 1
            if number == self.number:
                return None
            self.words[self.TAKEN_AT] = number
            at = self.ROWS_AT + number % self.QUESTIONS * self.question_stride
            # The row is read behind the number that says it is written, and before it is looked whether it is being
            # written again.
            self.order()
            row = self.map[at : at + self.question]
            self.order()
            if ((self.words[self.ASKED_AT] >> 1) - number) & self.NUMBERS < self.QUESTIONS - 1:
                break
        self.number = number
        return (*struct.unpack_from("=3Q", row), memoryview(row)[24:])

    def answer(self, tick, kind, values=()):
        """Answers the question of this tick."""
        at = self.answers_at + self.answered % self.ANSWERS * self.answer_stride
        struct.pack_into("=2Q%dd" % len(values), self.map, at, tick, kind, *values)
        self.answered = (self.answered + 1) & 0xFFFFFFFF
        # The row is written before the number says so, and that before the word by which the loop knows that it was
        # woken.
        self.order()
        self.words[self.ANSWERED_AT] = self.answered
        self.order()
        self.words[self.LOOP_SLEEPS_AT] = self.LOOP_AWAKE
        self.futex.wake(self.loop_sleeps)


class Words:
    """Numbers of 32 bits that both ends use, by where they lie. Each is read and written as a whole, as a memoryview
    in the machine's own format does; `struct` goes byte by byte, and the other end could see a half of one.
    """

    def __init__(self, memory):
        self._words = memoryview(memory).cast("I")

    def __getitem__(self, at):
        return self._words[at // 4]

    def __setitem__(self, at, value):
        self._words[at // 4] = value


class Line:
    """The servant's end of a line."""

    def __init__(self, memory, call_bell, answer_bell):
        self.memory = memory
        self.call_bell = call_bell
        self.answer_bell = answer_bell
        head = mmap.mmap(memory, ARENAS_AT)
        (self.arena_bytes,) = struct.unpack_from("<Q", head, 16)
        (version,) = struct.unpack_from("<I", head, 8)
        if head[:8] != MAGIC or version != VERSION:
            raise Garbled("the memory was not made by this version of kilohertz")
        head.close()
        self.map = mmap.mmap(memory, ARENAS_AT + 2 * self.arena_bytes)
        self.words = Words(self.map)
        self.sent = 0
        self.taken = 0
        self.arena = Arena(ARENAS_AT + self.arena_bytes, self.arena_bytes, 2 * TIB)
        self.held_bytes = 0
        self.held_blocks = 0
        # Publishing and taking are stores here, behind `order`; whether the other end sleeps is not looked at, so each
        # message rings, and each of the other end has to.
        self.order = memory_order()
        self.words[self._counter(CALLS, 2)] = ALWAYS_RING
        self.poll = select.poll()
        self.poll.register(call_bell, select.POLLIN)

    @staticmethod
    def _counter(direction, nth):
        return COUNTERS_AT + (3 * direction + nth) * COUNTER_STRIDE

    @property
    def closed(self):
        return self.words[CLOSED_AT] != 0

    def wait(self):
        """Blocks until the bell rings."""
        self.poll.poll()
        try:
            os.read(self.call_bell, 8)
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
        os.write(self.answer_bell, struct.pack("=Q", 1))
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
        at = RETURNED_AT + index * 4
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
        for index in list(self.arena.lent):
            at = RETURNED_AT + (BLOCKS + index) * 4
            if self.words[at]:
                self.words[at] = 0
                self._take_back(index)
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

    def retract(self, number):
        self._take_back(number % BLOCKS)

    def _take_back(self, index):
        # Memory beyond the arena stays with the file: Python cannot give parts of it to the system.
        self.arena.take_back(index)


class Arena:
    """The book of what is lent; see crates/kilohertz-offload/src/arena.rs."""

    def __init__(self, start, size, beyond):
        self.start = start
        self.end = start + size
        self.free = [(start, self.end)] if size else []
        self.lent = {}
        self.unused = list(range(BLOCKS - 1, -1, -1))
        self.beyond = beyond
        self.spare = []

    def lend(self, length, kept):
        if len(self.unused) <= kept:
            return None
        size = max(1, -(-length // PAGE)) * PAGE
        for nth, (start, end) in enumerate(self.free):
            if end - start >= size:
                if end - start == size:
                    del self.free[nth]
                else:
                    self.free[nth] = (start + size, end)
                inside = True
                break
        else:
            start, size = self._beyond(size)
            inside = False
        index = self.unused.pop()
        self.lent[index] = (start, start + size)
        return start, index, inside

    def _beyond(self, size):
        # The smallest spare part that is large enough is used again.
        fits = [part for part in self.spare if part[1] >= size]
        if fits:
            part = min(fits, key=lambda part: part[1])
            self.spare.remove(part)
            return part
        start = self.beyond
        self.beyond += size
        return start, size

    def take_back(self, index):
        part = self.lent.pop(index, None)
        if part is None:
            return
        self.unused.append(index)
        start, end = part
        if not self.start <= start < self.end:
            self.spare.append((start, end - start))
            return
        before = [part for part in self.free if part[0] < start]
        after = [part for part in self.free if part[0] > start]
        if before and before[-1][1] == start:
            start = before.pop()[0]
        if after and after[0][0] == end:
            end = after.pop(0)[1]
        self.free = before + [(start, end)] + after


class Packer:
    """Writes values into a message."""

    def __init__(self, line):
        self.line = line
        self.lent = []

    def message(self, call, kind, value, path):
        self.lent = []
        out = bytearray(struct.pack("<IB", call, kind))
        try:
            self._value(out, value, path, 0)
        except BaseException:
            self.discard()
            raise
        return out

    def discard(self):
        for number in self.lent:
            self.line.retract(number)
        self.lent = []

    def _value(self, out, value, path, depth):
        kind = type(value)
        if value is None:
            out.append(UNDEFINED)
        elif kind is bool:
            out.append(TRUE if value else FALSE)
        elif kind is float:
            out += struct.pack("<Bd", FLOAT, value)
        elif kind is int:
            self._int(out, value)
        elif kind is str:
            self._text(out, TEXT, value)
        elif depth == DEEPEST:
            raise NotCloneable("%s lies too deep, or in a circle" % path)
        elif kind is dict:
            self._dict(out, value, path, depth)
        elif kind is list or kind is tuple:
            self._list(out, value, path, depth)
        else:
            self._object(out, value, path, depth)

    def _int(self, out, value):
        if -(2**31) <= value < 2**31:
            out += struct.pack("<Bi", INT, value)
        elif abs(value) < 2**53:
            out += struct.pack("<Bd", WHOLE, value)
        else:
            self._text(out, BIGINT, str(value))

    @staticmethod
    def _text(out, tag, value):
        data = value.encode("utf-8", "replace")
        out += struct.pack("<BI", tag, len(data))
        out += data

    def _dict(self, out, value, path, depth):
        texts = all(type(key) is str for key in value)
        out += struct.pack("<BI", RECORD if texts else MAP, len(value))
        for key, item in value.items():
            self._value(out, key, path + ".key", depth + 1)
            self._value(out, item, "%s.%s" % (path, key), depth + 1)

    def _list(self, out, value, path, depth):
        if value:
            try:
                if all(type(item) is float for item in value):
                    out += struct.pack("<BI%dd" % len(value), FLOATS, len(value), *value)
                    return
                if all(type(item) is int for item in value):
                    out += struct.pack("<BI%di" % len(value), INTS, len(value), *value)
                    return
            except struct.error:
                pass
        out += struct.pack("<BI", LIST, len(value))
        for nth, item in enumerate(value):
            self._value(out, item, "%s[%d]" % (path, nth), depth + 1)

    def _object(self, out, value, path, depth):
        np = numpy() if "numpy" in sys.modules else None
        if np and isinstance(value, np.generic) and value.ndim == 0 and value.dtype.kind in "biuf":
            self._value(out, value.item(), path, depth)
        elif np and isinstance(value, np.ndarray):
            self._ndarray(out, value, path)
        elif isinstance(value, (bytes, bytearray)):
            self._bytes(out, 1, (), value)
        elif isinstance(value, memoryview):
            self._memoryview(out, value, path)
        elif isinstance(value, (bool, int, float, str)):
            base = next(b for b in (bool, int, float, str) if isinstance(value, b))
            self._value(out, base(value), path, depth)
        elif isinstance(value, (set, frozenset)):
            out += struct.pack("<BI", SET_OF, len(value))
            for item in value:
                self._value(out, item, path, depth + 1)
        elif isinstance(value, datetime.datetime):
            out += struct.pack("<Bd", DATE, value.timestamp() * 1e3)
        elif isinstance(value, BaseException):
            out.append(ERROR_OF)
            self._value(out, describe(value), path, depth + 1)
        elif isinstance(value, dict):
            self._dict(out, value, path, depth)
        elif isinstance(value, (list, tuple)):
            self._list(out, value, path, depth)
        elif hasattr(value, "detach") and hasattr(value, "cpu") and hasattr(value, "numpy"):
            # A tensor of PyTorch, wherever it lies.
            self._value(out, value.detach().cpu().numpy(), path, depth + 1)
        elif hasattr(value, "__array__") and numpy():
            self._value(out, numpy().asarray(value), path, depth + 1)
        elif hasattr(value, "__dataclass_fields__"):
            fields = {name: getattr(value, name) for name in value.__dataclass_fields__}
            self._dict(out, fields, path, depth)
        else:
            raise NotCloneable(
                "%s is a %s and cannot be sent to another process; return numbers, texts, lists, "
                "dicts, arrays" % (path, type(value).__name__)
            )

    def _ndarray(self, out, value, path):
        np = numpy()
        name = value.dtype.newbyteorder("=").str[1:]
        if name not in KINDS:
            raise NotCloneable(
                "%s has dtype %s, which JavaScript has no array for; convert it, as with "
                ".astype(numpy.float32)" % (path, value.dtype)
            )
        plain = np.ascontiguousarray(value, dtype="<" + name)
        self._bytes(out, KINDS[name], value.shape, plain.reshape(-1).view("u1").data)

    def _memoryview(self, out, value, path):
        if value.format not in FORMATS[:10]:
            raise NotCloneable("%s has format %s; expected one of %s" % (path, value.format, FORMATS[:10]))
        data = value if value.c_contiguous else memoryview(value.tobytes())
        self._bytes(out, FORMATS.index(value.format), value.shape, data.cast("B"))

    def _bytes(self, out, kind, shape, data):
        length = len(data)
        number = self.line.lend(data) if length > LARGEST_WITHIN else -1
        # One dimension is what an array has anyway.
        sizes = shape if len(shape) != 1 else ()
        out += struct.pack("<BBBd", ARRAY if number < 0 else LENT_ARRAY, kind, len(sizes), length)
        out += struct.pack("<%dd" % len(sizes), *sizes)
        if number < 0:
            out += data
        else:
            self.lent.append(number)
            out += struct.pack("<d", number)


class Unpacker:
    """Reads values out of a message."""

    def __init__(self, line, message):
        self.line = line
        self.message = message
        self.at = 5
        self.failure = None
        self.call, self.kind = struct.unpack_from("<IB", message)

    def _take(self, form):
        values = struct.unpack_from("<" + form, self.message, self.at)
        self.at += struct.calcsize("<" + form)
        return values

    def _bytes(self, length):
        start = self.at
        if not 0 <= length <= len(self.message) - start:
            raise Garbled("a length of %d" % length)
        self.at += length
        return self.message[start : self.at]

    def _text(self):
        return self._bytes(self._take("I")[0]).decode("utf-8")

    def value(self):
        """Reads the next value; raises Garbled where there is none."""
        try:
            return self._value()
        except Garbled:
            raise
        except Exception as error:
            raise Garbled("no value: %s" % error) from error

    def _value(self):
        (tag,) = self._take("B")
        if tag in (UNDEFINED, NULL):
            return None
        if tag in (FALSE, TRUE):
            return tag == TRUE
        if tag == INT:
            return self._take("i")[0]
        if tag == FLOAT:
            return self._take("d")[0]
        if tag == WHOLE:
            return int(self._take("d")[0])
        if tag == TEXT:
            return self._text()
        if tag == LIST:
            return [self._value() for _ in range(self._take("I")[0])]
        if tag == RECORD or tag == MAP:
            return self._made(dict, [(self._value(), self._value()) for _ in range(self._take("I")[0])])
        if tag in (ARRAY, LENT_ARRAY):
            return self._array(tag == LENT_ARRAY)
        if tag == FLOATS:
            return list(self._take("%dd" % self._take("I")[0]))
        if tag == INTS:
            return list(self._take("%di" % self._take("I")[0]))
        if tag == BIGINT:
            return self._made(int, self._text())
        if tag == DATE:
            return self._made(date, self._take("d")[0])
        if tag == SET_OF:
            return self._made(set, [self._value() for _ in range(self._take("I")[0])])
        if tag == ERROR_OF:
            told = self._value()
            return RuntimeError("%s: %s" % (told.get("name"), told.get("message")))
        raise Garbled("tag %d" % tag)

    def _made(self, make, of):
        try:
            return make(of)
        except Exception as error:
            # The rest is read all the same: what was lent with it is given back.
            self.failure = self.failure or error
            return None

    def _array(self, lent):
        kind, dimensions, length = self._take("BBd")
        length = int(length)
        shape = [int(size) for size in self._take("%dd" % dimensions)]
        if lent:
            number = int(self._take("d")[0])
            keep = numpy() and length >= SMALLEST_IN_PLACE and self.line.may_keep(length)
            data = self.line.borrow(number, length, bool(keep))
        else:
            data = self._bytes(length)
        if kind == BUFFER:
            return bytes(data)
        np = numpy()
        if np:
            array = np.frombuffer(data, dtype="<" + DTYPES[kind])
            if isinstance(data, bytes):
                # Of its own, and so writable, as an array in shared memory is.
                array = array.copy()
            return array.reshape(shape) if dimensions else array
        view = memoryview(bytearray(data))
        # A memoryview cannot be of a shape that has no elements.
        return view.cast(FORMATS[kind], shape) if dimensions and length else view.cast(FORMATS[kind])


def date(milliseconds):
    """A time of JavaScript."""
    return datetime.datetime.fromtimestamp(milliseconds / 1e3, datetime.timezone.utc)


# A text on its way is no longer than this, as in lib/offload/codec/error-message.ts; and so many causes are told.
LONGEST = 2**20
MOST_CAUSES = 25


def safely(look, otherwise):
    """What looking at something gives; whatever that raises, this does not."""
    try:
        return look()
    except BaseException:
        return otherwise


def sendable(text):
    """A text of bounded length."""
    # Of a class derived from it, the text itself.
    text = str.__str__(text)
    return text if len(text) <= LONGEST else text[:LONGEST] + "\u2026"


def describe(error, seen=()):
    """An error as lib/offload/codec/error-message.ts tells it; whatever the error does when it is looked at."""
    trace = safely(lambda: error.__traceback__, None)
    # It begins where the user's code does, if it got there.
    while trace and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    name = safely(lambda: sendable(type(error).__name__), "") or "Exception"
    code = safely(lambda: error.code, None)
    stack = safely(lambda: "".join(traceback.format_exception(type(error), error, trace)).rstrip(), name)
    if type(error) in (NotCloneable, NotFound):
        name = "OffloadError"
    message = safely(lambda: str(error), "its message cannot be read")
    told = {"name": name, "message": sendable(message), "stack": sendable(stack)}
    if type(code) is int or type(code) is str:
        told["code"] = code if type(code) is int else sendable(code)
    cause = safely(lambda: error.__cause__, None)
    # A cause that leads back to its own error is told once.
    if cause is not None and all(cause is not other for other in seen) and len(seen) < MOST_CAUSES:
        told["cause"] = {"error": describe(cause, (*seen, error))}
    return told


class Servant:
    """Answers calls until the line is closed."""

    def __init__(self, line, seat):
        self.line = line
        self.seat = seat
        self.packer = Packer(line)
        self.root = None
        self.iterators = {}
        self.next_iterator = 0
        self.failed_set = None
        self.loop = None

    def serve(self):
        inbox = []
        while True:
            # Looked at first: what was sent before it was closed is there then.
            closed = self.line.closed
            message = self.line.take()
            while message is not None:
                self._receive(inbox, message)
                message = self.line.take()
            if inbox:
                call = inbox.pop(0)
                self._answer(*call)
                # What the call brought is given back now, not when the next one comes.
                del call
            elif closed:
                return
            else:
                self.line.wait()

    def _receive(self, inbox, message):
        unpacker = Unpacker(self.line, message)
        path, args = unpacker.value(), unpacker.value()
        if unpacker.failure is not None:
            # What has no like in Python is told by the answer.
            args = unpacker.failure
        if unpacker.kind == CANCEL:
            inbox[:] = [call for call in inbox if call[0] != args[0]]
        else:
            inbox.append((unpacker.call, unpacker.kind, path, args))

    def _answer(self, call, kind, path, args):
        try:
            status, value = VALUE, self._run(kind, path, args)
            if kind not in (NEXT, RETURN) and is_iterator(value):
                number = self.next_iterator
                self.next_iterator += 1
                self.iterators[number] = value
                status, value = ITERATOR, number
            if kind == SET:
                return
            message = self.packer.message(call, status, value, "the result of %s" % name_of(path))
        except BaseException as error:  # SystemExit too: only the parent ends this process
            if kind == SET:
                self.failed_set = self.failed_set or error
                return
            message = self.packer.message(call, ERROR, error, "error")
        while not self.line.send(message):
            select.select([], [], [], 0.001)

    def _run(self, kind, path, args):
        if isinstance(args, Exception):
            raise args
        if self.failed_set is not None and kind != SET:
            error, self.failed_set = self.failed_set, None
            raise error
        if kind == MAKE:
            self.root = self._settled(make(*args))
            if self.seat and not callable(self.root):
                raise TypeError(
                    "%s of %s was called with args and returned %s; expected the policy, a function. "
                    "Leave args out where the export is the policy itself"
                    % (args[1], args[0], type(self.root).__name__)
                )
            return None
        if kind == CALL:
            return self._settled(self._find(path)(*args))
        if kind == GET:
            return self._find(path)
        if kind == SET:
            names = [path] if isinstance(path, str) else path
            owner = self._find(names[:-1])
            if isinstance(owner, dict):
                owner[names[-1]] = args[0]
            else:
                setattr(owner, names[-1], args[0])
            return None
        if kind == NEXT:
            return self._step(args[0])
        if kind == RETURN:
            iterator = self.iterators.pop(args[0], None)
            if hasattr(iterator, "close"):
                iterator.close()
            elif hasattr(iterator, "aclose"):
                self._settled(iterator.aclose())
            return None
        if kind == SIT and self.seat:
            return self._sit(*args)
        raise Garbled("%d is no kind of call" % kind)

    def _sit(self, schema, lengths):
        """Runs what was made as the policy of a session until that ends; says why, where it failed."""
        memory, futex = self.seat
        seat = Seat(memory, futex, lengths)
        state = State(schema)
        first = None
        while not seat.over:
            question = seat.take()
            if question is None:
                seat.wait()
                continue
            number, time_ns, period_ns, observation = question
            # The policy's time begins with the first question that it takes.
            if first is None:
                first, period_ns = time_ns, 0
            tick = Tick(number, (time_ns - first) / 1e9, period_ns / 1e9)
            failed = None
            try:
                state._refresh(observation)
                action = self._settled(self.root(state, tick))
                if action is None:
                    told = ANSWER_NOTHING, ()
                else:
                    told = ANSWER_ACTION, numbers_of(action, lengths["action"])
            except BaseException as error:
                failed, told = error, (ANSWER_FAILED, ())
            # First of all the loop knows, and brakes the arm; then it is told why.
            try:
                seat.answer(number, *told)
            except BaseException as error:
                failed = error if failed is None else failed
            if failed is not None:
                return self._failure(failed, tick, lengths)
        return None

    def _failure(self, failed, tick, lengths):
        """Why a policy failed, as lib/franka/drivers/policy-loop.ts tells it."""
        if type(failed) is not Refused:
            return {"kind": "threw", "tick": tick.tick, "error": describe(failed)}
        code, received, advice = failed.args
        return {
            "kind": "refused",
            "tick": tick.tick,
            "code": code,
            "received": received,
            "expected": "%d numbers: a list, a numpy array, a tensor" % lengths["action"],
            "advice": advice,
        }

    def _find(self, path):
        value = self.root
        for name in [path] if isinstance(path, str) else path:
            if isinstance(value, dict) and name in value:
                value = value[name]
            else:
                value = getattr(value, name)
        return value

    def _settled(self, value):
        """What a coroutine returns; any other value as it is."""
        if not inspect.iscoroutine(value):
            return value
        if self.loop is None:
            self.loop = asyncio.new_event_loop()
        return self.loop.run_until_complete(value)

    def _step(self, number):
        iterator = self.iterators.get(number)
        try:
            if iterator is None:
                raise StopIteration
            if hasattr(iterator, "__anext__"):
                return {"done": False, "value": self._settled(as_coroutine(iterator))}
            return {"done": False, "value": next(iterator)}
        except StopIteration as end:
            self.iterators.pop(number, None)
            return {"done": True, "value": end.value}
        except StopAsyncIteration:
            self.iterators.pop(number, None)
            return {"done": True, "value": None}
        except BaseException:
            self.iterators.pop(number, None)
            raise


async def as_coroutine(iterator):
    return await iterator.__anext__()


Tick = collections.namedtuple("Tick", "tick time_s period_s")
Tick.__doc__ = "The cycle, its time from the start of the first one [s], and the policy's period [s]."


class State:
    """The robot's state. Arrays are refreshed in place each cycle: copy what is needed later."""

    def __init__(self, schema):
        fields = schema["fields"]
        self._slots = memoryview(bytearray(8 * sum(length for _, length in fields)))
        doubles = self._slots.cast("d")
        if numpy():
            doubles = numpy().frombuffer(self._slots, dtype="<f8")
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

    def _refresh(self, slots):
        self._slots[:] = slots


# What came of a question; crates/kilohertz-core/src/channel/shared_mailbox.rs has the same numbers.
ANSWER_FAILED, ANSWER_NOTHING, ANSWER_ACTION = 0, 1, 2


class Refused(Exception):
    """An answer that is no action: its code, what it is, and what to return instead."""


PLAIN = frozenset((float, int))


def numbers_of(action, length):
    """The numbers of an action of so many; raises Refused where it has none."""
    given = action
    if hasattr(action, "detach") and hasattr(action, "cpu"):
        action = action.detach().cpu()
    shape = getattr(action, "shape", None)
    kind = getattr(getattr(action, "dtype", None), "kind", "f")
    if kind not in "fiu":
        advice = "Return it as floats: action.real" if kind == "c" else "Return action.astype(float)"
        raise Refused("ACTION_TYPE", "%s of %s" % (type(given).__name__, action.dtype), advice)
    if shape is not None and hasattr(action, "reshape") and hasattr(action, "tolist"):
        action = action.reshape(-1).tolist()
    # What most policies return is told at once, and need not be looked at one by one.
    if type(action) in (list, tuple) and len(action) == length and PLAIN.issuperset(map(type, action)):
        try:
            return list(map(float, action))
        except OverflowError:
            pass
    try:
        if isinstance(action, (str, bytes, bytearray, dict, set, frozenset)):
            raise TypeError
        items = iter(action)
    except TypeError:
        raise Refused("ACTION_TYPE", shown(given), advice_on(given)) from None
    # One more than there may be says that there are too many, however many there are.
    values = list(itertools.islice(items, length + 1))
    numbers = []
    for index, value in enumerate(values):
        number, advice = number_of(value)
        if number is None:
            received = "%s whose [%d] is %s" % (sized(given, values, length), index, shown(value))
            raise Refused("ACTION_TYPE", received, advice)
        numbers.append(number)
    if len(numbers) != length:
        raise Refused("ACTION_LENGTH", sized(given, values, length), "")
    return numbers


def number_of(value):
    """A value as a number and nothing; or None and what to return instead."""
    if value is None:
        return None, "Return None alone where there is nothing new"
    # Of a text float() would make a number, and of a truth value; an array of one is no number either.
    if isinstance(value, (str, bytes, bytearray, bool)) or type(value).__name__ == "bool_":
        return None, "Make each a number with float(x)"
    if getattr(value, "ndim", 0) != 0 or isinstance(value, (list, tuple)):
        return None, "Return one flat list: numpy.ravel(action), or action.flatten()"
    try:
        return float(value), None
    except (TypeError, ValueError, OverflowError):
        return None, "Return real numbers"


def advice_on(action):
    if isinstance(action, dict):
        return "Return list(action.values())"
    if isinstance(action, (set, frozenset)):
        return "A set has no order: return a list"
    return ""


def sized(action, values, length):
    """A list-like answer in short."""
    kind = type(action).__name__
    shape = getattr(action, "shape", None)
    if shape is not None and len(shape) != 1:
        return "%s of shape %s" % (kind, tuple(shape))
    try:
        return "%s of length %d" % (kind, len(action))
    except TypeError:
        more = "more than %d" % length if len(values) > length else len(values)
        return "%s of length %s" % (kind, more)


def shown(value):
    """A value in short, whatever its repr does."""
    return safely(lambda: repr(value)[:80], "a %s" % type(value).__name__)


def is_iterator(value):
    if inspect.isgenerator(value) or inspect.isasyncgen(value):
        return True
    return hasattr(value, "__next__") and hasattr(value, "__iter__")


def name_of(path):
    return path if isinstance(path, str) else ".".join(path)


def make(file, name, args):
    """Loads a file as a module and calls what it has under a name; without args that itself is meant."""
    folder, base = os.path.split(file)
    # Its neighbours can be imported, as when Python is started with the file.
    sys.path[0] = folder
    spec = importlib.util.spec_from_file_location(os.path.splitext(base)[0], file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    made = getattr(module, name, None)
    if not callable(made):
        names = ", ".join(
            key for key, value in vars(module).items() if callable(value) and not key.startswith("_")
        )
        raise NotFound("%s has no function %s; it has %s" % (file, name, names or "nothing"))
    if args is not None:
        made = made(*args)
    # Now, so that the first array does not wait for it.
    numpy()
    return made


def end_with_parent(parent):
    """Has the system end this process with the thread that started it, even where that is killed."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(0)


def finish(root):
    """Lets what was made close what it holds."""
    close = getattr(root, "close", None)
    if callable(close):
        close()


def main():
    parent, *descriptors = map(int, sys.argv[1:])
    sys.argv[1:] = []
    end_with_parent(parent)
    memory = descriptors[3:]
    try:
        seat = (memory[0], Futex()) if memory else None
    except Unfit as error:
        sys.stderr.write("%s\n" % error)
        sys.exit(97)
    # Ctrl+C reaches the whole terminal; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    servant = Servant(Line(*descriptors[:3]), seat)
    servant.serve()
    finish(servant.root)


if __name__ == "__main__":
    main()
