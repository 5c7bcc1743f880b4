"""Values as bytes, on their way through a line, as lib/offload/codec/packer.ts writes and unpacker.ts reads them."""

import datetime
import struct
import sys

from .arrays import BUFFER, DTYPES, FORMATS, KINDS, numpy
from .contract import Packing, Tag
from .errors import Garbled, NotCloneable, describe
from .state import State

LARGEST_WITHIN = Packing.LARGEST_WITHIN
SMALLEST_IN_PLACE = Packing.SMALLEST_IN_PLACE
DEEPEST = Packing.DEEPEST

# Names of this module, which are looked up sooner than those of a class.
UNDEFINED, NULL, FALSE, TRUE = Tag.UNDEFINED, Tag.NULL, Tag.FALSE, Tag.TRUE
INT, FLOAT, WHOLE, TEXT, LIST, RECORD = Tag.INT, Tag.FLOAT, Tag.WHOLE, Tag.TEXT, Tag.LIST, Tag.RECORD
ARRAY, LENT_ARRAY, FLOATS, INTS = Tag.ARRAY, Tag.LENT_ARRAY, Tag.FLOATS, Tag.INTS
BIGINT, DATE, MAP, SET_OF, ERROR_OF, STATE_OF = Tag.BIGINT, Tag.DATE, Tag.MAP, Tag.SET, Tag.ERROR, Tag.STATE


class Packer:
    """Writes values into a message."""

    def __init__(self, line):
        self.line = line
        self.lent = []

    def message(self, call, kind, value, path):
        self.lent = []
        out = bytearray(struct.pack("<IB", call, kind))
        try:
            self._value(out, value, path, 0)
        except BaseException:
            self.discard()
            raise
        return out

    def discard(self):
        for number in self.lent:
            self.line.retract(number)
        self.lent = []

    def _value(self, out, value, path, depth):
        kind = type(value)
        if value is None:
            out.append(UNDEFINED)
        elif kind is bool:
            out.append(TRUE if value else FALSE)
        elif kind is float:
            out += struct.pack("<Bd", FLOAT, value)
        elif kind is int:
            self._int(out, value)
        elif kind is str:
            self._text(out, TEXT, value)
        elif depth == DEEPEST:
            raise NotCloneable("%s lies too deep, or in a circle" % path)
        elif kind is dict:
            self._dict(out, value, path, depth)
        elif kind is list or kind is tuple:
            self._list(out, value, path, depth)
        else:
            self._object(out, value, path, depth)

    def _int(self, out, value):
        if -(2**31) <= value < 2**31:
            out += struct.pack("<Bi", INT, value)
        elif abs(value) < 2**53:
            out += struct.pack("<Bd", WHOLE, value)
        else:
            # Decimal digits would take a time that grows with the square of their number.
            self._text(out, BIGINT, format(value, "x"))

    @staticmethod
    def _text(out, tag, value):
        data = value.encode("utf-8", "replace")
        out += struct.pack("<BI", tag, len(data))
        out += data

    def _dict(self, out, value, path, depth):
        texts = all(type(key) is str for key in value)
        out += struct.pack("<BI", RECORD if texts else MAP, len(value))
        for key, item in value.items():
            self._value(out, key, path + ".key", depth + 1)
            self._value(out, item, "%s.%s" % (path, key), depth + 1)

    def _list(self, out, value, path, depth):
        if value:
            try:
                if all(type(item) is float for item in value):
                    out += struct.pack("<BI%dd" % len(value), FLOATS, len(value), *value)
                    return
                if all(type(item) is int for item in value):
                    out += struct.pack("<BI%di" % len(value), INTS, len(value), *value)
                    return
            except struct.error:
                pass
        out += struct.pack("<BI", LIST, len(value))
        for nth, item in enumerate(value):
            self._value(out, item, "%s[%d]" % (path, nth), depth + 1)

    def _object(self, out, value, path, depth):
        np = numpy() if "numpy" in sys.modules else None
        if np and isinstance(value, np.generic) and value.ndim == 0 and value.dtype.kind in "biuf":
            self._value(out, value.item(), path, depth)
        elif np and isinstance(value, np.ndarray):
            self._ndarray(out, value, path)
        elif isinstance(value, (bytes, bytearray)):
            self._bytes(out, 1, (), value)
        elif isinstance(value, memoryview):
            self._memoryview(out, value, path)
        elif isinstance(value, (bool, int, float, str)):
            base = next(b for b in (bool, int, float, str) if isinstance(value, b))
            self._value(out, base(value), path, depth)
        elif isinstance(value, (set, frozenset)):
            out += struct.pack("<BI", SET_OF, len(value))
            for item in value:
                self._value(out, item, path, depth + 1)
        elif isinstance(value, datetime.datetime):
            out += struct.pack("<Bd", DATE, value.timestamp() * 1e3)
        elif isinstance(value, BaseException):
            out.append(ERROR_OF)
            self._value(out, describe(value), path, depth + 1)
        elif isinstance(value, State):
            out.append(STATE_OF)
            self._bytes(out, KINDS["f8"], (), value._slots)
        elif isinstance(value, dict):
            self._dict(out, value, path, depth)
        elif isinstance(value, (list, tuple)):
            self._list(out, value, path, depth)
        elif hasattr(value, "detach") and hasattr(value, "cpu") and hasattr(value, "numpy"):
            # A tensor of PyTorch, wherever it lies.
            self._value(out, value.detach().cpu().numpy(), path, depth + 1)
        elif hasattr(value, "__array__") and numpy():
            self._value(out, numpy().asarray(value), path, depth + 1)
        elif hasattr(value, "__dataclass_fields__"):
            fields = {name: getattr(value, name) for name in value.__dataclass_fields__}
            self._dict(out, fields, path, depth)
        else:
            raise NotCloneable(
                "%s is a %s and cannot be sent to another process; return numbers, texts, lists, "
                "dicts, arrays" % (path, type(value).__name__)
            )

    def _ndarray(self, out, value, path):
        np = numpy()
        name = value.dtype.newbyteorder("=").str[1:]
        if name not in KINDS:
            raise NotCloneable(
                "%s has dtype %s, which JavaScript has no array for; convert it, as with "
                ".astype(numpy.float32)" % (path, value.dtype)
            )
        plain = np.ascontiguousarray(value, dtype="<" + name)
        self._bytes(out, KINDS[name], value.shape, plain.reshape(-1).view("u1").data)

    def _memoryview(self, out, value, path):
        if value.format not in FORMATS[:10]:
            raise NotCloneable("%s has format %s; expected one of %s" % (path, value.format, FORMATS[:10]))
        data = value if value.c_contiguous else memoryview(value.tobytes())
        self._bytes(out, FORMATS.index(value.format), value.shape, data.cast("B"))

    def _bytes(self, out, kind, shape, data):
        length = len(data)
        number = self.line.lend(data) if length > LARGEST_WITHIN else -1
        # One dimension is what an array has anyway.
        sizes = shape if len(shape) != 1 else ()
        out += struct.pack("<BBBd", ARRAY if number < 0 else LENT_ARRAY, kind, len(sizes), length)
        out += struct.pack("<%dd" % len(sizes), *sizes)
        if number < 0:
            out += data
        else:
            self.lent.append(number)
            out += struct.pack("<d", number)


