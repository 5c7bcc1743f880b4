// The program of a child process of `mpify`. It makes an object, answers calls about it, and ends with its parent.

import { fstatSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { OffloadError } from '../errors/errors.ts';
import { type PolicyPort, policyOf, runPolicy } from '../franka/drivers/policy-loop.ts';
import { endWithParent, NativeJoinedPort, NativeLine } from '../native/binding.ts';
import { ANSWER, EXIT } from '../native/contract.ts';
import type { RobotState } from '../native/robot-state.ts';
import { exportsNone } from '../offload/module.ts';
import { forgetStart } from '../offload/node-program.ts';
import { serve } from '../offload/server.ts';
import { CollectedOut } from '../policy/collected.ts';
import { InputReader } from '../policy/input-reader.ts';
import { logTo } from '../policy/log.ts';
import { LoggedOut } from '../policy/logged.ts';
import type { Lengths, PolicyFailure } from '../policy/worker-messages.ts';
import { monotonicS } from '../session/monotonic.ts';
import type { Policy } from '../session/robot.ts';

const [parent = 0, memory = -1, callEvent = -1, answerEvent = -1, policyMemory, inputsMemory = -1] =
  process.argv.slice(2).map(Number);
process.argv.length = 2;
forgetStart();
if (!endWithParent(parent)) {
  process.stderr.write(
    `${process.execPath} was not started by process ${parent} itself, or that has ended; a script that starts it must ` +
      'end with exec\n',
  );
  process.exit(EXIT.unfit);
}
if (!isShared(memory)) {
  process.stderr.write(
    'the descriptors that this process was given are closed; a script that starts it must leave them open, as ' +
      '`exec node "$@"` does\n',
  );
  process.exit(EXIT.unfit);
}
// Ctrl+C reaches all processes of the terminal. The parent decides what happens.
process.on('SIGINT', () => {});

let made: unknown;

/** Makes the object of the calls. Without `args` it is the export itself, a policy. */
async function make(url: unknown, name: unknown, args: unknown): Promise<unknown> {
  const module = (await import(url as string)) as Record<string, unknown>;
  if (policyMemory !== undefined) {
    made = await policyOf(module, url as string, name as string, args as readonly unknown[]);
    return made;
  }
  const factory = module[name as string];
  if (typeof factory !== 'function') {
    const message = exportsNone(url as string, name as string, Object.keys(module));
    throw new OffloadError('OFFLOAD_NOT_FOUND', message);
  }
  made = await factory(...(args as unknown[]));
  return made;
}

/** Runs the policy until its session ends. If the policy failed, resolves to the failure. */
async function runMade(
  tell: (kind: number, message: readonly unknown[]) => boolean,
  _schema: unknown,
  lengths: unknown,
  isRecorded: unknown,
  tellsGarbage: unknown,
): Promise<PolicyFailure | undefined> {
  const size = lengths as Lengths;
  const policyPort: NativeJoinedPort & PolicyPort = NativeJoinedPort.join(
    policyMemory ?? -1,
    size.observation,
    size.answer,
  );
  if (tellsGarbage === true) {
    const collected = new CollectedOut((times) => tell(ANSWER.collected, times));
    policyPort.paused = (lengthS, fromMs) => collected.add(monotonicS(fromMs), lengthS);
  }
  const logged = new LoggedOut((message) => tell(ANSWER.logged, message), policyPort);
  if (isRecorded === true) logTo((checked, value) => logged.send(checked, value));
  const policy = made as Policy<RobotState, unknown>;
  const inputs = new InputReader(inputsMemory);
  const failure = await runPolicy(policy, policyPort, inputs, size, false);
  logTo(undefined);
  logged.end();
  return failure;
}

// The standard streams count as active resources from their first use on, even if they are idle. Their pending writes
// are counted separately.
void [process.stdout, process.stderr];

await serve(NativeLine.join(memory, callEvent, answerEvent), {
  furniture: process.getActiveResourcesInfo(),
  make,
  runPolicy: runMade,
  collect: collector(),
  ordered: false,
  revokes: false,
});
await finish(made as Partial<AsyncDisposable & Disposable> | undefined);
process.exit();

/** Whether a descriptor is shared memory: a file without a name. No permission of Node is needed to ask for that. */
function isShared(descriptor: number): boolean {
  try {
    const found = fstatSync(descriptor);
    return found.isFile() && found.nlink === 0;
  } catch {
    return false;
  }
}

/** Returns a function that quickly collects recently dropped objects. */
function collector(): () => void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (how: { type: 'minor' }) => void;
  setFlagsFromString('--no-expose-gc');
  return () => collect({ type: 'minor' });
}

/** Lets the object release its resources. */
async function finish(held: Partial<AsyncDisposable & Disposable> | undefined): Promise<void> {
  if (typeof held?.[Symbol.asyncDispose] === 'function') await held[Symbol.asyncDispose]?.();
  else held?.[Symbol.dispose]?.();
}
