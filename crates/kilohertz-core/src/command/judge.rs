//! Checks what a policy asks for. The check uses the policy's answers and the times of their questions, so
//! that it makes no difference when an answer arrives.
//!
//! The judge takes divided differences of the answers over their questions' times. Such a difference, times
//! the factorial of its order, is a mean of the derivative of that order over the time that it spans (mean
//! value theorem for divided differences). So a motion within its limits passes, whichever answers are
//! missing. If none is missing, the differences are those from one command to the next.
//!
//! What a difference breaks is decided by the robot's limits: [`Limiter::judge`].

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::ops::Range;
use std::time::Duration;

use crate::command::lowpass::LowPass;
use crate::limits::Limiter;
use crate::limits::judgement::{ORDERS, Sequence};
use crate::limits::violation::{ViolationKind, Violations};
use crate::policy::Question;

/// The largest number of parts of an action that are judged separately.
const PARTS: usize = 2;
/// How many cycles the differences of the highest order span at most if no answer is missing.
const GAPLESS: f64 = ORDERS as f64 + 0.5;
/// For how many questions the desired state is kept until the first answer shows which of them it answers.
const KEPT: usize = 16;

/// The state that the robot was meant to have when a question was asked.
#[derive(Debug, Clone)]
struct Desired {
    tick: u64,
    value: Box<[f64]>,
    rates: [Box<[f64]>; 2],
}

/// Judges the answers of one session.
pub(crate) struct Judge {
    period: Duration,
    cycle_s: f64,
    ratio: f64,
    filter: Option<LowPass>,
    /// The newest answer, filtered.
    answer: Box<[f64]>,
    parts: Vec<Part>,
    /// The question of the newest answer.
    last: Option<Duration>,
    desired: Vec<Desired>,
    asked: usize,
}

impl Judge {
    /// Creates a judge for a policy that is asked every `ratio` cycles of `cycle`. `filter` is the judge's
    /// own.
    pub fn new(
        limits: &dyn Limiter,
        len: usize,
        cycle: Duration,
        ratio: f64,
        filter: Option<LowPass>,
    ) -> Judge {
        let zeros = || vec![0.0; len].into_boxed_slice();
        let split = limits.motion_slots().unwrap_or(len).min(len);
        let ranges: [Range<usize>; PARTS] = [0..split, split..len];
        Judge {
            period: cycle.mul_f64(ratio),
            cycle_s: cycle.as_secs_f64(),
            ratio,
            filter,
            answer: zeros(),
            parts: ranges
                .into_iter()
                .filter(|slots| !slots.is_empty())
                .map(Part::new)
                .collect(),
            last: None,
            desired: vec![
                Desired {
                    tick: 0,
                    value: zeros(),
                    rates: [zeros(), zeros()],
                };
                KEPT
            ],
            asked: 0,
        }
    }

    /// Records what the robot is commanded when the question of `tick` is asked. Does nothing after the
    /// first answer.
    #[inline]
    pub fn asked(&mut self, limits: &dyn Limiter, tick: u64) {
        if self.last.is_some() {
            return;
        }
        let desired = &mut self.desired[self.asked % KEPT];
        desired.tick = tick;
        limits.last_command(&mut desired.value);
        let [first, second] = &mut desired.rates;
        limits.rates(first, second);
        self.asked = self.asked.saturating_add(1);
    }

    /// Checks the answer to `question` and returns what it breaks, wherever the robot is. `is_behind_rest`
    /// is true if the robot rested since the answer before. Each answer must be passed here once, in order.
    pub fn see(
        &mut self,
        limits: &mut dyn Limiter,
        question: Question,
        answer: &[f64],
        is_behind_rest: bool,
    ) -> Violations {
        Violations::noted(|found| {
            found.join(&limits.check_answer(answer));
            let senseless = [ViolationKind::NotFinite, ViolationKind::Frame];
            if found.is_empty() || senseless.into_iter().all(|kind| found.of(kind).is_none()) {
                self.follow(limits, question, answer, is_behind_rest, found);
            }
        })
    }

    /// Begins anew with `answer`, which is not compared with the answers before it. Returns what it breaks by
    /// itself. The answers that follow have the times of their questions from zero on.
    pub fn restart(&mut self, limits: &dyn Limiter, answer: &[f64]) -> Violations {
        self.last = Some(Duration::ZERO);
        for part in &mut self.parts {
            part.previous.copy_from_slice(&answer[part.slots.clone()]);
            part.known = 0;
        }
        limits.check_answer(answer)
    }

