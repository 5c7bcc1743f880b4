//! What the loop and a policy that answers in chunks have exchanged: when it is asked again, and what is
//! played. Nothing here waits or reads a clock: the cycle is passed in.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::command::chunk::ChunkFault;
use crate::command::chunk_player::{ChunkPlayer, fade_s};
use crate::command::ensemble::Ensemble;
use crate::command::interpolation::Interpolation;
use crate::command::judge::Judge;
use crate::command::late::Arrival;
use crate::command::lowpass::LowPass;
use crate::limits::{Limiter, ViolationKind, Violations, exceeds};
use crate::policy::Question;
use crate::session::chunks::{CHUNK_HEADER, CHUNK_NEWS, Chunks, Merge, NO_CHUNK, Replan};
use crate::session::cycles::RawAnswer;
use crate::session::exchange::{Due, Exchange, Now, Standing, Taken};
use crate::session::grips::Grips;
use crate::stats::Recorder;
use crate::timing::time::nanos;

/// Of how many of the newest latencies the expected one is taken, and which share of them is no longer.
const LATELY: usize = 20;
const EXPECTED_SHARE: f64 = 0.9;
/// Which share of the limits a fade may take, so that the motion itself has the rest.
const FADE_SHARE: f64 = 0.25;
/// A velocity below which a robot counts as resting \[rad/s, m/s\].
const STILL: f64 = 1e-4;

/// The question that is open, or was answered last.
#[derive(Debug, Clone, Copy)]
struct Asked {
    question: Question,
    clock: u64,
    /// True if the robot rested when it was asked.
    rests: bool,
    is_open: bool,
}

/// The exchange of a loop with a policy that answers in chunks.
pub(super) struct ChunkExchange {
    cycle: Duration,
    cycle_s: f64,
    chunks: Chunks,
    slots: usize,
    /// The newest answer.
    frame: Box<[f64]>,
    player: ChunkPlayer,
    ensemble: Option<Ensemble>,
    judge: Judge,
    filter: Option<LowPass>,
    recorder: Arc<Recorder>,
    asked: Option<Asked>,
    /// When the newest chunk was observed \[s\].
    observed_s: Option<f64>,
    /// When the first row of the newest chunk belongs \[s\]; NaN if the newest answer could not be played.
    began_s: f64,
    /// The newest latencies \[s\], and how many there were.
    latencies_s: [f64; LATELY],
    answered: usize,
    /// The observation and the numbers that follow it.
    told: Box<[f64]>,
    /// True if the last cycle's command was played.
    has_played: bool,
    grips: Grips,
    /// What kept the newest answer from being played.
    fault: Option<ChunkFault>,
    /// The row that the judge found at fault.
    row: Option<u32>,
    scratch: Scratch,
}

/// Room for actions and displacements.
struct Scratch {
    command: Box<[f64]>,
    rates: [Box<[f64]>; 2],
    to: Box<[f64]>,
}

impl ChunkExchange {
    /// Creates the exchange of a robot with cycles of `cycle` and actions of `slots` slots. `filter` smooths
    /// what is commanded; `recorder` counts.
    pub fn new(
        cycle: Duration,
        slots: usize,
        chunks: Chunks,
        observation_len: usize,
        limits: &dyn Limiter,
        (filter, recorder): (Option<LowPass>, Arc<Recorder>),
    ) -> ChunkExchange {
        let zeros = || vec![0.0; slots].into_boxed_slice();
        let room = chunks.rows;
        let ensemble = match chunks.merge {
            Merge::Ensemble { m } => Some(Ensemble::new(chunks.curve, slots, room, m)),
            Merge::Fade | Merge::Replace => None,
        };
        ChunkExchange {
            cycle,
            cycle_s: cycle.as_secs_f64(),
            slots,
            frame: vec![
                0.0;
                CHUNK_HEADER.saturating_add(room.saturating_mul(chunks.row_len(slots)))
            ]
            .into_boxed_slice(),
            grips: Grips::new(room),
            player: ChunkPlayer::new(chunks.curve, slots, room),
            ensemble,
            judge: Judge::new(limits, slots, cycle, 1.0, None),
            chunks,
            filter,
            recorder,
            asked: None,
            observed_s: None,
            began_s: f64::NAN,
            latencies_s: [0.0; LATELY],
            answered: 0,
            told: vec![0.0; observation_len.saturating_add(CHUNK_NEWS)].into_boxed_slice(),
            has_played: false,
            fault: None,
            row: None,
            scratch: Scratch {
                command: zeros(),
                rates: [zeros(), zeros()],
                to: zeros(),
            },
        }
    }

