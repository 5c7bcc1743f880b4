//! How long the phases of each cycle take, and which cycles took too long. Only the loop thread writes, and it
//! never waits: what it finds goes into a ring for the thread that looks for the reason.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::sync::Arc;
use std::time::Duration;

use rtrb::{Consumer, Producer, RingBuffer};

use crate::phases::Phase;
use crate::policy::{PolicyThread, Question};
use crate::session::blame::{Incident, IncidentKind, Span};
use crate::stats::Recorder;
use crate::timing::time::{Time, nanos};

/// How many incidents wait for the thread that looks for their reasons; the others are counted.
const WAITING: usize = 256;
/// A cycle is too long if it takes this much longer than its period, or half a period longer.
const LEAST_EXCESS: Duration = Duration::from_micros(200);
/// For how many of the newest questions it is kept when they were asked.
const ASKED: usize = 4;
/// A robot that ends the session so many periods after the last cycle has left the loop without a state.
const LOST: u32 = 10;
/// The largest drift of the robot's clock against the host's: one part in so many.
const DRIFT: u64 = 5_000;

/// The ring of incidents, as the loop and the other thread have it.
pub(super) fn incident_ring() -> (Producer<Incident>, Consumer<Incident>) {
    RingBuffer::new(WAITING)
}

/// When the steps of the present cycle were done.
#[derive(Debug, Clone, Copy)]
struct Steps {
    tick: u64,
    started: Time,
    asked: Option<Time>,
    /// When the question was asked whose answer came last, when the policy took it and gave the answer, if that
    /// is known, and when the answer came.
    answer: Option<Answered>,
    judged: Option<Time>,
    decided: Option<Time>,
    sent: Option<Time>,
    recorded: Option<Time>,
}

#[derive(Debug, Clone, Copy)]
struct Answered {
    asked: Time,
    policy: Option<(Time, Time)>,
    at: Time,
}

impl Steps {
    fn new(tick: u64, started: Time) -> Steps {
        Steps {
            tick,
            started,
            asked: None,
            answer: None,
            judged: None,
            decided: None,
            sent: None,
            recorded: None,
        }
    }

    /// Returns when the last step was done.
    fn end(&self) -> Time {
        let last = self.recorded.or(self.sent).or(self.decided);
        last.unwrap_or(self.started)
    }
}

impl Answered {
    /// Returns when the question waited, when the policy was at work, and when the answer was on its way.
    fn spans(&self, from: Time) -> [(Phase, Span); 3] {
        let (took, gave) = self.policy.unwrap_or((self.asked, self.at));
        // The thread of the policy reads the clock by itself, and may do so a little after the answer is here.
        let gave = gave.min(self.at).max(from);
        let took = took.min(gave).max(from);
        let asked = self.asked.min(took).max(from);
        let span = |from, to| Span { from, to };
        [
            (Phase::HandOver, span(asked, took)),
            (Phase::Policy, span(took, gave)),
            (Phase::HandBack, span(gave, self.at)),
        ]
    }
}

/// Answers that do not come in time.
#[derive(Debug, Clone, Copy)]
struct Late {
    tick: u64,
    since: Time,
    cycles: u64,
}

/// The phases of the cycles of a session.
pub(super) struct PhaseClock {
    is_on: bool,
    target: Duration,
    /// A cycle that takes longer is an incident.
    longest: Duration,
    /// How long the loop waits for an answer; `None` if it waits until the answer comes.
    budget: Option<Duration>,
    thread: Option<Arc<PolicyThread>>,
    incidents: Producer<Incident>,
    steps: Steps,
    /// The newest questions.
    asked: [(u64, Time); ASKED],
    /// The oldest question that was not answered.
    open: Option<Time>,
    late: Option<Late>,
    first: Time,
    /// How much earlier than by the first cycle the robot's own time is [ns].
    earliest: i64,
}

impl PhaseClock {
    pub fn new(
        target: Duration,
        budget: Option<Duration>,
        thread: Option<Arc<PolicyThread>>,
        incidents: Producer<Incident>,
    ) -> PhaseClock {
        PhaseClock {
            is_on: true,
            target,
            longest: target.saturating_add(target.mul_f64(0.5).max(LEAST_EXCESS)),
            budget,
            thread,
            incidents,
            steps: Steps::new(0, Time::default()),
            asked: [(u64::MAX, Time::default()); ASKED],
            open: None,
            late: None,
            first: Time::default(),
            earliest: 0,
        }
    }

    /// Measures nothing from now on: a cycle takes no time, because the robot's clock stands still during it.
    pub fn turn_off(&mut self) {
        self.is_on = false;
    }