    /// Takes in a finite answer with valid frames, and adds to `found` what it breaks relative to the
    /// answers before.
    fn follow(
        &mut self,
        limits: &mut dyn Limiter,
        question: Question,
        answer: &[f64],
        is_behind_rest: bool,
        found: &mut Violations,
    ) {
        let is_first = self.last.is_none();
        let since = match self.last {
            None => {
                self.begin(question);
                self.period
            }
            // An answer cannot come twice. If it does, it counts as one step like any other.
            Some(last) => match question.time.saturating_sub(last) {
                Duration::ZERO => self.period,
                since => since,
            },
        };
        self.last = Some(question.time);
        self.answer.copy_from_slice(answer);
        let step_s = since.as_secs_f64();
        if let Some(filter) = &mut self.filter {
            filter.pass(step_s / self.cycle_s, &mut self.answer);
        }
        for (nth, part) in self.parts.iter_mut().enumerate() {
            let answer = &self.answer[part.slots.clone()];
            let span_s = part.differ(
                |from, out| limits.displacement(nth, from, answer, out),
                step_s,
            );
            let judgement = limits.judge(
                nth,
                &Sequence {
                    answer,
                    previous: &part.previous,
                    derivatives: std::array::from_fn(|order| &*part.derivatives[order]),
                    known: part.known,
                    ratio: self.ratio,
                    is_gapless: part.known == ORDERS && span_s < GAPLESS * self.cycle_s,
                    is_first,
                    is_behind_rest,
                },
            );
            part.go_on(answer, step_s, judgement.order);
            found.join(&judgement.found);
        }
    }

    /// Begins with what the robot was commanded when `question` was asked.
    fn begin(&mut self, question: Question) {
        let kept = self.asked.min(KEPT);
        let oldest = self.asked.saturating_sub(kept);
        let nth = (oldest..self.asked)
            .find(|nth| self.desired[nth % KEPT].tick == question.tick)
            .unwrap_or(oldest);
        let desired = &self.desired[nth % KEPT];
        if let Some(filter) = &mut self.filter {
            filter.begin(&desired.value);
        }
        let period_s = self.period.as_secs_f64();
        for part in &mut self.parts {
            part.begin(desired, period_s);
        }
    }
}

/// The judge of one part of the action.
struct Part {
    slots: Range<usize>,
    previous: Box<[f64]>,
    /// Divided differences of each order: those that end in the newest answer, and those that end in the
    /// one before it.
    newest: [Box<[f64]>; ORDERS],
    before: [Box<[f64]>; ORDERS],
    derivatives: [Box<[f64]>; ORDERS],
    /// The times between the last answers [s], newest first.
    steps_s: [f64; ORDERS - 1],
    /// How many orders of the differences that end in the newest answer are known.
    known: usize,
}

impl Part {
    fn new(slots: Range<usize>) -> Part {
        let zeros = || vec![0.0; slots.len()].into_boxed_slice();
        let orders = || std::array::from_fn(|_| zeros());
        Part {
            previous: zeros(),
            newest: orders(),
            before: orders(),
            derivatives: orders(),
            steps_s: [0.0; ORDERS - 1],
            known: 0,
            slots,
        }
    }

    fn begin(&mut self, desired: &Desired, period_s: f64) {
        self.previous
            .copy_from_slice(&desired.value[self.slots.clone()]);
        let mut factorial = 1.0;
        for (order, rates) in desired.rates.iter().enumerate() {
            factorial *= order as f64 + 1.0;
            let rates = &rates[self.slots.clone()];
            for (newest, rate) in self.newest[order].iter_mut().zip(rates) {
                *newest = rate / factorial;
            }
        }
        self.steps_s = [period_s; ORDERS - 1];
        self.known = desired.rates.len();
    }

    /// Computes the differences that end in a new answer, which comes `step_s` after the last one. Returns
    /// the time that the differences of the highest order span [s].
    fn differ(&mut self, way: impl FnOnce(&[f64], &mut [f64]), step_s: f64) -> f64 {
        std::mem::swap(&mut self.newest, &mut self.before);
        self.known = self.known.saturating_add(1).min(ORDERS);
        let [first, ..] = &mut self.newest;
        way(&self.previous, first);
        first.iter_mut().for_each(|way| *way /= step_s);
        let mut span_s = step_s;
        let mut factorial = 1.0;
        for order in 0..self.known {
            if let Some(below) = order.checked_sub(1) {
                span_s += self.steps_s[below];
                let (lower, higher) = self.newest.split_at_mut(order);
                let ends = lower[below].iter().zip(&self.before[below]);
                for (quotient, (newest, before)) in higher[0].iter_mut().zip(ends) {
                    *quotient = (newest - before) / span_s;
                }
            }
            factorial *= order as f64 + 1.0;
            let quotients = self.newest[order].iter();
            for (derivative, quotient) in self.derivatives[order].iter_mut().zip(quotients) {
                *derivative = quotient * factorial;
            }
        }
        span_s
    }

