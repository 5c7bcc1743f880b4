import test from 'ava';
import { decodeFrame, decodeFrames, Fields, layoutsOf } from '../../dashboard/src/frames.ts';
import { History, WINDOW_S } from '../../dashboard/src/history.ts';
import { VERSION } from '../../dashboard/src/protocol.ts';
import { readTold } from '../../dashboard/src/told.ts';
import { FIELDS, frameOf, HAND } from '../fixtures/page-server.ts';
import {
  arm,
  EVENTS,
  FAILURE,
  frameAt,
  jointsAt,
  REPORT,
  recorded,
} from '../fixtures/scripted-arms.ts';

const layouts = layoutsOf([arm(3, 'arm')]);
const fields = new Fields(FIELDS);

const joined = (...parts: Uint8Array[]) =>
  Uint8Array.from(parts.flatMap((part) => [...part])).buffer;

test('a frame has what was put into it, by the names of the fields', (t) => {
  const frame = decodeFrame(frameAt(3, 7).buffer, layouts);
  t.is(frame?.arm, 3);
  t.is(frame?.timeS, 7);
  t.deepEqual(frame?.counts, {
    ...{ cycles: 7000, fresh: 5900, followed: 500, held: 20, rest: 580, lost: 2 },
  });
  const values = frame?.values ?? new Float32Array();
  t.deepEqual(fields.of(values, 'q', 7), Float32Array.from(jointsAt(7)));
  t.deepEqual(fields.of(values, 'F_T_EE', 16), Float32Array.from(HAND));
  t.is(fields.of(values, 'F_T_EE', 17), undefined);
  t.is(fields.of(values, 'no such field', 1), undefined);
});

test('fields in another order are still found by their names', (t) => {
  const turned = [...FIELDS].reverse();
  const values = turned.flatMap(({ name, length }) =>
    Array<number>(length).fill(name === 'q' ? 5 : 0),
  );
  const frame = decodeFrame(
    frameOf(3, 1, { cycles: 1 }, values).buffer,
    layoutsOf([{ ...arm(3, 'arm'), fields: turned }]),
  );
  const q = new Fields(turned).of(frame?.values ?? new Float32Array(), 'q', 7);
  t.deepEqual(q, new Float32Array(7).fill(5));
});

test('what is no frame of a known arm is refused', (t) => {
  const good = frameAt(3, 7);
  const changed = (at: number, value: number) => {
    const bytes = Uint8Array.from(good);
    bytes[at] = value;
    return bytes.buffer;
  };
  const bad = {
    nothing: new ArrayBuffer(0),
    'half a header': good.slice(0, 40).buffer,
    'a header alone': good.slice(0, 64).buffer,
    'one byte less': good.slice(0, -1).buffer,
    'one byte more': joined(good, new Uint8Array(1)),
    'another kind': changed(0, 2),
    'another second byte': changed(1, 1),
    'another arm': changed(2, 4),
    'another number of values': changed(4, 1),
    'a huge number of values': changed(7, 255),
    'a time that is no number': frameAt(3, NaN).buffer,
  };
  for (const [what, bytes] of Object.entries(bad))
    t.is(decodeFrame(bytes, layouts), undefined, what);
});

test('frames that stand one after the other are read whole, or not at all', (t) => {
  const three = [1, 2, 3].map((timeS) => frameAt(3, timeS));
  t.deepEqual(
    decodeFrames(joined(...three), layouts)?.map(({ timeS }) => timeS),
    [1, 2, 3],
  );
  t.deepEqual(decodeFrames(new ArrayBuffer(0), layouts), []);
  t.is(decodeFrames(joined(...three).slice(0, -4), layouts), undefined);
});

test('a history keeps the newest seconds, and counts the cycles between frames', (t) => {
  const history = new History(fields);
  for (let nth = 0; nth <= 60 * 40; nth += 1) {
    const frame = decodeFrame(frameAt(3, nth / 60).buffer, layouts);
    if (frame !== undefined) history.add(frame);
  }
  t.is(history.newest?.timeS, 40);
  t.is(history.timesS.at(-1), 40);
  t.true((history.timesS[0] ?? 0) >= 40 - WINDOW_S);
  t.true(history.length >= 60 * WINDOW_S);
  t.is(history.column(0).length, history.length);
  t.is(history.column(0).at(-1), Math.fround(jointsAt(40)[0] ?? NaN));
  const fresh = history.kind('fresh').reduce((sum, cycles) => sum + cycles, 0);
  t.true(Math.abs(fresh - 1000 * WINDOW_S) < 40, `${fresh}`);
});

