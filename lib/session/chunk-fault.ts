import type { ErrorCode } from '../errors/codes.ts';
import { numberText } from '../errors/number.ts';
import type { NativeChunkFault } from '../native/binding.ts';
import { REFUSALS } from '../native/contract.ts';
import { NUMBER } from './violation.ts';

/** What is wrong with a chunk, in words. */
export interface ChunkFaultText {
  readonly code: ErrorCode;
  readonly message: string;
  /** What is expected instead. */
  readonly expected: string;
}

/** Returns what is wrong with a chunk that was not played. */
export function chunkFaultText(fault: NativeChunkFault): ChunkFaultText {
  const { kind, received, longest = 0, unit, row, field, index } = fault;
  const is = numberText(received);
  switch (kind) {
    case 'empty':
      return told('CHUNK_EMPTY', 'the chunk has no actions', 'at least one');
    case 'malformed': {
      const code = REFUSALS[received] ?? 'ACTION_TYPE';
      const where = row === undefined ? 'the answer' : `actions[${row}] of the chunk`;
      return told(code, `${where} is not what it has to be`, '{ actions, dtS }');
    }
    case 'frame': {
      const expected = 'a rigid transform, column by column, or { xyz, quat }';
      return told('ACTION_FRAME', `actions[${row}] of the chunk is not a pose`, expected);
    }
    case 'tooLong': {
      const expected = 'at most maxRows of chunked(), by default 256';
      return told('CHUNK_LENGTH', `the chunk has ${is} actions`, expected);
    }
    case 'step':
      return told('CHUNK_STEP', `the chunk has dtS ${is}`, 'a number from 0.0001 to 60 [s]');
    case 'notFinite': {
      const where = `${field}[${index}] of actions[${row}]`;
      return told('ACTION_NOT_FINITE', `${where} is NaN, infinite or huge`, NUMBER);
    }
    case 'future': {
      if (!Number.isFinite(received)) {
        return told('CHUNK_TIME', 'observedAtS of the chunk is not finite', 'a time [s]');
      }
      const expected = 'a time that has come already, on the clock of tick.timeS';
      return told('CHUNK_TIME', `the chunk was observed ${is} s ahead of now`, expected);
    }
    case 'backwards': {
      const expected = 'a time that is not before it';
      return told('CHUNK_TIME', `the chunk was observed ${is} s before the last chunk`, expected);
    }
    case 'seam': {
      const far = `${is} ${unit} away from what is commanded`;
      const most = `at most ${numberText(longest)} ${unit}`;
      const option = unit === 'm' ? 'maxSeamM' : 'maxSeamRad';
      return told('CHUNK_SEAM', `the chunk is ${far}`, `${most} (${option} of chunked())`);
    }
  }
}

function told(code: ErrorCode, message: string, expected: string): ChunkFaultText {
  return { code, message, expected };
}
