"""aiofranka's native control loop on the fake robot of its own tests: the longest gap between two commands
while Python is idle and while it is blocked.

    python native_loop.py MS

Answers each line on standard input with a line `{"idleMs": ..., "blockedMs": ...}`, of a loop of its own and
stretches of MS.
"""

import ctypes
import glob
import importlib.util
import json
import os
import sys
import time

import mujoco
import pylibfranka._pylibfranka

# Where the arm stands, and how long a loop runs before it is measured.
READY = [0, -0.785, 0, -2.356, 0, 1.571, 0.785]
SETTLE_S = 0.2
# As the session beside it asks for; an ordinary thread where that is not permitted.
PRIORITY = 80
MUJOCO = ("mj_fwdPosition", "mj_step", "mj_jacSite", "mj_fullM")


def loaded(package, pattern, mode):
    """A library that a package has loaded."""
    folder = os.path.dirname(package.__file__)
    for path in glob.glob(f"{folder}*/**/{pattern}", recursive=True):
        try:
            return ctypes.CDLL(path, mode=mode | os.RTLD_NOLOAD)
        except OSError:
            continue
    raise ImportError(f"{pattern} of {folder} is not loaded")


def native():
    """aiofranka._native, and its model. The package itself imports a planner and more, so its folder is
    looked into."""
    loaded(pylibfranka, "libfranka*.so*", os.RTLD_GLOBAL)
    folder = importlib.util.find_spec("aiofranka").submodule_search_locations[0]
    (path,) = glob.glob(f"{folder}/_native*.so")
    spec = importlib.util.spec_from_file_location("aiofranka._native", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = mujoco.MjModel.from_xml_path(f"{folder}/model/fr3.xml")
    model.opt.timestep = 0.001
    return module, model


def standing(model, site):
    """An arm at rest, and where its numbers are."""
    data = mujoco.MjData(model)
    data.qpos[:] = READY
    mujoco.mj_forward(model, data)
    return data, {
        "data": data._address,
        "qpos": data.qpos.ctypes.data,
        "qvel": data.qvel.ctypes.data,
        "ctrl": data.ctrl.ctypes.data,
        "site_xpos": data.site_xpos[site].ctypes.data,
        "site_xmat": data.site_xmat[site].ctypes.data,
    }


def block(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def gaps(module, model, stretch_s):
    library = loaded(mujoco, "libmujoco.so*", ctypes.DEFAULT_MODE)
    calls = {name: ctypes.cast(getattr(library, name), ctypes.c_void_p).value for name in MUJOCO}
    site = model.site("attachment_site").id
    # Kept until the loop has ended: it reads and writes them.
    computed, of_computed = standing(model, site)
    simulated, of_simulated = standing(model, site)
    robot = module._FakeActiveControl(model._address, of_simulated, calls["mj_step"])
    loop = module.Loop()
    loop.set_mujoco(model._address, of_computed, site, model.opt.timestep, 0.0, calls)
    loop.assign_mode(module.MODES["impedance"], -1)
    loop.start(robot, fifo_priority=PRIORITY)
    time.sleep(SETTLE_S)
    gaps_ms = {}
    for name, wait in (("idleMs", time.sleep), ("blockedMs", block)):
        robot.reset_max_gap()
        wait(stretch_s)
        gaps_ms[name] = 1e3 * robot.max_gap
    if not loop.running():
        raise RuntimeError(f"the loop has ended: {loop.error()}")
    loop.request_stop()
    loop.join()
    del computed, simulated
    return gaps_ms


def main():
    stretch_s = 1e-3 * float(sys.argv[1])
    module, model = native()
    print("ready", flush=True)
    for _ in sys.stdin:
        print(json.dumps(gaps(module, model, stretch_s)), flush=True)


if __name__ == "__main__":
    main()
