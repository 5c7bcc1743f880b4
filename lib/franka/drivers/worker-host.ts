import {
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  Worker,
} from 'node:worker_threads';
import { bare } from '../../checks.ts';
import { entryUrl } from '../../entry/entry-url.ts';
import { describeThrown, read } from '../../errors/describe.ts';
import {
  type KilohertzError,
  OffloadError,
  PolicyError,
  type SessionErrorDetails,
} from '../../errors/errors.ts';
import { checkRoom, refusal } from '../../errors/shortage.ts';
import {
  dismissPort,
  type NativeInputs,
  NativeQuestions,
  NativeSession,
} from '../../native/binding.ts';
import { sending } from '../../offload/codec/carried.ts';
import { gone } from '../../offload/left-behind.ts';
import { threadOptions } from '../../offload/node-options.ts';
import { PolicyInputs } from '../../policy/inputs.ts';
import type {
  Lengths,
  PolicyFailure,
  WorkerMessage,
  WorkerTask,
} from '../../policy/worker-messages.ts';
import type { WorkerPolicy } from '../../policy/worker-policy.ts';
import { within } from '../../promise.ts';
import type { Failure } from '../../session/driver.ts';
import { policyThrew } from '../../session/policy-failure.ts';
import { type Driven, PolicyHost, withPriority } from './policy-host.ts';
import { failureIn } from './policy-loop.ts';

/** Returns a worker for a task, or undefined if the arguments of the policy's factory cannot be copied to it. */
function workerFor(task: WorkerTask, name: string): Worker | undefined {
  const { port } = task;
  try {
    return new Worker(
      entryUrl('policy-worker'),
      bare({ workerData: task, name, transferList: [port], ...threadOptions() }),
    );
  } catch (error) {
    if (read(Object(error), 'name') === 'DataCloneError') return undefined;
    throw refusal("the policy's worker", error, '--allow-worker') ?? error;
  }
}

/** Returns the arguments of a factory as they are sent. */
function copied(args: readonly unknown[], exportName: string): ReturnType<typeof sending> {
  try {
    return sending(args);
  } catch (cause) {
    throw uncopied(exportName, cause);
  }
}

function uncopied(exportName: string, cause?: unknown): KilohertzError {
  const message = `an item of args cannot be copied to the worker of ${exportName}; pass data, no functions`;
  const error = new OffloadError('OFFLOAD_NOT_CLONEABLE', message, cause ? { cause } : {});
  return policyThrew(undefined, error)({});
}

/** A policy in a worker. */
export class WorkerHost<Observation, Action> extends PolicyHost {
  readonly #policy: WorkerPolicy<Observation, Action>;
  #worker: Worker | undefined;
  #policyPort: number | undefined;
  #inputs: NativeInputs | undefined;
  #ended: Promise<unknown> = Promise.resolve();
  /** The port to which the worker reports. The policy does not know of it. */
  #port: MessagePort | undefined;

  constructor(
    policy: WorkerPolicy<Observation, Action>,
    lengths: Lengths,
    failureOf: (told: PolicyFailure) => Failure,
  ) {
    super(lengths, failureOf);
    this.#policy = policy;
  }

  protected override open({ arm, control, options, place, wake, hand }: Driven): NativeSession {
    const { priority, spin } = this.#policy;
    const own = bare({ ...withPriority(options, priority), policySpins: spin });
    return NativeSession.arm(arm, control, own, place, wake, this.#policyPort, hand);
  }

  protected override questions(periodS: number): NativeQuestions {
    const { observation, answer } = this.lengths;
    return NativeQuestions.worker(this.#policyPort ?? -1, observation, answer, periodS);
  }

  protected override dismiss(): void {
    if (this.#policyPort !== undefined) dismissPort(this.#policyPort);
  }

  /** Starts the worker and waits until its policy is loaded. */
  async load(): Promise<void> {
    checkRoom("the policy's worker");
    const { url, exportName, args, spin } = this.#policy;
    const { port1: port, port2 } = new MessageChannel();
    const { lengths } = this;
    const [sent, carried] = args ? copied(args, exportName) : [];
    const own = { url: url.href, exportName, args: sent, carried };
    const inputs = PolicyInputs.of(this.#policy).begin();
    this.#inputs = inputs;
    const task: WorkerTask = { port: port2, ...own, spin, lengths, inputs: inputs.memory };
    const name = `kilohertz ${exportName}`;
    const worker = workerFor(task, name);
    if (!worker) {
      port.close();
      throw uncopied(exportName);
    }
    this.#worker = worker;
    this.#port = port;
    // `once()` from `node:events` would reject if the worker crashes first.
    this.#ended = new Promise((resolve) => worker.once('exit', resolve));
    let refused: KilohertzError | undefined;
    const ready = new Promise<void>((resolve) => {
      port.on('message', (message: unknown) => {
        this.#told(message);
        resolve();
      });
      port.on('messageerror', () => {
        this.fail(forged, undefined);
        resolve();
      });
      worker.on('error', (error) => {
        refused = refusal("the policy's worker", error, '--allow-worker');
        this.fail(crashed(error), undefined);
        resolve();
      });
      worker.on('exit', (code) => {
        this.#listenOut();
        if (!this.isOver) this.fail(exited(code), undefined);
        resolve();
      });
    });
    await ready;
    // The session keeps the process alive while it runs. The worker does not.
    worker.unref();
    port.unref();
    if (refused) throw refused;
    if (this.failure) throw this.failure({});
  }

  async end(): Promise<void> {
    this.release();
    // A policy that does not return, for example from an endless loop, is terminated.
    if (!(await within(this.endLimitMs, this.#ended))) {
      void this.#worker?.terminate();
      await gone(`the worker of the policy ${this.#policy.exportName}`, this.#ended);
    }
    this.#listenOut();
    this.#port?.close();
    PolicyInputs.of(this.#policy).end(this.#inputs);
  }

  /** Reads what the worker reported before it ended. */
  #listenOut(): void {
    const port = this.#port;
    if (!port) return;
    for (let last = receiveMessageOnPort(port); last; last = receiveMessageOnPort(port)) {
      this.#told(last.message);
    }
  }

  #told(message: unknown): void {
    const failure = failureIn(message);
    if (failure) this.failed(failure);
    else if (this.#policyPort === undefined && isReady(message)) {
      this.#policyPort = message.policyPort;
    } else this.fail(forged, undefined);
  }
}

/** Whether a message tells the number of a port. The policy may have sent another one: it runs in the same thread. */
function isReady(message: unknown): message is Extract<WorkerMessage, { kind: 'ready' }> {
  if (typeof message !== 'object' || message === null) return false;
  const { kind, policyPort } = message as Readonly<Record<string, unknown>>;
  return kind === 'ready' && Number.isSafeInteger(policyPort) && Number(policyPort) >= 0;
}

function forged(details: SessionErrorDetails): PolicyError {
  const message =
    "the policy's worker sent a message that cannot be; a policy must leave the ports alone that it has not made";
  return new PolicyError('POLICY_CRASHED', message, details);
}

function crashed(cause: unknown): Failure {
  return (details) => {
    const message = `the policy's worker crashed: ${describeThrown(cause)}`;
    return new PolicyError('POLICY_CRASHED', message, { ...details, cause });
  };
}

function exited(code: number): Failure {
  // Node's exit code when an event loop has nothing left to wait for.
  const why =
    code === 13
      ? 'a promise that the policy waits for can never settle'
      : 'a policy must not call process.exit()';
  const message = `the policy's worker ended with code ${code} while it was asked; ${why}`;
  return (details) => new PolicyError('POLICY_CRASHED', message, details);
}
