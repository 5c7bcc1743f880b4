// Values that go through a line and come back, and bytes that are none: for Node's end and for Python's.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import { KilohertzError, shaped } from '../../index.ts';
import { NativeLine } from '../../lib/native/binding.ts';
import { Packer } from '../../lib/offload/codec/packer.ts';
import { Unpacker } from '../../lib/offload/codec/unpacker.ts';
import { venv } from '../fixtures/python.ts';
import { fuzz, type Random } from '../fixtures/random.ts';

/** Seeds that once failed. */
const FAILED: readonly number[] = [];

const ARRAYS = [
  Int8Array,
  Uint8Array,
  Int16Array,
  Uint32Array,
  Float32Array,
  Float64Array,
] as const;
const EDGES = [0, -0, 1, -1, 2 ** 31, -(2 ** 31) - 1, 2 ** 53, 0.1, Number.NaN, Infinity, 5e-324];

function text(random: Random): string {
  const letters = ['a', '', '"', '\u0000', 'ä', '漢', '🤖', '__proto__', 'constructor'];
  return Array.from({ length: random.below(5) }, () => random.of(letters)).join('');
}

/** Any value that both kinds of ends know; `depth` levels of it. */
function value(random: Random, depth: number, python: boolean): unknown {
  const items = <T>(make: () => T): T[] => Array.from({ length: random.below(5) }, make);
  const next = (): unknown => value(random, depth - 1, python);
  const flat = [
    () => null,
    () => random.below(2) === 0,
    () => random.bits() | 0,
    () => random.of(EDGES),
    () => text(random),
    () => {
      const Kind = random.of(ARRAYS);
      const size = random.of([0, 1, 3, 200, 3000, 20_000]);
      const array = new Kind(Array.from({ length: size }, () => random.bits() % 128));
      return size % 2 === 0 && size > 0 ? shaped(array, [2, size / 2]) : array;
    },
    () => Array.from({ length: random.below(20) }, () => random.bits() / 7),
    () => Array.from({ length: random.below(20) }, () => random.bits() | 0),
    ...(python
      ? []
      : [() => undefined, () => 2n ** BigInt(random.below(200)), () => new Date(random.bits())]),
  ];
  const deep = [
    () => items(next),
    () => Object.fromEntries(items(() => [text(random), next()])),
    ...(python
      ? []
      : [() => new Map(items(() => [text(random), next()])), () => new Set(items(next))]),
  ];
  return random.of(depth > 0 ? [...flat, ...deep, ...deep] : flat)();
}

const ANYTHING = { revocable: false, longest: Number.POSITIVE_INFINITY, clones: true };

class Ends {
  readonly #near = NativeLine.make(2 ** 20);
  readonly #unpacker: Unpacker;

  constructor() {
    this.#unpacker = new Unpacker(NativeLine.attach(this.#near.number as number), ANYTHING);
  }

  pack(packed: unknown, clones: boolean): Buffer {
    const packer = new Packer(this.#near, clones);
    packer.begin(7, 1);
    packer.value(packed, 'it');
    return Buffer.from(packer.bytes.subarray(0, packer.length));
  }

  unpack(message: Uint8Array): unknown {
    if (message.length > this.#unpacker.bytes.length) this.#unpacker.grow(message.length);
    this.#unpacker.bytes.set(message);
    this.#unpacker.begin(message.length);
    return this.#unpacker.value();
  }
}

/** A message with something wrong somewhere: another byte, another length, or an end too early. */
function spoiled(random: Random, message: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(message);
  for (let left = 1 + random.below(4); left > 0; left -= 1) {
    const at = 5 + random.below(Math.max(1, bytes.length - 5));
    if (at < bytes.length) bytes[at] = random.of([random.bits(), 0, 255, random.below(20)]);
  }
  return random.below(3) === 0 ? bytes.subarray(0, 5 + random.below(bytes.length)) : bytes;
}

function noise(random: Random): Uint8Array {
  const bytes = random.bytes(6 + random.below(200));
  // A tag that there is leads further in.
  bytes[5] = random.below(20);
  return bytes;
}

test('any value arrives as it was sent', async (t) => {
  const ends = new Ends();
  const tried = await fuzz(FAILED, (random) => {
    const sent = value(random, 4, false);
    const got = ends.unpack(ends.pack(sent, true));
    if (!isDeepStrictEqual(got, sent)) throw new Error('another value', { cause: { sent, got } });
  });
  t.true(tried > 50, `${tried}`);
});

test('bytes that are no value are refused by their code, whatever they are', async (t) => {
  const ends = new Ends();
  let refused = 0;
  const tried = await fuzz(FAILED, (random) => {
    const message =
      random.below(2) === 0
        ? noise(random)
        : spoiled(random, ends.pack(value(random, 3, false), true));
    try {
      ends.unpack(message);
    } catch (error) {
      if (!(error instanceof KilohertzError)) throw error;
      refused += 1;
    }
  });
  t.true(refused > tried / 20, `${refused} of ${tried}`);
});

test('bytes that are no value are refused by Python too, and what is one arrives', async (t) => {
  const ends = new Ends();
  const python = await venv();
  const script = [join(import.meta.dirname, '..', 'fixtures', 'unpack.py')];
  const child = spawn(python, script, { stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const counts = { value: 0, refused: 0 };
  const tried = await fuzz(FAILED, async (random) => {
    const sound = ends.pack(value(random, 3, true), false);
    const kind = random.below(3);
    const message = kind === 0 ? sound : kind === 1 ? noise(random) : spoiled(random, sound);
    child.stdin.write(`${Buffer.from(message).toString('hex')}\n`);
    const { value: answer } = await answers.next();
    if (answer !== 'value' && answer !== 'refused') throw new Error(`${answer}`);
    counts[answer as keyof typeof counts] += 1;
    if (kind === 0 && answer !== 'value') throw new Error('a sound value was refused');
  });
  child.stdin.end();
  await once(child, 'exit');
  t.true(counts.refused > tried / 20 && counts.value > tried / 20, `${JSON.stringify(counts)}`);
});
