//! What the loop and its policy have exchanged: which question is open, which answer is due by now, and the
//! curve through the answers. Nothing here waits or reads a clock: the cycle is passed in.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::time::Duration;

use crate::command::cadence::Cadence;
use crate::command::chunk::ChunkFault;
use crate::command::interpolation::Interpolator;
use crate::command::judge::Judge;
use crate::command::late::{Arrival, LateRule};
use crate::command::lowpass::LowPass;
use crate::limits::{Limiter, Violations};
use crate::policy::Question;
use crate::session::cycles::RawAnswer;
use crate::timing::time::nanos;

/// The largest share of a period for which the loop waits for its policy within a cycle.
const LONGEST_WAIT: f64 = 0.9;

/// The cycle that the loop is in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    /// The number of the cycle, from 0.
    pub tick: u64,
    /// Ticks of the robot's clock since the first cycle, including ticks without a cycle.
    pub clock: u64,
}

/// A question to be asked in this cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    pub question: Question,
    /// The time since the previous question; zero for the first.
    pub period: Duration,
}

/// The state of the answer that is due by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The first answer is not due yet.
    Early,
    /// The state of the answer. An answer that is too old to be used counts as none.
    Known(Arrival),
}

/// What the answers that came in a cycle mean for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken {
    pub standing: Standing,
    /// True if this cycle is the deadline of a question that has no answer.
    pub is_missing: bool,
    /// True if the newest action answers the last question, but late.
    pub is_late: bool,
    /// True if the newest action is too old to be used.
    pub is_stale: bool,
    /// True if the curve has a new action.
    pub is_new: bool,
    /// True if the policy's chunks are over and there is no other.
    pub is_starved: bool,
}

/// How far a robot has slowed down on the curve that is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slowing {
    /// It goes on.
    On,
    /// The curve has come to its rest, and a robot that approaches it may still move.
    There,
    /// There is no curve, or the robot has slowed down, or it would leave the curve.
    Over,
}

/// The question that was asked last.
#[derive(Debug, Clone, Copy)]
struct Asked {
    /// Its number in the count of the policy's questions, from 0.
    number: u64,
    /// The cycle in which it was asked.
    tick: u64,
    /// The tick of the robot's clock at which its answer is due.
    due: u64,
    /// True if it was answered, with an action or without.
    is_answered: bool,
}

/// What the loop needs of the exchange with its policy.
pub(super) trait Exchange {
    /// Returns the time from one question to the next in periods of the robot.
    fn ratio(&self) -> f64;

    /// Returns true if the policy is asked in every cycle.
    fn is_every_cycle(&self) -> bool;

    /// Returns true if an answer is used in the cycle of its question, so that the loop waits for it there.
    fn waits(&self) -> bool;

    /// Returns the question to be asked in this cycle, if there is one, and records it as asked.
    fn ask(&mut self, now: Now, limits: &dyn Limiter) -> Option<Due>;

    /// Returns what the policy is told with a question: the observation, and what else it needs to know.
    fn told<'a>(&'a mut self, observation: &'a [f64], now: Now) -> &'a [f64];

    /// Returns the newest answer; the next one is written here too.
    fn newest(&mut self) -> &mut [f64];

    /// Returns the newest answer as it came. Call this before it is judged.
    fn raw(&self) -> RawAnswer<'_>;

    /// Notes that `question` is answered. Returns true if it is the last question that was asked.
    fn answered(&mut self, question: Question) -> bool;

    /// Judges the newest answer, which answers `question`, and returns what it breaks. `has_rested` is true if
    /// the robot rested since the answer before. Each answer must be passed here once, in order.
    fn see(
        &mut self,
        limits: &mut dyn Limiter,
        question: Question,
        now: Now,
        has_rested: bool,
    ) -> Violations;

    /// Returns what keeps the newest answer, a chunk, from being played. What was played goes on then.
    fn fault(&self) -> Option<ChunkFault>;

    /// Returns the row of a chunk at which the newest violation was found; `None` for a single action.
    fn row(&self) -> Option<u32>;

    /// Returns true if there has been no usable action yet.
    fn is_before_first(&self) -> bool;

    /// Begins at `command`. Call this only before the first action.
    fn begin(&mut self, command: &[f64]);

    /// Takes in the newest action of this cycle, which answers `question`; `None` if no action came.
    fn take(&mut self, question: Option<Question>, now: Now) -> Taken;