    #[inline]
    pub fn is_on(&self) -> bool {
        self.is_on
    }

    /// Notes that a cycle begins, at tick `clock` of the robot's clock, after `skipped` ticks without a cycle. So
    /// the cycle before is over. Returns how far behind the robot's own time it begins; `None` if nothing is measured,
    /// and in the first cycle.
    #[inline]
    pub fn begin(
        &mut self,
        recorder: &Recorder,
        (tick, clock): (u64, u64),
        started: Time,
        skipped: u64,
    ) -> Option<Duration> {
        if !self.is_on {
            return None;
        }
        let mut found = None;
        if tick == 0 {
            self.first = started;
        } else {
            let behind = self.behind(clock, started);
            found = Some(behind);
            recorder.phase(Phase::Wake, behind);
            recorder.phase(Phase::Wait, started.since(self.steps.end()));
            let took = started.since(self.steps.started);
            if skipped > 0 || took > self.longest {
                let incident = self.long_cycle(started, skipped, behind);
                self.push(recorder, incident);
            }
        }
        self.steps = Steps::new(tick, started);
        found
    }

    /// Returns how far behind the robot's own time a cycle begins. The earliest cycle counts as on time; the two
    /// clocks may drift.
    fn behind(&mut self, clock: u64, started: Time) -> Duration {
        let own = nanos(self.target).saturating_mul(clock);
        let at = nanos(started.since(self.first)) as i64;
        let offset = at.saturating_sub(own as i64);
        let drift = (nanos(self.target) / DRIFT) as i64;
        self.earliest = self.earliest.saturating_add(drift).min(offset);
        Duration::from_nanos(offset.saturating_sub(self.earliest).max(0) as u64)
    }

    /// Notes that the policy is asked.
    #[inline]
    pub fn asks(&mut self, at: Time) {
        let tick = self.steps.tick;
        self.steps.asked = Some(at);
        self.asked[tick as usize % ASKED] = (tick, at);
        self.open.get_or_insert(at);
    }

    /// Notes that the answer to `question` came; `is_last` if that is the newest question. Returns when the policy
    /// took the question and gave the answer, if that is known.
    #[inline]
    pub fn answered(
        &mut self,
        recorder: &Recorder,
        question: Question,
        is_last: bool,
        at: Time,
    ) -> Option<(Time, Time)> {
        if !self.is_on {
            return None;
        }
        let thread = self.thread.as_deref();
        let policy = thread.and_then(|thread| thread.times_of(question.tick));
        let since = self.open.unwrap_or(self.steps.started);
        let (of, asked) = self.asked[question.tick as usize % ASKED];
        let asked = if of == question.tick { asked } else { since };
        let answered = Answered { asked, policy, at };
        for (phase, span) in answered.spans(asked) {
            // A policy that is asked and answers in one place hands nothing over.
            if phase == Phase::Policy || policy.is_some() {
                recorder.phase(phase, span.length());
            }
        }
        self.steps.answer = Some(answered);
        if let Some(late) = self.late.take() {
            let incident = self.late_answer(late, Some(answered), at);
            self.push(recorder, incident);
        }
        // Later questions are open since the newest of them, which is all that is known of them.
        self.open = match is_last {
            true => None,
            false => self.steps.asked.or(Some(at)),
        };
        policy
    }

    /// Notes that the answer was judged.
    #[inline]
    pub fn judged(&mut self, recorder: &Recorder, at: Time) {
        if let Some(answered) = self.steps.answer {
            recorder.phase(Phase::Judge, at.since(answered.at));
        }
        self.steps.judged = Some(at);
    }

    /// Notes that an answer is missing in this cycle.
    #[inline]
    pub fn missing(&mut self) {
        if !self.is_on || self.budget.is_none() {
            return;
        }
        match &mut self.late {
            Some(late) => late.cycles = late.cycles.saturating_add(1),
            None => {
                self.late = Some(Late {
                    tick: self.steps.tick,
                    since: self.open.unwrap_or(self.steps.started),
                    cycles: 1,
                });
            }
        }
    }

    /// Notes that the command is decided.
    #[inline]
    pub fn decided(&mut self, recorder: &Recorder, at: Time) {
        // While a newer question is open, the time until its deadline lies in between.
        if let (Some(judged), None) = (self.steps.judged, self.open) {
            recorder.phase(Phase::Decide, at.since(judged));
        }
        self.steps.decided = Some(at);
    }

    /// Notes that the command was handed to the robot.
    #[inline]
    pub fn sent(&mut self, recorder: &Recorder, at: Time) {
        if let Some(decided) = self.steps.decided {
            recorder.phase(Phase::Send, at.since(decided));
        }
        self.steps.sent = Some(at);
    }

