"""franka-sim, a simulated FR3 in MuJoCo, on a loopback address: ``serve.py HOST PORT FOLDER``.

It wants a model and would fetch one. It gets one that is made, in FOLDER, of the arm's description
which the package carries: links and joints from there, and for each joint what a description has no
word for.
"""

import os
import sys
import threading
import xml.etree.ElementTree as ElementTree
from pathlib import Path

os.environ['MUJOCO_GL'] = 'disable'

import franka_sim  # noqa: E402
import mujoco  # noqa: E402
from franka_sim.franka_sim_server import FrankaSimServer  # noqa: E402

# Of each joint, damping [N m s] and Coulomb friction [N m] as published for MuJoCo's FR3, and as
# armature [kg m2] that of its large joints: the server's damping of 200 N m s in steps of 1 ms shakes
# a joint with less than 0.1.
DAMPING = 0.21
FRICTION = (1.137, 1.137, 1.137, 1.137, 0.763, 0.44, 0.248)
ARMATURE = 0.195


def model(folder):
    """The path of a model without meshes."""
    description = Path(franka_sim.__file__).parent / 'models' / 'fr3.urdf'
    tree = ElementTree.parse(description)
    for link in tree.iter('link'):
        for shape in ('visual', 'collision'):
            for element in link.findall(shape):
                link.remove(element)
    extension = ElementTree.SubElement(tree.getroot(), 'mujoco')
    ElementTree.SubElement(extension, 'compiler', fusestatic='false')
    spec = mujoco.MjSpec.from_string(ElementTree.tostring(tree.getroot(), encoding='unicode'))
    for joint, friction in zip(spec.joints, FRICTION, strict=True):
        joint.armature, joint.damping, joint.frictionloss = ARMATURE, DAMPING, friction
    spec.compile()
    path = Path(folder) / 'fr3.xml'
    path.write_text(spec.to_xml())
    return path


def main():
    host, port, folder = sys.argv[1:]
    os.environ['FR3_MJCF'] = str(model(folder))
    server = FrankaSimServer(host=host, port=int(port), enable_gripper=False, enforce_motion_limits=True)
    serving = threading.Thread(target=server.start, daemon=True)
    serving.start()
    # Ends with whoever started it.
    sys.stdin.read()
    os._exit(0)


main()
