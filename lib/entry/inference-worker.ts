// The program of the thread of an `InferenceThread`. It answers calls, one after the other.

import { workerData } from 'node:worker_threads';
import { NativeLine } from '../native/binding.ts';
import { serve } from '../offload/server.ts';

const { line } = workerData as { line: number };

await serve(NativeLine.attach(line), {
  make: (url) => import(url as string),
  ordered: true,
  revokes: true,
});
// Resources that the module left open must not keep the thread alive.
process.exit();
