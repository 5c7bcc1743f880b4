"""franky, a library of motions on top of libfranka, driven through one scenario: ``drive.py HOST SCENARIO``.

Prints what it saw as one line of JSON.
"""

import json
import sys
import time

import franky
import numpy as np

# Small motions around the arm's start, each joint in both directions [rad].
PLACES = [
    [0.2, -0.6, 0.2, -2.1, 0.2, 1.8, 0.6],
    [-0.2, -0.9, -0.2, -2.5, -0.2, 1.4, 1.0],
]
SIDES = [[0.05, 0, 0], [-0.05, 0, 0], [0, 0.05, 0], [0, -0.05, 0], [0, 0, 0.05], [0, 0, -0.05]]
STILL = [0.0] * 7


def connect(host, share=0.2):
    """The arm, with a share of the velocities, accelerations and jerks that franky takes for its limits."""
    return franky.Robot(
        host, realtime_config=franky.RealtimeConfig.Ignore, relative_dynamics_factor=share
    )


def q(robot):
    return list(robot.current_joint_state.position)


def pose(robot):
    return robot.current_cartesian_state.pose.end_effector_pose


def column_major(affine):
    return list(np.asarray(affine.matrix).flatten(order='F'))


def beside(affine, offset):
    """The pose with the same orientation, ``offset`` away along the axes of the base."""
    matrix = np.array(affine.matrix)
    matrix[:3, 3] += offset
    return franky.Affine(matrix)


def joint(host):
    """From place to place, past a place without stopping, and back by velocities."""
    robot = connect(host)
    start, legs = q(robot), []
    for place in PLACES:
        robot.move(franky.JointMotion(place))
        legs.append({'target': place, 'q': q(robot)})
    passing = franky.JointState(position=start, velocity=[0.1, 0, 0, 0, 0, 0, 0])
    robot.move(franky.JointWaypointMotion([franky.JointWaypoint(passing), franky.JointWaypoint(PLACES[0])]))
    legs.append({'target': PLACES[0], 'q': q(robot)})
    turning = [0.1, -0.1, 0.1, -0.1, 0.1, -0.1, 0.1]
    held = franky.Duration(500)
    robot.move(
        franky.JointVelocityWaypointMotion(
            [
                franky.JointVelocityWaypoint(turning, hold_target_duration=held),
                franky.JointVelocityWaypoint([-speed for speed in turning], hold_target_duration=held),
                franky.JointVelocityWaypoint(STILL),
            ]
        )
    )
    return {'legs': legs, 'turned': q(robot)}


def cartesian(host):
    """A step to each side and back, one in the end effector's own frame, and one by velocity."""
    # A fifth of what franky takes for the limits in space asks joint 2 for more than its 10 rad/s2.
    robot = connect(host, share=0.1)
    start, legs = pose(robot), []
    for offset in SIDES:
        target = beside(start, offset)
        robot.move(franky.CartesianMotion(target, franky.ReferenceType.Absolute))
        legs.append({'target': column_major(target), 'pose': column_major(pose(robot))})
    robot.move(franky.CartesianMotion(start, franky.ReferenceType.Absolute))
    ahead = franky.Affine([0.0, 0.0, 0.05])
    robot.move(franky.CartesianMotion(ahead, franky.ReferenceType.Relative))
    legs.append({'target': column_major(start * ahead), 'pose': column_major(pose(robot))})
    held = franky.Duration(500)
    robot.move(
        franky.CartesianVelocityWaypointMotion(
            [
                franky.CartesianVelocityWaypoint(franky.Twist([0, 0, 0.05]), hold_target_duration=held),
                franky.CartesianVelocityWaypoint(franky.Twist([0, 0, -0.05]), hold_target_duration=held),
                franky.CartesianVelocityWaypoint(franky.Twist()),
            ]
        )
    )
    return {'legs': legs, 'drifted': column_major(pose(robot))}


def until_rest(robot, there):
    """Waits until the arm rests where ``there`` holds, or for 20 s; the end is judged afterwards."""
    limit = time.monotonic() + 20
    while time.monotonic() < limit:
        time.sleep(0.02)
        if np.abs(robot.state.dq).max() < 1e-3 and there():
            return


def stop(robot):
    """Ends a motion that has no end of its own; franky then tells that it was preempted."""
    robot.stop()
    try:
        robot.join_motion()
    except franky.ControlException as error:
        if 'preempted' not in str(error):
            raise