class Unpacker:
    """Reads values out of a message."""

    def __init__(self, line, message):
        self.line = line
        self.message = message
        self.at = 5
        self.failure = None
        self.call, self.kind = struct.unpack_from("<IB", message)

    def _take(self, form):
        values = struct.unpack_from("<" + form, self.message, self.at)
        self.at += struct.calcsize("<" + form)
        return values

    def _bytes(self, length):
        start = self.at
        if not 0 <= length <= len(self.message) - start:
            raise Garbled("a length of %d" % length)
        self.at += length
        return self.message[start : self.at]

    def _text(self):
        return self._bytes(self._take("I")[0]).decode("utf-8")

    def value(self):
        """Reads the next value; raises Garbled where there is none."""
        try:
            return self._value()
        except Garbled:
            raise
        except Exception as error:
            raise Garbled("no value: %s" % error) from error

    def _value(self):
        (tag,) = self._take("B")
        if tag in (UNDEFINED, NULL):
            return None
        if tag in (FALSE, TRUE):
            return tag == TRUE
        if tag == INT:
            return self._take("i")[0]
        if tag == FLOAT:
            return self._take("d")[0]
        if tag == WHOLE:
            return int(self._take("d")[0])
        if tag == TEXT:
            return self._text()
        if tag == LIST:
            return [self._value() for _ in range(self._take("I")[0])]
        if tag == RECORD or tag == MAP:
            return self._made(dict, [(self._value(), self._value()) for _ in range(self._take("I")[0])])
        if tag in (ARRAY, LENT_ARRAY):
            return self._array(tag == LENT_ARRAY)
        if tag == FLOATS:
            return list(self._take("%dd" % self._take("I")[0]))
        if tag == INTS:
            return list(self._take("%di" % self._take("I")[0]))
        if tag == BIGINT:
            return self._made(lambda digits: int(digits, 16), self._text())
        if tag == DATE:
            return self._made(date, self._take("d")[0])
        if tag == SET_OF:
            return self._made(set, [self._value() for _ in range(self._take("I")[0])])
        if tag == STATE_OF:
            # A copy, which stays when the message is gone.
            schema, slots = self._value()
            return State(schema, memoryview(bytearray(memoryview(slots).cast("B"))))
        if tag == ERROR_OF:
            told = self._value()
            return RuntimeError("%s: %s" % (told.get("name"), told.get("message")))
        raise Garbled("tag %d" % tag)

    def _made(self, make, of):
        try:
            return make(of)
        except Exception as error:
            # The rest is read all the same: what was lent with it is given back.
            self.failure = self.failure or error
            return None

    def _array(self, lent):
        kind, dimensions, length = self._take("BBd")
        length = int(length)
        shape = [int(size) for size in self._take("%dd" % dimensions)]
        if lent:
            number = int(self._take("d")[0])
            keep = numpy() and length >= SMALLEST_IN_PLACE and self.line.may_keep(length)
            data = self.line.borrow(number, length, bool(keep))
        else:
            data = self._bytes(length)
        if kind == BUFFER:
            return bytes(data)
        np = numpy()
        if np:
            array = np.frombuffer(data, dtype="<" + DTYPES[kind])
            if isinstance(data, bytes):
                # Of its own, and so writable, as an array in shared memory is.
                array = array.copy()
            return array.reshape(shape) if dimensions else array
        view = memoryview(bytearray(data))
        # A memoryview cannot be of a shape that has no elements.
        return view.cast(FORMATS[kind], shape) if dimensions and length else view.cast(FORMATS[kind])


def date(milliseconds):
    """A time of JavaScript."""
    return datetime.datetime.fromtimestamp(milliseconds / 1e3, datetime.timezone.utc)
