// What an `InferenceThread` runs: the model is loaded once, with the module.

import { fileURLToPath } from 'node:url';
import { InferenceSession, Tensor } from 'onnxruntime-node';

const file = fileURLToPath(new URL('./models/reach.onnx', import.meta.url));
const session = await InferenceSession.create(file, { intraOpNumThreads: 1 });

/** Joint velocities [rad/s] for joint positions and the goal behind them, 14 numbers [rad]. */
export async function infer(observation: Float32Array): Promise<Float32Array> {
  const { action } = await session.run({
    observation: new Tensor('float32', observation, [1, observation.length]),
  });
  return action?.data as Float32Array;
}
