"""When this process collects garbage, which the loop's side is told. lib/policy/collected.ts has the other end."""

import gc
import time

from .contract import Collected


class Collections:
    """Notes the garbage collections of this process within a `with` statement, and tells them where `send` is called.

    `tell` sends begins and ends on the monotonic clock [s]; it returns False if there is no room. Without it nothing is
    noted. A collection of any thread holds the lock that a policy needs to run.
    """

    def __init__(self, tell):
        self.tell = tell
        self.began = None
        # The begins and ends that were not sent yet.
        self.times = []

    def __enter__(self):
        if self.tell:
            gc.callbacks.append(self._note)
        return self

    def __exit__(self, *_):
        if self._note in gc.callbacks:
            gc.callbacks.remove(self._note)

    def send(self):
        """Sends what was noted. If there is no room, it is told the next time; then the oldest are left out."""
        # A collection may begin at any allocation, and adds to one of the two lists.
        times, self.times = self.times, []
        if not self.tell(times):
            self.times = newest(times + self.times)

    def _note(self, phase, _info):
        now = time.monotonic()
        if phase == "start":
            self.began = now
        elif self.began is not None and now - self.began >= Collected.SHORTEST_S:
            self.times = newest(self.times + [self.began, now])


def newest(times):
    return times[-2 * Collected.MOST :]