    /// Returns how long an answer takes, from the latencies of late \[s\].
    fn expected_s(&self) -> f64 {
        let mut lately = self.latencies_s;
        let lately = &mut lately[..self.answered.min(LATELY)];
        lately.sort_unstable_by(f64::total_cmp);
        let nth = (EXPECTED_SHARE * lately.len() as f64).ceil() as usize;
        lately.get(nth.saturating_sub(1)).copied().unwrap_or(0.0)
    }

    fn time_s(&self, now: Now) -> f64 {
        now.clock as f64 * self.cycle_s
    }

    /// Returns true if what is left of the chunks, or the time since the last question, asks for a new one.
    fn is_due(&self, now: Now) -> bool {
        let Some(asked) = self.asked else {
            return true;
        };
        if asked.is_open {
            return false;
        }
        // The cycle nearest to the time counts.
        let now_s = self.time_s(now) + 0.5 * self.cycle_s;
        match self.chunks.replan {
            Replan::Every(period) => {
                let since = now.clock.saturating_sub(asked.clock);
                (since as f64 + 0.5) * self.cycle_s >= period.as_secs_f64()
            }
            Replan::Share(share) => {
                let left = self.player.left_s(now_s);
                left.is_none_or(|(left_s, lasts_s)| left_s <= share * lasts_s)
            }
            Replan::Steps(steps) => {
                let left = self.player.left_s(now_s);
                left.is_none_or(|(left_s, _)| left_s <= steps * self.player.newest_dt_s())
            }
        }
    }

    /// Returns true if the robot is commanded to rest.
    fn rests(&mut self, limits: &dyn Limiter) -> bool {
        let [first, second] = &mut self.scratch.rates;
        limits.rates(first, second);
        let is_velocity = limits.interpolation() == Interpolation::Line;
        let still = |values: &[f64]| values.iter().all(|value| value.abs() < STILL);
        if !is_velocity {
            return still(first);
        }
        limits.last_command(&mut self.scratch.to);
        still(&self.scratch.to)
    }

    /// Reads the newest answer: how many rows, the time between them, and when the first belongs.
    fn read(&self, question: Question, now_s: f64) -> Result<(usize, f64, f64), ChunkFault> {
        let [rows, dt_s, before_s] = [0, 1, 2].map(|at| self.frame.get(at).copied().unwrap_or(0.0));
        if rows < 0.0 {
            // In place of the time between rows stands the row, if it is one.
            return Err(ChunkFault::Malformed {
                reason: (NO_CHUNK - rows).max(0.0) as usize,
                row: (dt_s >= 0.0).then_some(dt_s as usize),
            });
        }
        if exceeds(1.0, rows) {
            return Err(ChunkFault::Empty);
        }
        if rows > self.chunks.rows as f64 {
            return Err(ChunkFault::TooLong {
                rows: rows as usize,
            });
        }
        let asked_s = question.time.as_secs_f64();
        let observed_s = asked_s - before_s;
        if exceeds(observed_s, now_s + 0.5 * self.cycle_s) {
            return Err(ChunkFault::Future {
                by_s: observed_s - now_s,
            });
        }
        if let Some(last_s) = self.observed_s
            && exceeds(last_s - 0.5 * self.cycle_s, observed_s)
        {
            return Err(ChunkFault::Backwards {
                by_s: last_s - observed_s,
            });
        }
        Ok((rows as usize, dt_s, observed_s))
    }

