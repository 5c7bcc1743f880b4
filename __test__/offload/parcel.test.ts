import { isDeepStrictEqual } from 'node:util';
import { serialize } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { KilohertzError, OffloadError, shaped } from '../../index.ts';
import { NativeLine } from '../../lib/native/binding.ts';
import { fromMessage } from '../../lib/offload/codec/error-message.ts';
import { Packer } from '../../lib/offload/codec/packer.ts';
import { Unpacker } from '../../lib/offload/codec/unpacker.ts';
import { Random } from '../fixtures/random.ts';

const ANYTHING = { revocable: false, longest: Number.POSITIVE_INFINITY, clones: true };

/** Two ends of a line, and a message that goes from one to the other. */
function ends(sharedBytes = 2 ** 20): {
  pack: (value: unknown, clones?: boolean) => Buffer;
  unpack: (message: Uint8Array) => unknown;
} {
  const near = NativeLine.make(sharedBytes);
  const far = NativeLine.attach(near.number as number);
  const unpacker = new Unpacker(far, ANYTHING);
  return {
    pack(value, clones = true) {
      const packer = new Packer(near, clones);
      packer.begin(7, 1);
      try {
        packer.value(value, 'it');
      } catch (error) {
        packer.discard();
        throw error;
      }
      return Buffer.from(packer.bytes.subarray(0, packer.length));
    },
    unpack(message) {
      if (message.length > unpacker.bytes.length) unpacker.grow(message.length);
      unpacker.bytes.set(message);
      unpacker.begin(message.length);
      return unpacker.value();
    },
  };
}

const { pack, unpack } = ends();
const sent = (value: unknown): unknown => unpack(pack(value));

const ARRAYS = [
  Int8Array,
  Uint8Array,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  Uint8ClampedArray,
] as const;

/** Within the message; lent and copied; lent and read in place; beyond the shared memory. */
const BYTES = [0, 8, 1024, 1032, 65_528, 65_536, 400_000, 3_000_000];

test('numbers arrive as they were, to the last bit', (t) => {
  const edges = [2 ** 31, 2 ** 32, 2 ** 53, Number.MAX_SAFE_INTEGER, Number.MAX_VALUE, 5e-324, 0.1];
  for (const edge of [0, 1, Number.POSITIVE_INFINITY, ...edges]) {
    for (const number of [edge, -edge, edge - 1, edge + 1, -edge - 1, 1 - edge]) {
      t.true(Object.is(sent(number), number), `${number}`);
      t.true(Object.is((sent([number, 1]) as number[])[0], number), `[${number}]`);
      t.true(Object.is((sent([number, 'a']) as number[])[0], number), `[${number}, 'a']`);
    }
  }
  t.true(Number.isNaN(sent(Number.NaN)));
  t.deepEqual(sent([Number.NaN, -0, 1.5]), [Number.NaN, -0, 1.5]);
});

test('texts arrive as they were, whatever is in them', (t) => {
  const parts = ['', 'a', 'ü', '机器人', '🤖', '\0', '\uFFFD', '\uFEFF'];
  for (const part of parts) {
    for (const times of [1, 62, 63, 64, 65, 10_000]) {
      t.is(sent(part.repeat(times)), part.repeat(times));
      t.is(sent(`${'x'.repeat(times)}${part}`), `${'x'.repeat(times)}${part}`);
    }
  }
  for (const half of ['\uD83E', '\uDD16', 'a\uD83E', `${'long'.repeat(100)}\uDD16z`]) {
    t.is(sent(half), half, 'half a surrogate pair');
  }
});

test('lists and records arrive as they were, however they are nested', (t) => {
  const value = {
    '': [],
    'a b': [[], [[]], {}, [null, undefined, true, false]],
    numbers: [1, 2, 3],
    floats: [0.5, 2],
    mixed: [1, 'two', { three: [4n] }],
    bare: Object.assign(Object.create(null), { inner: 1 }),
    long: Array.from({ length: 5000 }, (_, nth) => ({ nth })),
  };
  t.deepEqual(sent(value), { ...value, bare: { inner: 1 } });
  t.is(Object.getPrototypeOf(sent(value)), Object.prototype);
  t.is((sent([1, undefined]) as unknown[]).length, 2);
  t.true('gap' in (sent({ gap: undefined }) as object));
});

