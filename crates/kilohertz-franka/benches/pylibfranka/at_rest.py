"""Commands an arm to stand still by joint velocities: ``at_rest.py HOST MILLISECONDS``. libfranka puts
the thread on the highest realtime priority, if it may."""

import sys

import pylibfranka as pf

host, ms = sys.argv[1], int(sys.argv[2])
robot = pf.Robot(host, pf.RealtimeConfig.kIgnore)
control = robot.start_joint_velocity_control(pf.ControllerMode.JointImpedance)
rest = pf.JointVelocities([0.0] * 7)
for _ in range(ms):
    control.readOnce()
    control.writeOnce(rest)
control.readOnce()
rest.motion_finished = True
control.writeOnce(rest)