    /// Goes on with `answer` as the previous one. `broken` is the lowest order of a derivative that was too
    /// large. Only that many of the last answers are used from then on: with older ones one step would be
    /// counted again.
    fn go_on(&mut self, answer: &[f64], step_s: f64, broken: Option<usize>) {
        if let Some(order) = broken {
            self.known = order.saturating_sub(1);
        }
        let [newest, before] = &mut self.steps_s;
        (*newest, *before) = (step_s, *newest);
        self.previous.copy_from_slice(answer);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, proptest};
    use proptest::prop_assert;

    use super::*;
    use crate::command::interpolation::Interpolation;
    use crate::limits::Judgement;
    use crate::limits::{Approach, Violation, check_finite};

    const CYCLE: Duration = Duration::from_millis(1);
    const DT: f64 = 1e-3;
    /// The highest allowed velocity, acceleration and jerk.
    const MOST: [f64; ORDERS] = [2.0, 10.0, 4_000.0];
    const KINDS: [ViolationKind; ORDERS] = [
        ViolationKind::Velocity,
        ViolationKind::Acceleration,
        ViolationKind::Jerk,
    ];

    /// The end of the range.
    const END: f64 = 1e6;

    /// A position that starts at rest, with `parts` of one slot each.
    struct Positions {
        at: f64,
        rates: [f64; 2],
        parts: usize,
        seen: Vec<(usize, usize, bool)>,
        newest: (f64, [f64; ORDERS]),
    }

    impl Positions {
        fn at(at: f64) -> Positions {
            Positions {
                at,
                rates: [0.0; 2],
                parts: 1,
                seen: Vec::new(),
                newest: (at, [0.0; ORDERS]),
            }
        }
    }

    impl Limiter for Positions {
        fn interpolation(&self) -> Interpolation {
            Interpolation::Spline
        }

        fn motion_slots(&self) -> Option<usize> {
            (self.parts > 1).then_some(1)
        }

        fn last_command(&self, out: &mut [f64]) {
            out.fill(self.at);
        }

        fn rates(&self, first: &mut [f64], second: &mut [f64]) {
            first.fill(self.rates[0]);
            second.fill(self.rates[1]);
        }

        fn observe(&mut self, _observation: &[f64]) -> bool {
            true
        }

        fn check_answer(&self, answer: &[f64]) -> Violations {
            let mut found = check_finite(answer);
            if found.is_empty() && answer[0] > END {
                found.note(Violation {
                    kind: ViolationKind::Position,
                    slot: 0,
                    action: answer[0],
                    received: answer[0],
                    limit: END,
                    joint: None,
                    flaw: None,
                });
            }
            found
        }

        fn judge(&mut self, part: usize, sequence: &Sequence<'_>) -> Judgement {
            self.seen.push((part, sequence.known, sequence.is_gapless));
            let derivatives = sequence.derivatives.map(|derivative| derivative[0]);
            self.newest = (sequence.answer[0], derivatives);
            let mut judgement = Judgement::none();
            for order in 1..=sequence.known {
                let factor = if order == ORDERS { sequence.ratio } else { 1.0 };
                let received = factor * sequence.derivatives[order - 1][0];
                if received.abs() > MOST[order - 1] * (1.0 + 1e-6) {
                    judgement.order.get_or_insert(order);
                    judgement.found.note(Violation {
                        kind: KINDS[order - 1],
                        slot: part,
                        action: sequence.answer[0],
                        received,
                        limit: MOST[order - 1],
                        joint: None,
                        flaw: None,
                    });
                }
            }
            judgement
        }

        fn accept(&mut self, _action: &[f64]) {}

        fn approach(&mut self, _: &[f64], _: &[f64], _: Approach, _: &mut [f64]) -> bool {
            true
        }

        fn hold(&mut self, _observation: &[f64], _out: &mut [f64]) {}

        fn brake(&mut self, _observation: &[f64], _out: &mut [f64]) -> bool {
            true
        }
    }

