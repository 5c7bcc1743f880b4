// The frames of a recorded run and its chunks, fetched in blocks where they are wanted.

import { decodeFrames, Fields, type Frame } from '../frames.ts';
import type { CameInfo, ChunkInfo, RunInfo } from '../protocol.ts';
import { readChunks } from '../told.ts';

/** Frames of a fetch, of at most 3000. */
const BLOCK = 1500;
/** Blocks that are kept. */
const KEPT = 16;

interface Block {
  frames: Frame[];
  /** The chunks that came during these frames, and before them the newest of the block before. */
  chunks: CameInfo[];
}

export class RunFrames {
  readonly info: RunInfo;
  readonly fields: Fields;
  readonly #blocks = new Map<number, Block | 'loading'>();
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
    const loaded = this.#blocks.get(block);
    if (loaded === undefined) this.#load(block);
    if (loaded === undefined || loaded === 'loading') return undefined;
    // The newest used is the last to go.
    this.#blocks.delete(block);
    this.#blocks.set(block, loaded);
    return loaded.frames[nth - block * BLOCK];
  }

  /** Returns the newest chunk that had come by the time of a frame that is there. */
  chunk(nth: number): ChunkInfo | undefined {
    const loaded = this.#blocks.get(Math.floor(nth / BLOCK));
    if (loaded === undefined || loaded === 'loading') return undefined;
    const timeS = nth * this.info.stepS;
    return loaded.chunks.findLast(({ atS }) => atS <= timeS)?.chunk;
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
      const asked = ['frames', 'chunks'].map(async (what) => {
        const response = await fetch(`run/${id}/${what}?from=${block * BLOCK}&count=${wanted}`);
        if (!response.ok) throw new Error(`the server answered ${response.status}`);
        return response.arrayBuffer();
      });
      const [bytes = new ArrayBuffer(), text] = await Promise.all(asked);
      const read = decodeFrames(bytes, new Map([[arm.id, this.fields]]));
      const chunks = readChunks(new TextDecoder().decode(text));
      if (read === undefined || read.length !== wanted || chunks === undefined)
        throw new Error('they are not as announced');
      for (const key of [...this.#blocks.keys()].slice(0, Math.max(0, this.#blocks.size - KEPT))) {
        if (key !== block) this.#blocks.delete(key);
      }
      this.#blocks.set(block, { frames: read, chunks });
      this.#onLoad();
    } catch (error) {
      // Tried again when it is wanted again, but not at once.
      setTimeout(() => this.#blocks.delete(block), 2000);
      this.#onLoad(`Part of ${this.info.name} could not be loaded: ${(error as Error).message}`);
    }
  }
}
