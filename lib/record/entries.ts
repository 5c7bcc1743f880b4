// What is read from a recording. The native side hands over batches; this file makes objects with names of them.

import {
  armSchema,
  type NativeBatch,
  type NativeEntry,
  type NativeRecordedRun,
  type NativeRunEnd,
  type NativeSample,
} from '../native/binding.ts';
import type { CommandKind, EpisodeOutcome, NoteLevel, PixelEncoding } from '../native/contract.ts';
import { RobotState } from '../native/robot-state.ts';

/** One named range of numbers of a state or a command. */
export interface RecordedField {
  /** The name, for example `q`. */
  readonly name: string;
  /** How many numbers it has. */
  readonly length: number;
  /** The unit of each number, for example `rad`; empty for pure numbers and flags. */
  readonly unit: string;
}

/** What a recording knows of its run from the beginning on. */
export interface RecordedRun {
  /** The fields of a state, in the order of their numbers. */
  readonly state: readonly RecordedField[];
  /** The fields of a command, in the order of their numbers. */
  readonly action: readonly RecordedField[];
  /**
   * The fields of an action of an answer: those of a command, and behind them `gripper` if a hand follows the policy's
   * chunks.
   */
  readonly answer: readonly RecordedField[];
  /** The robot's period [s]. */
  readonly periodS: number;
  /** The clocks of the host when the run began: the monotonic clock, and the wall clock since 1970 [ns]. */
  readonly start: { readonly monotonicNs: bigint; readonly wallNs: bigint };
  /** The options of the session, as they are in the file: values of JSON. */
  readonly options: unknown;
  /** The model of the robot and its settings, as they are in the file: values of JSON. */
  readonly robot: unknown;
  /** The versions of this package, of Node and of the robot's software, as they are in the file: values of JSON. */
  readonly versions: unknown;
}

/**
 * When the steps of a cycle were done, from the beginning of the cycle [s]. A step that was not done is undefined. A step
 * whose time is not known is undefined too: for a policy in a process it is not known when it took a question and when it
 * gave its answer, and files of older versions have no `behindS`, `tookS`, `gaveS` and `judgedS`.
 */
export interface RecordedPhases {
  /** How much later than at the robot's own time the cycle began [s]. */
  readonly behindS: number | undefined;
  /** The policy was asked. */
  readonly askedS: number | undefined;
  /** The policy took the question of the answer that was received. Negative if that was before this cycle. */
  readonly tookS: number | undefined;
  /** The policy gave that answer. Negative if that was before this cycle. */
  readonly gaveS: number | undefined;
  /** An answer of the policy was received. */
  readonly answeredS: number | undefined;
  /** That answer was judged. */
  readonly judgedS: number | undefined;
  /** The command was decided. */
  readonly decidedS: number | undefined;
  /** The command was handed to the robot. */
  readonly sentS: number | undefined;
}

/** A violation of a limit or an event of the session. */
export interface RecordedNote {
  readonly level: NoteLevel;
  /** A stable name, for example `jointVelocity` or `held`. */
  readonly name: string;
  /** A sentence for people. */
  readonly text: string;
}

/** What a policy that answers in chunks was told with its question. */
export interface RecordedTold {
  /** How long before the question the first action of the newest chunk belongs [s]; undefined if none was played. */
  readonly beganS: number | undefined;
  /** How long the answer would probably take [s]. */
  readonly latencyS: number;
  /** The number of the policy's episode, from 0. */
  readonly episode: number;
}

/** An answer of the policy, as it came and before any limit. */
export interface RecordedAnswer {
  /** The cycle of the question. */
  readonly tick: number;
  /** The robot's time to which the first action belongs [s]: of the question, or of a chunk's `observedAtS`. */
  readonly timeS: number;
  /** The time between two actions of a chunk [s]; 0 for a single action. */
  readonly stepS: number;
  /** The actions, each with the numbers of {@link RecordedRun.answer}: one, or those of a chunk. */
  readonly actions: readonly Float64Array[];
  /** What the policy was told with its question, if it answers in chunks. */
  readonly told: RecordedTold | undefined;
}

