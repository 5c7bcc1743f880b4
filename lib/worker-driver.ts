import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { JOINTS, pastStates } from './arm-driver.ts';
import type { Driver, Failure } from './driver.ts';
import { type PastState, PolicyError } from './errors.ts';
import { armRefused, policyThrew } from './failures.ts';
import { within } from './limit.ts';
import {
  calling,
  dismissSeat,
  type NativeArm,
  NativeSession,
  type NativeSessionOptions,
} from './native.ts';
import { STATE_LENGTH } from './robot-state.ts';
import { fromMessage, type WorkerMessage, type WorkerTask } from './worker-messages.ts';
import type { WorkerPolicy } from './worker-policy.ts';

/** How long a worker may take to end by itself before it is terminated [ms]. */
const END_LIMIT_MS = 500;

/** This module as it is, source or compiled, decides which the worker runs. */
const MAIN: URL = new URL(
  import.meta.url.endsWith('.ts') ? './worker-main.ts' : './worker-main.js',
  import.meta.url,
);

/** Drives an arm with a policy in a worker. */
export class WorkerDriver<Observation, Action> implements Driver {
  readonly #arm: NativeArm;
  readonly #control: string;
  readonly #policy: WorkerPolicy<Observation, Action>;
  #worker: Worker | undefined;
  #ended: Promise<unknown> = Promise.resolve();
  #seat: number | undefined;
  #session: NativeSession | undefined;
  #halted = false;
  #failure: Failure | undefined;

  constructor(arm: NativeArm, control: string, policy: WorkerPolicy<Observation, Action>) {
    this.#arm = arm;
    this.#control = control;
    this.#policy = policy;
  }

  /** Starts the worker and waits until its policy is there. */
  async reset(): Promise<void> {
    const { url, exportName, args, spin } = this.#policy;
    const task: WorkerTask = {
      url: url.href,
      exportName,
      args,
      spin,
      observationLength: STATE_LENGTH,
      actionLength: JOINTS,
    };
    const worker = new Worker(MAIN, { workerData: task, name: `kilohertz ${exportName}` });
    this.#worker = worker;
    this.#ended = once(worker, 'exit');
    const ready = new Promise<void>((resolve) => {
      worker.on('message', (message: WorkerMessage) => {
        this.#take(message);
        resolve();
      });
      worker.on('error', (error) => {
        this.#fail(crashed(error), undefined);
        resolve();
      });
      worker.on('exit', (code) => {
        if (!this.#halted) this.#fail(exited(code), undefined);
        resolve();
      });
    });
    await ready;
    // The session keeps the process alive while it runs; the worker by itself does not.
    worker.unref();
    if (this.#failure) throw this.#failure({});
  }

  begin(options: NativeSessionOptions, wake: () => void): NativeSession {
    this.#session = calling(() =>
      NativeSession.arm(this.#arm, this.#control, options, wake, this.#seat),
    );
    return this.#session;
  }

  wake(session: NativeSession): number {
    return session.news();
  }

  halt(): void {
    this.#halted = true;
  }

  async stop(): Promise<void> {
    this.stopNow();
    // A policy that does not come back, from an endless loop for instance, is ended.
    if (!(await within(END_LIMIT_MS, this.#ended))) await this.#worker?.terminate();
  }

  stopNow(): void {
    this.#halted = true;
    if (this.#seat !== undefined) dismissSeat(this.#seat);
  }

  get failure(): Failure | undefined {
    return this.#failure;
  }

  pastStates(rows: Float64Array): readonly PastState[] {
    return pastStates(rows);
  }

  #take(message: WorkerMessage): void {
    switch (message.kind) {
      case 'ready':
        this.#seat = message.seat;
        return;
      case 'threw':
        this.#fail(policyThrew(message.tick, fromMessage(message.error)), message.tick);
        return;
      case 'refused':
        this.#fail(armRefused(message.tick, message, message.received), message.tick);
    }
  }

  #fail(failure: Failure, tick: number | undefined): void {
    this.#halted = true;
    this.#failure ??= (details) => failure({ ...(tick === undefined ? {} : { tick }), ...details });
    this.#session?.fail();
  }
}

function crashed(cause: Error): Failure {
  const message = `the policy's worker crashed: ${cause.name}: ${cause.message}`;
  return (details) => new PolicyError('POLICY_CRASHED', message, { ...details, cause });
}

function exited(code: number): Failure {
  const message =
    `the policy's worker ended with code ${code} while its session ran; ` +
    'a policy must not call process.exit()';
  return (details) => new PolicyError('POLICY_CRASHED', message, details);
}
