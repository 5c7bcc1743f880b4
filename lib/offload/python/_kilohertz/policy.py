"""The policy of a session: where it waits for the loop, and how it is run.

The memory is laid out as crates/kilohertz-core/src/channel/shared_memory.rs says.
"""

import ctypes
import mmap
import os
import struct
import time
import types
from array import array

from .action import Refused, numbers_of
from .chunks import Kept, chunk_of
from .contract import Port
from .errors import Garbled, describe
from .layout import MAGIC
from .memory import memory_order, words_of
from .state import State, Tick

VERSION = Port.VERSION
QUESTIONS, ANSWERS = Port.QUESTIONS, Port.ANSWERS
# The words by their numbers, as `words_of` counts them; the rows begin behind them.
ASKED, SLEEPS, TAKEN = Port.ASKED_AT // 4, Port.SLEEPS_AT // 4, Port.TAKEN_AT // 4
ANSWERED, LOOP_SLEEPS = Port.ANSWERED_AT // 4, Port.LOOP_SLEEPS_AT // 4
ROWS_AT = Port.ROWS_AT
QUESTION_HEAD = struct.Struct("=%dQ" % Port.QUESTION_HEAD)
ANSWER_HEAD = struct.Struct("=%dQ" % Port.ANSWER_HEAD)
# A question's number has 31 bits: the last bit of its word says that the session is over.
NUMBERS = Port.NUMBERS
OVER = Port.OVER
ALWAYS_WAKE = 2
LOOP_AWAKE = Port.LOOP_AWAKE
# What came of a question.
FAILED, NOTHING, ACTION = Port.ANSWER_FAILED, Port.ANSWER_NOTHING, Port.ANSWER_ACTION


class PolicyPort:
    """Where a policy waits for the loop: memory that both map, with words to sleep on.

    Whatever does not change is made in advance: the loop waits from a question to its answer.
    """

    def __init__(self, memory, futex, lengths):
        question = QUESTION_HEAD.size + 8 * lengths["observation"]
        question_stride = -(-question // Port.LINE) * Port.LINE
        answer_stride = -(-(ANSWER_HEAD.size + 8 * lengths["answer"]) // Port.LINE) * Port.LINE
        answers_at = ROWS_AT + QUESTIONS * question_stride
        size = answers_at + ANSWERS * answer_stride
        if os.fstat(memory).st_size != size:
            raise Garbled("the policy's memory was not made by this version of kilohertz")
        self.map = mmap.mmap(memory, size)
        (version,) = struct.unpack_from("=I", self.map, 8)
        if self.map[:8] != MAGIC or version != VERSION:
            raise Garbled("the policy's memory was not made by this version of kilohertz")
        self.words = words_of(self.map)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self.map))
        self.asked_at = start + 4 * ASKED
        self.wait = futex.wait
        self.wake_loop = futex.waker(start + 4 * LOOP_SLEEPS)
        self.order = memory_order()
        # The question that was taken last: its head, and behind it the observation.
        self.row = memoryview(bytearray(question))
        self.head = self.row[: QUESTION_HEAD.size]
        self.observation = self.row[QUESTION_HEAD.size :]
        starts = [ROWS_AT + nth * question_stride for nth in range(QUESTIONS)]
        self.questions = [memoryview(self.map)[at : at + question] for at in starts]
        self.answers_at = [answers_at + nth * answer_stride for nth in range(ANSWERS)]
        self.write_head = ANSWER_HEAD.pack_into
        self.write_action = struct.Struct("=2Q%dd" % lengths["action"]).pack_into
        self.number = 0
        self.answered = 0
        # Whether this end sleeps cannot be told in time without a fence: so each question wakes. If it was already
        # asked, the kernel does not put this end to sleep.
        self.words[SLEEPS] = ALWAYS_WAKE

    def next_question(self):
        """Waits for a question and returns the tick, time, period and host time [ns] of the newest; `observation` is what was
        observed. Returns None when the session is over.
        """
        words = self.words
        while True:
            asked = words[ASKED]
            if asked & OVER:
                return None
            number = asked >> 1
            if number == self.number:
                self.wait(self.asked_at, asked)
                continue
            words[TAKEN] = number
            # The row is read behind the number that says it is written, and before it is looked whether it is being
            # written again.
            self.order()
            self.row[:] = self.questions[number % QUESTIONS]
            self.order()
            if ((words[ASKED] >> 1) - number) & NUMBERS < QUESTIONS - 1:
                self.number = number
                return QUESTION_HEAD.unpack(self.head)

    def answer(self, tick, kind, action=()):
        """Answers the question of this tick."""
        at = self.answers_at[self.answered % ANSWERS]
        if type(action) is array:
            self.write_head(self.map, at, tick, kind)
            at += ANSWER_HEAD.size
            self.map[at : at + len(action) * action.itemsize] = action.tobytes()
        elif action:
            self.write_action(self.map, at, tick, kind, *action)
        else:
            self.write_head(self.map, at, tick, kind)
        self.answered = (self.answered + 1) & 0xFFFFFFFF
        # The row is written before the number says so, and that before the word by which the loop knows that it was
        # woken.
        self.order()
        self.words[ANSWERED] = self.answered
        self.order()
        self.words[LOOP_SLEEPS] = LOOP_AWAKE
        self.wake_loop()


