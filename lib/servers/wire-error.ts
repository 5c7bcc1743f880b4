import type { ErrorCode } from '../errors/codes.ts';

/** The codes of what may be wrong with a policy server. */
export type ServerErrorCode = Extract<ErrorCode, `SERVER_${string}`>;

/** What went wrong with a server, as one thread tells another. */
export interface Fault {
  readonly code: ServerErrorCode;
  readonly message: string;
  /** What was received and what is expected, where a value was wrong. */
  readonly received?: string | undefined;
  readonly expected?: string | undefined;
  /** What the server said of its own failure. */
  readonly traceback?: string | undefined;
  /** Whether trying again will not help. */
  readonly isFinal?: boolean;
}

/** What is wrong with a message. */
export class WireError extends Error {
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(fault.message);
    this.fault = fault;
  }
}

/** Returns the error for bytes that are no message. */
export function badFrame(received: string, expected: string): WireError {
  return wrong('SERVER_FRAME', received, expected);
}

/** Returns the error for a value that is not what it has to be. */
export function badAnswer(received: string, expected: string): WireError {
  return wrong('SERVER_ANSWER', received, expected);
}

function wrong(code: ServerErrorCode, received: string, expected: string): WireError {
  return new WireError({ code, message: `${received}; expected ${expected}`, received, expected });
}
