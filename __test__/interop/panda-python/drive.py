"""panda-py, a library of torque controllers for a FER, driven through one scenario: ``drive.py HOST SCENARIO``.

It computes with the model library that the arm hands out. Prints what it saw as one line of JSON.
"""

import json
import sys
import time

import numpy as np
import panda_py
from panda_py import constants, controllers, libfranka

STEP = np.array([0.1, -0.1, 0.1, 0.1, -0.1, 0.1, 0.1])


def settle(panda, there):
    """Waits until the arm rests where ``there`` holds, or for 20 s."""
    limit = time.monotonic() + 20
    while time.monotonic() < limit:
        time.sleep(0.02)
        panda.raise_error()
        if np.abs(panda.get_state().dq).max() < 1e-3 and there():
            return


def leg(start, place, panda):
    """Where the end effector is, and should be with the orientation of ``start``, as poses column by column."""
    target = start.copy()
    target[:3, 3] = place
    return {'target': list(target.flatten('F')), 'pose': list(panda.get_pose().flatten('F'))}


def moves(host):
    """To the start pose, by a step of all joints and back, and by 5 cm in space and back."""
    panda = panda_py.Panda(host)
    legs, told = [], []
    told.append(panda.move_to_start())
    start = np.array(panda.q)
    legs.append({'target': list(constants.JOINT_POSITION_START), 'q': list(start)})
    for target in (start + STEP, start):
        told.append(panda.move_to_joint_position(target))
        legs.append({'target': list(target), 'q': list(panda.q)})
    pose, position, orientation = panda.get_pose(), panda.get_position(), panda.get_orientation()
    for target in (position + [0.03, -0.03, 0.03], position):
        told.append(panda.move_to_pose(target, orientation))
        legs.append(leg(pose, target, panda))
    return {'told': told, 'legs': legs}


def impedance(host):
    """Springs at the joints, and one at the end effector, each led away and back."""
    panda = panda_py.Panda(host)
    start, legs = np.array(panda.q), []
    springs = controllers.JointPosition()
    panda.start_controller(springs)
    for target in (start + STEP, start):
        for share in np.linspace(0, 1, 26)[1:]:
            begin = start if target is not start else start + STEP
            springs.set_control(begin + share * (target - begin))
            time.sleep(0.02)
        settle(panda, lambda: np.abs(panda.q - target).max() < 0.01)
        legs.append({'target': list(target), 'q': list(panda.q)})
    panda.stop_controller()
    pose, position, orientation = panda.get_pose(), panda.get_position(), panda.get_orientation()
    spring = controllers.CartesianImpedance()
    panda.start_controller(spring)
    for target in (position + [0, 0, 0.03], position):
        spring.set_control(target, orientation)
        settle(panda, lambda: np.linalg.norm(panda.get_position() - target) < 0.02)
        legs.append(leg(pose, target, panda))
    panda.stop_controller()
    panda.raise_error()
    return {'told': [], 'legs': legs}


def model(host):
    """What the model library of the arm tells of the arm's state, and panda-py's own kinematics."""
    panda = panda_py.Panda(host)
    state, own = panda.get_state(), panda.get_model()
    there = panda_py.fk(state.q)
    found = panda_py.ik(there, state.q, state.q[6])
    return {
        'pose': float(np.abs(there - panda.get_pose()).max()),
        'ik': float(np.abs(found - state.q).max()),
        'gravity': float(np.abs(np.array(own.gravity(state)) - state.tau_J).max()),
        'library': float(
            np.abs(np.array(own.pose(libfranka.Frame.kEndEffector, state)) - state.O_T_EE).max()
        ),
    }


def recovery(host):
    """A reflex ends a motion, which then is not where it should be; the next one recovers by itself."""
    panda = panda_py.Panda(host)
    start = np.array(panda.q)
    # So slow that there is time for the reflex.
    first = panda.move_to_joint_position(start + 3 * STEP, speed_factor=0.01)
    try:
        panda.raise_error()
        told = ''
    except Exception as error:
        told = str(error)
    second = panda.move_to_joint_position(start)
    return {'first': first, 'told': told, 'second': second, 'target': list(start), 'q': list(panda.q)}


def gripper(host):
    """The hand is homed, opens and closes."""
    hand, widths = libfranka.Gripper(host), []
    homed = hand.homing()
    for width in (0.04, 0.08, 0.01):
        moved = hand.move(width, 0.1)
        widths.append([width, hand.read_once().width, moved])
    return {'homed': homed, 'widths': widths}


SCENARIOS = {each.__name__: each for each in (moves, impedance, model, recovery, gripper)}


def main():
    host, scenario = sys.argv[1:]
    print(json.dumps(SCENARIOS[scenario](host), default=float), flush=True)


main()