    /// Writes the command of this cycle, from the curve through the answers.
    fn command(&mut self, now: Now, out: &mut [f64]);

    /// Returns true if commands are the unchanged answers, with no curve between them and no filter.
    fn commands_answers(&self) -> bool;

    /// Returns the newest action on the curve, as it was answered.
    fn answer(&self) -> &[f64];

    /// Returns the time from the observation of the chunk of the newest command to that command \[s\]; NaN for
    /// single actions.
    fn age_s(&self) -> f64 {
        f64::NAN
    }

    /// Notes the number of the episode. If it is a new one, what is played is thrown away, and so are answers to
    /// questions from before. Returns true then.
    fn begin_episode(&mut self, _episode: u32, _now: Now) -> bool {
        false
    }

    /// Writes the command of this cycle for a robot that slows down on the curve that was played in the cycle before
    /// the first such call. Nothing is written if it returns [`Slowing::Over`].
    fn slow_down(&mut self, _now: Now, _limits: &dyn Limiter, _out: &mut [f64]) -> Slowing {
        Slowing::Over
    }
}

/// The exchange of a loop with a policy that answers with one action.
pub(super) struct PolicyExchange {
    cadence: Cadence,
    /// The robot's period.
    cycle: Duration,
    /// How many cycles after a question its answer is used.
    delay: u64,
    late: LateRule,
    asked: Option<Asked>,
    /// The number of the newest question whose answer is due.
    expected: Option<u64>,
    /// True if the answer to the last question is in `newest` and is not due yet.
    is_early: bool,
    /// The newest action that came.
    newest: Box<[f64]>,
    path: Interpolator,
    filter: Option<LowPass>,
    judge: Judge,
}

impl PolicyExchange {
    /// Creates the exchange with a policy that is asked every `ratio` robot periods of `cycle`. `budget` is
    /// the time for its answer; `None` if the robot waits for the policy. `path` and `filter` turn its
    /// actions into commands; `judge` checks them.
    pub fn new(
        cycle: Duration,
        ratio: f64,
        budget: Option<Duration>,
        late: LateRule,
        path: Interpolator,
        filter: Option<LowPass>,
        judge: Judge,
    ) -> PolicyExchange {
        let cadence = Cadence::new(ratio);
        let is_slow = !cadence.is_every_cycle();
        let delay = match budget {
            Some(budget) if is_slow && budget > cycle.mul_f64(LONGEST_WAIT) => {
                let cycles = (budget.as_secs_f64() / cycle.as_secs_f64()).ceil();
                // A ratio within the rounding of a single-precision number below a whole number counts as
                // that number.
                (cycles as u64).min((cadence.ratio() + 1e-6) as u64)
            }
            _ => 0,
        };
        PolicyExchange {
            cadence,
            cycle,
            delay,
            late,
            asked: None,
            expected: None,
            is_early: false,
            newest: path.answer().into(),
            path,
            filter,
            judge,
        }
    }

    /// Returns how long this many periods of the policy last.
    #[inline]
    fn lasting(&self, periods: u64) -> Duration {
        if self.cadence.is_every_cycle() {
            return match periods {
                1 => self.cycle,
                _ => Duration::from_nanos(nanos(self.cycle).saturating_mul(periods)),
            };
        }
        let seconds = self.cadence.ratio() * self.cycle.as_secs_f64() * periods as f64;
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// Returns the state of the newest action, which answers `question`; `asked` is the last question.
    #[inline]
    fn arrival(
        &mut self,
        question: Option<Question>,
        asked: Asked,
        is_deadline: bool,
        now: Now,
    ) -> Arrival {
        let is_due = now.clock >= asked.due;
        match question {
            Some(question) if question.tick == asked.tick => {
                if !is_due {
                    self.is_early = true;
                    Arrival::None
                } else if is_deadline {
                    Arrival::Fresh
                } else {
                    Arrival::Late {
                        age: now.clock.saturating_sub(asked.due),
                    }
                }
            }
            Some(question) => Arrival::Late {
                age: now
                    .tick
                    .saturating_sub(question.tick)
                    .saturating_sub(self.delay)
                    .max(1),
            },
            None if self.is_early && is_due => Arrival::Fresh,
            None => Arrival::None,
        }
    }

    /// Returns the time of this cycle on the curve, in periods of the policy. It lags behind the questions
    /// by the time that an answer may take.
    fn place(&self, now: Now) -> f64 {
        now.clock.saturating_sub(self.delay) as f64 / self.cadence.ratio()
    }
}

impl Exchange for PolicyExchange {
    fn ratio(&self) -> f64 {
        self.cadence.ratio()
    }