    /// Takes in the newest answer, which answers `question`. Returns what it breaks.
    ///
    /// # Errors
    /// What keeps it from being played. What is played goes on then.
    fn take_in(
        &mut self,
        limits: &mut dyn Limiter,
        question: Question,
        now: Now,
    ) -> Result<Violations, ChunkFault> {
        let now_s = self.time_s(now);
        self.began_s = f64::NAN;
        let latency_s = now_s - question.time.as_secs_f64();
        self.latencies_s[self.answered % LATELY] = latency_s;
        self.answered = self.answered.saturating_add(1);
        let (rows, dt_s, observed_s) = self.read(question, now_s)?;
        if self.chunks.gripper.is_some() {
            let numbers = &mut self.frame[CHUNK_HEADER..];
            if let Some(row) = self.grips.split(numbers, self.slots, rows) {
                let slot = self.slots;
                return Err(ChunkFault::NotFinite { row, slot });
            }
        }
        let numbers = CHUNK_HEADER..CHUNK_HEADER.saturating_add(rows.saturating_mul(self.slots));
        if self.chunks.is_relative {
            // The first change leads from one step before the observation to it.
            match self.has_played {
                true => self.player.at(observed_s - dt_s, &mut self.scratch.to),
                false => limits.last_command(&mut self.scratch.to),
            }
            self.add_up(numbers.clone());
        }
        // What is played goes on: this only finds what keeps the chunk from being played.
        self.player
            .take(&self.frame[numbers.clone()], dt_s, observed_s)?;
        let found = self.judged(limits, rows, dt_s);
        if let (true, Some(_), Some(row)) = (
            self.chunks.skips_bad,
            found.of(ViolationKind::Frame),
            self.row,
        ) {
            return Err(ChunkFault::Frame { row: row as usize });
        }
        self.recorder.chunks.add(1);
        self.recorder.chunks_played.latency(latency_s);
        let rested = self.asked.is_some_and(|asked| asked.rests);
        let is_anew = self.observed_s.is_none() || rested && self.rests(limits);
        let begins_s = match is_anew {
            true => now_s,
            false => observed_s,
        };
        self.observed_s = Some(observed_s);
        let passed = ((now_s - begins_s) / dt_s).clamp(0.0, rows as f64);
        self.recorder.skipped_actions.add(passed.ceil() as u64);
        self.player.shift_taken(begins_s);
        if self.player.taken().ends_s() < now_s {
            self.recorder.stale_actions.add(1);
            self.began_s = begins_s;
            return Ok(found);
        }
        let was_playing = self.has_played;
        // The times of a chunk that begins anew are not those of its observation: others are not averaged with it.
        if let Some(ensemble) = &mut self.ensemble {
            if is_anew {
                ensemble.clear();
            } else {
                let actions = &mut self.frame[numbers];
                ensemble.average(actions, self.player.taken())?;
                self.player.take(actions, dt_s, begins_s)?;
            }
        }
        self.take_over(limits, now_s)?;
        self.began_s = begins_s;
        self.grips.begin(begins_s, dt_s);
        self.recorder.seams.add(u64::from(was_playing));
        Ok(found)
    }

    /// Makes targets of the changes in the newest answer, beginning from `scratch.to`.
    fn add_up(&mut self, numbers: Range<usize>) {
        let slots = self.frame[numbers].iter_mut().enumerate();
        for (place, slot) in slots {
            if let Some(target) = self
                .scratch
                .to
                .get_mut(place.checked_rem(self.slots).unwrap_or(0))
            {
                *target += *slot;
                *slot = *target;
            }
        }
    }

    /// Judges each row as an answer, and the differences of the rows at the time between them. Notes the first
    /// row at which something is broken.
    fn judged(&mut self, limits: &mut dyn Limiter, rows: usize, dt_s: f64) -> Violations {
        self.row = None;
        let mut found = Violations::none();
        let actions = self.frame[CHUNK_HEADER..].chunks_exact(self.slots);
        for (row, action) in actions.take(rows).enumerate() {
            let broken = match row {
                0 => self.judge.restart(limits, action),
                _ => {
                    let time = Duration::try_from_secs_f64(row as f64 * dt_s);
                    let time = time.unwrap_or(Duration::MAX);
                    let question = Question { tick: 0, time };
                    self.judge.see(limits, question, action, false)
                }
            };
            if !broken.is_empty() && self.row.is_none() {
                self.row = Some(row as u32);
            }
            found.join(&broken);
        }
        found
    }

    /// Lets the chunk that was taken last take over: from the curve that is played, or, where nothing was played,
    /// from what the robot is commanded. A robot that is still catching up with its curve goes on doing so.
    ///
    /// # Errors
    /// [`ChunkFault::Seam`] if it is further away than a seam may be.
    fn take_over(&mut self, limits: &dyn Limiter, now_s: f64) -> Result<(), ChunkFault> {
        let Scratch { command, rates, .. } = &mut self.scratch;
        let (from_s, motion) = match self.has_played {
            true => (now_s, self.player.beside_taken(now_s, self.cycle_s)),
            false => {
                let [first, second] = rates;
                limits.last_command(command);
                limits.rates(first, second);
                let from_s = now_s - self.cycle_s;
                let rates = [&**first, &**second];
                let motion = self
                    .player
                    .command_beside_taken(command, rates, from_s, self.cycle_s);
                (from_s, motion)
            }
        };
        let mut lasts_s: f64 = 0.0;
        let mut widest: Option<(f64, ChunkFault)> = None;
        for (coordinate, away) in motion.away.iter().enumerate() {
            let distance = away.abs();
            self.recorder.chunks_played.seam(coordinate, distance);
            let longest = self.chunks.max_seam.get(coordinate).copied();
            let longest = longest.unwrap_or(f64::INFINITY);
            let share = distance / longest;
            if exceeds(share, 1.0) && widest.is_none_or(|(most, _)| share > most) {
                let fault = ChunkFault::Seam {
                    coordinate,
                    distance,
                    longest,
                };
                widest = Some((share, fault));
            }
            let bounds = limits
                .highest_rates(coordinate)
                .map(|most| FADE_SHARE * most);
            let [faster, sharper] =
                [&motion.faster, &motion.sharper].map(|rates| rates[coordinate]);
            lasts_s = lasts_s.max(fade_s(*away, faster, sharper, bounds));
        }
        if let Some((_, fault)) = widest {
            return Err(fault);
        }
        match self.chunks.merge {
            Merge::Replace => self.player.begin(now_s, 0.0),
            Merge::Fade | Merge::Ensemble { .. } => self.player.begin(from_s, lasts_s),
        }
        Ok(())
    }
}

