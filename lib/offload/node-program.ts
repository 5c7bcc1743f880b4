// The program that is started as a Node child, and where there is none.

import { createRequire } from 'node:module';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { entryUrl } from '../entry/entry-url.ts';
import { OffloadError } from '../errors/errors.ts';
import { childOptions, passedEnvironment } from './node-options.ts';

/** The exit code of a program that was started as a Node child and is another one. */
export const NOT_NODE = 98;

/** Set in the environment of a Node child until it runs: the program that it has to run. */
const RUNS = 'KILOHERTZ_CHILD';
/** Set if `ELECTRON_RUN_AS_NODE` is set for the child only. */
const AS_NODE = 'KILOHERTZ_AS_NODE';

/** Where this program runs, if its own file does not start Node: with Electron, or as a single file. */
type Host = 'Electron' | 'a single executable' | undefined;

function host(): Host {
  if (process.versions['electron'] !== undefined) return 'Electron';
  const sea = createRequire(import.meta.url)('node:sea') as { isSea(): boolean };
  return sea.isSea() ? 'a single executable' : undefined;
}

/** What a Node child is started with. */
export interface NodeProgram {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Returns what a Node child is started with.
 *
 * @param execPath the Node to be started; default: this program's own
 * @param env environment variables beside this program's
 * @throws {OffloadError} `OFFLOAD_NO_NODE` if this program's own file does not start Node
 */
export function nodeProgram(
  execPath: string | undefined,
  env: Readonly<Record<string, string>> = {},
): NodeProgram {
  const main = fileURLToPath(entryUrl('node-child'));
  const all: NodeJS.ProcessEnv = { ...passedEnvironment(), ...env, [RUNS]: main };
  const program = { program: execPath ?? process.execPath, args: [...childOptions(), main] };
  if (execPath !== undefined) return { ...program, env: all };
  const where = host();
  if (where === 'a single executable') {
    throw new OffloadError(
      'OFFLOAD_NO_NODE',
      `this program is ${where}: ${process.execPath} starts the program again, not Node. ` +
        'Name a Node with { execPath: ... }, or use a Python module or a thread',
    );
  }
  if (where === 'Electron' && !all['ELECTRON_RUN_AS_NODE']) {
    return { ...program, env: { ...all, ELECTRON_RUN_AS_NODE: '1', [AS_NODE]: '1' } };
  }
  return { ...program, env: all };
}

/** To be called in a Node child: removes what only concerns its start from the environment. */
export function forgetStart(): void {
  if (process.env[AS_NODE]) Reflect.deleteProperty(process.env, 'ELECTRON_RUN_AS_NODE');
  Reflect.deleteProperty(process.env, AS_NODE);
  Reflect.deleteProperty(process.env, RUNS);
}

/** Returns the error for a Node child that turned out to be another program. */
export function notNode(program: string): OffloadError {
  return new OffloadError(
    'OFFLOAD_NO_NODE',
    `${program} starts this program again, not Node. Name a Node with { execPath: ... }; in Electron, leave the fuse ` +
      'runAsNode on',
  );
}

/**
 * @param what what needs Node, for the error
 * @throws {OffloadError} `OFFLOAD_NO_NODE` if the runtime is another one
 */
export function checkRuntime(what: string): void {
  const { bun, deno } = process.versions as Readonly<Record<string, string | undefined>>;
  if (bun === undefined && deno === undefined) return;
  const name = bun === undefined ? `Deno ${deno}` : `Bun ${bun}`;
  throw new OffloadError(
    'OFFLOAD_NO_NODE',
    `${what} needs Node, and this is ${name}, whose event loop cannot wait for what a thread or a process ` +
      'signals. Run the program with Node 20.19 or later',
  );
}

/** Ends a program that was started as a Node child and is another one: it would start itself again without end. */
function endIfNotNode(): void {
  const wanted = process.env[RUNS];
  if (wanted === undefined || !isMainThread) return;
  // A main process of Electron has a type. One that runs as Node has none.
  const isElectron = (process as { readonly type?: string }).type !== undefined;
  if (process.argv[1] === wanted && !isElectron) return;
  process.stderr.write(
    `kilohertz: ${basename(process.execPath)} was started as Node, to run ${wanted}, and it is another program; it ends\n`,
  );
  process.exit(NOT_NODE);
}

endIfNotNode();
