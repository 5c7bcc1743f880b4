"""The book of the blocks that this end of a line lends; see crates/kilohertz-offload/src/arena.rs."""

from .layout import BLOCKS, PAGE


class Arena:
    """Which parts of the memory are lent, and which are free."""

    def __init__(self, start, size, beyond):
        self.start = start
        self.end = start + size
        self.free = [(start, self.end)] if size else []
        self.lent = {}
        self.unused = list(range(BLOCKS - 1, -1, -1))
        self.beyond = beyond
        self.spare = []

    def lend(self, length, kept):
        if len(self.unused) <= kept:
            return None
        size = max(1, -(-length // PAGE)) * PAGE
        for nth, (start, end) in enumerate(self.free):
            if end - start >= size:
                if end - start == size:
                    del self.free[nth]
                else:
                    self.free[nth] = (start + size, end)
                inside = True
                break
        else:
            start, size = self._beyond(size)
            inside = False
        index = self.unused.pop()
        self.lent[index] = (start, start + size)
        return start, index, inside

    def _beyond(self, size):
        # The smallest spare part that is large enough is used again.
        fits = [part for part in self.spare if part[1] >= size]
        if fits:
            part = min(fits, key=lambda part: part[1])
            self.spare.remove(part)
            return part
        start = self.beyond
        self.beyond += size
        return start, size

    def take_back(self, index):
        part = self.lent.pop(index, None)
        if part is None:
            return
        self.unused.append(index)
        start, end = part
        if not self.start <= start < self.end:
            self.spare.append((start, end - start))
            return
        before = [part for part in self.free if part[0] < start]
        after = [part for part in self.free if part[0] > start]
        if before and before[-1][1] == start:
            start = before.pop()[0]
        if after and after[0][0] == end:
            end = after.pop(0)[1]
        self.free = before + [(start, end)] + after
