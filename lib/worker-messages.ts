import type { Refusal } from './action.ts';

/** An error on its way out of a worker. */
export interface ErrorMessage {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
}

/** What the main thread gives a worker to run. */
export interface WorkerTask {
  readonly url: string;
  readonly exportName: string;
  readonly args: readonly unknown[] | undefined;
  readonly spin: boolean;
  readonly observationLength: number;
  readonly actionLength: number;
}

/** What a worker tells the main thread. */
export type WorkerMessage =
  | { readonly kind: 'ready'; readonly seat: number }
  | { readonly kind: 'threw'; readonly tick: number | undefined; readonly error: ErrorMessage }
  | ({ readonly kind: 'refused'; readonly tick: number } & Refusal);

/** What was thrown, as a message: a class of the user's would not survive the way as it is. */
export function toMessage(error: unknown): ErrorMessage {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), stack: undefined };
  const name = error.name === 'Error' ? error.constructor.name : error.name;
  return { name, message: error.message, stack: error.stack };
}

/** The error that a message stands for: with its name, message and stack. */
export function fromMessage({ name, message, stack }: ErrorMessage): Error {
  const error = new Error(message);
  error.name = name;
  if (stack !== undefined) error.stack = stack;
  return error;
}
