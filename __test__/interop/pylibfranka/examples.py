"""The moves of the example programs that Franka ships with pylibfranka: ``examples.py HOST SCENARIO``.

What each program does, told again; time is the arm's. Prints what it saw as one line of JSON.
"""

import math
import sys
import time

import pylibfranka as pf
from drive import main, seen

# What the programs set before they move: from these torques [N m] and forces [N, N m] on, a reflex.
TORQUES = [20.0, 20.0, 18.0, 18.0, 16.0, 14.0, 12.0]
FORCES = [20.0, 20.0, 20.0, 25.0, 25.0, 25.0]
STIFF = pf.ControllerMode.CartesianImpedance


def prepare(robot):
    robot.set_collision_behavior(TORQUES, TORQUES, FORCES, FORCES)


def follow(control, command_for, seconds):
    """One motion: ``command_for`` the first state, the newest one, and the seconds between them."""
    first = None
    while True:
        state, _ = control.readOnce()
        first = first or state
        gone = state.time.to_sec() - first.time.to_sec()
        command = command_for(first, state, gone)
        command.motion_finished = gone >= seconds
        control.writeOnce(command)
        if command.motion_finished:
            return first


def smooth(at):
    """From 0 to 1 while ``at`` goes from 0 to 1, with the least jerk."""
    at = min(max(at, 0.0), 1.0)
    return at**3 * (10 - 15 * at + 6 * at**2)


def there_and_back(seconds, most, at):
    """A velocity that rises to ``most`` and falls again in ``seconds``, and then does so the other way round."""
    sign = 1 if at < seconds else -1
    return sign * most / 2 * (1 - math.cos(2 * math.pi * at / seconds))


def joint_position(robot):
    """Joints 4, 5 and 7 swing by 45 degrees and back, twice."""

    def command(first, _state, at):
        swing = math.pi / 8 * (1 - math.cos(math.pi / 2.5 * at))
        return pf.JointPositions([q + swing * (joint in (3, 4, 6)) for joint, q in enumerate(first.q_d)])

    prepare(robot)
    first = follow(robot.start_joint_position_control(STIFF), command, 5)
    return {'q': list(first.q_d), 'after': seen(robot)}


def joint_velocity(robot):
    """Joints 4 to 7 turn forwards with up to 1 rad/s for a second, and backwards for another."""

    def command(_first, _state, at):
        return pf.JointVelocities([0.0] * 3 + [there_and_back(1, 1, at)] * 4)

    prepare(robot)
    first = follow(robot.start_joint_velocity_control(STIFF), command, 2)
    return {'q': list(first.q_d), 'after': seen(robot)}


def cartesian_pose(robot):
    """The end effector goes a quarter of a circle with a radius of 0.3 m, forwards and down."""

    def to(first, at):
        angle = math.pi / 4 * (1 - math.cos(math.pi / 5 * at))
        pose = list(first.O_T_EE)
        pose[12] += 0.3 * math.sin(angle)
        pose[14] += 0.3 * (math.cos(angle) - 1)
        return pose

    prepare(robot)
    control = robot.start_cartesian_pose_control(pf.ControllerMode.JointImpedance)
    first = follow(control, lambda first, _state, at: pf.CartesianPose(to(first, at)), 5)
    return {'pose': to(first, 5), 'after': seen(robot)}


def cartesian_velocity(robot):
    """The arm bends forwards; there, the end effector goes 0.2 m forwards and up, and back."""
    bent = [0, math.pi / 4, 0, -3 * math.pi / 4, 0, math.pi / 2, math.pi / 4]

    def bend(first, _state, at):
        return pf.JointPositions([q + smooth(at / 4) * (to - q) for q, to in zip(first.q_d, bent)])

    def command(_first, _state, at):
        each = there_and_back(4, 0.1, at) * math.sqrt(0.5)
        return pf.CartesianVelocities([each, 0.0, each, 0.0, 0.0, 0.0])

    robot.automatic_error_recovery()
    prepare(robot)
    follow(robot.start_joint_position_control(STIFF), bend, 4)
    robot.stop()
    robot.set_joint_impedance([3000.0, 3000.0, 3000.0, 2500.0, 2500.0, 2000.0, 2000.0])
    first = follow(robot.start_cartesian_velocity_control(STIFF), command, 8)
    return {'pose': list(first.O_T_EE_c), 'bent': bent, 'q': list(first.q), 'after': seen(robot)}


