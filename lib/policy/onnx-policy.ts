// Policies that are ONNX models, computed beside the loop without JavaScript.

import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { bare, checkNumber, checkNumbers, checkText, isList, ownOptions } from '../checks.ts';
import { OptionTypeError, PolicyError } from '../errors/errors.ts';
import type { NativeOnnxInput, NativeOnnxOptions, NativeOnnxPart } from '../native/binding.ts';
import { placeOf, type RobotState } from '../native/robot-state.ts';
import { workingFolder } from '../offload/folders.ts';
import { pathOf, type RecordingFile } from '../record/file.ts';
import { checkPriority, PolicyKind } from './module.ts';
import { checkNormalization, type Normalization } from './normalization.ts';
import type { Lengths } from './worker-messages.ts';

/** The fields of a state that are numbers. */
export type StateField = {
  [Field in keyof RobotState]: RobotState[Field] extends number | Float64Array ? Field : never;
}[keyof RobotState];

/** What an input is fed: a field of the state, or numbers that do not change, such as a goal. */
export type OnnxPart = StateField | readonly number[];

/** An input of a model. */
export interface OnnxInput {
  /** What it is fed: a part, or several, one after the other. */
  readonly from: OnnxPart | readonly OnnxPart[];
  /** How the numbers become those of the model, all parts together. Default: as they are. */
  readonly normalization?: Normalization;
}

/** The output of a model that is the action. */
export interface OnnxOutput {
  /** The name that the model has for it. */
  readonly name: string;
  /** How its numbers become those of the robot, for the numbers of one action. Default: as they are. */
  readonly normalization?: Normalization;
}

/** Options of {@link onnxPolicy}. */
export interface OnnxPolicyOptions {
  /** What each input of the model is fed, by the names that the model has for them. */
  readonly inputs: Readonly<Record<string, OnnxInput | OnnxPart | readonly OnnxPart[]>>;
  /**
   * Which output of the model is the action: its name, or its name with a normalization. Its shape is `[n]` or `[1, n]`
   * for the `n` numbers of an action; for a {@link chunked} policy `[1, rows, n]`.
   */
  readonly outputs: { readonly action: string | OnnxOutput };
  /** For a {@link chunked} policy, and only there: the time from one action of a chunk to the next [s], 0.0001 to 60. */
  readonly dtS?: number;
  /** How many threads compute, 1 to 64. Default 1, which spares the cores of the loop. */
  readonly threads?: number;
  /** The `SCHED_FIFO` priority of the thread, as of {@link workerPolicy}. Default 40; `null` for none. */
  readonly priority?: number | null;
  /** The library of ONNX Runtime, version 1.17 or later. Default: the one inside the package `onnxruntime-node`. */
  readonly library?: RecordingFile;
}

/** A policy that is an ONNX model, made by {@link onnxPolicy}. */
export interface OnnxPolicy<Observation, Action> {
  /** The file of the model. */
  readonly file: string;
  /** How many threads compute. */
  readonly threads: number;
  /** The realtime priority of the thread that computes; undefined for none. */
  readonly priority: number | undefined;
  /** Never set. It tells the compiler what the policy observes and what it answers. */
  readonly types?: (observation: Observation) => Action;
}

/** What {@link onnxPolicy} was given, checked. */
interface Checked {
  readonly inputs: readonly NativeOnnxInput[];
  readonly output: string;
  readonly normalization: Normalization | undefined;
  readonly dtS: number | undefined;
  readonly library: string | undefined;
}

const kind: PolicyKind<OnnxPolicy<unknown, unknown>> = new PolicyKind();
const checked: WeakMap<object, Checked> = new WeakMap();

/**
 * Makes a policy out of an ONNX model, for a `Franka`. The model is computed on a thread beside the loop, without
 * JavaScript, by the ONNX Runtime inside the package `onnxruntime-node`, which has to be installed. It is loaded when a
 * session starts.
 *
 * @example
 * const policy = onnxPolicy('reach.onnx', {
 *   inputs: { observation: ['q', goal] },
 *   outputs: { action: 'action' },
 * });
 * @throws {OptionTypeError | OptionRangeError} if an option is invalid. A session that starts throws
 * {@link PolicyError} `ONNX_MODEL` if the file is no such model, or `ONNX_RUNTIME` if ONNX Runtime cannot be loaded
 */
export function onnxPolicy(
  file: RecordingFile,
  given: OnnxPolicyOptions,
  // biome-ignore lint/suspicious/noExplicitAny: what a model answers is known when it is loaded
): OnnxPolicy<RobotState, any> {
  const path = pathOf('file', file);
  const names = ['inputs', 'outputs', 'dtS', 'threads', 'priority', 'library'] as const;
  const options = ownOptions<Partial<OnnxPolicyOptions>>('onnxPolicy()', given, names);
  const { threads = 1, priority, dtS, library } = options;
  const action = outputOf(options.outputs);
  const rest: Checked = {
    inputs: inputsOf(options.inputs),
    output: checkText('outputs.action.name', action.name, "the name of an output, as in 'action'"),
    normalization: checkNormalization('outputs.action.normalization', action.normalization),
    dtS: dtS === undefined ? undefined : checkNumber('dtS', dtS, { from: 1e-4, to: 60, unit: 's' }),
    library: library === undefined ? undefined : pathOf('library', library),
  };
  const policy = kind.make({
    file: path,
    threads: checkNumber('threads', threads, { from: 1, to: 64, integer: true }),
    priority: checkPriority(priority, false),
  });
  checked.set(policy, rest);
  // biome-ignore lint/suspicious/noExplicitAny: as above
  return policy as OnnxPolicy<RobotState, any>;
}