test('a history begins anew with a session, and leaves out a frame that came twice', (t) => {
  const history = new History(fields);
  const add = (timeS: number, cycles: number) => {
    const values = new Float32Array(fields.length);
    const counts = { cycles, fresh: cycles, followed: 0, held: 0, rest: 0, lost: 0 };
    history.add({ arm: 3, timeS, wallTimeS: 0, counts, values });
  };
  add(5, 5000);
  add(5, 5000);
  t.is(history.length, 1);
  add(6, 6000);
  // The robot's clock goes on, the session's counts do not.
  add(7, 10);
  t.is(history.length, 1);
  t.is(history.kind('fresh')[0], 0);
  add(2, 20);
  t.deepEqual([...history.timesS], [2]);
});

test('texts of the protocol are read, and no others', (t) => {
  const hello = {
    ...{ type: 'hello', version: VERSION, package: '1.0.0', hasControls: false, forgotten: 0 },
    ...{ arms: [arm(0, 'one'), arm(1, 'robot', null)], runs: [recorded(0, 'run.mcap', FAILURE)] },
  };
  const read = (value: unknown) => readTold(JSON.stringify(value), VERSION);
  t.deepEqual(read(hello), hello as never);
  t.is(read({ type: 'hello', version: VERSION + 1 })?.type, 'hello');
  t.is(read({ type: 'report', arm: 0, report: REPORT })?.type, 'report');
  const bad = [
    ...[null, 1, 'text', [], {}, { type: 'toString' }, { type: 'hello', version: VERSION }],
    { ...hello, arms: [{ ...arm(0, 'one'), name: 7 }] },
    { ...hello, arms: [{ ...arm(0, 'one'), fields: [{ name: 'q', length: 1e9, unit: '' }] }] },
    { ...hello, runs: [{ ...recorded(0, 'run.mcap'), stepS: 0 }] },
    { ...hello, runs: [{ ...recorded(0, 'run.mcap'), end: undefined }] },
    { type: 'event', arm: 0, event: { ...EVENTS[0], level: 'fatal' } },
    { type: 'chunk', arm: 0, chunk: { timeS: 0, stepS: 0.1, width: 0, actions: [] } },
    { type: 'report', arm: 0, report: { ...REPORT, phases: [{ phase: 'wait' }] } },
    { type: 'report', arm: 0, report: { ...REPORT, missedTicks: -1 } },
    {
      type: 'report',
      arm: 0,
      report: { ...REPORT, worst: [{ ...REPORT.worst[0], advice: null }] },
    },
  ];
  for (const value of bad) t.is(read(value), undefined, JSON.stringify(value));
  t.is(readTold('no JSON', VERSION), undefined);
});

test('characters that are not seen, or that turn the direction of writing, are shown by their numbers', (t) => {
  const shown = (name: string) => {
    const told = readTold(JSON.stringify({ type: 'arm', arm: arm(0, name) }), VERSION);
    return told?.type === 'arm' ? told.arm.name : undefined;
  };
  t.is(shown('left \u202eamr\u202c'), 'left <U+202E>amr<U+202C>');
  for (const [from, to] of [
    [0x202a, 0x202e],
    [0x2066, 0x2069],
    [0x200b, 0x200f],
    [0x2028, 0x2029],
    [0xe0020, 0xe007f],
    [0, 8],
    [0x7f, 0x9f],
    [0xfff9, 0xfffb],
  ] as const) {
    for (let code = from; code <= to; code += 1) {
      const number = code.toString(16).toUpperCase().padStart(4, '0');
      t.is(shown(`a${String.fromCodePoint(code)}b`), `a<U+${number}>b`);
    }
  }
  for (const code of [0x61c, 0xad, 0x34f, 0x115f, 0x180e, 0x2060, 0x3164, 0xfeff, 0xd800]) {
    t.regex(shown(String.fromCodePoint(code)) ?? '', /^<U\+[0-9A-F]{4}>$/);
  }
  const plain = 'Übung 1 – 測試, علي, עברית, \u26a0\ufe0f\n\tsecond line';
  t.is(shown(plain), plain);
  // It is so wherever a text stands.
  const text = JSON.stringify({ type: 'event', arm: 0, event: { ...FAILURE, text: 'a\u2066b' } });
  const told = readTold(text, VERSION);
  t.is(told?.type === 'event' ? told.event.text : '', 'a<U+2066>b');
});
