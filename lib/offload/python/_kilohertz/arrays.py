"""Which numbers an array on a line may hold, and how numpy and the standard library name them."""

from .contract import ARRAYS

_numpy = None

# What struct and memoryview, and what numpy call the kinds of arrays; bytes alone have no name in numpy.
_NAMES = {
    "Int8Array": ("b", "i1"), "Uint8Array": ("B", "u1"), "Uint8ClampedArray": ("B", "u1"), "DataView": ("B", "u1"),
    "Int16Array": ("h", "i2"), "Uint16Array": ("H", "u2"), "Int32Array": ("i", "i4"), "Uint32Array": ("I", "u4"),
    "BigInt64Array": ("q", "i8"), "BigUint64Array": ("Q", "u8"), "Float32Array": ("f", "f4"),
    "Float64Array": ("d", "f8"), "ArrayBuffer": ("B", None),
}
# By the numbers of the kinds.
FORMATS = [_NAMES[kind][0] for kind in ARRAYS]
DTYPES = [_NAMES[kind][1] for kind in ARRAYS]
BUFFER = ARRAYS.index("ArrayBuffer")
# By the names of numpy: of two kinds with one name the first.
KINDS = {"b1": DTYPES.index("u1"), **{dtype: DTYPES.index(dtype) for dtype in DTYPES if dtype}}


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
