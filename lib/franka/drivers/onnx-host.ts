import { PolicyError } from '../../errors/errors.ts';
import { awaiting } from '../../errors/native-call.ts';
import {
  NativeOnnx,
  type NativeOnnxOptions,
  NativeQuestions,
  NativeSession,
} from '../../native/binding.ts';
import type { RobotState } from '../../native/robot-state.ts';
import { type OnnxPolicy, onnxTask } from '../../policy/onnx-policy.ts';
import type { Lengths } from '../../policy/worker-messages.ts';
import type { Failure } from '../../session/driver.ts';
import { type Driven, PolicyHost, withPriority } from './policy-host.ts';

/** A policy that is an ONNX model. It is computed on a native thread, which waits at a port as a policy's worker does. */
export class OnnxHost extends PolicyHost {
  readonly #policy: OnnxPolicy<RobotState, unknown>;
  readonly #task: NativeOnnxOptions;
  #model: NativeOnnx | undefined;

  /** @throws {PolicyError | OptionTypeError} as {@link onnxTask} */
  constructor(policy: OnnxPolicy<RobotState, unknown>, lengths: Lengths) {
    super(lengths, () => notTold);
    this.#policy = policy;
    this.#task = onnxTask(policy, lengths);
  }

  async load(): Promise<void> {
    this.#model = await awaiting(() => NativeOnnx.load(this.#task));
    // The session was stopped meanwhile, and does not wait for a model that loads for long.
    if (this.isOver) this.dismiss();
  }

  protected override open({ arm, control, options, place, wake, hand }: Driven): NativeSession {
    const own = withPriority(options, this.#policy.priority);
    return NativeSession.arm(arm, control, own, place, wake, this.#model?.port, hand);
  }

  protected override questions(periodS: number): NativeQuestions {
    const { observation, answer } = this.lengths;
    return NativeQuestions.worker(this.#model?.port ?? -1, observation, answer, periodS);
  }

  protected override dismiss(): void {
    this.#model?.release();
  }

  async end(): Promise<void> {
    this.release();
  }

  override get failure(): Failure | undefined {
    const text = this.#model?.failure;
    if (text === undefined || text === null) return undefined;
    const tick = this.#model?.failedTick ?? undefined;
    const message = `the inference of ${this.#policy.file} failed in cycle ${tick}: ${text}`;
    return (details) =>
      new PolicyError('ONNX_RUNTIME', message, {
        ...(tick === undefined ? {} : { tick }),
        ...details,
      });
  }
}

/** A model reports nothing by messages. */
const notTold: Failure = (details) =>
  new PolicyError('POLICY_CRASHED', 'the model failed', details);
