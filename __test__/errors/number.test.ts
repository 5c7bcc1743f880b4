import test from 'ava';
import { limitText, numberText } from '../../lib/errors/number.ts';

test('numbers in messages are short, and whole ones are whole', (t) => {
  for (const [value, text] of [
    [0.0009000000000000001, '0.0009'],
    [0.1 + 0.2, '0.3'],
    [2.6199999999, '2.62'],
    [-0, '0'],
    [123456, '123456'],
    [123456.7, '123460'],
    [1e-9, '1e-9'],
    [-2.345678e-7, '-2.3457e-7'],
    [1e300, '1e300'],
    [Number.MAX_VALUE, '1.7976931348623157e308'],
    [Number.NaN, 'NaN'],
    [Infinity, 'Infinity'],
    [-Infinity, '-Infinity'],
  ] as const) {
    t.is(numberText(value), text);
  }
});

test('what is beyond a limit is never written as the limit', (t) => {
  t.is(numberText(1.0000001, 0.01, 1), '1.0000001');
  t.is(numberText(3.00001, 3), '3.00001');
  t.is(numberText(3, 3), '3');
  for (let nth = 1; nth < 1000; nth += 1) {
    const limit = Math.sin(nth) * 10 ** (nth % 7);
    const value = limit * (1 + nth * Number.EPSILON);
    if (value !== limit) t.not(numberText(value, limit), numberText(limit, value), `${limit}`);
  }
});

test('a limit that is told is one that is kept', (t) => {
  for (const [value, beyond, text] of [
    [-1.77397, -Infinity, '-1.7739'],
    [-1.77397, Infinity, '-1.774'],
    [2.30927, 3, '2.3092'],
    [0.999999, Infinity, '0.99999'],
    [1.000001, -Infinity, '1.0001'],
    [2.5, Infinity, '2.5'],
    [-3, -Infinity, '-3'],
  ] as const) {
    t.is(limitText(value, beyond), text);
  }
  for (let nth = 1; nth < 1000; nth += 1) {
    const limit = Math.sin(nth) * 10 ** (nth % 7);
    t.true(Number(limitText(limit, Infinity)) <= limit, `${limit}`);
    t.true(Number(limitText(limit, -Infinity)) >= limit, `${limit}`);
  }
});
