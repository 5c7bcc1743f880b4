"""What a policy answered, as the numbers of an action."""

import itertools

from .errors import safely

FLOATS = frozenset((float,))
PLAIN = frozenset((float, int))


class Refused(Exception):
    """An answer that is no action: its code, what it is, what to return instead, and what is expected if that is
    something else than an action.
    """


def numbers_of(action, length):
    """The numbers of an action of so many; raises Refused where it has none."""
    # What most policies return is told at once, and need not be looked at one by one.
    numbers = plain_numbers(action, length)
    if numbers is not None:
        return numbers
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
        numbers = plain_numbers(action, length)
        if numbers is not None:
            return numbers
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


def plain_numbers(action, length):
    """The numbers of a list or a tuple that holds so many floats and ints and nothing else; else None."""
    if type(action) not in (list, tuple) or len(action) != length:
        return None
    if FLOATS.issuperset(map(type, action)):
        return action
    if PLAIN.issuperset(map(type, action)):
        try:
            return list(map(float, action))
        except OverflowError:
            pass
    return None


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
