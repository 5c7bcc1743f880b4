// What the offload bench knows of each of its contenders.

import { look, noop, type Observation, observe } from './work.ts';

/** The calls that are measured, with what they carry. */
export const KINDS = ['no-op', 'observation', '307 kB', '6.2 MB'] as const;
export type Kind = (typeof KINDS)[number];

const observation: Observation = {
  q: new Float64Array(7).fill(0.5),
  dq: new Float64Array(7),
  step: 1,
};

/** The name of the function in `work.ts`, and its arguments. */
export const CALLS: Readonly<
  Record<
    Kind,
    | { readonly name: 'noop'; readonly args: readonly [] }
    | { readonly name: 'observe'; readonly args: readonly [Observation] }
    | { readonly name: 'look'; readonly args: readonly [Uint8Array] }
  >
> = {
  'no-op': { name: 'noop', args: [] },
  observation: { name: 'observe', args: [observation] },
  '307 kB': { name: 'look', args: [new Uint8Array(640 * 480)] },
  '6.2 MB': { name: 'look', args: [new Uint8Array(1920 * 1080 * 3)] },
};

export const WORK: Readonly<Record<string, (...args: never[]) => unknown>> = {
  noop,
  observe,
  look,
};

export interface Contender {
  readonly name: string;
  /** Starts what it needs; rejects with {@link Lacking} where that is not to be had here. */
  start(): Promise<Started>;
}

/** Something that this project does not install is missing: the bench goes on without. */
export class Lacking extends Error {}

export interface Started {
  /** Calls one after the other and says how long each took [us]. */
  measure(kind: Kind, calls: number): Promise<readonly number[]>;
  stop(): Promise<unknown>;
}

/** What is called from this thread. */
export function called(
  call: (kind: Kind) => Promise<unknown>,
  stop: () => Promise<unknown>,
): Started {
  return {
    stop,
    async measure(kind, calls) {
      const times: number[] = [];
      for (let done = 0; done < calls; done += 1) {
        const from = performance.now();
        await call(kind);
        times.push(1e3 * (performance.now() - from));
      }
      return times;
    },
  };
}
