import test from 'ava';
import { describe } from '../../lib/errors/describe.ts';
import { ActionBuffer, type Refusal } from '../../lib/session/action.ts';

const SEVEN = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7];

function taken(answer: unknown): Float64Array | Refusal | undefined {
  return new ActionBuffer(7).take(answer);
}

test('numbers in any list are an action, and undefined is nothing new', (t) => {
  for (const answer of [SEVEN, Float64Array.from(SEVEN), Object.freeze([...SEVEN])]) {
    t.deepEqual(taken(answer), Float64Array.from(SEVEN));
  }
  t.deepEqual(taken(new Float32Array(7).fill(0.5)), new Float64Array(7).fill(0.5));
  t.deepEqual(taken(new Uint8Array(7)), new Float64Array(7));
  t.is(taken(undefined), undefined);
});

test('NaN is left to the loop, which names its slot', (t) => {
  t.deepEqual(taken(SEVEN.with(3, Number.NaN)), Float64Array.from(SEVEN.with(3, Number.NaN)));
});

const throwing = new Proxy(
  {},
  {
    get: () => {
      throw new Error('hands off');
    },
    getPrototypeOf: () => {
      throw new Error('hands off');
    },
  },
);
const rooted = Object.assign([...SEVEN], { constructor: null });
const holes = [...SEVEN];
delete holes[4];

const REFUSED: readonly (readonly [string, unknown, RegExp, RegExp])[] = [
  ['null', null, /^null$/, /Return undefined where there is nothing new/],
  ['a number', 0, /^0$/, /^$/],
  ['a truth value', true, /^true$/, /^$/],
  ['a text', 'x'.repeat(1e6), /^"x{1,200}…?/, /^$/],
  ['a bigint', 7n, /^7n$/, /^$/],
  ['a huge bigint', 2n ** 100_000n, /huge/, /^$/],
  ['a symbol', Symbol('s'), /^Symbol\(s\)$/, /^$/],
  ['a function', () => SEVEN, /^function/, /^$/],
  [
    'what JSON makes of NaN',
    [0, null, 0, 0, 0, 0, 0],
    /Array of length 7 whose \[1\] is null/,
    /JSON/,
  ],
  ['texts', SEVEN.map(String), /whose \[0\] is "0\.1"$/, /Number\(x\)/],
  ['truth values', [0, 0, false, 0, 0, 0, 0], /whose \[2\] is false$/, /Number\(x\)/],
  ['bigints', [0, 0, 0, 0, 0, 0, 3n], /whose \[6\] is 3n$/, /Number\(x\)/],
  [
    'a BigInt64Array',
    new BigInt64Array(7),
    /^BigInt64Array of length 7 whose \[0\] is 0n$/,
    /Array\.from\(answer, Number\)/,
  ],
  ['a hole', holes, /whose \[4\] is undefined$/, /Return undefined alone/],
  [
    'a nested array',
    [SEVEN],
    /^Array of length 1 whose \[0\] is Array of length 7$/,
    /answer\.flat\(\)/,
  ],
  [
    'a typed array in an array',
    [new Float32Array(7)],
    /\[0\] is Float32Array of length 7$/,
    /\.\.\.answer\[0\]/,
  ],
  [
    'a tensor',
    { data: new Float32Array(7), dims: [1, 7] },
    /an object of Object/,
    /Return tensor\.data/,
  ],
  [
    'a tensor of bigints',
    { data: new BigInt64Array(7) },
    /an object/,
    /Array\.from\(tensor\.data, Number\)/,
  ],
  ['tensors', [{ data: new Float32Array(7) }], /\[0\] is an object/, /tensor\.data/],
  ['an object like an array', { length: 7, 0: 0 }, /an object of Object/, /Array\.from\(answer\)/],
  ['a set', new Set(SEVEN), /an object of Set/, /Array\.from\(answer\)/],
  ['bytes', new ArrayBuffer(56), /an object of ArrayBuffer/, /^$/],
  [
    'a view of bytes',
    new DataView(new ArrayBuffer(56)),
    /DataView of length 56/,
    /new Float64Array/,
  ],
  ['an object without a prototype', Object.create(null), /an object of no class/, /^$/],
  ['an object that throws', throwing, /something \(object\) that cannot be looked at/, /^$/],
];

for (const [what, answer, received, advice] of REFUSED) {
  test(`${what} is told by index and value, and what to return instead`, (t) => {
    const refusal = taken(answer) as Refusal;
    t.is(refusal.code, 'ACTION_TYPE');
    t.regex(refusal.received, received);
    t.regex(refusal.advice, advice);
    t.is(refusal.expected, 'an array or typed array of 7 numbers');
    t.true(refusal.received.length < 500);
  });
}

test('too few or too many numbers are told by their count', (t) => {
  for (const [answer, received] of [
    [[], 'Array of length 0'],
    [SEVEN.slice(1), 'Array of length 6'],
    [new Float64Array(8), 'Float64Array of length 8'],
    [new Array(1e6).fill(0), 'Array of length 1000000'],
  ] as const) {
    const { code, received: told } = taken(answer) as Refusal;
    t.deepEqual([code, told], ['ACTION_LENGTH', received]);
  }
});

test('an array that says it is longer than it is, is not taken for one', (t) => {
  const liar = Object.defineProperty(new Float64Array(3), 'length', { value: 7 });
  t.is((taken(liar) as Refusal).code, 'ACTION_TYPE');
});

test('a list that changes its length while it is read is what it said first', (t) => {
  const buffer = new ActionBuffer(7);
  t.true(buffer.take(SEVEN) instanceof Float64Array);
  for (const [first, then] of [
    [7, 0],
    [0, 7],
    [3, 7],
  ]) {
    let reads = 0;
    const list = new Proxy(SEVEN, {
      get: (target, name) => {
        if (name !== 'length') return Reflect.get(target, name);
        reads += 1;
        return reads === 1 ? first : then;
      },
    });
    const taken = buffer.take(list);
    // Never the action that was taken before.
    if (first === 7) t.deepEqual(taken, Float64Array.from(SEVEN));
    else t.like(taken, { code: 'ACTION_LENGTH' });
  }
});

test('a value is described whatever it does when it is looked at', (t) => {
  t.is(describe(rooted), 'Array of length 7');
  const { proxy, revoke } = Proxy.revocable([], {});
  revoke();
  for (const value of [
    throwing,
    proxy,
    Object.defineProperty(() => 0, 'name', { value: Symbol('n') }),
  ]) {
    t.notThrows(() => describe(value));
  }
});
