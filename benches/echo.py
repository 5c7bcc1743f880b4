"""The echoing end of a bare echo, in Python: its arguments are the number of a descriptor, and lib/offload/python."""

import ctypes
import mmap
import os
import sys

sys.path.insert(0, sys.argv[2])
from _kilohertz.memory import Futex, words_of
from _kilohertz.policy import ANSWERED, ASKED
from _kilohertz.process import end_with_parent

end_with_parent(os.getppid())

# The words of asking and of answering, as crates/kilohertz-core/src/channel/echo.rs uses them.
memory = mmap.mmap(int(sys.argv[1]), 0)
words = words_of(memory)
start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
futex = Futex()
wake = futex.waker(start + 4 * ANSWERED)
heard = 0
while True:
    asked = words[ASKED]
    if asked == heard:
        futex.wait(start + 4 * ASKED, asked)
        continue
    heard = asked
    words[ANSWERED] = asked
    wake()
