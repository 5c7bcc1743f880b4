"""Franka's own client, driven through one scenario: ``drive.py HOST SCENARIO``.

Prints what it saw as one line of JSON. Time is the arm's: a motion is a function of the
milliseconds since its first state, so that it is smooth whatever gets lost.
"""

import json
import math
import os
import sys
import time

import pylibfranka as pf

IMPEDANCE = pf.ControllerMode.JointImpedance
MOTION_MS = 600
# How far the moved joint goes [rad], and the end effector, upwards [m].
WAY = 0.1
RISE = 0.05


def share(ms):
    """How much of a motion is done, from 0 to 1, and how fast it then is [1/s]."""
    at = min(max(ms / MOTION_MS, 0.0), 1.0)
    speed = (1 - math.cos(2 * math.pi * at)) / (MOTION_MS * 1e-3)
    return at - math.sin(2 * math.pi * at) / (2 * math.pi), speed


def joint(index, value, others=(0.0,) * 7):
    values = list(others)
    values[index] += value
    return values


# Each control interface: how it is started, and the command for a state, given the first state and
# the milliseconds since.
def joint_position(first, _state, ms):
    return pf.JointPositions(joint(0, WAY * share(ms)[0], first.q_d))


def joint_velocity(_first, _state, ms):
    return pf.JointVelocities(joint(0, WAY * share(ms)[1]))


def torque(first, state, ms):
    way, speed = share(ms)
    stiffness = (600, 600, 600, 600, 250, 150, 50)
    damping = (50, 50, 50, 50, 30, 25, 15)
    wanted, moving = joint(0, WAY * way, first.q), joint(0, WAY * speed)
    return pf.Torques(
        [
            k * (to - q) + d * (fast - dq)
            for k, d, to, q, fast, dq in zip(stiffness, damping, wanted, state.q, moving, state.dq)
        ]
    )


def cartesian_pose(first, _state, ms):
    pose = list(first.O_T_EE_c)
    pose[14] += RISE * share(ms)[0]
    return pf.CartesianPose(pose)


def cartesian_velocity(_first, _state, ms):
    return pf.CartesianVelocities([0.0, 0.0, RISE * share(ms)[1], 0.0, 0.0, 0.0])


INTERFACES = {
    'jointPosition': (lambda robot: robot.start_joint_position_control(IMPEDANCE), joint_position),
    'jointVelocity': (lambda robot: robot.start_joint_velocity_control(IMPEDANCE), joint_velocity),
    'torque': (lambda robot: robot.start_torque_control(), torque),
    'cartesianPose': (lambda robot: robot.start_cartesian_pose_control(IMPEDANCE), cartesian_pose),
    'cartesianVelocity': (
        lambda robot: robot.start_cartesian_velocity_control(IMPEDANCE),
        cartesian_velocity,
    ),
}


def drive(robot, interface, meddle=lambda tick, command: command, ms=MOTION_MS):
    """One motion over ``interface``; ``meddle`` has the last word on each command."""
    start, command_for = INTERFACES[interface]
    control = start(robot)
    first, now, ticks = None, None, 0
    while True:
        now, _ = control.readOnce()
        first = first or now
        gone = round((now.time.to_sec() - first.time.to_sec()) * 1000)
        command = meddle(ticks, command_for(first, now, gone))
        ticks += 1
        command.motion_finished = gone >= ms
        control.writeOnce(command)
        if command.motion_finished:
            return {
                'ticks': ticks,
                'from': list(first.q),
                'pose': list(first.O_T_EE),
                'mode': mode(now),
            }


def mode(state):
    return state.robot_mode.name


def names(errors):
    return [name for name in dir(errors) if not name.startswith('_') and getattr(errors, name) is True]


def failing(act):
    """The class and the words of what ``act`` is refused with."""
    try:
        act()
    except (pf.CommandException, pf.ControlException) as error:
        return {'error': type(error).__name__, 'message': str(error)}
    raise AssertionError('it was not refused')


def seen(robot):
    # The first read empties the socket's queue, which may have been full.
    robot.read_once()
    state = robot.read_once()
    return {
        'q': list(state.q),
        'q_d': list(state.q_d),
        'O_T_EE': list(state.O_T_EE),
        'tau_J': list(state.tau_J),
        'mode': mode(state),
        'current_errors': names(state.current_errors),
        'last_motion_errors': names(state.last_motion_errors),
    }


