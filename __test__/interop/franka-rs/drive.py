"""The Python package of franka-rs, driven through one scenario: ``drive.py HOST SCENARIO``.

Its loop of 1 kHz runs in Rust; it goes to the targets that this program names. Prints what it saw as one
line of JSON.
"""

import json
import sys
import time

import franka
import numpy as np

TORQUE, FORCE = [40.0] * 7, [40.0] * 6


def connect(host):
    robot = franka.Robot(host, realtime='ignore')
    robot.set_collision_behavior_simple(TORQUE, TORQUE, FORCE, FORCE)
    return robot


def settle(arm, there):
    """Waits until the arm rests where ``there`` holds for its state, or for 20 s."""
    limit = time.monotonic() + 20
    while time.monotonic() < limit:
        time.sleep(0.02)
        state = arm.state()
        if np.abs(state.dq).max() < 1e-3 and there(state):
            return


def joints(backend):
    def scenario(host):
        """Joint 7 and its neighbours go away in one step, and back along a row of targets."""
        robot = connect(host)
        legs = []
        with robot.joint_targets(fraction=0.2, backend=backend) as arm:
            start = arm.target()
            away = start + [0.1, -0.1, 0.1, 0.1, -0.1, 0.1, 0.2]
            arm.move_to(away)
            settle(arm, lambda state: np.abs(state.q - away).max() < 0.005)
            legs.append({'target': list(away), 'q': list(arm.state().q)})
            arm.follow(np.linspace(away, start, 20), dt=0.02)
            settle(arm, lambda state: np.abs(state.q - start).max() < 0.005)
        state = robot.read_once()
        legs.append({'target': list(start), 'q': list(state.q)})
        return {'version': robot.fci_version, 'mode': state.robot_mode, 'legs': legs}

    return scenario


def matrix(target):
    """The pose of a target, which is a position and a quaternion, column by column."""
    x, y, z, w = target[3:]
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation, target[:3]
    return pose


def cartesian(backend):
    def scenario(host):
        """The end effector goes 5 cm away and turns by 10 degrees, and back along a row of targets."""
        robot = connect(host)
        legs = []

        def near(state, pose):
            return np.abs(state.O_T_EE - pose).max() < 0.005

        with robot.cartesian_targets(backend=backend) as arm:
            start = arm.target()
            arm.move_by([0.05, 0.0, 0.05, 0.0, 0.0, np.radians(10)])
            away = arm.target_pose()
            settle(arm, lambda state: near(state, away))
            legs.append({'target': list(away.flatten('F')), 'pose': list(arm.state().O_T_EE.flatten('F'))})
            rows = np.linspace(arm.target(), start, 20)
            arm.follow(rows, dt=0.02)
            settle(arm, lambda state: near(state, matrix(start)))
        state = robot.read_once()
        legs.append({'target': list(matrix(start).flatten('F')), 'pose': list(state.O_T_EE.flatten('F'))})
        return {'version': robot.fci_version, 'mode': state.robot_mode, 'legs': legs}

    return scenario


def model(host):
    """Its model, which an FR3 has described to it and which it has of a FER, against the state."""
    robot = connect(host)
    own, state = robot.model(), robot.read_once()
    pose = own.pose('ee', state.q, state.F_T_EE, state.EE_T_K)
    gravity = own.gravity(state.q, state.m_total, state.F_x_Ctotal)
    return {
        'pose': float(np.abs(pose - state.O_T_EE).max()),
        'gravity': float(np.abs(gravity - state.tau_J).max()),
    }


def gripper(host):
    """The hand is homed, opens and closes."""
    hand, widths = franka.Robot(host, realtime='ignore').gripper(), []
    homed = hand.homing()
    for width in (0.04, 0.08, 0.01):
        moved = hand.move(width, 0.1)
        widths.append([width, hand.read_once().width, moved])
    return {'homed': homed, 'widths': widths}


SCENARIOS = {
    'joints robot': joints('robot'),
    'joints impedance': joints('impedance'),
    'cartesian robot': cartesian('robot'),
    'cartesian impedance': cartesian('impedance'),
    'model': model,
    'gripper': gripper,
}


def main():
    host, scenario = sys.argv[1:]
    print(json.dumps(SCENARIOS[scenario](host), default=float), flush=True)


main()
