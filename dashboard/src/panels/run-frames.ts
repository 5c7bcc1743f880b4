// The frames of a recorded run, fetched in blocks where they are wanted.

import { decodeFrames, Fields, type Frame } from '../frames.ts';
import type { RunInfo } from '../protocol.ts';

/** Frames of a fetch, of at most 3000. */
const BLOCK = 1500;
/** Blocks that are kept. */
const KEPT = 16;

export class RunFrames {
  readonly info: RunInfo;
  readonly fields: Fields;
  readonly #blocks = new Map<number, Frame[] | 'loading'>();
  readonly #onLoad: (error?: string) => void;

  constructor(info: RunInfo, onLoad: (error?: string) => void) {
    this.info = info;
    this.fields = new Fields(info.arm.fields);
    this.#onLoad = onLoad;
  }

  /** Returns a frame; nothing if it is not there yet, which begins to load it. */
  get(nth: number): Frame | undefined {
    if (nth < 0 || nth >= this.info.frames) return undefined;
    const block = Math.floor(nth / BLOCK);
    const frames = this.#blocks.get(block);
    if (frames === undefined) this.#load(block);
    if (frames === undefined || frames === 'loading') return undefined;
    // The newest used is the last to go.
    this.#blocks.delete(block);
    this.#blocks.set(block, frames);
    return frames[nth - block * BLOCK];
  }

  /** Loads what comes after a frame. */
  prepare(nth: number): void {
    const next = Math.floor(nth / BLOCK) + 1;
    if (next * BLOCK < this.info.frames && !this.#blocks.has(next)) this.#load(next);
  }

  async #load(block: number): Promise<void> {
    this.#blocks.set(block, 'loading');
    try {
      const { id, arm, frames } = this.info;
      const wanted = Math.min(BLOCK, frames - block * BLOCK);
      const response = await fetch(`run/${id}/frames?from=${block * BLOCK}&count=${wanted}`);
      if (!response.ok) throw new Error(`the server answered ${response.status}`);
      const read = decodeFrames(await response.arrayBuffer(), new Map([[arm.id, this.fields]]));
      if (read === undefined || read.length !== wanted)
        throw new Error('the frames are not as announced');
      for (const key of [...this.#blocks.keys()].slice(0, Math.max(0, this.#blocks.size - KEPT))) {
        if (key !== block) this.#blocks.delete(key);
      }
      this.#blocks.set(block, read);
      this.#onLoad();
    } catch (error) {
      // Tried again when it is wanted again, but not at once.
      setTimeout(() => this.#blocks.delete(block), 2000);
      this.#onLoad(`Part of ${this.info.name} could not be loaded: ${(error as Error).message}`);
    }
  }
}