def read_state(robot):
    """States in a row, and what its own model makes of the last."""
    times = [robot.read_once().time.to_sec() for _ in range(100)]
    state = robot.read_once()
    model = robot.load_model()
    return {
        **seen(robot),
        'times': times,
        'gravity': list(model.gravity(state)),
    }


def configure(robot):
    """Every setter that it has, and values that make no sense."""
    robot.set_collision_behavior([20.0] * 7, [30.0] * 7, [20.0] * 6, [30.0] * 6)
    robot.set_joint_impedance([3000.0, 3000, 3000, 2500, 2500, 2000, 2000])
    robot.set_cartesian_impedance([3000.0, 3000, 3000, 300, 300, 300])
    robot.set_load(0.5, [0.0, 0.0, 0.05], [0.001, 0, 0, 0, 0.001, 0, 0, 0, 0.001])
    frame = [1.0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0.1, 1]
    robot.set_EE(frame)
    robot.set_K(frame)
    state = robot.read_once()
    return {
        'm_load': state.m_load,
        'F_T_EE': list(state.F_T_EE),
        'EE_T_K': list(state.EE_T_K),
        'refused': [
            failing(lambda: robot.set_joint_impedance([-1.0] * 7)),
            failing(lambda: robot.set_load(-1.0, [0.0] * 3, [0.0] * 9)),
            failing(lambda: robot.set_K([1.0] * 16)),
        ],
    }


def abort(robot):
    """The motion is stopped in its middle, and another one follows."""

    def stop(tick, command):
        if tick == 250:
            robot.stop()
        return command

    refused = failing(lambda: drive(robot, 'jointVelocity', stop))
    stopped = seen(robot)
    return {**refused, 'stopped': stopped, 'again': drive(robot, 'jointVelocity'), 'after': seen(robot)}


def reflex(robot):
    """A jump of the velocity is more than the arm can do: it stops by itself, and is recovered."""

    def jump(tick, command):
        return pf.JointVelocities(joint(0, 1.0)) if tick == 250 else command

    refused = failing(lambda: drive(robot, 'jointVelocity', jump))
    stopped = seen(robot)
    unmoved = failing(lambda: drive(robot, 'jointVelocity'))
    robot.automatic_error_recovery()
    recovered = seen(robot)
    again = drive(robot, 'jointVelocity')
    return {
        **refused,
        'stopped': stopped,
        'unmoved': unmoved,
        'recovered': recovered,
        'again': again,
        'after': seen(robot),
    }


def asynchronous(robot):
    """Targets at 50 Hz, between which the arm finds its own way."""
    handler_type = pf.AsyncPositionControlHandler
    configuration = handler_type.Configuration(maximum_joint_velocities=[0.5] * 7, goal_tolerance=0.001)
    configured = handler_type.configure(robot, configuration)
    told = [configured.error_message]
    handler = configured.handler
    first = robot.read_once()
    target = joint(0, WAY, first.q)
    for _ in range(75):
        told.append(handler.get_target_feedback().error_message)
        told.append(handler.set_joint_position_target(handler_type.JointPositionTarget(target)).error_message)
        time.sleep(0.02)
    handler.stop_control()
    return {'from': list(first.q), 'told': [message for message in told if message], 'after': seen(robot)}


def vanish(robot):
    """The process ends in the middle of a motion, without a word to the arm."""

    def die(tick, command):
        if tick == 250:
            print(json.dumps({'ticks': tick}), flush=True)
            os._exit(0)
        return command

    drive(robot, 'jointVelocity', die)


def move(interface):
    return lambda robot: {**drive(robot, interface), 'after': seen(robot)}


SCENARIOS = {
    'state': read_state,
    'configuration': configure,
    'abort': abort,
    'reflex': reflex,
    'vanish': vanish,
    'asynchronous': asynchronous,
    **{interface: move(interface) for interface in INTERFACES},
}


def main(scenarios=SCENARIOS):
    host, scenario = sys.argv[1:]
    robot = pf.Robot(host, pf.RealtimeConfig.kIgnore)
    print(json.dumps(scenarios[scenario](robot)), flush=True)


if __name__ == '__main__':
    main()