/** Whether a value was made by {@link onnxPolicy}. */
export function isOnnxPolicy<Observation, Action>(
  policy: unknown,
): policy is OnnxPolicy<Observation, Action> {
  return kind.has(policy);
}

function outputOf(outputs: unknown): OnnxOutput {
  const { action } = ownOptions<Partial<OnnxPolicyOptions['outputs']>>(
    'outputs',
    outputs as OnnxPolicyOptions['outputs'],
    ['action'],
    "{ action: 'the name of an output' }",
  );
  if (typeof action === 'string') return { name: action };
  return ownOptions('outputs.action', action as OnnxOutput, ['name', 'normalization'], 'a name');
}

function inputsOf(inputs: unknown): NativeOnnxInput[] {
  if (typeof inputs !== 'object' || inputs === null || isList(inputs)) {
    const expected = "what each input of the model is fed, as in { observation: ['q', 'dq'] }";
    throw new OptionTypeError('OPTION_INPUTS', 'inputs', inputs, expected);
  }
  return Object.entries(inputs).map(([name, given]) => {
    const { from, normalization } = inputOf(name, given);
    const parts = isParts(from) ? from : [from];
    const what = `inputs.${name}`;
    const own = checkNormalization('inputs.normalization', normalization);
    return bare({
      name,
      parts: parts.map((part) => partOf(what, part)),
      ...(own ? { scaling: own.toModel } : {}),
    });
  });
}

function inputOf(name: string, given: unknown): OnnxInput {
  if (typeof given === 'string' || isList(given)) return { from: given as OnnxPart };
  return ownOptions(
    `inputs.${name}`,
    given as OnnxInput,
    ['from', 'normalization'],
    "a field of the state, as 'q', numbers, or a list of these",
  );
}

/** Whether a list has parts; a list of numbers is itself one. */
function isParts(from: unknown): from is readonly unknown[] {
  return Array.isArray(from) && from.some((part) => typeof part !== 'number');
}

function partOf(what: string, part: unknown): NativeOnnxPart {
  if (typeof part === 'string') {
    const place = placeOf(part);
    if (place) return bare({ from: place.offset, len: place.length });
  } else if (isList(part) && part.length > 0) {
    return bare({ numbers: Float64Array.from(checkNumbers(what, part, part.length)) });
  }
  const expected = "a field of the state that is numbers, as 'q', or numbers";
  throw new OptionTypeError('OPTION_INPUTS', what, part, expected);
}

/**
 * Returns what the native side loads, for actions and chunks of these lengths.
 *
 * @throws {PolicyError} `ONNX_RUNTIME` if there is no ONNX Runtime
 * @throws {OptionTypeError} `OPTION_DT_S` if the time between actions is missing, or is given for a single action
 */
export function onnxTask(
  policy: OnnxPolicy<RobotState, unknown>,
  lengths: Lengths,
): NativeOnnxOptions {
  const own = checked.get(policy);
  if (!own) throw new PolicyError('INTERNAL', 'a policy of another copy of this package');
  const { chunks } = lengths;
  if (!chunks !== (own.dtS === undefined)) {
    const expected = chunks
      ? 'the time between the actions of a chunk [s]'
      : 'no time: only the policy inside chunked() answers in chunks';
    throw new OptionTypeError('OPTION_DT_S', 'dtS', own.dtS, expected);
  }
  return bare({
    library: own.library ?? installedLibrary(),
    file: policy.file,
    threads: policy.threads,
    inputs: [...own.inputs],
    output: own.output,
    ...(own.normalization ? { outputScaling: own.normalization.fromModel } : {}),
    width: lengths.action + (chunks?.hasGripper ? 1 : 0),
    ...(chunks ? { mostRows: chunks.maxRows, stepS: own.dtS ?? 0 } : {}),
  });
}

/** Returns the library inside the package `onnxruntime-node`. */
function installedLibrary(): string {
  const places = [import.meta.url, join(workingFolder(), 'package.json')];
  for (const place of places) {
    try {
      const main = createRequire(place).resolve('onnxruntime-node');
      const bin = join(dirname(main), '..', 'bin');
      for (const napi of readdirSync(bin)) {
        const folder = join(bin, napi, process.platform, process.arch);
        const library = readdirSync(folder).find((name) => name.startsWith('libonnxruntime.'));
        if (library) return join(folder, library);
      }
    } catch {
      // It is not installed there.
    }
  }
  const message =
    'the package onnxruntime-node was not found, which has the ONNX Runtime that onnxPolicy() uses; ' +
    'install it with: npm install onnxruntime-node, or name a library with the option library';
  throw new PolicyError('ONNX_RUNTIME', message);
}
