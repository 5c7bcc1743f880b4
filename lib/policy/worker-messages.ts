// What passes between a policy's worker or process and the main thread.

import type { MessagePort } from 'node:worker_threads';
import type { ErrorMessage } from '../offload/codec/error-message.ts';
import type { Refusal } from '../session/action.ts';

/** What a policy elsewhere sees and answers. */
export interface Lengths {
  /** How many numbers an observation has. */
  readonly observation: number;
  /** How many numbers an action has. */
  readonly action: number;
  /** Whether an action begins with a pose, which may then be told as `{ xyz, quat }`. */
  readonly isPose: boolean;
}

/** What the main thread gives a worker to run. */
export interface WorkerTask {
  /** Where the worker tells what became of it: a port of its own, because the policy may use `parentPort`. */
  readonly port: MessagePort;
  readonly url: string;
  readonly exportName: string;
  readonly args: readonly unknown[] | undefined;
  readonly spin: boolean;
  readonly lengths: Lengths;
}

/** What a worker tells the main thread. */
export type WorkerMessage = { readonly kind: 'ready'; readonly policyPort: number } | PolicyFailure;

/** How a policy ended that did not end with its session. */
export type PolicyFailure =
  | { readonly kind: 'threw'; readonly tick: number | undefined; readonly error: ErrorMessage }
  | { readonly kind: 'detached'; readonly tick: number }
  | ({ readonly kind: 'refused'; readonly tick: number } & Refusal);
