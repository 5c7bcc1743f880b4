// Arrays in the format of numpy's files (.npy), as GR00T's servers write them.

import { readArray, type ServerArray } from './arrays.ts';
import { badFrame } from './wire-error.ts';

const MAGIC = '\u0093NUMPY';
/** The magic, the version, and the length of the header: 2 bytes in version 1, 4 from version 2 on. */
const HEAD = 10;
/** Numbers begin at a multiple of it. */
const ALIGNED = 64;
const EXPECTED = 'a file of numpy (.npy)';

/** Returns an array as such a file. */
export function toNpy(dtype: string, shape: readonly number[], bytes: Uint8Array): Uint8Array {
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const told = `{'descr': '${dtype}', 'fortran_order': False, 'shape': (${dims}), }`;
  const size = ALIGNED * Math.ceil((HEAD + told.length + 1) / ALIGNED);
  const file = Buffer.allocUnsafeSlow(size + bytes.length);
  file.write(MAGIC, 'latin1');
  file.set([1, 0], MAGIC.length);
  file.writeUInt16LE(size - HEAD, HEAD - 2);
  file.write(`${told.padEnd(size - HEAD - 1)}\n`, HEAD, 'latin1');
  file.set(bytes, size);
  return file;
}

/**
 * Returns the array of such a file.
 *
 * @throws {WireError} if it is no such file, or its numbers cannot be read
 */
export function fromNpy(bytes: unknown): ServerArray {
  if (!(bytes instanceof Uint8Array))
    throw badFrame('an array that is not given as bytes', EXPECTED);
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isOne = file.length >= HEAD + 2 && file.toString('latin1', 0, MAGIC.length) === MAGIC;
  if (!isOne) throw badFrame(`an array of ${file.length} bytes that begin otherwise`, EXPECTED);
  const isShort = file[MAGIC.length] === 1;
  const from = isShort ? HEAD : HEAD + 2;
  const length = isShort ? file.readUInt16LE(HEAD - 2) : file.readUInt32LE(HEAD - 2);
  const header = file.toString('latin1', from, from + length);
  const { dtype, order, dims } =
    /'descr': *'(?<dtype>[^']*)', *'fortran_order': *(?<order>True|False), *'shape': *\((?<dims>[\d, ]*)\)/.exec(
      header,
    )?.groups ?? {};
  if (dtype === undefined) throw badFrame('an array whose header cannot be read', EXPECTED);
  const shape = (dims ?? '')
    .split(',')
    .filter((each) => each.trim() !== '')
    .map(Number);
  const numbers = file.subarray(from + length);
  if (order !== 'True') return readArray(dtype, shape, numbers);
  // Columns first: as the rows of the array with its dimensions the other way round.
  return turned(readArray(dtype, shape.toReversed(), numbers), shape);
}

/** Returns an array whose dimensions are turned round. */
function turned(array: ServerArray, shape: readonly number[]): ServerArray {
  const { data } = array;
  const turnedData = data.slice();
  const steps = shape.map((_, nth) => shape.slice(0, nth).reduce((a, b) => a * b, 1));
  const place = shape.map(() => 0);
  for (let at = 0; at < data.length; at += 1) {
    const from = place.reduce((sum, index, nth) => sum + index * (steps[nth] ?? 0), 0);
    turnedData[at] = data[from] as never;
    for (let nth = shape.length - 1; nth >= 0; nth -= 1) {
      place[nth] = (place[nth] ?? 0) + 1;
      if ((place[nth] ?? 0) < (shape[nth] ?? 0)) break;
      place[nth] = 0;
    }
  }
  return { ...array, shape, dims: shape, data: turnedData };
}