impl Exchange for ChunkExchange {
    fn ratio(&self) -> f64 {
        1.0
    }

    fn is_every_cycle(&self) -> bool {
        false
    }

    fn waits(&self) -> bool {
        false
    }

    fn ask(&mut self, now: Now, limits: &dyn Limiter) -> Option<Due> {
        if !self.is_due(now) {
            return None;
        }
        let since = self
            .asked
            .map_or(0, |asked| now.clock.saturating_sub(asked.clock));
        let lasting = |ticks| Duration::from_nanos(nanos(self.cycle).saturating_mul(ticks));
        let due = Due {
            question: Question {
                tick: now.tick,
                time: lasting(now.clock),
            },
            period: lasting(since),
        };
        self.asked = Some(Asked {
            question: due.question,
            clock: now.clock,
            rests: self.rests(limits),
            is_open: true,
        });
        Some(due)
    }

    fn told<'a>(&'a mut self, observation: &'a [f64], now: Now) -> &'a [f64] {
        let news = [self.time_s(now) - self.began_s, self.expected_s()];
        if let Some((seen, told)) = self.told.split_at_mut_checked(observation.len()) {
            seen.copy_from_slice(observation);
            for (told, news) in told.iter_mut().zip(news) {
                *told = news;
            }
        }
        &self.told
    }

    fn newest(&mut self) -> &mut [f64] {
        &mut self.frame
    }

