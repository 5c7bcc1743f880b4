// MessagePack and numpy's arrays as servers write them, without a server: whatever the bytes are, they are read or refused.

import test from 'ava';
import { pack } from '../../lib/servers/msgpack.ts';
import { fromOpenpi, openpiFrame } from '../../lib/servers/openpi-form.ts';
import { WireError } from '../../lib/servers/wire-error.ts';
import { Random } from '../fixtures/random.ts';

const MESSAGE = {
  actions: new Float32Array(70).fill(0.5),
  text: 'a text',
  list: [1, -2, 3.5, 70_000, true, null],
  nested: { more: { deep: ['x', new Uint8Array(300)] } },
  long: 'y'.repeat(40_000),
};

test('what is written is read as it was', (t) => {
  const { value, arrays } = fromOpenpi(openpiFrame(MESSAGE)) as {
    value: typeof MESSAGE;
    arrays: readonly { readonly dtype: string; readonly shape: readonly number[] }[];
  };
  t.deepEqual(Reflect.get(value.actions, 'data'), MESSAGE.actions);
  t.deepEqual(
    arrays.map(({ dtype, shape }) => [dtype, shape]),
    [
      ['<f4', [70]],
      ['|u1', [300]],
    ],
  );
  t.deepEqual([value.text, value.list, value.long], [MESSAGE.text, MESSAGE.list, MESSAGE.long]);
});

test('lengths on both sides of each boundary are read as they were written', (t) => {
  for (const length of [0, 15, 16, 31, 32, 255, 256, 65_535, 65_536]) {
    const text = 'z'.repeat(length);
    const list = new Array(length).fill(1);
    const map = Object.fromEntries(list.map((one, nth) => [`k${nth}`, one]));
    const bytes = new ArrayBuffer(length);
    const { value } = fromOpenpi(openpiFrame({ text, list, map })) as { value: object };
    t.deepEqual({ ...value, map: { ...Reflect.get(value, 'map') } }, { text, list, map });
    const read = fromOpenpi(openpiFrame({ bytes })) as {
      value: { bytes: Uint8Array };
    };
    t.is(read.value.bytes.length, length);
  }
});

test('a frame that is cut off anywhere is refused', (t) => {
  const frame = openpiFrame(MESSAGE);
  for (let length = 0; length < frame.length; length += length < 600 ? 1 : 997) {
    const error = t.throws(() => fromOpenpi(frame.subarray(0, length)), { instanceOf: WireError });
    t.is((error as WireError).fault.code, 'SERVER_FRAME');
  }
});

test('bytes at random are read or refused, and nothing else', (t) => {
  const random = new Random(7);
  const frame = openpiFrame({ ...MESSAGE, long: 'y' });
  let refused = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const bytes = round % 2 === 0 ? frame.slice() : random.bytes(random.below(200));
    for (let change = 0; change < 1 + random.below(4); change += 1) {
      bytes[random.below(bytes.length)] = random.below(256);
    }
    try {
      fromOpenpi(bytes);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      refused += 1;
    }
  }
  t.true(refused > 5_000, `${refused}`);
});

test('a message takes memory in proportion to its bytes, whatever it announces', (t) => {
  // Each level announces as many items as there are bytes left.
  const levels = Array.from({ length: 31 }, () => [0xdd, 0, 0xf0, 0, 0]);
  const bytes = new Uint8Array(16 * 2 ** 20);
  bytes.set(levels.flat());
  const before = process.memoryUsage().rss;
  t.throws(() => fromOpenpi(bytes), { instanceOf: WireError, message: /more than 200000 values/ });
  t.true(process.memoryUsage().rss - before < 100e6);
});

test('names that mean something in JavaScript are ordinary keys', (t) => {
  const told = JSON.parse('{"__proto__": {"x": 1}, "constructor": 2, "hasOwnProperty": 3}');
  const { value } = fromOpenpi(openpiFrame(told)) as { value: object };
  t.deepEqual(Object.keys(value), ['__proto__', 'constructor', 'hasOwnProperty']);
  t.is(Reflect.get({}, 'x'), undefined);
});

test('a key that comes twice, and one that is no text, are refused', (t) => {
  for (const frame of [
    Uint8Array.of(0x82, 0xa1, 0x61, 1, 0xa1, 0x61, 2),
    Uint8Array.of(0x82, 0xa1, 0x61, 1, 0xc4, 1, 0x61, 2),
    Uint8Array.of(0x81, 5, 1),
  ]) {
    t.throws(() => fromOpenpi(frame), { instanceOf: WireError, message: /key/ });
  }
});

test('numbers of 16 bits are read as those of 32', (t) => {
  const halves = [0, 0x3c00, 0xc000, 0x7bff, 0x0001, 0x7c00, 0xfc00, 0x7e00];
  const frame = pack(
    new Map<string, never>([
      [
        'actions',
        new Map<Buffer, unknown>([
          [Buffer.from('__ndarray__'), true],
          [Buffer.from('data'), new Uint8Array(Uint16Array.from(halves).buffer)],
          [Buffer.from('dtype'), '<f2'],
          [Buffer.from('shape'), [8]],
        ]) as never,
      ],
    ]),
  );
  const { arrays } = fromOpenpi(frame);
  const read = [0, 1, -2, 65_504, 2 ** -24];
  t.deepEqual(Array.from((arrays[0]?.data ?? []) as Float32Array), [
    ...read,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.NaN,
  ]);
});
