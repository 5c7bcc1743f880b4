"""Which numbers an array on a line may hold, and how numpy and the standard library name them."""

_numpy = None

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
