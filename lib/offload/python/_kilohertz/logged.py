"""What a policy logs into the recording of its session. lib/policy/logged.ts has the other end."""

import re
import sys
import threading
import time

from .arrays import numpy
from .contract import Answer, Logged
from .codec import Packer

NAME = re.compile(r"(?!kilohertz/)[A-Za-z0-9_-][A-Za-z0-9_./-]{0,199}\Z")
LONGEST_TIME = 3.2e9
ENCODINGS = {1: "mono8", 3: "rgb8", 4: "rgba8"}


def log(channel, value, *, time_s=None):
    """Records a value beside the cycles of the session that runs the policy. It never waits.

    The value is a number, numbers, bytes, a text, or an image: an array of bytes with the shape (height, width),
    (height, width, 3) or (height, width, 4), a dictionary with `width`, `height`, `encoding` and `data`, or one with
    `format` and `data`. `time_s` is the time to which it belongs, on the clock of `tick.time_s`; the time of the policy's
    question by default, and outside the policy's call that of the newest cycle.

    Returns False if nothing was recorded: the session is not recorded, or too much waits.
    """
    if not (isinstance(channel, str) and NAME.match(channel)):
        raise ValueError(
            "the name of a channel is %.220r; expected 1 to 200 letters, digits and _ - . /, not beginning with / or . "
            "or kilohertz/" % (channel,)
        )
    if time_s is not None:
        time_s = float(time_s)
        if not abs(time_s) < LONGEST_TIME:
            raise ValueError("time_s is %r; expected seconds of the robot's time" % time_s)
    value, size = sendable(value)
    if size > Logged.LARGEST:
        raise ValueError("a value of channel %s has %d bytes; expected at most %d" % (channel, size, Logged.LARGEST))
    sink = Sink.open
    return sink is not None and sink.send(channel, time_s, value)


def sendable(value):
    """A value as it is sent, and its size in bytes."""
    if hasattr(value, "detach") and hasattr(value, "cpu") and hasattr(value, "numpy"):
        value = value.detach().cpu().numpy()
    np = numpy() if "numpy" in sys.modules else None
    if np and isinstance(value, (np.ndarray, np.generic)):
        return of_array(np, np.asarray(value))
    if isinstance(value, str):
        return value, len(value.encode("utf-8", "replace"))
    if isinstance(value, memoryview) and value.format not in ("B", "b", "c"):
        # A field of a state is one where numpy is not there.
        value = value.tolist()
    if isinstance(value, (bytes, bytearray, memoryview)):
        data = bytes(value)
        return data, len(data)
    if isinstance(value, dict):
        data = bytes(value.get("data", b""))
        return {**value, "data": data}, len(data)
    try:
        numbers = [float(value)] if isinstance(value, (int, float)) else [float(number) for number in value]
    except (TypeError, ValueError):
        raise TypeError(
            "a value is a %s; expected a number, numbers, bytes, a text or an image" % type(value).__name__
        ) from None
    return numbers, 8 * len(numbers)


def of_array(np, array):
    if array.dtype == np.uint8 and array.ndim in (2, 3):
        depth = array.shape[2] if array.ndim == 3 else 1
        if depth not in ENCODINGS:
            raise ValueError("an image has %d numbers a pixel; expected 1, 3 or 4" % depth)
        image = {"width": array.shape[1], "height": array.shape[0], "encoding": ENCODINGS[depth]}
        return {**image, "data": array.tobytes()}, array.nbytes
    if array.dtype == np.uint8:
        return array.tobytes(), array.nbytes
    if array.dtype.kind not in "biuf":
        raise TypeError("an array has the dtype %s; expected numbers" % array.dtype)
    numbers = array.astype("<f8").reshape(-1)
    return numbers, numbers.nbytes


class Sink:
    """Sends what is logged while a session runs."""

    open = None

    def __init__(self, line, call):
        self.line = line
        self.call = call
        self.packer = Packer(line)
        # Threads of the policy log too, and finalizers, which may run while a message is packed: its own are dropped.
        self.lock = threading.RLock()
        self.telling = False
        self.first_s = 0.0
        # The robot's time of the question that the policy is answering.
        self.asked_s = None
        self.channels = set()
        self.dropped = self.told = 0
        self.left, self.at = Logged.A_SECOND / 4, time.monotonic()

    def send(self, channel, time_s, value):
        with self.lock:
            if Sink.open is not self:
                return False
            if channel not in self.channels:
                if len(self.channels) >= Logged.CHANNELS:
                    raise ValueError(
                        "%s is a new channel of the policy; expected one of the %d that it has: put what changes into "
                        "the value" % (channel, Logged.CHANNELS)
                    )
                self.channels.add(channel)
            time_s = self.asked_s if time_s is None else time_s + self.first_s
            dropped = self.dropped
            if self._allowed() and self._tell([dropped, channel, time_s, value]):
                self.told = dropped
                return True
            self.dropped += 1
            return False

    def end(self):
        """Tells how many values were dropped since the last; from now on nothing is sent."""
        with self.lock:
            if Sink.open is self:
                Sink.open = None
            if self.dropped > self.told:
                self._tell([self.dropped])

    def collected(self, times):
        """Sends when garbage was collected. Returns False if there is no room."""
        with self.lock:
            return self._tell(times, Answer.COLLECTED)

    def _allowed(self):
        now = time.monotonic()
        self.left = min(Logged.A_SECOND / 4, self.left + (now - self.at) * Logged.A_SECOND)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True

    def _tell(self, message, kind=Answer.LOGGED):
        if self.telling or self.line.lent_bytes() > Logged.MOST:
            return False
        self.telling = True
        try:
            packed = self.packer.message(self.call, kind, message, "what was logged")
            if self.line.send(packed):
                return True
            self.packer.discard()
            return False
        finally:
            self.telling = False