test('a record that has a key __proto__ arrives with it, and is no other kind of object', (t) => {
  const value = JSON.parse('{ "__proto__": { "admin": true }, "a": 1 }');
  const arrived = sent(value) as Record<string, unknown>;
  t.deepEqual(
    Object.getOwnPropertyDescriptors(arrived),
    Object.getOwnPropertyDescriptors(value),
    'an own property that can be changed',
  );
  t.is(Object.getPrototypeOf(arrived), Object.prototype);
  t.is(arrived['admin'], undefined);
});

test('typed arrays of all kinds and sizes arrive as they were, with their shape', (t) => {
  for (const bytes of BYTES) {
    for (const Kind of ARRAYS) {
      const array = new Kind(bytes / Kind.BYTES_PER_ELEMENT).map((_, nth) => nth % 251);
      const arrived = sent({ array }) as { array: Uint8Array };
      t.is(arrived.array.constructor.name, Kind.name);
      t.true(Buffer.from(arrived.array.buffer).equals(Buffer.from(array.buffer)), `${bytes}`);
      t.false('shape' in arrived.array);
    }
    const big = new BigInt64Array(bytes / 8).fill(-5n);
    const unsigned = new BigUint64Array(bytes / 8).fill(5n);
    for (const whole of [big, unsigned, new DataView(big.buffer), big.buffer]) {
      const arrived = sent(whole) as typeof whole;
      t.is(arrived.constructor, whole.constructor);
      t.true(isDeepStrictEqual(arrived, whole), `${whole.constructor.name}, ${bytes}`);
    }
  }
  const image = sent(shaped(new Float32Array(24), [2, 3, 4])) as Float32Array & { shape: number[] };
  t.deepEqual([...image.shape], [2, 3, 4]);
  const empty = sent(shaped(new Uint8Array(0), [0, 3])) as Uint8Array & { shape: number[] };
  t.deepEqual([...empty.shape], [0, 3]);
});

test('a part of a buffer arrives as that part alone', (t) => {
  const whole = Uint8Array.from({ length: 200_000 }, (_, nth) => nth % 256);
  const part = sent(whole.subarray(3, 70_003)) as Uint8Array;
  t.deepEqual(part, whole.slice(3, 70_003));
  t.is(part.buffer.byteLength, 70_000);
  t.deepEqual(sent(Buffer.from('pooled')), new Uint8Array(Buffer.from('pooled')));
  const other = runInNewContext('new Float32Array([1, 2])');
  t.deepEqual(sent(other), new Float32Array([1, 2]), 'of another realm');
});

test('what else structured cloning knows arrives as it was', (t) => {
  class Pose {
    readonly x = 1;
    readonly deep: { y: number[] } = { y: [2, 3] };
    get sum(): number {
      return this.x;
    }
  }
  for (const value of [
    10n ** 40n,
    -1n,
    10n ** 20_000n,
    -(2n ** 1_000_000n) + 1n,
    new Date(0),
    new Date(Number.NaN),
    new Map<unknown, unknown>([
      ['a', 1],
      [{ b: 2 }, [3]],
      [Number.NaN, null],
      [undefined, -0],
    ]),
    new Map<unknown, unknown>([[Object.create(null), { a: [] }]]),
    new Set(['a', 1, undefined, 4n]),
    /a+/giu,
    Object(true),
  ]) {
    t.deepEqual(sent(value), value);
  }
  const pose = sent(new Pose());
  t.deepEqual(pose, { x: 1, deep: { y: [2, 3] } });
  t.is(Object.getPrototypeOf(pose), Object.prototype);
  t.is(sent(new URL('https://a.example/b')), 'https://a.example/b', 'what toJSON makes of it');
  for (const value of [Object('\ud800'), Object(1.5), Object(2n ** 70n), /\ud800机/u]) {
    t.true(isDeepStrictEqual(sent(value), value), String(value));
  }
  class Named {
    readonly map = new Map([[1, { two: new Float32Array(3) }]]);
    get [Symbol.toStringTag](): string {
      return 'Named';
    }
  }
  t.deepEqual(sent(new Named()), { map: new Map([[1, { two: new Float32Array(3) }]]) });
});

