"""Puts a policy behind openpi's protocol, so that `openpiPolicy` can ask it.

Needs `pip install openpi-client websockets`, and for a policy of LeRobot `lerobot`:

    python lerobot_server.py CHECKPOINT [--device cuda] [--host 127.0.0.1] [--port 8000]

`serve` alone serves any function from an observation to an answer, both dictionaries with numpy arrays.
Nothing that comes over the network is unpickled.
"""

import argparse
import asyncio
import traceback

import numpy as np
from openpi_client import msgpack_numpy
from websockets.asyncio.server import serve as listen
from websockets.exceptions import ConnectionClosed

LARGEST_OBSERVATION = 64 * 2**20


async def serve(infer, metadata, host="127.0.0.1", port=8000, started=print):
    """Serves `infer` until the program ends. `started` is told the URL."""

    async def talk(connection):
        pack = msgpack_numpy.Packer().pack
        await connection.send(pack(metadata))
        try:
            async for message in connection:
                # In a thread, so that pings are answered while the model computes.
                answer = await asyncio.to_thread(infer, msgpack_numpy.unpackb(message))
                await connection.send(pack(answer))
        except ConnectionClosed:
            pass
        except Exception:
            await connection.send(traceback.format_exc())
            await connection.close(1011, "the policy failed")
            raise

    options = {"compression": None, "max_size": LARGEST_OBSERVATION}
    async with listen(talk, host, port, **options) as server:
        started(f"ws://{host}:{server.sockets[0].getsockname()[1]}")
        await server.serve_forever()


def lerobot_policy(checkpoint, device):
    """A function that asks a policy of LeRobot, and what its observations are called."""
    import torch
    from lerobot.configs.policies import PreTrainedConfig
    from lerobot.policies.factory import get_policy_class, make_pre_post_processors

    config = PreTrainedConfig.from_pretrained(checkpoint)
    policy = get_policy_class(config.type).from_pretrained(checkpoint).to(device).eval()
    on_device = {"device_processor": {"device": device}}
    before, after = make_pre_post_processors(
        policy.config,
        pretrained_path=checkpoint,
        preprocessor_overrides=on_device,
        postprocessor_overrides={"device_processor": {"device": "cpu"}},
    )

    def tensor(value):
        if value.ndim == 3:  # A picture: rows, columns, colours from 0 to 255.
            picture = torch.from_numpy(value.copy()).permute(2, 0, 1).float() / 255
            return picture.unsqueeze(0)
        return torch.from_numpy(value.astype(np.float32)).unsqueeze(0)

    @torch.inference_mode()
    def infer(observation):
        task = observation.pop("prompt", "")
        batch = {name: tensor(value) for name, value in observation.items()}
        chunk = policy.predict_action_chunk(before({**batch, "task": [task]}))
        rows = [after(chunk[:, row]) for row in range(chunk.shape[1])]
        return {"actions": torch.stack(rows, dim=1)[0].float().numpy()}

    shapes = {name: list(feature.shape) for name, feature in config.input_features.items()}
    return infer, {"policy": config.type, "observations": shapes}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("checkpoint", help="a folder, or a name on the Hugging Face Hub")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", default=8000, type=int)
    given = parser.parse_args()
    asyncio.run(serve(*lerobot_policy(given.checkpoint, given.device), given.host, given.port))
