"""What can go wrong in a child, and what its parent is told of an exception."""

import os
import traceback

from .contract import Packing

# The frames of these files are ours.
_OWN = os.path.dirname(__file__) + os.sep

# A text on its way is no longer than this; and so many causes are told.
LONGEST = Packing.LONGEST_TEXT
MOST_CAUSES = Packing.MOST_CAUSES


class Garbled(Exception):
    """The other end sent what cannot be."""


class NotCloneable(TypeError):
    """A value cannot be sent to another process."""

    code = "OFFLOAD_NOT_CLONEABLE"


class NotFound(LookupError):
    """The file has nothing of this name that could be called."""

    code = "OFFLOAD_NOT_FOUND"


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
    while trace and trace.tb_frame.f_code.co_filename.startswith(_OWN):
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