def reset_policy(policy, settled):
    """Calls the policy's reset(), if it has one: an episode begins."""
    reset = getattr(policy, "reset", None)
    if reset is not None:
        settled(reset())


def run_policy(policy, port, inputs, schema, lengths, settled, sink, garbage):
    """Runs the policy of a session until that ends; returns why, where the policy failed.

    `lengths` says how many numbers an action has, and what a chunk may be. `settled` returns what a coroutine does. `sink` takes what the policy logs.
    `garbage` has noted what was collected meanwhile.
    """
    length = lengths["action"]
    kept = Kept(port.observation, lengths) if lengths.get("chunks") else None
    state = State(schema, port.observation)
    next_question, coroutine = port.next_question, types.CoroutineType
    first = None
    while True:
        question = next_question()
        if question is None:
            return None
        number, time_ns, period_ns, host_ns = question
        # The policy's time begins with the first question that it takes.
        if first is None:
            first, period_ns = time_ns, 0
            sink.first_s = first / 1e9
        sink.asked_s = time_ns / 1e9
        time_s, period_s = (time_ns - first) / 1e9, period_ns / 1e9
        # How long ago the state came, by a clock that every process has.
        wall_s = (time.time_ns() - time.monotonic_ns() + host_ns) / 1e9
        times = number, time_s, period_s, None if kept is None else kept.news(), host_ns / 1e9, wall_s
        failed = None
        try:
            tick = Tick(*times, inputs.look())
            if kept is not None and kept.begins_episode():
                reset_policy(policy, settled)
            action = policy(state, tick)
            if isinstance(action, coroutine):
                action = settled(action)
            if action is None:
                told = NOTHING, ()
            elif kept is None:
                told = ACTION, numbers_of(action, length)
            else:
                told = ACTION, kept.keep(chunk_of(action, lengths, time_s))
        except BaseException as error:
            failed, told = error, (FAILED, ())
        sink.asked_s = None
        # First of all the loop knows, and brakes the arm; then it is told why.
        try:
            port.answer(number, *told)
        except BaseException as error:
            failed = error if failed is None else failed
        if garbage.times:
            garbage.send()
        if failed is not None:
            return failure_of(failed, number, length)


def failure_of(failed, tick, length):
    """Why a policy failed, as lib/franka/drivers/policy-loop.ts tells it."""
    if type(failed) is not Refused:
        return {"kind": "threw", "tick": tick, "error": describe(failed)}
    code, received, advice, *expected = failed.args
    return {
        "kind": "refused",
        "tick": tick,
        "code": code,
        "received": received,
        "expected": expected[0] if expected else "%d numbers: a list, a numpy array, a tensor" % length,
        "advice": advice,
    }