def joint_impedance(robot):
    """Springs of 50 N m/rad pull the joints from place to place, 3 s each, with half a second to rest."""
    places = [
        [0.0, -0.3, 0.0, -1.8, 0.0, 1.5, 0.0],
        [0.0, 0.0, 0.0, -1.57, 0.0, 1.57, 0.0],
        [0.5, -0.3, 0.0, -1.8, 0.0, 1.5, 0.0],
        [-0.5, -0.3, 0.0, -1.8, 0.0, 1.5, 0.0],
        [0.0, -0.3, 0.0, -1.8, 0.0, 1.5, 0.0],
    ]
    stiffness, damping, each = 50.0, 2 * math.sqrt(50.0), 3.5
    model = robot.load_model()

    def command(first, state, at):
        nth = min(int(at / each), len(places) - 1)
        start = places[nth - 1] if nth else first.q
        way = smooth((at - nth * each) / 3)
        wanted = [q + way * (to - q) for q, to in zip(start, places[nth])]
        springs = [stiffness * (to - q) - damping * dq for to, q, dq in zip(wanted, state.q, state.dq)]
        return pf.Torques([tau + own for tau, own in zip(springs, model.coriolis(state))])

    robot.set_collision_behavior([100.0] * 7, [100.0] * 7, [100.0] * 6, [100.0] * 6)
    follow(robot.start_torque_control(), command, each * len(places))
    return {'q': places[-1], 'after': seen(robot)}


def asynchronous(robot):
    """Targets at 50 Hz: all joints 0.25 rad on one side of the start pose or the other, a second each, and the last two."""
    handler_type = pf.AsyncPositionControlHandler
    start = [0, -math.pi / 4, 0, -3 * math.pi / 4, 0, math.pi / 2, math.pi / 4]
    velocities = [0.655] * 4 + [1.315] * 3
    configuration = handler_type.Configuration(maximum_joint_velocities=velocities, goal_tolerance=10.0)
    prepare(robot)
    configured = handler_type.configure(robot, configuration)
    told, handler, q = [configured.error_message], configured.handler, []
    sides = [0.25, -0.25, 0.25, 0.25]
    for nth in range(50 * len(sides)):
        told.append(handler.get_target_feedback().error_message)
        q = [place + sides[nth // 50] for place in start]
        told.append(handler.set_joint_position_target(handler_type.JointPositionTarget(q)).error_message)
        time.sleep(0.02)
    handler.stop_control()
    return {'q': q, 'told': [message for message in told if message], 'after': seen(robot)}


def gripper(_robot):
    """The hand, which need not be homed, grasps what is between its fingers, holds it, and lets go."""
    hand = pf.Gripper(sys.argv[1])
    grasped = hand.grasp(0.03, 0.1, 60.0)
    time.sleep(0.5)
    held = hand.read_once()
    hand.stop()
    released = not hand.read_once().is_grasped
    return {'grasped': grasped, 'held': held.is_grasped, 'width': held.width, 'released': released}


SCENARIOS = {
    'jointPosition': joint_position,
    'jointVelocity': joint_velocity,
    'cartesianPose': cartesian_pose,
    'cartesianVelocity': cartesian_velocity,
    'jointImpedance': joint_impedance,
    'asynchronous': asynchronous,
    'gripper': gripper,
}

if __name__ == '__main__':
    main(SCENARIOS)
