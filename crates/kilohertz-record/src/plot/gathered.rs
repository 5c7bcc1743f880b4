//! What a page shows of a run, gathered cycle by cycle. It needs the same memory for a run of any length.

use hdrhistogram::Histogram;

use crate::answering::Answering;
use crate::entry::{CommandKind, Level, Note, OwnedCycle, RunEnd};
use crate::plot::fields::{Group, groups};
use crate::plot::lanes::{Lane, Span, Timeline};
use crate::run::Run;

/// The most names of notes that have a lane of their own.
pub(crate) const MOST_NAMES: usize = 10;
/// The longest text of a note that is kept \[characters\].
const LONGEST_TEXT: usize = 200;
/// What is larger is no value of a robot, and would leave no room for the others.
const LARGEST: f64 = 1e15;
/// The longest time that is told apart \[ns\]: an hour.
const LONGEST_NS: u64 = 3_600_000_000_000;

/// What is kept of one field's slot over time.
pub(crate) struct Trace {
    slot: usize,
    lane: Lane<Span>,
    is_after_gap: bool,
}

/// The notes of one name.
pub(crate) struct Noted {
    pub name: String,
    /// The highest level.
    pub level: Level,
    pub count: u64,
    /// When the first came \[s\], and its text.
    pub first_s: f64,
    pub text: String,
    pub lane: Lane<u64>,
}

pub(crate) struct Gathered {
    /// `None` before the first cycle.
    pub time: Option<Timeline>,
    pub cycles: u64,
    pub groups: Vec<Group>,
    reported: Vec<Trace>,
    commanded: Vec<Trace>,
    answered: Vec<Trace>,
    /// The cycles of each kind, in the order of [`CommandKind::ALL`].
    pub kinds: Lane<[u64; 4]>,
    pub missed: Lane<u64>,
    pub missed_ms: u64,
    /// Cycles that took place and are not in the file.
    pub lost: u64,
    pub noted: Vec<Noted>,
    /// Notes of further names.
    pub noted_further: u64,
    /// The time from a question to its answer, as the decimal logarithm of milliseconds.
    pub answering: Lane<Span>,
    pub answering_ns: Histogram<u64>,
    pub answers: u64,
    /// The time from a cycle to the next on the host's clock.
    pub period_ns: Histogram<u64>,
    /// The longest of these, which a histogram rounds \[ns\].
    pub longest_period_ns: u64,
    /// How many values are not drawn.
    pub not_drawn: u64,
    /// Why the run ended, if the file tells it.
    pub end: Option<RunEnd>,
    period_s: f64,
    asked: Answering,
    before: Option<Before>,
}

/// What is known of the cycle before.
#[derive(Clone, Copy)]
struct Before {
    tick: u64,
    monotonic_ns: u64,
    robot_time_s: f64,
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_NS, 3).expect("bounds that a histogram can have")
}

impl Gathered {
    pub fn new(run: &Run) -> Gathered {
        let groups = groups(run);
        let panels = || groups.iter().flat_map(|group| &group.panels);
        let trace = |slot| Trace {
            slot,
            lane: Lane::new(),
            is_after_gap: false,
        };
        Gathered {
            time: None,
            cycles: 0,
            reported: panels().filter_map(|p| p.reported).map(trace).collect(),
            commanded: panels().filter_map(|p| p.commanded).map(trace).collect(),
            answered: panels().filter_map(|p| p.answered).map(trace).collect(),
            kinds: Lane::new(),
            missed: Lane::new(),
            missed_ms: 0,
            lost: 0,
            noted: Vec::new(),
            noted_further: 0,
            answering: Lane::new(),
            answering_ns: histogram(),
            answers: 0,
            period_ns: histogram(),
            longest_period_ns: 0,
            not_drawn: 0,
            end: None,
            period_s: run.period_s,
            asked: Answering::default(),
            before: None,
            groups,
        }
    }

    /// Returns the columns of a slot of the state, if it is drawn.
    pub fn reported(&self, slot: usize) -> Option<&Lane<Span>> {
        lane_of(&self.reported, slot)
    }

    /// Returns the columns of a slot of the command, if it is drawn.
    pub fn commanded(&self, slot: usize) -> Option<&Lane<Span>> {
        lane_of(&self.commanded, slot)
    }

    /// Returns the columns of a slot of the answers, if it is drawn.
    pub fn answered(&self, slot: usize) -> Option<&Lane<Span>> {
        lane_of(&self.answered, slot)
    }

