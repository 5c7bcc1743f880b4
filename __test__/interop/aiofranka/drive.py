"""aiofranka's native controller, driven through one scenario: ``drive.py HOST SCENARIO``.

Its loop of 1 kHz runs in C++; what this program tells it, it tells at 50 Hz of the wall clock. Prints what
it saw as one line of JSON.
"""

import asyncio
import json
import sys
import time

import numpy as np
from aiofranka import NativeFrankaController, RobotInterface

PLACE = [0.2, -0.6, 0.2, -2.1, 0.2, 1.8, 0.6]


async def arrive(controller, target):
    """Waits until every joint is where the controller calls it arrived, or for 20 s."""
    limit = time.monotonic() + 20
    while time.monotonic() < limit:
        state = controller.state
        off = np.abs(state['qpos'] - target).max()
        if off < controller.arrival_tolerance and np.abs(state['qvel']).max() < 1e-3:
            return
        await asyncio.sleep(0.02)


def seen(controller, target):
    return {'target': list(target), 'q': list(controller.state['qpos'])}


async def move(controller):
    """To a place, along a trajectory that it plans."""
    await controller.move(PLACE)
    return {'legs': [seen(controller, PLACE)]}


async def impedance(controller):
    """All joints swing by 0.1 rad, led by a spring each, and come to rest on the other side."""
    controller.switch('impedance')
    controller.kp, controller.kd = np.full(7, 80.0), np.full(7, 8.0)
    controller.set_freq(50)
    start = np.array(controller.initial_qpos)
    for step in range(75):
        await controller.set('q_desired', start + 0.1 * np.sin(step / 50 * np.pi))
    target = start - 0.1
    await controller.set('q_desired', target)
    await arrive(controller, target)
    return {'legs': [seen(controller, target)]}


async def osc(controller):
    """The end effector goes 5 cm up, held by a spring in space, and back; the joints then are where they were."""
    controller.switch('osc')
    controller.ee_kp, controller.ee_kd = np.full(6, 300.0), np.full(6, 34.0)
    controller.null_kp, controller.null_kd = np.full(7, 10.0), np.full(7, 6.0)
    controller.set_freq(50)
    start, pose = np.array(controller.initial_qpos), np.array(controller.ee_desired)
    up, legs = pose.copy(), []
    for height in (0.05, 0.0):
        begin = up[2, 3]
        for step in range(1, 26):
            up[2, 3] = begin + (pose[2, 3] + height - begin) * step / 25
            await controller.set('ee_desired', up.copy())
        await asyncio.sleep(1)
        legs.append({'target': list(up[:3, 3]), 'at': list(controller.state['ee'][:3, 3])})
    await arrive(controller, start)
    return {'poses': legs, 'legs': [seen(controller, start)]}


async def record(controller):
    """Every cycle of a move is recorded: none of the robot's states may be missing."""
    with controller.record(['cycle', 'time', 'q', 'tau', 'tau_J_d']) as recording:
        await controller.move(PLACE)
    rows = recording.data()
    return {
        'legs': [seen(controller, PLACE)],
        'rows': len(rows['cycle']),
        'dropped': recording.dropped,
        'steps': sorted({round(step * 1000) for step in np.diff(rows['time'])}),
        # The arm tells in its next state what torques it got, rounded to 32 bits.
        'echoed': float(np.abs(rows['tau'][:-1] - rows['tau_J_d'][1:]).max()),
    }


SCENARIOS = {each.__name__: each for each in (move, impedance, osc, record)}


async def main():
    host, scenario = sys.argv[1:]
    controller = NativeFrankaController(RobotInterface(host, read_tool=False))
    await controller.start()
    told = await SCENARIOS[scenario](controller)
    await controller.stop()
    print(json.dumps(told, default=float), flush=True)


asyncio.run(main())