    fn is_every_cycle(&self) -> bool {
        self.cadence.is_every_cycle()
    }

    #[inline]
    fn waits(&self) -> bool {
        self.delay == 0
    }

    #[inline]
    fn ask(&mut self, now: Now, limits: &dyn Limiter) -> Option<Due> {
        let number = self.cadence.due(now.clock)?;
        let since = number.saturating_sub(self.asked.map_or(number, |asked| asked.number));
        let due = match self.delay {
            0 => now.clock,
            // If the question's own tick had no cycle, the policy has less time: the answer is due when it
            // is needed.
            delay => self.cadence.tick_of(number).saturating_add(delay),
        };
        self.asked = Some(Asked {
            number,
            tick: now.tick,
            due,
            is_answered: false,
        });
        self.judge.asked(limits, now.tick);
        Some(Due {
            question: Question {
                tick: now.tick,
                time: self.lasting(number),
            },
            period: self.lasting(since),
        })
    }

    #[inline]
    fn told<'a>(&'a mut self, observation: &'a [f64], _now: Now) -> &'a [f64] {
        observation
    }

    #[inline]
    fn newest(&mut self) -> &mut [f64] {
        &mut self.newest
    }

    #[inline]
    fn raw(&self) -> RawAnswer<'_> {
        RawAnswer {
            before_s: 0.0,
            step_s: 0.0,
            width: self.newest.len(),
            numbers: &self.newest,
            context: None,
        }
    }

    #[inline]
    fn answered(&mut self, question: Question) -> bool {
        match &mut self.asked {
            Some(asked) if asked.tick == question.tick => {
                asked.is_answered = true;
                true
            }
            _ => false,
        }
    }

    #[inline]
    fn see(
        &mut self,
        limits: &mut dyn Limiter,
        question: Question,
        _now: Now,
        has_rested: bool,
    ) -> Violations {
        self.judge.see(limits, question, &self.newest, has_rested)
    }

    #[inline]
    fn fault(&self) -> Option<ChunkFault> {
        None
    }

    fn row(&self) -> Option<u32> {
        None
    }

    #[inline]
    fn is_before_first(&self) -> bool {
        self.path.newest().is_none()
    }

    fn begin(&mut self, command: &[f64]) {
        self.path.begin(command);
        if let Some(filter) = &mut self.filter {
            filter.begin(command);
        }
    }

    #[inline]
    fn take(&mut self, question: Option<Question>, now: Now) -> Taken {
        let mut taken = Taken {
            standing: Standing::Early,
            is_missing: false,
            is_late: false,
            is_stale: false,
            is_new: false,
            is_starved: false,
        };
        let Some(asked) = self.asked else {
            return taken;
        };
        let is_due = now.clock >= asked.due;
        // True in the cycle in which the answer is due.
        let is_deadline = is_due && self.expected != Some(asked.number);
        if is_deadline {
            self.expected = Some(asked.number);
        }
        taken.is_missing = is_deadline && !asked.is_answered;
        let arrival = self.arrival(question, asked, is_deadline, now);
        let is_of_last = question.is_some_and(|question| question.tick == asked.tick);
        taken.is_late = is_of_last && matches!(arrival, Arrival::Late { .. });
        let Some(expected) = self.expected else {
            return taken;
        };
        taken.is_stale = self.late.is_stale(arrival);
        let arrival = match taken.is_stale {
            true => Arrival::None,
            false => arrival,
        };
        if arrival != Arrival::None {
            self.is_early &= !is_due;
            // A late action takes the place of the action that was due.
            self.path.put(expected, &self.newest);
            taken.is_new = true;
        }
        // Between two questions the curve continues to the last answer, and ends there.
        let leads = |newest: u64| newest as f64 + 1.0 > self.place(now);
        taken.standing = Standing::Known(match arrival {
            Arrival::None if !taken.is_stale && self.path.newest().is_some_and(leads) => {
                Arrival::Fresh
            }
            arrival => arrival,
        });
        taken
    }