    /// Takes the next cycle.
    pub fn take(&mut self, cycle: &OwnedCycle) {
        let time = self
            .time
            .get_or_insert_with(|| Timeline::new(cycle.robot_time_s, self.period_s));
        let (column, folds) = time.place(cycle.robot_time_s);
        for _ in 0..folds {
            self.fold();
        }
        self.cycles += 1;
        self.lost = self.lost.saturating_add(cycle.lost_before);
        self.missed_ms = self.missed_ms.saturating_add(u64::from(cycle.missed_ms));
        self.missed.add(column, u64::from(cycle.missed_ms));
        let mut kind = [0; 4];
        kind[cycle.kind as usize] = 1;
        self.kinds.add(column, kind);
        let is_after_gap = self.is_after_gap(cycle);
        for (traces, frame) in [
            (&mut self.reported, &cycle.state),
            (&mut self.commanded, &cycle.command),
        ] {
            for trace in traces {
                self.not_drawn += u64::from(!trace.take(column, frame, is_after_gap));
            }
        }
        for note in &cycle.notes {
            self.note(column, cycle.robot_time_s, note);
        }
        self.answer(column, cycle);
        self.before = Some(Before {
            tick: cycle.tick,
            monotonic_ns: cycle.monotonic_ns,
            robot_time_s: cycle.robot_time_s,
        });
    }

    fn fold(&mut self) {
        let traces = self.reported.iter_mut().chain(&mut self.commanded);
        for trace in traces.chain(&mut self.answered) {
            trace.lane.fold();
        }
        for noted in &mut self.noted {
            noted.lane.fold();
        }
        self.kinds.fold();
        self.missed.fold();
        self.answering.fold();
    }

    /// Returns true if there is robot time without a cycle before this one. Keeps the period if this cycle
    /// followed the one before: after a cycle that could not be kept it is not known.
    fn is_after_gap(&mut self, cycle: &OwnedCycle) -> bool {
        let Some(before) = self.before else {
            return false;
        };
        let is_next = before.tick.checked_add(1) == Some(cycle.tick);
        if is_next {
            let period = cycle.monotonic_ns.saturating_sub(before.monotonic_ns);
            self.period_ns.saturating_record(period);
            self.longest_period_ns = self.longest_period_ns.max(period);
        }
        let passed = cycle.robot_time_s - before.robot_time_s;
        cycle.missed_ms > 0 || cycle.lost_before > 0 || passed > 1.5 * self.period_s
    }

    fn note(&mut self, column: usize, time_s: f64, note: &Note) {
        let known = self
            .noted
            .iter()
            .position(|noted| noted.name.chars().eq(note.name.chars().take(LONGEST_TEXT)));
        let noted = match known {
            Some(index) => &mut self.noted[index],
            None if self.noted.len() < MOST_NAMES => {
                self.noted.push(Noted {
                    name: note.name.chars().take(LONGEST_TEXT).collect(),
                    level: note.level,
                    count: 0,
                    first_s: time_s,
                    text: note.text.chars().take(LONGEST_TEXT).collect(),
                    lane: Lane::new(),
                });
                self.noted.last_mut().expect("the one that was added")
            }
            None => {
                self.noted_further += 1;
                return;
            }
        };
        noted.count += 1;
        if note.level as u8 > noted.level as u8 {
            noted.level = note.level;
        }
        noted.lane.add(column, 1);
    }

    fn answer(&mut self, column: usize, cycle: &OwnedCycle) {
        if let Some(took) = self.asked.took_ns(cycle) {
            // Less than a microsecond is less than the clocks tell.
            let took = took.clamp(1e3, LONGEST_NS as f64);
            self.answering_ns.saturating_record(took as u64);
            let span = Span::one((took / 1e6).log10(), false);
            self.answering.add(column, span);
        }
        let Some(answer) = &cycle.answer else {
            return;
        };
        self.answers += 1;
        if !answer.actions.is_empty() {
            for trace in &mut self.answered {
                self.not_drawn += u64::from(!trace.take(column, &answer.actions, false));
            }
        }
    }
}

fn lane_of(traces: &[Trace], slot: usize) -> Option<&Lane<Span>> {
    let trace = traces.iter().find(|trace| trace.slot == slot)?;
    Some(&trace.lane)
}

impl Trace {
    /// Takes the value of the next cycle. Returns true if it can be drawn.
    fn take(&mut self, column: usize, frame: &[f64], is_after_gap: bool) -> bool {
        self.is_after_gap |= is_after_gap;
        match frame.get(self.slot) {
            Some(&value) if value.abs() <= LARGEST => {
                self.lane.add(column, Span::one(value, self.is_after_gap));
                self.is_after_gap = false;
                true
            }
            _ => {
                self.is_after_gap = true;
                false
            }
        }
    }
}

/// Returns the number of a kind and its name, in the order of [`Gathered::kinds`].
pub(crate) fn kinds() -> impl Iterator<Item = (usize, &'static str)> {
    CommandKind::ALL
        .iter()
        .enumerate()
        .map(|(number, kind)| (number, kind.as_str()))
}