    fn question(tick: u64, ratio: f64) -> Question {
        Question {
            tick,
            time: CYCLE.mul_f64(tick as f64 * ratio),
        }
    }

    /// Returns what the judge finds in the answers to these questions, each by itself.
    fn found(
        limits: &mut Positions,
        ratio: f64,
        answers: impl IntoIterator<Item = (u64, f64)>,
    ) -> Vec<(u64, Violations)> {
        let mut judge = Judge::new(limits, limits.parts, CYCLE, ratio, None);
        judge.asked(limits, 0);
        let answers = answers.into_iter();
        let found = answers.map(|(tick, answer)| {
            let answer = vec![answer; limits.parts];
            (
                tick,
                judge.see(limits, question(tick, ratio), &answer, false),
            )
        });
        found.filter(|(_, found)| !found.is_empty()).collect()
    }

    /// A motion that keeps to its limits step by step, whatever `wishes` ask for.
    fn motion(wishes: &[f64]) -> Vec<f64> {
        let (mut place, mut velocity, mut acceleration) = (0.0_f64, 0.0_f64, 0.0_f64);
        let mut places = Vec::new();
        for wish in wishes {
            for _ in 0..40 {
                let jerk = MOST[2] * DT;
                let wanted = (wish * MOST[0] - velocity) / 0.01;
                let wanted = wanted.clamp(-MOST[1], MOST[1]);
                acceleration += (wanted - acceleration).clamp(-jerk, jerk);
                velocity += acceleration * DT;
                place += velocity * DT;
                places.push(place);
            }
        }
        places
    }

    #[test]
    fn where_nothing_is_missing_each_step_is_judged_as_it_is() {
        let mut numbers = motion(&[0.3, -0.4]);
        let mut limits = Positions::at(0.0);
        assert_eq!(found(&mut limits, 1.0, (0..).zip(numbers.clone())), []);
        // From the fourth answer on the desired state of the first one is no longer part of the
        // differences.
        assert!(limits.seen.iter().all(|seen| *seen == (0, ORDERS, true)));
        // A step of the acceleration that exceeds every jerk limit.
        for (at, number) in numbers.iter_mut().enumerate().skip(50) {
            *number += 0.5 * 9.0 * ((at - 49) as f64 * DT).powi(2);
        }
        let broken = found(&mut Positions::at(0.0), 1.0, (0..).zip(numbers));
        assert_eq!(broken[0].0, 50, "{broken:?}");
        assert!(broken[0].1.of(ViolationKind::Jerk).is_some());
    }

    proptest! {
        #[test]
        fn a_motion_within_its_limits_passes_whatever_is_missing(
            wishes in prop::collection::vec(-0.9..0.9_f64, 1..12),
            missing in prop::collection::vec(any::<u8>(), 480),
            share in 0..=250_u8,
        ) {
            let places = motion(&wishes);
            let answers = (0..).zip(places).zip(&missing);
            // The first answer is kept: the others are judged relative to it.
            let there = answers.filter(|((tick, _), chance)| *tick == 0 || **chance >= share);
            let broken = found(&mut Positions::at(0.0), 1.0, there.map(|(answer, _)| answer));
            prop_assert!(broken.is_empty(), "{broken:?}");
        }

        #[test]
        fn any_answers_at_any_times_are_judged_without_a_panic(
            answers in prop::collection::vec((any::<u64>(), any::<f64>()), 0..20),
            ratio in 1.0..1e4_f64,
        ) {
            let mut limits = Positions::at(0.0);
            let mut judge = Judge::new(&limits, 1, CYCLE, ratio, None);
            for (nanos, answer) in answers {
                judge.asked(&limits, nanos);
                let time = Duration::from_nanos(nanos);
                let broken = judge.see(&mut limits, Question { tick: nanos, time }, &[answer], false);
                prop_assert!(answer.is_finite() || broken.of(ViolationKind::NotFinite).is_some());
            }
        }
    }

    #[test]
    fn the_first_answer_is_judged_as_if_it_came_at_once_whichever_question_it_answers() {
        for tick in [0, 1, 30, 5_000] {
            let mut limits = Positions::at(0.5);
            let mut judge = Judge::new(&limits, 1, CYCLE, 1.0, None);
            for asked in 0..=tick {
                judge.asked(&limits, asked);
            }
            let broken = judge.see(&mut limits, question(tick, 1.0), &[0.8], false);
            let velocity = broken.of(ViolationKind::Velocity).expect("0.3 in a cycle");
            assert!((velocity.received - 300.0).abs() < 1e-6, "{velocity:?}");
            let mut judge = Judge::new(&limits, 1, CYCLE, 1.0, None);
            judge.asked(&limits, tick);
            let broken = judge.see(&mut limits, question(tick, 1.0), &[0.5], false);
            assert!(broken.is_empty(), "{broken:?}");
        }
    }