/** One cycle of a recorded run. Its arrays are its own: they stay as they are. */
export interface RecordedCycle<State = RobotState> {
  readonly type: 'cycle';
  /** The number of the cycle. */
  readonly tick: number;
  /** The robot's time since the first cycle [s]. */
  readonly robotTimeS: number;
  /** The host's monotonic clock when the cycle began [ns]. */
  readonly monotonicNs: bigint;
  /** The host's wall clock when the cycle began, since 1970 [ns]. */
  readonly wallNs: bigint;
  /** The milliseconds of the robot's clock without a cycle, directly before this one. */
  readonly missedMs: number;
  /** How many cycles directly before this one took place and could not be kept. */
  readonly lostBefore: number;
  /** How the command came about. */
  readonly kind: CommandKind;
  readonly phases: RecordedPhases;
  /** What the robot reported. */
  readonly state: State;
  /** What the robot was commanded: the numbers of {@link RecordedRun.action}. */
  readonly command: Float64Array;
  /** The answer of the policy that came in this cycle, if one did. */
  readonly answer: RecordedAnswer | undefined;
  readonly notes: readonly RecordedNote[];
}

/** What was logged on a channel. */
export type RecordedValue =
  | { readonly kind: 'numbers'; readonly numbers: Float64Array }
  | { readonly kind: 'bytes'; readonly mediaType: string; readonly data: Uint8Array }
  | {
      /** The pixels of an image, in rows from the top without gaps. */
      readonly kind: 'pixels';
      readonly width: number;
      readonly height: number;
      readonly encoding: PixelEncoding;
      readonly data: Uint8Array;
    }
  /** The bytes of an image's file; `format` is for example `png`. */
  | { readonly kind: 'image'; readonly format: string; readonly data: Uint8Array };

/** What a program logged beside the cycles. */
export interface RecordedSample {
  readonly type: 'sample';
  /** The channel, for example `camera/wrist`. It is a text of the file and not meant as a path. */
  readonly channel: string;
  /** The robot's time that the program gave [s]. */
  readonly timeS: number;
  /** The host's monotonic clock when it was logged [ns]. */
  readonly monotonicNs: bigint;
  readonly value: RecordedValue;
}

/** The beginning or the end of an episode. */
export interface RecordedMark {
  readonly type: 'episode';
  /** The number of the episode in the run, from 0. */
  readonly index: number;
  /** What is to be done in it. */
  readonly task: string;
  /** The robot's time [s]. */
  readonly robotTimeS: number;
  /** The host's monotonic clock [ns]. */
  readonly monotonicNs: bigint;
  /** How the episode ended; undefined at its beginning. */
  readonly ended: EpisodeOutcome | undefined;
}

/** Why the run ended. A file whose writing was cut off does not tell it. */
export interface RecordedEnd {
  readonly type: 'end';
  /** The number of the last cycle; 0 if there was none. */
  readonly tick: number;
  /** The robot's time of the last cycle [s]. */
  readonly robotTimeS: number;
  /** The host's monotonic clock when the last cycle began [ns]. */
  readonly monotonicNs: bigint;
  /**
   * The code of the error that ended the run, for example `ACTION_LIMIT`; undefined if the run was asked to end, or its
   * time was over.
   */
  readonly code: string | undefined;
  /** The message of the error; without an error, who has asked for the end, or that the time was over. */
  readonly message: string;
}

/** What is read from a recording, told apart by `type`. */
export type RecordedEntry<State = RobotState> =
  | RecordedCycle<State>
  | RecordedSample
  | RecordedMark
  | RecordedEnd;

/** An episode of a recording. */
export interface RecordedEpisode {
  /** The number of the episode in the run, from 0. */
  readonly index: number;
  /** What was to be done. */
  readonly task: string;
  /** The robot's time at its beginning [s]. */
  readonly beginS: number;
  /** The robot's time at its end, which does not belong to it [s]; infinite if the recording ends before. */
  readonly endS: number;
  /** How it ended. */
  readonly outcome: EpisodeOutcome;
}

/** Returns what is known of a run. */
export function runOf(native: NativeRecordedRun): RecordedRun {
  const fields = (given: NativeRecordedRun['state']): RecordedField[] =>
    given.map(({ name, len, unit }) => ({ name, length: len, unit }));
  return {
    state: fields(native.state),
    action: fields(native.action),
    answer: fields(native.answer),
    periodS: native.periodS,
    start: { monotonicNs: native.startMonotonicNs, wallNs: native.startWallNs },
    options: JSON.parse(native.options),
    robot: JSON.parse(native.robot),
    versions: JSON.parse(native.versions),
  };
}

