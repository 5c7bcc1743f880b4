"""Answers the calls of a line about an object that the first of them makes."""

import asyncio
import importlib.util
import inspect
import os
import select
import sys

from .arrays import numpy
from .collected import Collections
from .codec import Packer, Unpacker
from .contract import Answer, Call
from .errors import Garbled, NotFound
from .inputs import Inputs
from .logged import Sink
from .policy import PolicyPort, reset_policy, run_policy

MAKE, CALL, GET, SET, NEXT = Call.MAKE, Call.CALL, Call.GET, Call.SET, Call.NEXT
RETURN, CANCEL, RUN_POLICY = Call.RETURN, Call.CANCEL, Call.RUN_POLICY
VALUE, ERROR, ITERATOR = Answer.VALUE, Answer.ERROR, Answer.ITERATOR


class Server:
    """Answers calls until the line is closed."""

    def __init__(self, line, policy):
        self.line = line
        # The memory in which a session asks the policy, what sleeps there, and the memory of the policy's inputs; None where
        # it is no policy.
        self.policy = policy
        self.packer = Packer(line)
        self.root = None
        self.iterators = {}
        self.next_iterator = 0
        self.failed_set = None
        self.loop = None

    def serve(self):
        inbox = []
        while True:
            # Looked at first: what was sent before it was closed is there then.
            closed = self.line.closed
            message = self.line.take()
            while message is not None:
                self._receive(inbox, message)
                message = self.line.take()
            if inbox:
                call = inbox.pop(0)
                self._answer(*call)
                # What the call brought is given back now, not when the next one comes.
                del call
            elif closed:
                return
            else:
                self.line.wait()

    def _receive(self, inbox, message):
        unpacker = Unpacker(self.line, message)
        path, args = unpacker.value(), unpacker.value()
        if unpacker.failure is not None:
            # What has no like in Python is told by the answer.
            args = unpacker.failure
        if unpacker.kind == CANCEL:
            inbox[:] = [call for call in inbox if call[0] != args[0]]
        else:
            inbox.append((unpacker.call, unpacker.kind, path, args))

    def _answer(self, call, kind, path, args):
        try:
            status, value = VALUE, self._run(call, kind, path, args)
            if kind not in (NEXT, RETURN) and is_iterator(value):
                number = self.next_iterator
                self.next_iterator += 1
                self.iterators[number] = value
                status, value = ITERATOR, number
            if kind == SET:
                return
            message = self.packer.message(call, status, value, "the result of %s" % name_of(path))
        except BaseException as error:  # SystemExit too: only the parent ends this process
            if kind == SET:
                self.failed_set = self.failed_set or error
                return
            message = self.packer.message(call, ERROR, error, "error")
        while not self.line.send(message):
            select.select([], [], [], 0.001)

    def _run(self, call, kind, path, args):
        if isinstance(args, Exception):
            raise args
        if self.failed_set is not None and kind != SET:
            error, self.failed_set = self.failed_set, None
            raise error
        if kind == MAKE:
            self.root = self._settled(make(*args))
            if self.policy and not callable(self.root):
                raise TypeError(
                    "%s of %s was called with args and returned %s; expected the policy, a function. "
                    "Leave args out where the export is the policy itself"
                    % (args[1], args[0], type(self.root).__name__)
                )
            if self.policy:
                reset_policy(self.root, self._settled)
            return None
        if kind == CALL:
            return self._settled(self._find(path)(*args))
        if kind == GET:
            return self._find(path)
        if kind == SET:
            names = [path] if isinstance(path, str) else path
            owner = self._find(names[:-1])
            if isinstance(owner, dict):
                owner[names[-1]] = args[0]
            else:
                setattr(owner, names[-1], args[0])
            return None
        if kind == NEXT:
            return self._step(args[0])
        if kind == RETURN:
            iterator = self.iterators.pop(args[0], None)
            if hasattr(iterator, "close"):
                iterator.close()
            elif hasattr(iterator, "aclose"):
                self._settled(iterator.aclose())
            return None
        if kind == RUN_POLICY and self.policy:
            return self._run_policy(call, *args)
        raise Garbled("%d is no kind of call" % kind)

    def _run_policy(self, call, schema, lengths, is_recorded, tells_garbage):
        """Runs what was made as the policy of a session until that ends; says why, where it failed."""
        memory, futex, inputs = self.policy
        port = PolicyPort(memory, futex, lengths)
        sink = Sink(self.line, call)
        if is_recorded:
            Sink.open = sink
        try:
            with Collections(sink.collected if tells_garbage else None) as garbage:
                return run_policy(self.root, port, Inputs(inputs), schema, lengths, self._settled, sink, garbage)
        finally:
            sink.end()

    def _find(self, path):
        value = self.root
        for name in [path] if isinstance(path, str) else path:
            if isinstance(value, dict) and name in value:
                value = value[name]
            else:
                value = getattr(value, name)
        return value

    def _settled(self, value):
        """What a coroutine returns; any other value as it is."""
        if not inspect.iscoroutine(value):
            return value
        if self.loop is None:
            self.loop = asyncio.new_event_loop()
        return self.loop.run_until_complete(value)

    def _step(self, number):
        iterator = self.iterators.get(number)
        try:
            if iterator is None:
                raise StopIteration
            if hasattr(iterator, "__anext__"):
                return {"done": False, "value": self._settled(as_coroutine(iterator))}
            return {"done": False, "value": next(iterator)}
        except StopIteration as end:
            self.iterators.pop(number, None)
            return {"done": True, "value": end.value}
        except StopAsyncIteration:
            self.iterators.pop(number, None)
            return {"done": True, "value": None}
        except BaseException:
            self.iterators.pop(number, None)
            raise


async def as_coroutine(iterator):
    return await iterator.__anext__()


def is_iterator(value):
    if inspect.isgenerator(value) or inspect.isasyncgen(value):
        return True
    return hasattr(value, "__next__") and hasattr(value, "__iter__")


def name_of(path):
    return path if isinstance(path, str) else ".".join(path)


def make(file, name, args):
    """Loads a file as a module and calls what it has under a name; without args that itself is meant."""
    folder, base = os.path.split(file)
    # Its neighbours can be imported, as when Python is started with the file.
    sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location(os.path.splitext(base)[0], file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    made = getattr(module, name, None)
    if not callable(made):
        names = ", ".join(
            key for key, value in vars(module).items() if callable(value) and not key.startswith("_")
        )
        raise NotFound("%s has no function %s; it has %s" % (file, name, names or "nothing"))
    if args is not None:
        made = made(*args)
    # Now, so that the first array does not wait for it.
    numpy()
    return made
