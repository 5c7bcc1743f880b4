"""Makes reach.onnx: a network that says how fast to move from where the arm is to where it should be.

    pip install onnx==1.23.2
    python make_reach.py
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, checker, helper, numpy_helper

JOINTS = 7
GAIN = 2.0  # [1/s]
FASTEST = 0.4  # [rad/s]

# Observation: joint positions, then the goal [rad]. Action: joint velocities [rad/s].
identity = np.eye(JOINTS)
weights = np.vstack([-identity, identity]) * GAIN / FASTEST
graph = helper.make_graph(
    [
        helper.make_node("MatMul", ["observation", "weights"], ["way"]),
        helper.make_node("Tanh", ["way"], ["share"]),
        helper.make_node("Mul", ["share", "fastest"], ["action"]),
    ],
    "reach",
    [helper.make_tensor_value_info("observation", TensorProto.FLOAT, [1, 2 * JOINTS])],
    [helper.make_tensor_value_info("action", TensorProto.FLOAT, [1, JOINTS])],
    [
        numpy_helper.from_array(weights.astype(np.float32), "weights"),
        numpy_helper.from_array(np.array(FASTEST, np.float32), "fastest"),
    ],
)
opset = [helper.make_opsetid("", 13)]
model = helper.make_model(graph, opset_imports=opset, ir_version=8, producer_name="make_reach.py")
checker.check_model(model)
onnx.save(model, Path(__file__).with_name("reach.onnx"))