    /// Notes that the cycle is counted and kept.
    #[inline]
    pub fn recorded(&mut self, recorder: &Recorder, at: Time) {
        if let Some(sent) = self.steps.sent {
            recorder.phase(Phase::Record, at.since(sent));
        }
        self.steps.recorded = Some(at);
    }

    /// Notes that the session ends; `is_cut` if the robot has ended it while its next state was waited for.
    pub fn finish(&mut self, recorder: &Recorder, is_cut: bool) {
        if !self.is_on {
            return;
        }
        let now = Time::now();
        if let Some(late) = self.late.take() {
            // After the last cycle nobody has looked for an answer.
            let until = self.steps.end().max(late.since);
            let incident = self.late_answer(late, None, until);
            self.push(recorder, incident);
        }
        let took = now.since(self.steps.started);
        if is_cut && took >= self.target.saturating_mul(LOST) {
            let ticks = nanos(took).checked_div(nanos(self.target));
            let incident = self.long_cycle(now, ticks.unwrap_or(0), Duration::ZERO);
            self.push(recorder, incident);
        }
        // Without a deadline the session may have ended while it waited for its policy.
        let waited = self.budget.is_none() && self.steps.answer.is_none();
        if waited && took > self.target.saturating_mul(2) {
            self.steps.recorded = None;
            self.steps.sent = None;
            let incident = self.long_cycle(now, 0, Duration::ZERO);
            self.push(recorder, incident);
        }
    }

    fn push(&mut self, recorder: &Recorder, incident: Incident) {
        recorder.incidents.add(1);
        if self.incidents.push(incident).is_err() {
            recorder.lost_incidents.add(1);
        }
    }

    /// Returns what is known of the cycle that is over, now that the next begins.
    fn long_cycle(&self, next: Time, skipped: u64, behind: Duration) -> Incident {
        let steps = &self.steps;
        let mut spans = [Span::default(); Phase::COUNT];
        let mut set = |phase: Phase, from: Time, to: Time| {
            spans[phase as usize] = Span {
                from,
                to: to.max(from),
            };
        };
        let end = steps.end();
        let decided = steps.decided.unwrap_or(end);
        if let Some(answered) = &steps.answer {
            for (phase, span) in answered.spans(steps.started) {
                set(phase, span.from, span.to);
            }
            let judged = steps.judged.unwrap_or(answered.at);
            set(Phase::Judge, answered.at, judged);
            set(Phase::Decide, judged, decided);
        } else if let Some(asked) = steps.asked {
            let until = self.budget.map(|budget| steps.started + budget);
            let until = until.unwrap_or(decided).min(decided);
            set(Phase::Policy, asked, until);
            set(Phase::Wake, until, decided);
        } else {
            set(Phase::Decide, steps.started, decided);
        }
        let sent = steps.sent.unwrap_or(decided);
        set(Phase::Send, decided, sent);
        set(Phase::Record, sent, steps.recorded.unwrap_or(sent));
        set(Phase::Wait, end, next);
        let whole = Span {
            from: steps.started,
            to: next,
        };
        Incident {
            kind: IncidentKind::LongCycle,
            tick: steps.tick,
            cycles: skipped,
            at: whole.from.since(self.first),
            whole,
            excess: whole.length().saturating_sub(self.target),
            behind,
            spans,
        }
    }

