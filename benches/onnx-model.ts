// What an `InferenceThread` runs for `onnx.bench.ts`: the same model, through onnxruntime-node.

import { InferenceSession, Tensor } from 'onnxruntime-node';

let session: InferenceSession | undefined;

/** Answers an observation with the model in `file`. */
export async function infer(file: string, observation: Float32Array): Promise<Float32Array> {
  session ??= await InferenceSession.create(file, { intraOpNumThreads: 1 });
  const { action } = await session.run({
    observation: new Tensor('float32', observation, [1, observation.length]),
  });
  return action?.data as Float32Array;
}