test('errors arrive with class, message, stack, code and cause', (t) => {
  class SingularPose extends Error {}
  const cause = Object.assign(new RangeError('too far'), { code: 'FAR' });
  const error = new SingularPose('no way', { cause });
  const arrived = sent({ error }) as { error: Error };
  t.is(arrived.error.name, 'SingularPose');
  t.is(arrived.error.message, 'no way');
  t.is(arrived.error.stack, error.stack);
  t.true(arrived.error.cause instanceof RangeError);
  t.like(arrived.error.cause, { message: 'too far', code: 'FAR' });
  for (const name of ['constructor', '__proto__', 'toString']) {
    const named = sent(Object.assign(new Error('named'), { name })) as Error;
    t.true(named instanceof Error);
    t.is(named.name, name);
  }
  const ours = sent(new OffloadError('OFFLOAD_NOT_FOUND', 'nowhere')) as OffloadError;
  t.true(ours instanceof OffloadError);
  t.is(ours.code, 'OFFLOAD_NOT_FOUND');
});

class Tagged {
  x = 1;
  readonly [Symbol.toStringTag] = 'Tagged';
}

test('what cannot be sent is refused, with where it is', (t) => {
  const circle: Record<string, unknown> = { a: 1 };
  circle['self'] = [circle];
  const moved = new Uint8Array(10);
  structuredClone(moved, { transfer: [moved.buffer] });
  const refused: [unknown, RegExp][] = [
    [() => 1, /^it is a function and cannot be sent/],
    [{ a: [1, { b: () => 1 }] }, /^it\.a\[1\]\.b is a function/],
    [{ a: Symbol('s') }, /^it\.a is a symbol/],
    [[1, Symbol('s')], /^it\[1\] is a symbol/],
    [new Map([[{ a: 1 }, () => 1]]), /^it\.get\(an object of Object\) is a function/],
    [new Map([[() => 1, 1]]), /^a key of it is a function/],
    [new Map([[Object.create(null), () => 1]]), /^it\.get\(.*\) is a function/],
    [new Set([() => 1]), /^an item of it is a function/],
    [{ p: Promise.resolve() }, /^it\.p is a Promise/],
    [new WeakMap(), /^it is a WeakMap/],
    [new SharedArrayBuffer(8), /^it is a SharedArrayBuffer/],
    [(function* () {})(), /^it is a Generator/],
    [{ signal: new AbortController().signal }, /^it\.signal is an AbortSignal/],
    [[new Headers({ a: 'b' })], /^it\[0\] is a Headers/],
    [{ moved }, /^it\.moved has no memory any more/],
    [circle, /^it(\.self\[0\])+.* lies too deep, or in a circle/],
  ];
  for (const [value, message] of refused) {
    t.throws(() => pack(value), {
      instanceOf: OffloadError,
      code: 'OFFLOAD_NOT_CLONEABLE',
      message,
    });
  }
  t.deepEqual({ ...(sent(new Tagged()) as object) }, { x: 1 }, 'its properties arrive');
  t.throws(() => pack(/a/, false), { code: 'OFFLOAD_NOT_CLONEABLE' }, 'not to Python');
  const wrong = Object.assign(new Float32Array(6), { shape: [2, 2] });
  t.throws(() => pack({ wrong }), {
    code: 'OFFLOAD_SHAPE',
    message: /^it\.wrong\.shape is \[2,2\]/,
  });
});

