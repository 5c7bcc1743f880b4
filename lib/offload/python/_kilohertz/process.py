"""A child's begin and end."""

import ctypes
import os
import signal
import sys

from . import UNFIT
from .channel import Line
from .memory import Futex, Unfit
from .public import offer
from .server import Server


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
        policy = (memory[0], Futex()) if memory else None
    except Unfit as error:
        sys.stderr.write("%s\n" % error)
        sys.exit(UNFIT)
    # Ctrl+C reaches the whole terminal; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if policy:
        offer()
    server = Server(Line(*descriptors[:3]), policy)
    server.serve()
    finish(server.root)