    #[test]
    fn an_answer_that_breaks_a_limit_by_itself_is_compared_with_the_others_all_the_same() {
        let mut limits = Positions::at(END);
        let answers = [END, END + 1.0, f64::NAN];
        let broken = found(&mut limits, 1.0, (0..).zip(answers));
        let beyond = &broken[0].1;
        assert!(beyond.of(ViolationKind::Position).is_some());
        assert!(beyond.of(ViolationKind::Velocity).is_some());
        // What is no number is not compared.
        assert_eq!(limits.seen.len(), 2);
    }

    #[test]
    fn a_jump_between_answers_is_found_however_long_they_are_apart_where_no_motion_explains_it() {
        // A motion by 1 in 0.3 s is faster than 2 a second; in 3 s it is not.
        for (apart, is_found) in [(300, true), (3_000, false)] {
            let standing = (0..50).map(|tick| (tick, 0.0));
            let answers = standing.chain([(50 + apart, 1.0)]);
            let broken = found(&mut Positions::at(0.0), 1.0, answers);
            assert_eq!(!broken.is_empty(), is_found, "{apart} ms: {broken:?}");
        }
        // Back and forth by 2 mrad per millisecond, with most answers missing.
        let zigzag = (0..400)
            .map(|tick| (tick, if tick % 2 == 0 { 0.0 } else { 2e-3 }))
            .filter(|(tick, _)| tick % 7 == 0);
        assert!(!found(&mut Positions::at(0.0), 1.0, zigzag).is_empty());
    }

