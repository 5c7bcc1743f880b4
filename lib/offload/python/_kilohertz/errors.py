"""What can go wrong in a child, and what its parent is told of an exception."""

import errno
import os
import traceback

from .contract import Packing

# The frames of these files are ours.
_OWN = os.path.dirname(__file__) + os.sep

# A text on its way is no longer than this; and so many causes are told.
LONGEST = Packing.LONGEST_TEXT
MOST_CAUSES = Packing.MOST_CAUSES
# So many classes and fields of an error are told, and items of a field; and a field is nested no deeper.
MOST_CLASSES = 8
MOST_FIELDS = 100
DEEPEST_FIELD = 5
# These are no fields: they are told beside them.
HAVE_A_PLACE = ("name", "message", "stack", "cause", "code")


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


def plain(value, depth=0):
    """A value that belongs to an error, as data; what is none is described by a text."""
    if value is None or type(value) in (bool, int, float):
        return value
    if isinstance(value, str):
        return sendable(value)
    if depth < DEEPEST_FIELD and type(value) in (list, tuple):
        return [plain(item, depth + 1) for item in value[:MOST_FIELDS]]
    if depth < DEEPEST_FIELD and type(value) is dict:
        return {sendable(str(key)): plain(item, depth + 1) for key, item in list(value.items())[:MOST_FIELDS]}
    return sendable(repr(value))


def tell(value, seen):
    """What belongs to an error: an exception, a list in which exceptions are, or any other value."""
    if isinstance(value, BaseException):
        if len(seen) < MOST_CAUSES and all(value is not other for other in seen):
            return {"error": describe(value, seen)}
        return {"value": sendable("%s: %s" % (type(value).__name__, safely(lambda: str(value), "")))}
    if type(value) in (list, tuple) and any(isinstance(item, BaseException) for item in value):
        return {"list": [tell(item, seen) for item in value[:MOST_FIELDS]]}
    return {"value": plain(value)}


def fields_of(error):
    """The fields of an exception beside its message: those that it was given, and those of an OSError and a group."""
    fields = {}
    if isinstance(error, OSError):
        fields = {"errno": error.errno, "path": error.filename}
    fields.update({name: value for name, value in vars(error).items() if not name.startswith("_")})
    kept = {}
    for name, value in list(fields.items())[:MOST_FIELDS]:
        if name not in HAVE_A_PLACE and value is not None and not callable(value):
            kept[name] = value
    return kept


def describe(error, seen=()):
    """An error as lib/offload/codec/error-message.ts tells it; whatever the error does when it is looked at."""
    trace = safely(lambda: error.__traceback__, None)
    # It begins where the user's code does, if it got there.
    while trace and trace.tb_frame.f_code.co_filename.startswith(_OWN):
        trace = trace.tb_next
    name = safely(lambda: sendable(type(error).__name__), "") or "Exception"
    code = safely(lambda: error.code, None)
    if code is None and isinstance(error, OSError):
        # As Node's errors have it: ENOENT.
        code = safely(lambda: errno.errorcode.get(error.errno), None)
    stack = safely(lambda: "".join(traceback.format_exception(type(error), error, trace)).rstrip(), name)
    if type(error) in (NotCloneable, NotFound):
        name = "OffloadError"
    message = safely(lambda: str(error), "its message cannot be read")
    told = {"name": name, "message": sendable(message), "stack": sendable(stack)}
    if type(code) is int or type(code) is str:
        told["code"] = code if type(code) is int else sendable(code)
    classes = [kind.__name__ for kind in type(error).__mro__ if kind not in (BaseException, Exception, object)]
    if isinstance(safely(lambda: error.exceptions, None), tuple):
        classes.append("AggregateError")
    told["classes"] = [sendable(kind) for kind in classes[:MOST_CLASSES]]
    cause = safely(lambda: error.__cause__, None)
    # A cause that leads back to its own error is told once.
    path = (*seen, error)
    if cause is not None and all(cause is not other for other in path) and len(path) < MOST_CAUSES:
        told["cause"] = {"error": describe(cause, path)}
    fields = safely(lambda: {name: tell(value, path) for name, value in fields_of(error).items()}, {})
    told["hidden"] = []
    if "AggregateError" in classes:
        # An ExceptionGroup, as JavaScript has it.
        fields["errors"] = safely(lambda: tell(error.exceptions, path), {"value": []})
        told["hidden"] = ["errors"]
    told["fields"] = fields
    return told
