"""One of aiofranka's ways to offload, measured where it is used: inside an asyncio program.

    python utilities.py {asyncify | inference | mpify}

Answers each line `{"kind": ..., "calls": ...}` on standard input with a line of times [us].
"""

import asyncio
import importlib.util
import json
import sys
import time

import numpy as np
from work import Work


def utilities():
    """aiofranka.async_utils, which needs the standard library alone. The package itself imports a
    robot client, a physics engine and more when it is loaded, so its folder is put on the path.
    A child of mpify looks there too."""
    sys.path.append(importlib.util.find_spec("aiofranka").submodule_search_locations[0])
    import async_utils

    return async_utils


CALLS = {
    "no-op": ("noop", ()),
    "observation": ("observe", ({"q": np.full(7, 0.5), "dq": np.zeros(7), "step": 1},)),
    "307 kB": ("look", (np.zeros(640 * 480, dtype=np.uint8),)),
    "6.2 MB": ("look", (np.zeros(1920 * 1080 * 3, dtype=np.uint8),)),
}


def caller(way, offload):
    """How a function of Work is called, and how to end what was started for it."""
    work = Work()
    if way == "asyncify":
        calls = {name: offload.asyncify(getattr(work, name)) for name, _ in CALLS.values()}
        return lambda name, args: calls[name](*args), lambda: None
    if way == "inference":
        thread = offload.CudaInferenceThread()
        thread.start()
        return lambda name, args: thread.run(getattr(work, name), *args), thread.stop
    proxy = offload.mpify(Work)
    return lambda name, args: getattr(proxy, name)(*args), proxy.stop


async def measure(call, kind, calls):
    name, args = CALLS[kind]
    times = []
    for _ in range(calls):
        since = time.perf_counter()
        await call(name, args)
        times.append(1e6 * (time.perf_counter() - since))
    return times


def main():
    call, stop = caller(sys.argv[1], utilities())
    # One loop for all of it, so that its thread pool is started once.
    loop = asyncio.new_event_loop()
    print("ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        times = loop.run_until_complete(measure(call, asked["kind"], asked["calls"]))
        print(json.dumps(times), flush=True)
    stop()


if __name__ == "__main__":
    main()
