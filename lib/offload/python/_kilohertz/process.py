"""A child's begin and end."""

import ctypes
import os
import select
import signal
import stat
import sys
import threading

from . import UNFIT
from .channel import Line
from .memory import Futex, Unfit
from .public import offer
from .server import Server


def end_with_parent(parent):
    """Has this process end with the process that started it, even where that is killed.

    A script may stand between the two. Returns whether it does. If the parent is not there, says so and ends.
    """
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if os.getppid() == parent:
        return False
    if parent not in ancestors():
        sys.stderr.write(
            "process %d, which has started this Python, is not among its parents: it has ended, or what starts Python "
            "lets it run without it\n" % parent
        )
        sys.exit(UNFIT)
    # The system ends this process with the script, and this ends it with the parent.
    watched = os.pidfd_open(parent)
    threading.Thread(target=end_after, args=(watched,), daemon=True).start()
    return True


def ancestors():
    """Returns the numbers of the parent, of its parent and so on."""
    found = []
    pid = os.getppid()
    while pid > 0:
        found.append(pid)
        try:
            with open("/proc/%d/stat" % pid) as file:
                # The name of the program, in parentheses, may contain anything.
                pid = int(file.read().rpartition(")")[2].split()[1])
        except OSError:
            break
    return found


def end_after(watched):
    """Kills this process when another one has ended."""
    select.select([watched], [], [])
    os.kill(os.getpid(), signal.SIGKILL)


def is_shared(descriptor):
    """Whether a descriptor is shared memory: a file without a name."""
    try:
        found = os.fstat(descriptor)
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 0


def finish(root):
    """Lets what was made close what it holds."""
    close = getattr(root, "close", None)
    if callable(close):
        close()


def main():
    parent, *descriptors = map(int, sys.argv[1:])
    sys.argv[1:] = []
    behind_script = end_with_parent(parent)
    if not is_shared(descriptors[0]):
        sys.stderr.write(
            "the descriptors that this Python was given are closed; a script that starts it must leave them open, as "
            "`exec python3 \"$@\"` does, or close_fds=False of Python's subprocess\n"
        )
        sys.exit(UNFIT)
    memory = descriptors[3:]
    if behind_script and memory:
        sys.stderr.write(
            "a script has started this Python, and the priority of a policy can only be set for the process that is "
            "started itself. Let the script end with `exec python3 \"$@\"`\n"
        )
        sys.exit(UNFIT)
    try:
        policy = (memory[0], Futex(), memory[1]) if memory else None
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