    fn raw(&self) -> RawAnswer<'_> {
        let width = self.chunks.row_len(self.slots);
        let (header, numbers) = self.frame.split_at(CHUNK_HEADER.min(self.frame.len()));
        let &[rows, step_s, before_s] = header else {
            return RawAnswer::default();
        };
        // An answer that was no chunk has a number below zero here, which becomes 0.
        let len = (rows as usize).saturating_mul(width);
        RawAnswer {
            before_s,
            step_s,
            width,
            numbers: numbers.get(..len).unwrap_or_default(),
        }
    }

    fn answered(&mut self, question: Question) -> bool {
        match &mut self.asked {
            Some(asked) if asked.question.tick == question.tick => {
                asked.is_open = false;
                true
            }
            _ => false,
        }
    }

    fn see(
        &mut self,
        limits: &mut dyn Limiter,
        question: Question,
        now: Now,
        _has_rested: bool,
    ) -> Violations {
        match self.take_in(limits, question, now) {
            Ok(found) => {
                self.fault = None;
                found
            }
            Err(fault) => {
                self.fault = Some(fault);
                Violations::none()
            }
        }
    }

    fn fault(&self) -> Option<ChunkFault> {
        self.fault
    }

    fn row(&self) -> Option<u32> {
        self.row
    }

    fn is_before_first(&self) -> bool {
        !self.player.is_playing()
    }

    fn begin(&mut self, command: &[f64]) {
        if let Some(filter) = &mut self.filter {
            filter.begin(command);
        }
    }

    fn take(&mut self, _question: Option<Question>, now: Now) -> Taken {
        let standing = match self.player.left_s(self.time_s(now)) {
            None => Standing::Early,
            Some((left_s, _)) if left_s >= -0.5 * self.cycle_s => Standing::Known(Arrival::Fresh),
            Some(_) => Standing::Known(Arrival::None),
        };
        self.has_played &= standing == Standing::Known(Arrival::Fresh);
        Taken {
            standing,
            is_missing: false,
            is_late: false,
            is_stale: false,
            is_new: false,
            is_starved: standing == Standing::Known(Arrival::None),
        }
    }

    fn command(&mut self, now: Now, out: &mut [f64]) {
        let now_s = self.time_s(now);
        self.player.at(now_s, out);
        self.has_played = true;
        if let Some(observed_s) = self.observed_s {
            self.recorder.chunks_played.age(now_s - observed_s);
        }
        if let (Some(gripper), Some(wanted)) = (&self.chunks.gripper, self.grips.at(now_s)) {
            gripper.set(wanted);
        }
        if let Some(filter) = &mut self.filter {
            filter.pass(1.0, out);
        }
    }

    fn commands_answers(&self) -> bool {
        false
    }

    fn answer(&self) -> &[f64] {
        &self.scratch.to
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::chunk::Curve;
    use crate::limits::judgement::{Judgement, Sequence};
    use crate::limits::{Approach, Violation, check_finite};
    use crate::session::chunks::Wanted;

    const MS: Duration = Duration::from_millis(1);
    const DT: f64 = 1e-3;
    /// The time from row to row in most tests \[s\].
    const STEP: f64 = 0.02;
    const MOST: [f64; 3] = [2.0, 10.0, 5_000.0];
    const KINDS: [ViolationKind; 3] = [
        ViolationKind::Velocity,
        ViolationKind::Acceleration,
        ViolationKind::Jerk,
    ];

    /// One joint that does what it is commanded.
    #[derive(Default)]
    struct Joint {
        at: f64,
        velocity: f64,
    }

    impl Limiter for Joint {
        fn interpolation(&self) -> Interpolation {
            Interpolation::Spline
        }

        fn last_command(&self, out: &mut [f64]) {
            out.fill(self.at);
        }

        fn rates(&self, first: &mut [f64], _second: &mut [f64]) {
            first.fill(self.velocity);
        }

        fn highest_rates(&self, _coordinate: usize) -> [f64; 3] {
            MOST
        }

        fn observe(&mut self, _observation: &[f64]) -> bool {
            true
        }

        fn check_answer(&self, answer: &[f64]) -> Violations {
            check_finite(answer)
        }

        fn judge(&mut self, _part: usize, sequence: &Sequence<'_>) -> Judgement {
            Judgement::noted(|judgement| {
                for order in 0..sequence.known {
                    let received = sequence.derivatives[order][0];
                    if exceeds(received.abs(), MOST[order]) {
                        judgement.found.note(Violation {
                            kind: KINDS[order],
                            slot: 0,
                            action: sequence.answer[0],
                            received,
                            limit: MOST[order],
                            joint: None,
                            flaw: None,
                        });
                    }
                }
            })
        }

        fn accept(&mut self, action: &[f64]) {
            self.velocity = (action[0] - self.at) / DT;
            self.at = action[0];
        }

        fn approach(&mut self, _: &[f64], _: &[f64], _: Approach, _: &mut [f64]) -> bool {
            true
        }

        fn hold(&mut self, _observation: &[f64], _out: &mut [f64]) {}

        fn brake(&mut self, _observation: &[f64], _out: &mut [f64]) -> bool {
            self.velocity = 0.0;
            true
        }
    }

    /// The rows of an answer, and how long before its question they begin.
    struct Answer {
        rows: Vec<f64>,
        before_s: f64,
    }

    /// A loop with a policy that takes some cycles for an answer.
    struct Run {
        exchange: ChunkExchange,
        joint: Joint,
        recorder: Arc<Recorder>,
        now: Now,
        open: Option<(u64, Question)>,
        asked: Vec<u64>,
        /// What was commanded in each cycle; where nothing was, the joint rests.
        commanded: Vec<f64>,
        fault: Option<ChunkFault>,
        found: Violations,
    }

    fn chunks() -> Chunks {
        Chunks {
            rows: 64,
            curve: Curve::Smooth,
            replan: Replan::Share(0.9),
            merge: Merge::Fade,
            max_seam: Box::new([0.1]),
            skips_bad: false,
            is_relative: false,
            gripper: None,
        }
    }

    impl Run {
        fn new(chunks: Chunks) -> Run {
            let joint = Joint::default();
            let recorder = Arc::new(Recorder::new(MS, 10));
            Run {
                exchange: ChunkExchange::new(
                    MS,
                    1,
                    chunks,
                    1,
                    &joint,
                    (None, Arc::clone(&recorder)),
                ),
                joint,
                recorder,
                now: Now { tick: 0, clock: 0 },
                open: None,
                asked: Vec::new(),
                commanded: Vec::new(),
                fault: None,
                found: Violations::none(),
            }
        }

        /// Runs cycles of a policy that answers a question of `time` after `takes` cycles with `answer(time)`.
        fn cycles(&mut self, count: u64, takes: u64, answer: impl Fn(f64) -> Answer) -> &mut Run {
            for _ in 0..count {
                let arrives = |open: &mut (u64, Question)| open.0 <= self.now.tick;
                if let Some((_, question)) = self.open.take_if(arrives) {
                    let Answer { rows, before_s } = answer(question.time.as_secs_f64());
                    self.put(&rows, STEP, before_s);
                    self.answer(question);
                }
                self.command();
                if let Some(due) = self.exchange.ask(self.now, &self.joint) {
                    self.asked.push(self.now.clock);
                    self.open = Some((self.now.tick + takes, due.question));
                }
                self.now.tick += 1;
                self.now.clock += 1;
            }
            self
        }

        fn put(&mut self, rows: &[f64], dt_s: f64, before_s: f64) {
            let wide = self.exchange.chunks.row_len(1);
            let frame = self.exchange.newest();
            frame[..3].copy_from_slice(&[(rows.len() / wide) as f64, dt_s, before_s]);
            let len = rows.len().min(frame.len() - 3);
            frame[3..3 + len].copy_from_slice(&rows[..len]);
        }

        fn answer(&mut self, question: Question) {
            assert!(self.exchange.answered(question));
            let found = self
                .exchange
                .see(&mut self.joint, question, self.now, false);
            self.found.join(&found);
            self.fault = self.exchange.fault().or(self.fault);
        }

        fn command(&mut self) {
            let taken = self.exchange.take(None, self.now);
            if taken.standing == Standing::Known(Arrival::Fresh) {
                let mut out = [0.0];
                self.exchange.command(self.now, &mut out);
                self.joint.accept(&out);
            } else {
                self.joint.velocity = 0.0;
            }
            self.commanded.push(self.joint.at);
        }

        /// The largest first, second and third derivatives of what was commanded.
        fn rates(&self) -> [f64; 3] {
            let mut path = self.commanded.clone();
            std::array::from_fn(|_| {
                path = path.windows(2).map(|w| (w[1] - w[0]) / DT).collect();
                path.iter().map(|rate| rate.abs()).fold(0.0, f64::max)
            })
        }
    }

    fn wave(time: f64) -> f64 {
        0.15 * (1.0 - (std::f64::consts::TAU * 0.2 * time).cos())
    }

    /// Answers with the next second of the wave.
    fn told(time: f64) -> Answer {
        let rows = (0..50).map(|row| wave(time + f64::from(row) * STEP));
        Answer {
            rows: rows.collect(),
            before_s: 0.0,
        }
    }

    #[test]
    fn an_action_belongs_to_the_time_of_its_observation_however_late_the_chunk_comes() {
        for takes in [1, 40, 150, 400] {
            let mut run = Run::new(chunks());
            run.cycles(3_000, takes, told);
            // The first chunk begins when it comes.
            let behind = takes as usize;
            let settled = behind + 1_500;
            let off = (settled..3_000)
                .map(|tick| (run.commanded[tick] - wave(tick as f64 * DT)).abs())
                .fold(0.0, f64::max);
            assert!(off < 2e-5, "{takes}: {off}");
            assert!(run.fault.is_none() && run.found.is_empty());
            let rates = run.rates();
            assert!(rates[2] < 0.5 * MOST[2], "{takes}: {rates:?}");
        }
    }

    #[test]
    fn the_first_chunk_and_one_that_was_asked_at_rest_and_comes_at_rest_begin_with_their_first_action()
     {
        let mut run = Run::new(chunks());
        let ramp = |_| Answer {
            rows: (0..10).map(|row| f64::from(row) * 1e-3).collect(),
            before_s: 0.0,
        };
        run.cycles(700, 700, ramp);
        assert_eq!(run.commanded, [0.0; 700]);
        // The policy is silent after the first chunk.
        run.cycles(10, 700, ramp);
        let first = run.commanded[700..].iter().copied().fold(0.0, f64::max);
        assert!(first < 1e-3, "{first}");
        assert_eq!(run.recorder.skipped_actions.get(), 0);
        run.cycles(1_000, 700, ramp);
        // The second was asked while the robot moved: all of its actions are past. The third was asked at rest.
        assert_eq!(run.recorder.stale_actions.get(), 1);
        assert_eq!(run.recorder.skipped_actions.get(), 10);
    }

    #[test]
    fn asks_once_at_a_time_and_again_when_what_is_left_says_so() {
        let silent = |replan| {
            let mut run = Run::new(Chunks { replan, ..chunks() });
            run.cycles(3_000, 10, told);
            run.asked
        };
        // A chunk of 50 rows lasts 980 ms from its observation on.
        let every = silent(Replan::Every(Duration::from_millis(100)));
        assert!(every.windows(2).all(|w| w[1] - w[0] == 100), "{every:?}");
        let half = silent(Replan::Share(0.5));
        assert!(half[2..].windows(2).all(|w| w[1] - w[0] == 490), "{half:?}");
        let steps = silent(Replan::Steps(40.0));
        assert!(
            steps[2..].windows(2).all(|w| w[1] - w[0] == 180),
            "{steps:?}"
        );
        let mut slow = Run::new(chunks());
        slow.cycles(2_000, 500, told);
        assert!(slow.asked.windows(2).all(|w| w[1] - w[0] >= 500));
    }

    #[test]
    fn a_chunk_that_is_over_starves_the_loop_until_the_next_comes() {
        let mut run = Run::new(chunks());
        run.cycles(200, 10, told);
        let answers = run.recorder.chunks.get();
        run.open = None;
        run.cycles(2_000, 10_000, told);
        assert_eq!(run.recorder.chunks.get(), answers);
        let taken = run.exchange.take(None, run.now);
        assert!(taken.is_starved);
        assert_eq!(taken.standing, Standing::Known(Arrival::None));
    }

    #[test]
    fn chunks_that_disagree_are_faded_within_the_limits() {
        let mut run = Run::new(chunks());
        let jumpy = |time: f64| {
            let off = match (time / 0.1) as u64 % 2 {
                0 => 0.02,
                _ => -0.02,
            };
            let Answer { mut rows, before_s } = told(time);
            rows.iter_mut().for_each(|row| *row += off);
            Answer { rows, before_s }
        };
        run.cycles(4_000, 60, jumpy);
        assert!(run.fault.is_none(), "{:?}", run.fault);
        let rates = run.rates();
        // Up to three of these fades overlap.
        for (rate, most) in rates.into_iter().zip(MOST) {
            assert!(rate <= 0.75 * most, "{rates:?}");
        }
        let [seam, ..] = run.recorder.chunks_played.largest_seams();
        assert!((0.02..=0.06).contains(&seam), "{seam}");
        assert!(run.recorder.seams.get() > 20);
    }

    #[test]
    fn chunks_that_come_faster_than_they_fade_keep_the_limits_and_lead_where_they_say() {
        for (takes, off) in [
            (1, 1e-4),
            (1, 5e-3),
            (2, 1e-2),
            (5, 1e-2),
            (10, 1e-2),
            (20, 1e-2),
        ] {
            for (merge, replan) in [
                (Merge::Fade, Replan::Share(1.0)),
                (Merge::Ensemble { m: 0.01 }, Replan::Share(1.0)),
                // The rows of one chunk are not at the times of those of another.
                (
                    Merge::Ensemble { m: 0.01 },
                    Replan::Every(Duration::from_millis(27)),
                ),
            ] {
                let mut run = Run::new(Chunks {
                    merge,
                    replan,
                    ..chunks()
                });
                run.cycles(4_000, takes, |time| {
                    // Numbers without an order, from -1 to 1.
                    let mixed = (time * 1e3).round() as u64;
                    let mixed = mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
                    let by = off * (mixed as f64 / f64::from(1_u32 << 23) - 1.0);
                    let Answer { mut rows, before_s } = told(time);
                    rows.iter_mut().for_each(|row| *row += by);
                    Answer { rows, before_s }
                });
                assert!(run.fault.is_none(), "{takes} {off}: {:?}", run.fault);
                let rates = run.rates();
                for (rate, most) in rates.into_iter().zip(MOST) {
                    assert!(rate <= 0.75 * most, "{takes} {off} {merge:?}: {rates:?}");
                }
                let far = (1_000..4_000)
                    .map(|tick| (run.commanded[tick] - wave(tick as f64 * DT)).abs())
                    .fold(0.0, f64::max);
                assert!(far <= 1.2 * off, "{takes} {off} {merge:?}: {far}");
            }
        }
    }

    #[test]
    fn chunks_that_disagree_are_averaged_by_the_ensemble() {
        let merge = Merge::Ensemble { m: 0.0 };
        let mut run = Run::new(Chunks { merge, ..chunks() });
        run.cycles(4_000, 60, |time| {
            let off = match (time / 0.1) as u64 % 2 {
                0 => 0.02,
                _ => -0.02,
            };
            let Answer { mut rows, before_s } = told(time);
            rows.iter_mut().for_each(|row| *row += off);
            Answer { rows, before_s }
        });
        let off = (2_000..4_000)
            .map(|tick| (run.commanded[tick] - wave(tick as f64 * DT)).abs())
            .fold(0.0, f64::max);
        assert!(off < 5e-3, "{off}");
    }

    #[test]
    fn what_cannot_be_played_is_told_and_what_is_played_goes_on() {
        let question = |run: &Run| Question {
            tick: run.now.tick,
            time: MS * run.now.clock as u32,
        };
        let refused = |rows: &[f64], dt_s: f64, before_s: f64| {
            let mut run = Run::new(chunks());
            run.cycles(500, 10, told);
            let question = question(&run);
            run.exchange.asked = Some(Asked {
                question,
                clock: run.now.clock,
                rests: false,
                is_open: true,
            });
            run.put(rows, dt_s, before_s);
            run.answer(question);
            run.open = None;
            for _ in 0..100 {
                run.command();
                run.now.tick += 1;
                run.now.clock += 1;
            }
            let off = run.commanded[599] - wave(0.599);
            assert!(off.abs() < 1e-4, "{off}");
            run.fault
        };
        let here = wave(0.5);
        assert_eq!(refused(&[], STEP, 0.0), Some(ChunkFault::Empty));
        assert_eq!(
            refused(&[here; 65], STEP, 0.0),
            Some(ChunkFault::TooLong { rows: 65 })
        );
        assert_eq!(
            refused(&[here, f64::NAN], STEP, 0.0),
            Some(ChunkFault::NotFinite { row: 1, slot: 0 })
        );
        assert_eq!(
            refused(&[here; 2], 0.0, 0.0),
            Some(ChunkFault::Step { dt_s: 0.0 })
        );
        let future = refused(&[here; 2], STEP, -0.1);
        assert!(
            matches!(future, Some(ChunkFault::Future { by_s }) if (by_s - 0.1).abs() < 1e-9),
            "{future:?}"
        );
        assert!(matches!(
            refused(&[here; 2], STEP, f64::NAN),
            Some(ChunkFault::Future { .. })
        ));
        let past = refused(&[here; 50], STEP, 0.4);
        assert!(
            matches!(past, Some(ChunkFault::Backwards { .. })),
            "{past:?}"
        );
        let far = refused(&[here + 0.15; 50], STEP, 0.0);
        assert!(
            matches!(far, Some(ChunkFault::Seam { coordinate: 0, distance, longest: 0.1 })
                if (distance - 0.15).abs() < 1e-3),
            "{far:?}"
        );
    }

    #[test]
    fn changes_add_to_what_was_wanted_and_not_to_where_the_robot_is() {
        let mut run = Run::new(Chunks {
            is_relative: true,
            replan: Replan::Every(Duration::from_millis(100)),
            ..chunks()
        });
        // Each chunk asks for 1 mrad more in each of its steps.
        run.cycles(3_000, 30, |_| Answer {
            rows: vec![1e-3; 20],
            before_s: 0.0,
        });
        let moved = run.commanded[2_999] - run.commanded[1_999];
        assert!((moved - 0.05).abs() < 2e-3, "{moved}");
        assert!(run.fault.is_none() && run.found.is_empty());
    }

    #[test]
    fn the_gripper_changes_at_the_time_of_its_row_and_the_arm_does_not_feel_it() {
        let gripper = Arc::new(Wanted::default());
        let mut run = Run::new(Chunks {
            gripper: Some(Arc::clone(&gripper)),
            ..chunks()
        });
        let mut changed_at = None;
        for tick in 0..1_500_u64 {
            run.cycles(1, 30, |time| {
                let told = super::tests::told(time);
                let wide = |row: usize| f64::from(u8::from(time + row as f64 * STEP >= 1.0));
                let numbers = told.rows.iter().enumerate();
                Answer {
                    rows: numbers.flat_map(|(row, at)| [*at, wide(row)]).collect(),
                    before_s: 0.0,
                }
            });
            assert!(tick < 200 || gripper.get().is_some());
            if gripper.get() == Some(1.0) {
                changed_at.get_or_insert(tick);
            }
        }
        let changed_at = changed_at.unwrap();
        assert!((999..=1_020).contains(&changed_at), "{changed_at}");
        assert!(run.fault.is_none() && run.found.is_empty());
        let off = run.commanded[1_400] - wave(1.4);
        assert!(off.abs() < 2e-5, "{off}");
    }

    #[test]
    fn a_policy_is_told_when_its_newest_chunk_began_and_how_long_an_answer_takes() {
        let mut run = Run::new(chunks());
        let told = |run: &mut Run| run.exchange.told(&[7.0], run.now).to_vec();
        let [seen, began_s, expected_s] = told(&mut run)[..] else {
            panic!("three numbers");
        };
        assert!(seen == 7.0 && began_s.is_nan() && expected_s == 0.0);
        run.cycles(1_000, 40, super::tests::told);
        let [_, began_s, expected_s] = told(&mut run)[..] else {
            panic!("three numbers");
        };
        // Asked some 100 ms after it, and answered since.
        assert!((0.04..0.2).contains(&began_s), "{began_s}");
        assert!((expected_s - 0.04).abs() < 1e-9, "{expected_s}");
        // What was slow once is forgotten.
        run.cycles(600, 300, super::tests::told);
        run.cycles(6_000, 40, super::tests::told);
        let expected_s = told(&mut run)[2];
        assert!((expected_s - 0.04).abs() < 1e-9, "{expected_s}");
    }

    #[test]
    fn the_rows_of_a_chunk_are_judged_at_their_own_step() {
        let mut run = Run::new(chunks());
        run.cycles(30, 10, |_| Answer {
            rows: vec![0.0, 0.0, 0.0, 0.041, 0.082],
            before_s: 0.0,
        });
        let found = run.found.of(ViolationKind::Velocity).unwrap();
        assert!((found.received - 2.05).abs() < 1e-9, "{found:?}");
        assert_eq!(run.exchange.row(), Some(3));
    }
}
