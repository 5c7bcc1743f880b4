"""The loop of another library at 1 kHz, and when each of its cycles began.

    python loops.py {loop-rate-limiters | aiofranka | aiofranka-native | rfx}

Answers each line `{"host": "idle" | "blocked" | "busy", "seconds": ...}` on standard input with a line
`{"startsS": [...], "core": ...}`: the times, and how much of a core the program took. The robot is in memory and the
policy does next to nothing, so that the loop is what is measured.
"""

import asyncio
import contextlib
import ctypes
import glob
import importlib.util
import json
import sys
import threading
import time
import types

RATE_HZ = 1000
# How long Python is blocked in every second.
BLOCKED_S = 0.3


def blocked(over):
    """Keeps the interpreter's lock for a while, as a call in C that does not release it, again and again."""
    sleep_us = ctypes.PyDLL(None).usleep
    while not over.wait(1 - BLOCKED_S):
        sleep_us(int(1e6 * BLOCKED_S))


def busy(over):
    """Computes in Python without a pause."""
    while not over.is_set():
        for _ in range(10_000):
            pass


@contextlib.contextmanager
def beside(host):
    """What another thread of this program does meanwhile."""
    load = {"idle": None, "blocked": blocked, "busy": busy}[host]
    if load is None:
        yield
        return
    over = threading.Event()
    thread = threading.Thread(target=load, args=[over], daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class Share:
    """How much of a core this program takes."""

    def __init__(self):
        self.used, self.since = time.process_time(), time.perf_counter()

    def measured(self):
        return (time.process_time() - self.used) / (time.perf_counter() - self.since)


def told(starts, share):
    return {"startsS": [float(start) for start in starts], "core": share}


def loop_rate_limiters():
    from loop_rate_limiters import RateLimiter

    def measure(host, seconds):
        starts = []
        with beside(host):
            share = Share()
            rate = RateLimiter(frequency=RATE_HZ, warn=False)
            now = time.perf_counter()
            end = now + seconds
            while now < end:
                starts.append(now)
                rate.sleep()
                now = time.perf_counter()
            core = share.measured()
        return told(starts, core)

    return measure


def windowless():
    """Lets aiofranka simulate its arm without the window that shows it: there may be no screen, and drawing takes time."""
    import mujoco.viewer

    window = types.SimpleNamespace(sync=lambda: None)
    mujoco.viewer.launch_passive = lambda *_: window


def aiofranka():
    """The controller whose loop is a task of asyncio, on the arm that the package simulates."""
    from aiofranka import FrankaController, RobotInterface

    windowless()

    class Timed(FrankaController):
        def step(self):
            self.starts.append(time.perf_counter())
            super().step()

    async def run(host, seconds):
        controller = Timed(RobotInterface())
        controller.starts = []
        await controller.start()
        with beside(host):
            controller.starts.clear()
            share = Share()
            await asyncio.sleep(seconds)
            core, starts = share.measured(), list(controller.starts)
        await controller.stop()
        return told(starts, core)

    return lambda host, seconds: asyncio.run(run(host, seconds))


def aiofranka_native():
    """The controller whose loop is a thread in C++, on the arm that the package simulates."""
    from aiofranka import NativeFrankaController, RobotInterface

    windowless()

    async def run(host, seconds):
        controller = NativeFrankaController(RobotInterface())
        await controller.start()
        with beside(host), controller.record(["wall_time"]) as recording:
            share = Share()
            await asyncio.sleep(seconds)
            core = share.measured()
        await controller.stop()
        return told(recording.data()["wall_time"], core)

    return lambda host, seconds: asyncio.run(run(host, seconds))


def rfx():
    """rfx.Session, of which the source distribution is unpacked. The package imports far more than its session needs, so
    that file alone is loaded. Of torch the session needs that no gradients are kept: what stands for it takes no time."""
    (path,) = glob.glob(f"{sys.prefix}/source/**/rfx/session.py", recursive=True)
    spec = importlib.util.spec_from_file_location("rfx_session", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["rfx_session"] = module
    sys.modules["torch"] = types.SimpleNamespace(no_grad=contextlib.nullcontext)
    spec.loader.exec_module(module)

    class Robot:
        def __init__(self):
            self.starts = []

        def observe(self):
            self.starts.append(time.perf_counter())
            return {}

        def act(self, action):
            pass

        def reset(self):
            pass

    def measure(host, seconds):
        robot = Robot()
        session = module.Session(robot, lambda observation: 0.0, rate_hz=RATE_HZ, warmup_s=0)
        with beside(host):
            share = Share()
            session.run(duration=seconds)
            core = share.measured()
        return told(robot.starts, core)

    return measure


WAYS = {
    "loop-rate-limiters": loop_rate_limiters,
    "aiofranka": aiofranka,
    "aiofranka-native": aiofranka_native,
    "rfx": rfx,
}


def main():
    # What the packages print must not come between the answers.
    answers = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        measure = WAYS[sys.argv[1]]()
        print("ready", file=answers, flush=True)
        for line in sys.stdin:
            asked = json.loads(line)
            print(json.dumps(measure(asked["host"], asked["seconds"])), file=answers, flush=True)


if __name__ == "__main__":
    main()
