// A contender in a program of its own, which answers each line of its standard input with a line.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Lacking } from './contender.ts';

export interface Program {
  /** Asks something as a line of JSON, and returns the answer. */
  ask(question: unknown): Promise<unknown>;
  stop(): Promise<void>;
}

/** Starts a program, whose first line says that it is ready; rejects with {@link Lacking} if it ends before. */
export async function startProgram(
  name: string,
  [command = '', ...args]: readonly string[],
): Promise<Program> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  // A program that has ended reads nothing; its end is told below.
  child.stdin.on('error', () => undefined);
  const ended = once(child, 'exit');
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const line = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (!done) return value;
    const [code, signal] = await ended;
    throw new Error(`the program of ${name} ended with ${code ?? signal}`);
  };
  await line().catch((error: Error) => {
    throw new Lacking(error.message);
  });
  return {
    async ask(question) {
      child.stdin.write(`${JSON.stringify(question)}\n`);
      return JSON.parse(await line());
    },
    async stop() {
      child.stdin.end();
      await ended;
    },
  };
}