/** How many numbers these fields have. */
export function lengthOf(fields: readonly RecordedField[]): number {
  return fields.reduce((sum, { length }) => sum + length, 0);
}

/** Makes a state of its numbers. */
type StateMaker = (slots: Float64Array) => unknown;

/** Whether a run is one of an arm, with the states that this version knows. */
export function isArm({ state }: RecordedRun): boolean {
  const arm = armSchema().fields;
  return (
    arm.length === state.length &&
    arm.every(({ name, len }, nth) => name === state[nth]?.name && len === state[nth]?.length)
  );
}

/** Returns how states of a run are made: those of an arm are {@link RobotState}s, others objects with their fields. */
function stateMaker(run: RecordedRun): StateMaker {
  if (isArm(run)) return (slots) => new RobotState(slots);
  const { state } = run;
  return (slots) => {
    let offset = 0;
    const fields = state.map(({ name, length }): [string, Float64Array | number] => {
      const view = slots.subarray(offset, offset + length);
      offset += length;
      return [name, length === 1 ? (view[0] ?? 0) : view];
    });
    // Own properties of these names, whatever they are called.
    return Object.fromEntries(fields);
  };
}

/** Makes entries of what the native side hands over. */
export class Entries {
  readonly #stateLength: number;
  readonly #actionLength: number;
  readonly #answerLength: number;
  readonly #stateOf: StateMaker;

  constructor(run: RecordedRun) {
    this.#stateLength = lengthOf(run.state);
    this.#actionLength = lengthOf(run.action);
    this.#answerLength = lengthOf(run.answer);
    this.#stateOf = stateMaker(run);
  }

  /** Returns the entries of a batch, in their order. */
  *of({ entries, numbers }: NativeBatch): Generator<RecordedEntry<unknown>> {
    let offset = 0;
    // Copies: a cycle that is kept does not keep its whole batch.
    const take = (length: number): Float64Array => {
      offset += length;
      return numbers.slice(offset - length, offset);
    };
    for (const { cycle, sample, episode, end } of entries) {
      if (cycle) yield this.#cycle(cycle, take);
      else if (sample) yield sampleOf(sample);
      else if (episode) yield { type: 'episode', ...episode, ended: outcome(episode.ended) };
      else if (end) yield endOf(end);
    }
  }

  #cycle(
    { answer, phases, kind, notes, ...own }: NonNullable<NativeEntry['cycle']>,
    take: (length: number) => Float64Array,
  ): RecordedCycle<unknown> {
    const state = this.#stateOf(take(this.#stateLength));
    const command = take(this.#actionLength);
    return {
      type: 'cycle',
      ...own,
      kind: kind as CommandKind,
      phases: {
        behindS: phases.behindS,
        askedS: phases.askedS,
        tookS: phases.tookS,
        gaveS: phases.gaveS,
        answeredS: phases.answeredS,
        judgedS: phases.judgedS,
        decidedS: phases.decidedS,
        sentS: phases.sentS,
      },
      state,
      command,
      answer: answer && {
        tick: answer.tick,
        timeS: answer.timeS,
        stepS: answer.stepS,
        actions: Array.from({ length: answer.len / this.#answerLength }, () =>
          take(this.#answerLength),
        ),
        told: answer.told && {
          beganS: answer.told.beganS,
          latencyS: answer.told.latencyS,
          episode: answer.told.episode,
        },
      },
      notes: notes.map((note) => ({ ...note, level: note.level as NoteLevel })),
    };
  }
}

/** Returns why a run ended. */
export function endOf({ code, ...own }: NativeRunEnd): RecordedEnd {
  return { type: 'end', ...own, code };
}

function outcome(name: string | undefined): EpisodeOutcome | undefined {
  return name as EpisodeOutcome | undefined;
}

function sampleOf(native: NativeSample): RecordedSample {
  const { channel, timeS, monotonicNs } = native;
  return { type: 'sample', channel, timeS, monotonicNs, value: loggedIn(native) };
}

function loggedIn(native: NativeSample): RecordedValue {
  const { kind, bytes: data = new Uint8Array(), format = '', width = 0, height = 0 } = native;
  switch (kind) {
    case 'numbers':
      return { kind, numbers: native.numbers ?? new Float64Array() };
    case 'pixels':
      return { kind, width, height, encoding: format as PixelEncoding, data };
    case 'image':
      return { kind, format, data };
    default:
      return { kind: 'bytes', mediaType: format, data };
  }
}
