"""Compares the compiled definitions with what `proto/` compiles to: ``definitions.py PROTO_FOLDER``.

``--write`` after it writes them instead.
"""

import sys
import tempfile
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc
import grpc_tools

FILES = [
    "kilohertz/cycle.proto",
    "kilohertz/episode.proto",
    "kilohertz/end.proto",
    "kilohertz/sample.proto",
    "foxglove/JointStates.proto",
    "foxglove/PoseInFrame.proto",
    "foxglove/Log.proto",
    "foxglove/Images.proto",
]

folder = Path(sys.argv[1])
compiled = folder / "definitions.binpb"
google = Path(grpc_tools.__file__).parent / "_proto"
with tempfile.TemporaryDirectory() as temporary:
    made = Path(temporary) / "made.binpb"
    code = protoc.main(
        [
            "protoc",
            f"--proto_path={folder}",
            f"--proto_path={google}",
            f"--descriptor_set_out={made}",
            "--include_imports",
            *FILES,
        ]
    )
    assert code == 0, f"protoc ended with {code}"
    if "--write" in sys.argv:
        compiled.write_bytes(made.read_bytes())
    same = FileDescriptorSet.FromString(made.read_bytes()) == FileDescriptorSet.FromString(
        compiled.read_bytes()
    )
print("the same" if same else "different: run this again with --write")
