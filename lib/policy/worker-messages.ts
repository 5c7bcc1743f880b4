// The messages between a policy's worker or process and the main thread.

import type { MessagePort } from 'node:worker_threads';
import type { Carried } from '../offload/codec/carried.ts';
import type { ErrorMessage } from '../offload/codec/error-message.ts';
import type { Refusal } from '../session/action.ts';
import type { ChunkLengths } from '../session/chunk.ts';

/** The sizes of the observations and answers of a policy. */
export interface Lengths {
  /** How many numbers an observation has. */
  readonly observation: number;
  /** How many numbers an action has. */
  readonly action: number;
  /** How many numbers an answer has at most. */
  readonly answer: number;
  /** Whether an action begins with a pose, which may then be given as `{ xyz, quat }`. */
  readonly isPose: boolean;
  /** How chunks are taken, if the policy answers in chunks. */
  readonly chunks?: ChunkLengths;
}

/** The policy that the main thread gives to a worker. */
export interface WorkerTask {
  /** The port to which the worker reports. It is a separate port, because the policy may use `parentPort`. */
  readonly port: MessagePort;
  readonly url: string;
  readonly exportName: string;
  readonly args: readonly unknown[] | undefined;
  /** What is sent beside the arguments. */
  readonly carried: Carried | undefined;
  readonly spin: boolean;
  readonly lengths: Lengths;
  /** The descriptor of the memory of the inputs. */
  readonly inputs: number;
}

/** A message of a worker to the main thread. */
export type WorkerMessage = { readonly kind: 'ready'; readonly policyPort: number } | PolicyFailure;

/** Why a policy ended before its session. */
export type PolicyFailure =
  | { readonly kind: 'threw'; readonly tick: number | undefined; readonly error: ErrorMessage }
  | { readonly kind: 'detached'; readonly tick: number }
  | ({ readonly kind: 'refused'; readonly tick: number } & Refusal);