    #[test]
    fn a_clamped_step_counts_once_whatever_its_order() {
        let after = |tick: u64| tick.saturating_sub(99) as f64 * DT;
        type Step = (&'static str, fn(f64) -> f64);
        let steps: [Step; 3] = [
            ("a jump", |t| if t > 0.0 { 0.3 } else { 0.0 }),
            ("a bend", |t| 0.5 * t),
            ("a jolt", |t| 0.5 * 4.5 * t * (t + DT)),
        ];
        for (what, step) in steps {
            let answers = (0..300).map(|tick| (tick, step(after(tick))));
            let broken = found(&mut Positions::at(0.0), 1.0, answers);
            let ticks: Vec<u64> = broken.iter().map(|(tick, _)| *tick).collect();
            assert_eq!(ticks, [100], "{what}");
        }
    }

    #[test]
    fn the_highest_derivative_of_a_slow_policy_counts_as_often_as_its_period_has_cycles() {
        // A step of the acceleration by 9; at 50 Hz each of two answers shows half of it.
        let ratio = 20.0;
        let period = ratio * DT;
        let bent = |tick: u64| 0.5 * 9.0 * (tick as f64 * period).powi(2);
        let broken = found(
            &mut Positions::at(0.0),
            ratio,
            (0..5).map(|tick| (tick, bent(tick))),
        );
        let jerk = broken[0]
            .1
            .of(ViolationKind::Jerk)
            .expect("it jumps in one cycle");
        assert!((jerk.received - 4.5 / DT).abs() < 1.0, "{jerk:?}");
    }

    #[test]
    fn parts_are_judged_by_themselves() {
        let mut limits = Positions {
            parts: 2,
            ..Positions::at(0.0)
        };
        let mut judge = Judge::new(&limits, 2, CYCLE, 1.0, None);
        judge.asked(&limits, 0);
        for tick in 0..20 {
            let jumps = if tick < 10 { 0.0 } else { 1.0 };
            let broken = judge.see(&mut limits, question(tick, 1.0), &[0.0, jumps], false);
            let slot = broken.of(ViolationKind::Velocity).map(|broken| broken.slot);
            assert_eq!(slot, (tick == 10).then_some(1), "{tick}");
        }
        let known = |part: usize| {
            let seen = limits.seen.iter().filter(move |seen| seen.0 == part);
            seen.map(|seen| seen.1).collect::<Vec<usize>>()
        };
        assert!(known(0).iter().all(|known| *known == ORDERS));
        assert_eq!(known(1)[10..14], [3, 1, 2, 3]);
    }

    #[test]
    fn a_missing_answer_is_known_as_a_gap_for_as_long_as_it_counts() {
        let mut limits = Positions::at(0.0);
        let answers = (0..20).filter(|tick| *tick != 10);
        assert_eq!(found(&mut limits, 1.0, answers.map(|tick| (tick, 0.0))), []);
        let gapless: Vec<bool> = limits.seen.iter().map(|seen| seen.2).collect();
        let expected: Vec<bool> = (0..19).map(|nth| !(10..13).contains(&nth)).collect();
        assert_eq!(gapless, expected);
        // After an answer that was clamped not all orders are known.
        let mut limits = Positions::at(0.0);
        found(
            &mut limits,
            1.0,
            (0..20).map(|tick| (tick, f64::from(u8::from(tick >= 10)))),
        );
        assert_eq!(
            limits.seen[10..14],
            [(0, 3, true), (0, 1, false), (0, 2, false), (0, 3, true)]
        );
        // A policy slower than its robot has no answer in most cycles.
        let mut limits = Positions::at(0.0);
        found(&mut limits, 20.0, (0..5).map(|tick| (tick, 0.0)));
        assert!(limits.seen.iter().all(|seen| !seen.2));
    }

    #[test]
    fn the_first_answer_is_judged_from_what_the_robot_was_to_do_when_it_was_asked() {
        // The robot moves on between the questions.
        for (tick, place) in [(0, 0.5), (1, 0.7), (2, 0.9)] {
            let mut limits = Positions::at(0.0);
            let mut judge = Judge::new(&limits, 1, CYCLE, 1.0, None);
            for (asked, at) in [(0, 0.5), (1, 0.7), (2, 0.9)] {
                limits.at = at;
                judge.asked(&limits, asked);
            }
            let broken = judge.see(&mut limits, question(tick, 1.0), &[place], false);
            assert!(broken.is_empty(), "{tick}: {broken:?}");
        }
    }

    #[test]
    fn the_first_answer_follows_a_motion_that_is_under_way() {
        let mut limits = Positions {
            rates: [1.5, 8.0],
            ..Positions::at(0.2)
        };
        let mut judge = Judge::new(&limits, 1, CYCLE, 1.0, None);
        judge.asked(&limits, 0);
        judge.see(&mut limits, question(0, 1.0), &[0.2015], false);
        // The divided differences of the values 1.5 and 8 / 2, and of the step from 0.2 by 1.5 a second.
        let second = (1.5 - 1.5) / (2.0 * DT);
        let third = (second - 8.0 / 2.0) / (3.0 * DT);
        let (_, derivatives) = limits.newest;
        for (is, meant) in derivatives
            .into_iter()
            .zip([1.5, 2.0 * second, 6.0 * third])
        {
            assert!(
                (is - meant).abs() < 1e-6 * meant.abs() + 1e-6,
                "{derivatives:?}"
            );
        }
    }

    #[test]
    fn a_filter_knows_how_long_it_was_since_the_last_answer() {
        let filter = || LowPass::new(5.0, CYCLE, Interpolation::Spline, 1);
        let ratio = 20.0;
        let mut limits = Positions::at(0.0);
        let mut judge = Judge::new(&limits, 1, CYCLE, ratio, Some(filter()));
        judge.asked(&limits, 0);
        let mut alone = filter();
        alone.begin(&[0.0]);
        for tick in 0..5 {
            judge.see(&mut limits, question(tick, ratio), &[0.001], false);
            let mut expected = [0.001];
            alone.pass(ratio, &mut expected);
            assert!((limits.newest.0 - expected[0]).abs() < 1e-12, "{tick}");
        }
    }

    #[test]
    fn a_filter_runs_over_the_answers_first() {
        let filter = |cutoff_hz| LowPass::new(cutoff_hz, CYCLE, Interpolation::Spline, 1);
        let noisy = |judge: &mut Judge, limits: &mut Positions| {
            judge.asked(limits, 0);
            (0..200).any(|tick| {
                let noise = if tick % 2 == 0 { 1e-5 } else { -1e-5 };
                !judge
                    .see(limits, question(tick, 1.0), &[noise], false)
                    .is_empty()
            })
        };
        let mut limits = Positions::at(0.0);
        let mut without = Judge::new(&limits, 1, CYCLE, 1.0, None);
        assert!(noisy(&mut without, &mut limits));
        let mut with = Judge::new(&limits, 1, CYCLE, 1.0, Some(filter(5.0)));
        assert!(!noisy(&mut with, &mut limits));
    }
}