    #[inline]
    fn command(&mut self, now: Now, out: &mut [f64]) {
        if self.cadence.is_every_cycle() {
            out.copy_from_slice(self.path.answer());
        } else {
            self.path.at(self.place(now), out);
        }
        // Before the first action there is nothing to filter.
        if let (Some(filter), false) = (&mut self.filter, self.path.newest().is_none()) {
            filter.pass(1.0, out);
        }
    }

    #[inline]
    fn commands_answers(&self) -> bool {
        self.cadence.is_every_cycle() && self.filter.is_none()
    }

    #[inline]
    fn answer(&self) -> &[f64] {
        self.path.answer()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::interpolation::Interpolation;
    use crate::limits::Unlimited;

    const MS: Duration = Duration::from_millis(1);

    /// What one cycle brought.
    #[derive(Debug, Clone, Copy)]
    struct Row {
        clock: u64,
        taken: Taken,
        command: f64,
    }

    /// An exchange with a policy that answers question `k` with `k`, some cycles after the question.
    struct Timeline {
        exchange: PolicyExchange,
        limits: Unlimited,
        asked: Vec<Due>,
        now: Now,
        /// The open question, and the cycle in which it is answered.
        open: Option<(u64, Question)>,
    }

    impl Timeline {
        fn new(rate_hz: f64, budget: Duration) -> Timeline {
            let path = Interpolator::new(Interpolation::Line, 1);
            let late = LateRule::default();
            let ratio = 1e3 / rate_hz;
            let limits = Unlimited::new(1);
            let judge = Judge::new(&limits, 1, MS, ratio, None);
            Timeline {
                exchange: PolicyExchange::new(MS, ratio, Some(budget), late, path, None, judge),
                limits,
                asked: Vec::new(),
                now: Now { tick: 0, clock: 0 },
                open: None,
            }
        }

        fn ask(&mut self, takes: u64) {
            if let Some(due) = self.exchange.ask(self.now, &self.limits) {
                self.asked.push(due);
                self.open = Some((self.now.tick + takes, due.question));
            }
        }

        /// Runs one cycle after `skipped` ticks without one. A question asked now is answered after `takes`
        /// cycles.
        fn cycle(&mut self, skipped: u64, takes: u64) -> Row {
            if self.now.tick > 0 {
                self.now.clock += 1 + skipped;
            }
            let waits = self.exchange.waits();
            if waits {
                self.ask(takes);
            }
            let answered = self.open.take_if(|(due, _)| *due <= self.now.tick);
            let question = answered.map(|(_, question)| question);
            if let Some(question) = question {
                // Finds the number of the question.
                let number = self.asked.iter().position(|due| due.question == question);
                self.exchange.newest()[0] = number.unwrap() as f64;
                self.exchange.answered(question);
            }
            let taken = self.exchange.take(question, self.now);
            if !waits {
                self.ask(takes);
            }
            let mut command = [0.0];
            self.exchange.command(self.now, &mut command);
            let row = Row {
                clock: self.now.clock,
                taken,
                command: command[0],
            };
            self.now.tick += 1;
            row
        }

        fn cycles(&mut self, count: u64, takes: u64) -> Vec<Row> {
            (0..count).map(|_| self.cycle(0, takes)).collect()
        }
    }

    #[test]
    fn asks_at_the_policys_rate_and_tells_each_question_its_exact_time() {
        for rate_hz in [30.0, 50.0, 333.3, 700.0] {
            let mut timeline = Timeline::new(rate_hz, MS / 3);
            timeline.cycles(3_000, 0);
            let asked = timeline.asked.len() as f64;
            assert!(
                (asked - (3.0 * rate_hz).round()).abs() <= 1.0,
                "{rate_hz} Hz"
            );
            for (number, due) in timeline.asked.iter().enumerate() {
                let exact = number as f64 / rate_hz;
                let time = due.question.time.as_secs_f64();
                assert!((time - exact).abs() < 1e-8, "{rate_hz} Hz: {time}");
                let off = due.question.tick as f64 * 1e-3 - exact;
                assert!(off.abs() < 0.51e-3, "{rate_hz} Hz: {off}");
                let expected = if number == 0 { 0.0 } else { 1.0 / rate_hz };
                assert!((due.period.as_secs_f64() - expected).abs() < 1e-8);
            }
        }
    }

    #[test]
    fn asks_in_every_cycle_at_the_robots_rate_or_above_and_commands_the_answer_as_it_is() {
        for rate_hz in [1_000.0, 4_000.0] {
            let mut timeline = Timeline::new(rate_hz, MS / 3);
            for (cycle, row) in timeline.cycles(100, 0).iter().enumerate() {
                assert_eq!(row.command, cycle as f64, "{rate_hz} Hz");
                assert_eq!(row.taken.standing, Standing::Known(Arrival::Fresh));
                assert!(row.taken.is_new);
            }
            assert_eq!(timeline.asked.len(), 100);
        }
    }

    #[test]
    fn joins_answers_by_lines_as_far_behind_as_they_may_take() {
        for (budget, takes) in [(MS / 3, 0), (MS * 10, 7), (MS * 20, 19)] {
            let mut timeline = Timeline::new(50.0, budget);
            let rows = timeline.cycles(2_000, takes);
            assert!(rows.iter().all(|row| !row.taken.is_missing), "{budget:?}");
            let delay = if takes == 0 { 0 } else { budget.as_millis() };
            for row in &rows[100..] {
                let expected = (row.clock as f64 - 20.0 - delay as f64) / 20.0;
                assert!((row.command - expected).abs() < 1e-9, "{row:?}");
            }
        }
    }

    #[test]
    fn joins_answers_by_the_same_lines_where_cycles_are_missing() {
        for (rate_hz, budget, every) in
            [(50.0, 20, 7), (50.0, 10, 19), (30.0, 33, 11), (333.3, 2, 5)]
        {
            let ratio = 1e3 / rate_hz;
            let mut timeline = Timeline::new(rate_hz, MS * budget);
            for cycle in 1..=2_000 {
                let skipped = if cycle % every == 0 { 2 } else { 0 };
                let row = timeline.cycle(skipped, 0);
                assert!(!row.taken.is_missing, "{rate_hz} Hz");
                let expected = (row.clock as f64 - ratio - f64::from(budget)) / ratio;
                // The curve begins at rest, so the first answers differ.
                let off = row.command - expected;
                assert!(row.clock < 200 || off.abs() < 1e-6, "{rate_hz} Hz: {row:?}");
            }
        }
    }

    #[test]
    fn the_first_answer_is_early_until_it_is_due_and_then_fresh() {
        let mut timeline = Timeline::new(50.0, MS * 10);
        let rows = timeline.cycles(20, 3);
        let standing = |row: &Row| row.taken.standing;
        assert!(
            rows[..10]
                .iter()
                .all(|row| standing(row) == Standing::Early)
        );
        let fresh = Standing::Known(Arrival::Fresh);
        assert!(rows[10..].iter().all(|row| standing(row) == fresh));
        let new: Vec<u64> = rows
            .iter()
            .filter(|row| row.taken.is_new)
            .map(|row| row.clock)
            .collect();
        assert_eq!(new, [10]);
    }

    #[test]
    fn a_deadline_without_an_answer_is_missing_once_and_its_answer_late_by_the_cycles_since() {
        let mut timeline = Timeline::new(50.0, MS * 5);
        // The answer comes in the ninth cycle after the question and is due in the fifth.
        let rows = timeline.cycles(1_000, 9);
        assert_eq!(rows.iter().filter(|row| row.taken.is_missing).count(), 50);
        assert_eq!(rows.iter().filter(|row| row.taken.is_late).count(), 50);
        assert!(rows.iter().all(|row| !row.taken.is_stale));
        for row in &rows[40..] {
            let expected = match row.clock % 20 {
                5..9 => Arrival::None,
                9 => Arrival::Late { age: 4 },
                // The action that came is used until the next deadline.
                _ => Arrival::Fresh,
            };
            assert_eq!(row.taken.standing, Standing::Known(expected), "{row:?}");
        }
    }

    #[test]
    fn an_answer_older_than_what_may_be_held_counts_as_none() {
        let mut timeline = Timeline::new(1_000.0, MS / 3);
        timeline.cycles(10, 0);
        let open = timeline.asked[9].question;
        let held = u64::from(LateRule::default().max_held);
        for (cycle, age) in (1..=held + 1).enumerate() {
            timeline.now.clock += 1;
            timeline.exchange.ask(timeline.now, &timeline.limits);
            let is_last = age > held;
            let taken = timeline
                .exchange
                .take(is_last.then_some(open), timeline.now);
            assert_eq!(taken.standing, Standing::Known(Arrival::None), "{cycle}");
            assert_eq!((taken.is_stale, taken.is_new), (is_last, false), "{cycle}");
            timeline.now.tick += 1;
        }
    }
}