def impedance(host):
    """Springs that franky computes itself, at the joints and at the end effector, and one that is led."""
    robot = connect(host)
    legs, target = [], PLACES[0]
    robot.move(franky.JointImpedanceMotion(target, stiffness=[100.0] * 7), asynchronous=True)
    until_rest(robot, lambda: np.abs(np.subtract(q(robot), target)).max() < 0.03)
    stop(robot)
    legs.append({'target': target, 'q': q(robot)})
    ended = beside(pose(robot), [0.05, 0.05, 0.0])
    robot.move(franky.CartesianImpedanceMotion(ended), asynchronous=True)
    until_rest(robot, lambda: np.abs(pose(robot).translation - ended.translation).max() < 0.025)
    stop(robot)
    legs.append({'target': column_major(ended), 'pose': column_major(pose(robot))})
    led = PLACES[1]
    with franky.JointImpedanceTracker(robot, stiffness=[100.0] * 7, period=0.01) as tracker:
        start = np.array(q(robot))
        for step in range(1, 101):
            tracker.set_target(list(start + (led - start) * min(step / 80, 1)))
            if not tracker.tick():
                break
        until_rest(robot, lambda: np.abs(np.subtract(q(robot), led)).max() < 0.03)
    legs.append({'target': led, 'q': q(robot)})
    return {'legs': legs}


# A motion so slow that there is time to meddle with it: half a minute of the arm's time, or more.
SLOW = 0.02


def reaction(host):
    """On its way down it feels a force, and goes a little up from there."""
    robot = connect(host)
    start, up = pose(robot), franky.Affine([0.0, 0.0, -0.03])
    force = (franky.Measure.FORCE_X**2 + franky.Measure.FORCE_Y**2 + franky.Measure.FORCE_Z**2) ** 0.5
    down = beside(start, [0, 0, -0.2])
    motion = franky.CartesianMotion(down, relative_dynamics_factor=SLOW)
    answer = franky.CartesianPoseReaction(
        force > 5.0, franky.CartesianMotion(up, franky.ReferenceType.Relative)
    )
    fired = []
    answer.register_callback(lambda state, *_times: fired.append(state.O_T_EE))
    motion.add_reaction(answer)
    robot.move(motion)
    while not fired:
        time.sleep(0.01)
    return {
        'start': column_major(start),
        'fired': column_major(fired[0]),
        'target': column_major(fired[0] * up),
        'pose': column_major(pose(robot)),
    }


def preempted(host):
    """A motion is replaced by another one on its way; later one is stopped."""
    robot = connect(host)
    start = pose(robot)
    target = beside(start, [0, 0, 0.05])
    robot.move(
        franky.CartesianMotion(beside(start, [0, 0, -0.2]), relative_dynamics_factor=SLOW),
        asynchronous=True,
    )
    robot.move(franky.CartesianMotion(target), asynchronous=True)
    robot.join_motion()
    there = column_major(pose(robot))
    robot.move(franky.JointMotion(PLACES[0], relative_dynamics_factor=SLOW), asynchronous=True)
    while np.abs(robot.state.dq).max() < 1e-3:
        time.sleep(0.001)
    robot.stop()
    try:
        robot.join_motion()
        told = ''
    except franky.ControlException as error:
        told = str(error)
    return {'target': column_major(target), 'pose': there, 'told': told, 'q': q(robot)}


def recovery(host):
    """A reflex ends its motion; it recovers, and goes on."""
    robot = connect(host)
    try:
        robot.move(franky.JointMotion(PLACES[0], relative_dynamics_factor=SLOW))
        told = ''
    except franky.ControlException as error:
        told = str(error)
    errors = [robot.has_errors, robot.recover_from_errors(), robot.has_errors]
    robot.move(franky.JointMotion(PLACES[0]))
    return {'told': told, 'errors': errors, 'target': PLACES[0], 'q': q(robot)}


def gripper(host):
    """The hand is homed, opens and closes, and grasps nothing."""
    hand = franky.Gripper(host)
    homed, widths = hand.homing(), []
    for width in (0.08, 0.04, 0.01, 0.06):
        moved = hand.move(width, 0.1)
        widths.append([width, hand.width, moved])
    try:
        told = str(hand.grasp(0.03, 0.1, 20.0))
    except franky.CommandException as error:
        told = str(error)
    return {'homed': homed, 'most': hand.max_width, 'widths': widths, 'told': told, 'held': hand.is_grasped}


def grasp(host):
    """The hand grasps an object of unknown width, and opens."""
    hand = franky.Gripper(host)
    grasped = hand.grasp_async(0.0, 0.1, 20.0, epsilon_outer=1.0)
    done = grasped.wait(20)
    seen = {'done': done, 'grasped': done and grasped.get(), 'held': hand.is_grasped, 'width': hand.width}
    return {**seen, 'opened': hand.open(0.1), 'released': not hand.is_grasped}


SCENARIOS = {
    each.__name__: each
    for each in (joint, cartesian, impedance, reaction, preempted, recovery, gripper, grasp)
}


def main():
    host, scenario = sys.argv[1:]
    print(json.dumps(SCENARIOS[scenario](host), default=float), flush=True)


main()