test('what is refused does not keep what was lent for it', (t) => {
  const line = ends(2 ** 20);
  // Four of them fill the shared memory.
  const value = [new Uint8Array(2 ** 18), () => 1];
  for (let round = 0; round < 3000; round += 1) {
    t.throws(() => line.pack(value), { code: 'OFFLOAD_NOT_CLONEABLE' });
  }
  const array = new Uint8Array(2 ** 18).fill(9);
  t.deepEqual(line.unpack(line.pack(array)), array);
});

test('shaped checks what it is given', (t) => {
  const array = new Float32Array(6);
  t.true(Object.is(shaped(array, [2, 3]), array));
  t.deepEqual(shaped(array, [6]).shape, [6]);
  // biome-ignore lint/suspicious/noExplicitAny: what the compiler would refuse is what is tested
  const untyped = shaped as any;
  for (const shape of [[5], [2, -3], [1.5, 4], 6, undefined, 'ab', [Number.NaN]]) {
    t.throws(() => untyped(array, shape), { instanceOf: OffloadError, code: 'OFFLOAD_SHAPE' });
  }
  const { proxy, revoke } = Proxy.revocable([6], {});
  revoke();
  for (const shape of [proxy, [Symbol('6')], [{ toString: () => t.fail() }], ['\n'], Array(1e6)]) {
    const error = t.throws(() => untyped(array, shape), { code: 'OFFLOAD_SHAPE' });
    t.true((error?.message.length ?? 0) < 300, 'it says what it got, whatever that is');
  }
  for (const value of [[1, 2], undefined, 5]) {
    t.throws(() => untyped(value, [2]), { code: 'OPTION_ARRAY' });
  }
});

test('bytes that are no message are refused, and neither crash nor hang', (t) => {
  const random = new Random(11);
  const whole = pack({
    list: [1, 'two', { three: 3 }],
    floats: [0.5, 1.5],
    array: shaped(new Float32Array(60), [6, 10]),
    lent: new Uint8Array(5000),
    map: new Map([['a', new Date()]]),
    set: new Set([1n]),
    error: new Error('a', { cause: 1 }),
    clone: /a/,
  });
  let [read, refused] = [0, 0];
  const tried = (message: Uint8Array): void => {
    try {
      unpack(message);
      read += 1;
    } catch (error) {
      refused += 1;
      if (!(error instanceof KilohertzError) || error.code !== 'OFFLOAD_PROTOCOL') {
        throw new Error(`refused ${Buffer.from(message).toString('hex')}`, { cause: error });
      }
    }
  };
  for (let length = 0; length < whole.length; length += 1) tried(whole.subarray(0, length));
  t.is(read, 0, 'what is cut short is never read');
  for (let round = 0; round < 20_000; round += 1) {
    const message = Buffer.from(whole);
    for (let change = random.below(4); change >= 0; change -= 1) {
      message[5 + random.below(message.length - 5)] = random.bits();
    }
    tried(message);
  }
  for (let round = 0; round < 20_000; round += 1) {
    const message = Buffer.alloc(random.below(200));
    for (let at = 0; at < message.length; at += 1) {
      // Tags are small.
      message[at] = random.below(3) ? random.below(20) : random.bits();
    }
    tried(message);
  }
  t.true(refused > 1000 && read > 1000, `${refused} refused, ${read} read`);
});

test('a length below zero does not send the reader back', (t) => {
  // A list of 2^32 - 1 items, the first an array that would end before it began.
  const message = Buffer.alloc(64);
  message[5] = 8;
  message.writeUInt32LE(2 ** 32 - 1, 6);
  message.set([10, 1, 0], 10);
  message.writeDoubleLE(-11, 13);
  t.throws(() => unpack(message), { code: 'OFFLOAD_PROTOCOL' });
  message.writeDoubleLE(Number.NaN, 13);
  t.throws(() => unpack(message), { code: 'OFFLOAD_PROTOCOL' });
});

