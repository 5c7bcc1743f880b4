"""The echoing end of a bare echo, in Python: its arguments are the number of a descriptor, and child.py."""

import ctypes
import importlib.util
import mmap
import os
import sys

spec = importlib.util.spec_from_file_location("child", sys.argv[2])
child = importlib.util.module_from_spec(spec)
spec.loader.exec_module(child)
child.end_with_parent(os.getppid())

# The words of asking and of answering, as crates/kilohertz-core/src/channel/echo.rs uses them.
ASKED_AT, ANSWERED_AT = child.Seat.ASKED_AT, child.Seat.ANSWERED_AT
memory = mmap.mmap(int(sys.argv[1]), 0)
words = child.Words(memory)
start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
futex = child.Futex()
heard = 0
while True:
    asked = words[ASKED_AT]
    if asked == heard:
        futex.wait(start + ASKED_AT, asked)
        continue
    heard = asked
    words[ANSWERED_AT] = asked
    futex.wake(start + ANSWERED_AT)
