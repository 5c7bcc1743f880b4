"""What runs in a Python child: it makes an object, answers calls about it, and ends with its parent.

It needs the standard library only. Its name is private: a user may have modules called `policy` or `codec`.

| what | where |
| --- | --- |
| a child's begin and end | process.py |
| answering the calls of a line | server.py |
| the server's end of a line; the book of what it lends; what lies where | channel.py, arena.py, layout.py |
| values as bytes; arrays of numbers; what is told of an exception | codec.py, arrays.py, errors.py |
| the policy of a session; what it is given; what it answers | policy.py, state.py, inputs.py, action.py |
| what a policy logs, and imports for it | logged.py, public.py |
| when garbage is collected | collected.py |
| numbers that both ends know, generated | contract.py |
| words of shared memory, the order of accesses, sleeping | memory.py |
"""

import sys

from .contract import Exit

# What the parent takes for an interpreter that cannot do what is needed.
UNFIT = Exit.UNFIT

if sys.version_info < (3, 9):
    sys.stderr.write("this is Python %d.%d; expected 3.9 or newer\n" % sys.version_info[:2])
    sys.exit(UNFIT)

try:
    import ctypes
except ImportError as error:
    sys.stderr.write("this Python has no ctypes, which shared memory needs (%s)\n" % error)
    sys.exit(UNFIT)
