"""A server that speaks openpi's protocol and answers at once, and openpi's own client.

    python openpi.py serve       prints its port, and serves until its standard input ends
    python openpi.py ask PORT    answers each line on standard input, a number of calls, with how long each took [us]
"""

import base64
import hashlib
import json
import os
import re
import socket
import sys
import threading
import time

import numpy as np
from openpi_client import msgpack_numpy
from openpi_client.websocket_client_policy import WebsocketClientPolicy

pack = msgpack_numpy.Packer().pack
PING, CLOSE = 9, 8
METADATA = pack({"name": "answers at once"})
ACTIONS = pack({"actions": np.zeros((50, 8), np.float32)})


def frame(message):
    """A message as a server sends it: below 64 kB, and not masked."""
    return b"\x82\x7e" + len(message).to_bytes(2, "big") + message


def read(connection, buffer, length):
    """Reads so many bytes into the buffer."""
    view = memoryview(buffer)[:length]
    while view:
        count = connection.recv_into(view)
        if count == 0:
            sys.exit()  # This thread.
        view = view[count:]


def talk(connection):
    """Shakes hands, and then answers each message without looking at it: what is measured are the clients."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    request = b""
    while b"\r\n\r\n" not in request:
        request += connection.recv(4096)
    (key,) = re.findall(rb"(?i)sec-websocket-key: (\S+)", request)
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    upgrade = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    connection.sendall(upgrade + b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n" + frame(METADATA))
    buffer = bytearray(2**20)
    answer = frame(ACTIONS)
    while True:
        read(connection, buffer, 2)
        kind, length = buffer[0] & 0x0F, buffer[1] & 0x7F
        if length > 125:
            read(connection, buffer, 2 if length == 126 else 8)
            length = int.from_bytes(buffer[: 2 if length == 126 else 8], "big")
        read(connection, buffer, 4 + length)  # The mask, and what is masked.
        if kind == PING:
            connection.sendall(b"\x8a\x00")
        elif kind == CLOSE:
            return
        else:
            connection.sendall(answer)


def serve():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(listening.getsockname()[1], flush=True)
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=talk, args=[connection], daemon=True).start()


def end_with_parent():
    while os.read(0, 1):
        pass
    os._exit(0)


def ask(port):
    client = WebsocketClientPolicy("127.0.0.1", port)
    observation = {
        "observation/exterior_image_1_left": np.zeros((224, 224, 3), np.uint8),
        "observation/wrist_image_left": np.zeros((224, 224, 3), np.uint8),
        "observation/joint_position": np.zeros(7),
        "observation/gripper_position": np.zeros(1),
        "prompt": "pick up the cube",
    }
    print("ready", flush=True)
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            begun = time.perf_counter()
            actions = client.infer(observation)["actions"]
            times.append(1e6 * (time.perf_counter() - begun))
        assert actions.shape == (50, 8)
        print(json.dumps(times), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        threading.Thread(target=end_with_parent, daemon=True).start()
        serve()
    else:
        ask(int(sys.argv[2]))
