//! Judges what a policy asks for: by its answers and the times of their questions, so that it makes no
//! difference when an answer comes.
//!
//! From the answers the judge takes divided differences over their questions' times. Times the
//! factorial of its order, such a difference is a mean of the derivative of that order over the time
//! that it spans (mean value theorem for divided differences). So a motion within its limits passes
//! whatever answers are missing, and where none is missing the differences are those of one command
//! and the next.
//!
//! What comes of a difference is the robot's: [`Limits::judge`].

use std::ops::Range;
use std::time::Duration;

use crate::limits::{Limits, ViolationKind, Violations};
use crate::lowpass::LowPass;
use crate::policy::Question;

/// How many orders of differences are taken.
pub const ORDERS: usize = 3;
/// Parts of an action that are judged by themselves, at most.
const PARTS: usize = 2;
/// Cycles that the differences of the highest order span at most where no answer is missing.
const GAPLESS: f64 = ORDERS as f64 + 0.5;
/// Questions whose desired state is kept until the first answer tells which of them it answers.
const KEPT: usize = 16;

/// The newest answer and how it follows those before it.
#[derive(Debug, Clone, Copy)]
pub struct Sequence<'a> {
    /// The newest answer.
    pub answer: &'a [f64],
    /// The one before it; before the first, what the robot was commanded when it was asked.
    pub previous: &'a [f64],
    /// The derivatives of first, second and third order that the answers mean, per second, in the
    /// coordinates of [`Limits::way`].
    pub derivatives: [&'a [f64]; ORDERS],
    /// How many of them are known. Behind an answer that was clamped it takes a few until all are.
    pub known: usize,
    /// Cycles of the robot from one question of the policy to the next, at least 1. Where two pieces
    /// of what is commanded between answers meet, the highest derivative jumps by so much more.
    pub ratio: f64,
    /// Whether none of the answers that the derivatives span is missing, and there is one each cycle.
    pub is_gapless: bool,
    /// Whether this is the first answer.
    pub is_first: bool,
}

/// What a robot's limits say of a [`Sequence`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Judgement {
    /// What it breaks.
    pub found: Violations,
    /// The lowest order of a derivative that is too large.
    pub order: Option<usize>,
}

impl Judgement {
    /// Nothing broken.
    pub const NONE: Judgement = Judgement {
        found: Violations::NONE,
        order: None,
    };
}

/// The state that a robot was to have when a question was asked.
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
    /// The newest answer behind the filter.
    answer: Box<[f64]>,
    parts: Vec<Part>,
    /// The question of the newest answer.
    last: Option<Duration>,
    desired: Vec<Desired>,
    asked: usize,
}

impl Judge {
    /// For a policy that is asked every `ratio` cycles of `cycle`; `filter` is one of its own.
    pub fn new(
        limits: &dyn Limits,
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

    /// Notes what the robot is to do when `tick`'s question is asked, until there is an answer.
    pub fn asked(&mut self, limits: &dyn Limits, tick: u64) {
        if self.last.is_some() {
            return;
        }
        let desired = &mut self.desired[self.asked % KEPT];
        desired.tick = tick;
        limits.last(&mut desired.value);
        let [first, second] = &mut desired.rates;
        limits.rates(first, second);
        self.asked += 1;
    }

    /// Takes in the answer to `question`: says what it breaks, wherever the robot is. Each answer has
    /// to come here once, in order.
    pub fn see(
        &mut self,
        limits: &mut dyn Limits,
        question: Question,
        answer: &[f64],
    ) -> Violations {
        let mut found = limits.check_answer(answer);
        let senseless = [ViolationKind::NotFinite, ViolationKind::Frame];
        if senseless.into_iter().any(|kind| found.of(kind).is_some()) {
            return found;
        }
        let is_first = self.last.is_none();
        let since = match self.last {
            None => {
                self.begin(question);
                self.period
            }
            // An answer cannot come twice; if it does, it is one step like any other.
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
            let span_s = part.differ(|from, out| limits.way(nth, from, answer, out), step_s);
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
                },
            );
            part.go_on(answer, step_s, judgement.order);
            found.join(&judgement.found);
        }
        found
    }

    /// Begins with what the robot was to do when `question` was asked.
    fn begin(&mut self, question: Question) {
        let kept = self.asked.min(KEPT);
        let oldest = self.asked - kept;
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
    /// Divided differences of each order, ending in the newest answer and in the one before it.
    newest: [Box<[f64]>; ORDERS],
    before: [Box<[f64]>; ORDERS],
    derivatives: [Box<[f64]>; ORDERS],
    /// From each of the answers before the newest to the next [s], newest first.
    steps_s: [f64; ORDERS - 1],
    /// How many orders are known of the differences that end in the newest answer.
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
            factorial *= (order + 1) as f64;
            let rates = &rates[self.slots.clone()];
            for (newest, rate) in self.newest[order].iter_mut().zip(rates) {
                *newest = rate / factorial;
            }
        }
        self.steps_s = [period_s; ORDERS - 1];
        self.known = desired.rates.len();
    }

    /// Takes the differences that end in a new answer, `step_s` behind the last; returns the time that
    /// those of the highest order span [s].
    fn differ(&mut self, way: impl FnOnce(&[f64], &mut [f64]), step_s: f64) -> f64 {
        std::mem::swap(&mut self.newest, &mut self.before);
        self.known = (self.known + 1).min(ORDERS);
        let [first, ..] = &mut self.newest;
        way(&self.previous, first);
        first.iter_mut().for_each(|way| *way /= step_s);
        let mut span_s = step_s;
        let mut factorial = 1.0;
        for order in 0..self.known {
            if order > 0 {
                span_s += self.steps_s[order - 1];
                let (lower, higher) = self.newest.split_at_mut(order);
                let ends = lower[order - 1].iter().zip(&self.before[order - 1]);
                for (quotient, (newest, before)) in higher[0].iter_mut().zip(ends) {
                    *quotient = (newest - before) / span_s;
                }
            }
            factorial *= (order + 1) as f64;
            let quotients = self.newest[order].iter();
            for (derivative, quotient) in self.derivatives[order].iter_mut().zip(quotients) {
                *derivative = quotient * factorial;
            }
        }
        span_s
    }

    /// Goes on behind `answer`; `broken` is the lowest order of a derivative that was too large. Then the
    /// sequence goes on from as many answers: with an older one the same step would count again.
    fn go_on(&mut self, answer: &[f64], step_s: f64, broken: Option<usize>) {
        if let Some(order) = broken {
            self.known = order.saturating_sub(1);
        }
        self.steps_s.rotate_right(1);
        self.steps_s[0] = step_s;
        self.previous.copy_from_slice(answer);
    }
}