/** A value of each kind that takes much more memory than its bytes, as a message has it. */
function smallest(): Record<string, Uint8Array> {
  const values = {
    undefined: [undefined],
    text: [''],
    list: [[]],
    numbers: [[1]],
    record: [{}],
    map: [new Map()],
    set: [new Set()],
    array: [new Uint8Array(0)],
    date: [new Date(0)],
    bigint: [1n],
    error: [new Error('')],
    expression: [/a/],
    boxed: [Object(true)],
  };
  const whole = (value: unknown): Buffer => pack(value).subarray(10);
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, whole(value)]));
}

/** The message of a list of `count` values, each with these bytes. */
function listOf(item: Uint8Array, count: number): Buffer {
  const head = Buffer.alloc(10);
  head[5] = 8;
  head.writeUInt32LE(count, 6);
  return Buffer.concat([head, Buffer.alloc(item.length * count, item)]);
}

test('what is read takes no more memory than is allowed, however few bytes it has', (t) => {
  const longest = 2 ** 20;
  const near = NativeLine.make(2 ** 20);
  const unpacker = new Unpacker(near, { ...ANYTHING, longest });
  const read = (message: Uint8Array): unknown => {
    unpacker.grow(message.length);
    unpacker.bytes.set(message);
    unpacker.begin(message.length);
    return unpacker.value();
  };
  for (const [name, item] of Object.entries(smallest())) {
    t.is((read(listOf(item, 50)) as unknown[]).length, 50, name);
    const message = listOf(item, Math.floor(longest / item.length));
    t.throws(() => read(message), { code: 'OFFLOAD_TOO_LARGE' }, name);
    t.is((read(listOf(item, 50)) as unknown[]).length, 50, `${name}, behind one that was refused`);
  }
  t.is(
    (read(pack('x'.repeat(longest))) as string).length,
    longest,
    'a text of all that is allowed',
  );
  t.is(
    (read(pack(new Array(longest / 8).fill(0.5))) as number[]).length,
    longest / 8,
    'numbers too',
  );
});

test('a list that is too long for this process is refused before it is read', (t) => {
  t.throws(() => unpack(listOf(pack(undefined).subarray(5), 2 ** 26 + 1)), {
    code: 'OFFLOAD_TOO_LARGE',
  });
});

test('a clone is a text, a boxed value or a regular expression, and no other is read', (t) => {
  const cloned = (clone: Uint8Array): unknown => {
    const head = Buffer.alloc(10);
    head[5] = 19;
    head.writeUInt32LE(clone.length, 6);
    return unpack(Buffer.concat([head, clone]));
  };
  t.deepEqual(cloned(serialize(/a/)), /a/);
  // A buffer of 8 bytes that may grow to 1 GiB, which are reserved at once.
  const growing = Buffer.from([
    0xff,
    15,
    0x7e,
    8,
    0x80,
    0x80,
    0x80,
    0x80,
    4,
    ...new Array(8).fill(0),
  ]);
  for (const clone of [
    serialize({ a: 1 }),
    serialize([1]),
    serialize(new Map()),
    serialize(new ArrayBuffer(8)),
    growing,
    growing.subarray(2),
    Buffer.concat([growing.subarray(0, 2), Buffer.alloc(3), growing.subarray(2)]),
    // Of the format that has no head.
    Buffer.concat([Buffer.from('""'), growing.subarray(2)]),
    Buffer.alloc(2),
  ]) {
    t.throws(() => cloned(clone), { code: 'OFFLOAD_PROTOCOL' }, Buffer.from(clone).toString('hex'));
  }
});

test('an error to which too many errors belong is refused', (t) => {
  const one = { name: 'Error', message: 'm', stack: undefined };
  const told = { ...one, fields: { errors: { list: new Array(2_000).fill({ error: one }) } } };
  t.throws(() => fromMessage(told), { message: /more than 1000 errors/ });
  const few = { ...one, fields: { errors: { list: new Array(500).fill({ error: one }) } } };
  t.is((fromMessage(few) as AggregateError).errors.length, 500);
});
