import test from 'ava';
import type { NativeViolation } from '../../lib/native/binding.ts';
import { allowedText, unitSlip, violationText } from '../../lib/session/violation.ts';

/** What keeps an arm, at a standstill or not, with joint 4 at this place. */
function joints(at: number, isOutOfReach: boolean): NativeViolation {
  const joint = { at, lower: -3.03667, upper: -0.157131, isOutOfReach };
  const broken = { kind: 'joints', slot: 3, field: 'O_T_EE', index: 3, unit: 'm', joint };
  return { ...broken, action: 1.2, received: 1.2, limit: 1 };
}

test('a joint is what keeps an arm only where it is at the end of its range', (t) => {
  for (const at of [-0.16, -0.25, -3.03, -2.95]) {
    t.regex(violationText(joints(at, true)), /out of the arm's reach: .* joint 4 lets it/);
    t.is(allowedText(joints(at, true)), 'a pose within reach');
  }
  for (const at of [-0.5, -0.84567, -2]) {
    const text = violationText(joints(at, true));
    t.regex(text, /near a singular pose, as where it is almost stretched/);
    t.notRegex(text, /reach/);
    t.is(allowedText(joints(at, true)), 'a pose further from a singular one');
  }
  t.regex(violationText(joints(-0.5, false)), /1\.2 times what it can do/);
});

test('a target beyond the length of the arm is told as that, wherever its joints are', (t) => {
  for (const at of [-0.16, -0.5]) {
    const broken = joints(at, true);
    const tooFar = { distance: 1.5, longest: 0.85723456 };
    const far = { ...broken, joint: { ...broken.joint, tooFar } } as NativeViolation;
    t.regex(violationText(far), /reach: it is 1\.5 m away .* reaches 0\.85723 m at most/);
    t.is(allowedText(far), 'a pose within reach');
    t.is(unitSlip(far), '');
    const inMillimetres = { ...tooFar, distance: 560 };
    const farther = {
      ...far,
      joint: { ...broken.joint, tooFar: inMillimetres },
    } as NativeViolation;
    t.regex(unitSlip(farther), /millimetres/);
  }
});

test('what of a pose is off is told', (t) => {
  const broken = { kind: 'frame', slot: 0, field: 'O_T_EE', index: 0, unit: 'm', action: 1 };
  const off = { received: 1.2e-5, limit: 1e-5, flaw: 'the length of its y axis' };
  t.regex(
    violationText({ ...broken, ...off }),
    /no rigid transform, the length of its y axis is off by 0\.000012 \(limit 0\.00001\)/,
  );
});

test('a range and a place that are told may be gone to', (t) => {
  t.regex(violationText(joints(-0.16, true)), /from -3\.0366 to -0\.15714 rad/);
  const beyond = { kind: 'position', slot: 0, field: 'q', index: 0, unit: 'rad' };
  for (const [received, limit, told] of [
    [3, 2.30936, '2.3093'],
    [-3, -2.30936, '-2.3093'],
    [2.309361, 2.30936, '2.3093'],
  ] as const) {
    const violation: NativeViolation = { ...beyond, action: received, received, limit };
    t.true(violationText(violation).endsWith(`(limit ${told} rad)`), violationText(violation));
    t.is(allowedText(violation), `a position no further than ${told} rad`);
  }
});