    /// Returns what is known of an answer that was late, or has not come until the end.
    fn late_answer(&self, late: Late, answered: Option<Answered>, to: Time) -> Incident {
        let works_since = || self.thread.as_deref().and_then(PolicyThread::works_since);
        let has_times = || {
            let thread = self.thread.as_deref();
            thread.is_some_and(PolicyThread::is_timed)
        };
        let policy = match answered {
            Some(answered) => answered.policy,
            None => match works_since() {
                Some(since) => Some((since, to)),
                // It has not taken the question, if that would be known.
                None => has_times().then_some((to, to)),
            },
        };
        let budget = self.budget.unwrap_or_default();
        // The loop does not wait for an answer that is given after the deadline: it finds it in a later cycle.
        let to = match policy {
            Some((_, gave)) if gave > late.since + budget => gave.min(to),
            _ => to,
        };
        let answered = Answered {
            asked: late.since,
            policy,
            at: to,
        };
        let mut spans = [Span::default(); Phase::COUNT];
        for (phase, span) in answered.spans(late.since) {
            spans[phase as usize] = span;
        }
        let whole = Span {
            from: late.since,
            to,
        };
        Incident {
            kind: IncidentKind::LateAnswer,
            tick: late.tick,
            cycles: late.cycles,
            at: whole.from.since(self.first),
            whole,
            excess: whole.length().saturating_sub(budget),
            behind: Duration::ZERO,
            spans,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn at(us: u64) -> Time {
        Time::from_nanos(1_000_000_000 + us * 1_000)
    }

    fn question(tick: u64) -> Question {
        Question {
            tick,
            ..Question::default()
        }
    }

    fn clock(budget: Option<Duration>) -> (PhaseClock, Consumer<Incident>, Recorder) {
        let (incidents, out) = incident_ring();
        let clock = PhaseClock::new(MS, budget, None, incidents);
        (clock, out, Recorder::new(MS, 10))
    }

    /// Runs a cycle that begins at `us` and whose answer takes `answer_us`.
    fn cycle(clock: &mut PhaseClock, recorder: &Recorder, tick: u64, us: u64, answer_us: u64) {
        clock.begin(recorder, (tick, tick), at(us), 0);
        clock.asks(at(us + 1));
        clock.answered(recorder, question(tick), true, at(us + answer_us));
        clock.judged(recorder, at(us + answer_us + 1));
        clock.decided(recorder, at(us + answer_us + 3));
        clock.sent(recorder, at(us + answer_us + 6));
        clock.recorded(recorder, at(us + answer_us + 7));
    }

    #[test]
    fn each_phase_of_a_cycle_is_counted_and_a_punctual_one_is_no_incident() {
        let (mut clock, mut incidents, recorder) = clock(Some(MS / 3));
        cycle(&mut clock, &recorder, 0, 0, 100);
        cycle(&mut clock, &recorder, 1, 1_000, 100);
        assert!(incidents.pop().is_err());
        let median = |phase| recorder.phase_histogram(phase).value_at_quantile(0.5);
        for (phase, us) in [
            (Phase::Policy, 99),
            (Phase::Judge, 1),
            (Phase::Decide, 2),
            (Phase::Send, 3),
            (Phase::Record, 1),
            (Phase::Wait, 893),
        ] {
            let off = median(phase).abs_diff(us * 1_000);
            assert!(off * 30 <= us * 1_000, "{phase:?}: {}", median(phase));
        }
        assert_eq!(recorder.phase_histogram(Phase::HandOver).len(), 0);
    }

    #[test]
    fn a_cycle_that_begins_late_waited_too_long() {
        let (mut clock, mut incidents, recorder) = clock(Some(MS / 3));
        cycle(&mut clock, &recorder, 0, 0, 100);
        cycle(&mut clock, &recorder, 1, 5_000, 100);
        let incident = incidents.pop().expect("it was long");
        assert_eq!(incident.kind, IncidentKind::LongCycle);
        assert_eq!(incident.excess, MS * 4);
        assert_eq!(incident.worst().0, Phase::Wait);
        assert_eq!(incident.worst().1.to, at(5_000));
        assert_eq!(recorder.incidents.get(), 1);
    }

    #[test]
    fn ticks_that_were_missed_while_the_policy_was_waited_for_are_the_policys() {
        let (mut clock, mut incidents, recorder) = clock(None);
        cycle(&mut clock, &recorder, 0, 0, 30_000);
        clock.begin(&recorder, (1, 31), at(31_000), 30);
        let incident = incidents.pop().expect("it was long");
        assert_eq!((incident.cycles, incident.worst().0), (30, Phase::Policy));
        assert_eq!(incident.behind, Duration::ZERO, "the robot's clock went on");
    }

    #[test]
    fn answers_that_are_late_in_a_row_are_one_incident_which_ends_with_an_answer() {
        let (mut clock, mut incidents, recorder) = clock(Some(MS / 3));
        for tick in 0..5 {
            clock.begin(&recorder, (tick, tick), at(tick * 1_000), 0);
            clock.asks(at(tick * 1_000));
            clock.missing();
            clock.decided(&recorder, at(tick * 1_000 + 340));
        }
        clock.answered(&recorder, question(0), false, at(4_500));
        let incident = incidents.pop().expect("answers were late");
        assert_eq!(incident.kind, IncidentKind::LateAnswer);
        assert_eq!((incident.tick, incident.cycles), (0, 5));
        assert_eq!(
            incident.whole,
            Span {
                from: at(0),
                to: at(4_500)
            }
        );
        clock.missing();
        clock.finish(&recorder, false);
        assert_eq!(incidents.pop().expect("it is late again").tick, 4);
    }

    #[test]
    fn a_robot_that_ends_the_session_instead_of_a_state_leaves_a_long_cycle() {
        let (mut clock, mut incidents, recorder) = clock(Some(MS / 3));
        cycle(&mut clock, &recorder, 0, 0, 100);
        clock.begin(&recorder, (1, 1), at(1_000), 0);
        clock.asks(at(1_001));
        clock.missing();
        clock.decided(&recorder, at(1_340));
        clock.finish(&recorder, true);
        let late = incidents.pop().expect("an answer was late");
        assert_eq!(late.kind, IncidentKind::LateAnswer);
        assert_eq!(
            late.whole.to,
            at(1_340),
            "nobody has looked for it after that"
        );
        let last = incidents.pop().expect("the last cycle had no end");
        assert_eq!((last.kind, last.tick), (IncidentKind::LongCycle, 1));
        assert_eq!(last.worst().0, Phase::Wait);
        assert!(last.cycles > 10, "{}", last.cycles);
    }

    #[test]
    fn a_session_that_ends_by_itself_is_no_long_cycle() {
        let (mut clock, mut incidents, recorder) = clock(Some(MS / 3));
        cycle(&mut clock, &recorder, 0, 0, 100);
        clock.finish(&recorder, false);
        assert!(incidents.pop().is_err());
    }

    #[test]
    fn an_answer_that_lies_until_the_next_cycle_is_as_late_as_it_was_given() {
        let (incidents, mut out) = incident_ring();
        let thread = Arc::new(PolicyThread::default());
        let recorder = Recorder::new(MS, 10);
        let mut clock = PhaseClock::new(MS, Some(MS / 3), Some(Arc::clone(&thread)), incidents);
        let asked = Time::now();
        clock.begin(&recorder, (0, 0), asked, 0);
        clock.asks(asked);
        std::thread::sleep(MS * 2);
        thread.takes(0);
        clock.missing();
        thread.gives(0);
        let (_, gave) = thread.times_of(0).expect("it has answered");
        clock.answered(&recorder, question(0), true, gave + MS * 50);
        let incident = out.pop().expect("it was late");
        assert_eq!(incident.whole.to, gave);
        assert_eq!(incident.worst().0, Phase::HandOver);
    }

    #[test]
    fn a_loop_that_oversleeps_its_deadline_woke_late() {
        let (mut clock, mut incidents, recorder) = clock(Some(MS / 3));
        clock.begin(&recorder, (0, 0), at(0), 0);
        clock.asks(at(1));
        clock.missing();
        clock.decided(&recorder, at(4_000));
        clock.begin(&recorder, (1, 4), at(4_100), 3);
        assert_eq!(incidents.pop().expect("it was long").worst().0, Phase::Wake);
    }

    /// The fastest of many blocks counts, so that other programs do not.
    #[test]
    fn measuring_a_cycle_takes_at_most_half_a_microsecond() {
        const BLOCK: u32 = 1_000;
        let (mut clock, _incidents, recorder) = clock(Some(MS / 3));
        let mut tick = 0;
        let mut block = || {
            let before = Time::now();
            for _ in 0..BLOCK {
                clock.begin(&recorder, (tick, tick), Time::now(), 0);
                clock.asks(Time::now());
                clock.answered(&recorder, question(tick), true, Time::now());
                clock.judged(&recorder, Time::now());
                clock.decided(&recorder, Time::now());
                clock.sent(&recorder, Time::now());
                clock.recorded(&recorder, Time::now());
                tick += 1;
            }
            Time::now().since(before) / BLOCK
        };
        let fastest = (0..500).map(|_| block()).min().unwrap_or_default();
        println!("measuring a cycle takes {fastest:?}, with seven readings of the clock");
        assert!(fastest <= Duration::from_nanos(500), "{fastest:?}");
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let (mut clock, _incidents, recorder) = clock(Some(MS / 3));
        for tick in 0..300 {
            cycle(&mut clock, &recorder, tick, tick * 3_000, 100);
        }
        assert_eq!(recorder.incidents.get(), 299);
        assert_eq!(recorder.lost_incidents.get(), 299 - WAITING as u64);
    }

    #[test]
    fn a_robot_whose_clock_drifts_is_not_behind() {
        let (mut clock, _incidents, recorder) = clock(None);
        for tick in 0..10_000 {
            // 100 parts in a million slower than the host's.
            let started = Time::from_nanos(1_000_000_000 + tick * 1_000_100);
            clock.begin(&recorder, (tick, tick), started, 0);
        }
        let worst = recorder.phase_histogram(Phase::Wake).value_at_quantile(1.0);
        assert!(worst < 1_000, "{worst} ns");
    }
}
