"""Words of shared memory: reading and writing them as a whole, the order of accesses, sleeping on one."""

import ctypes
import errno
import functools
import os
import sys
import threading


X86 = ("x86_64", "i686", "i386")


def memory_order():
    """What orders this thread's accesses to memory before it behind those before it; raises where there is nothing.

    A store to shared memory may be seen before an earlier one, and a load may be made before an earlier one, on every
    processor but x86, whose stores and loads keep their order among themselves; there Python's own steps are enough.
    Elsewhere the order is that of membarrier(2): MEMBARRIER_CMD_GLOBAL_EXPEDITED is a full barrier for the thread that
    calls it, at its begin and at its end, whoever else has registered. A system call alone would not do: it
    takes and gives back locks, and accesses may move into what a lock guards. The other end may also look by itself,
    before it is woken.
    """
    machine = os.uname().machine
    if machine in X86:
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


def full_fence():
    """What orders also a store of this thread before its later loads; raises where there is nothing.

    On x86 that is an instruction with a lock prefix, which taking a lock is, in every version of Python: whoever has it is
    told by an atomic exchange. Elsewhere `memory_order` is a full barrier already.
    """
    if os.uname().machine not in X86:
        return memory_order()
    lock = threading.Lock()

    def fence():
        lock.acquire()
        lock.release()

    return fence


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
        if (slept, ctypes.get_errno()) != (-1, errno.EAGAIN) or self.waker(ctypes.addressof(word))() != 0:
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

    def waker(self, address):
        """Returns what wakes one who sleeps on the word, when it is called, and returns how many it woke."""
        # The arguments are made once: else making them takes longer than the call.
        number, at = ctypes.c_long(self._number), ctypes.c_void_p(address)
        return functools.partial(self._wake, number, at, ctypes.c_int(self.WAKE), ctypes.c_uint32(1), None)


def words_of(memory):
    """Memory as numbers of 32 bits that both ends use. Each is read and written as a whole, as a memoryview in the
    machine's own format does; `struct` goes byte by byte, and the other end could see a half of one.
    """
    return memoryview(memory).cast("I")
