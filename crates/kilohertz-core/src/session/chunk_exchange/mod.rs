//! What the loop and a policy that answers in chunks have exchanged: when it is asked again, and what is
//! played. Nothing here waits or reads a clock: the cycle is passed in.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::sync::Arc;
use std::time::Duration;

use crate::command::changes::Changes;
use crate::command::chunk::ChunkFault;
use crate::command::chunk_player::{ChunkPlayer, fade_s};
use crate::command::ensemble::Ensemble;
use crate::command::interpolation::Interpolation;
use crate::command::judge::Judge;
use crate::command::late::Arrival;
use crate::command::lowpass::LowPass;
use crate::limits::{LimitRules, Limiter, OnViolation, ViolationKind, Violations, exceeds};
use crate::policy::Question;
use crate::session::chunks::{CHUNK_CONTEXT, CHUNK_HEADER, Chunks, Merge, NO_CHUNK, Replan};
use crate::session::cycles::{ChunkContext, RawAnswer};
use crate::session::exchange::{Due, Exchange, Now, Slowing, Standing, Taken};
use crate::session::grips::Grips;
use crate::session::latencies::Latencies;
use crate::session::slow_down::SlowDown;
use crate::stats::Recorder;
use crate::timing::time::nanos;

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
    changes: Changes,
    filter: Option<LowPass>,
    recorder: Arc<Recorder>,
    rules: LimitRules,
    asked: Option<Asked>,
    /// The number of the episode, and the cycle in which it began: older questions do not count.
    episode: u32,
    episode_tick: u64,
    /// When the newest chunk was observed \[s\].
    observed_s: Option<f64>,
    /// When the first row of the newest chunk belongs \[s\]; NaN if the newest answer could not be played.
    began_s: f64,
    /// When the chunk that is played was observed \[s\], and how long before the newest command that was.
    played_observed_s: f64,
    age_s: f64,
    slow_down: Option<SlowDown>,
    latencies: Latencies,
    /// The observation and the numbers that follow it, and what the last of these were with the newest question.
    told: Box<[f64]>,
    context: Option<ChunkContext>,
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
    /// what is commanded; `recorder` counts; a chunk that breaks what ends the session by `rules` is not played.
    pub fn new(
        cycle: Duration,
        slots: usize,
        chunks: Chunks,
        observation_len: usize,
        limits: &dyn Limiter,
        (filter, recorder, rules): (Option<LowPass>, Arc<Recorder>, LimitRules),
    ) -> ChunkExchange {
        let zeros = || vec![0.0; slots].into_boxed_slice();
        let room = chunks.rows;
        let scratch = Scratch {
            command: zeros(),
            rates: [zeros(), zeros()],
            to: zeros(),
        };
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
            changes: Changes::new(chunks.curve, slots),
            judge: Judge::new(limits, slots, cycle, 1.0, None),
            chunks,
            filter,
            recorder,
            rules,
            asked: None,
            episode: 0,
            episode_tick: 0,
            observed_s: None,
            began_s: f64::NAN,
            played_observed_s: f64::NAN,
            age_s: f64::NAN,
            slow_down: None,
            latencies: Latencies::default(),
            told: vec![0.0; observation_len.saturating_add(CHUNK_CONTEXT)].into_boxed_slice(),
            context: None,
            has_played: false,
            fault: None,
            row: None,
            scratch,
        }
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
        if !observed_s.is_finite() || exceeds(observed_s, now_s + 0.5 * self.cycle_s) {
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
        self.latencies.add(latency_s);
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
            let changes = &mut self.frame[numbers.clone()];
            self.changes.add_up(limits, changes, &mut self.scratch.to)?;
        }
        // What is played goes on: this only finds what keeps the chunk from being played.
        self.player
            .take(&self.frame[numbers.clone()], dt_s, observed_s)?;
        let found = self.judged(limits, rows, dt_s);
        if let (true, Some(row)) = (self.chunks.skips_bad, self.row) {
            let row = row as usize;
            if let Some(huge) = found.of(ViolationKind::NotFinite) {
                let slot = huge.slot;
                return Err(ChunkFault::NotFinite { row, slot });
            }
            if found.of(ViolationKind::Frame).is_some() {
                return Err(ChunkFault::Frame { row });
            }
        }
        self.recorder.chunks.add(1);
        self.recorder.chunks_played.latency(latency_s);
        let ends = |kind| self.rules.of(kind) == OnViolation::Stop;
        if found.iter().any(|violation| ends(violation.kind)) {
            // The session ends, and the robot slows down on what is played.
            return Ok(found);
        }
        let rested = self.asked.is_some_and(|asked| asked.rests);
        let is_anew = self.observed_s.is_none() || rested && self.rests(limits);
        let begins_s = if is_anew { now_s } else { observed_s };
        self.observed_s = Some(observed_s);
        let passed = ((now_s - begins_s) / dt_s).clamp(0.0, rows as f64);
        self.recorder.skipped_actions.add(passed.ceil() as u64);
        self.player.shift_next(begins_s);
        if self.player.next().ends_s() < now_s {
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
                ensemble.average(actions, self.player.next())?;
                self.player.take(actions, dt_s, begins_s)?;
            }
        }
        self.take_over(limits, now_s)?;
        self.began_s = begins_s;
        self.played_observed_s = observed_s;
        self.grips.begin(begins_s, dt_s);
        self.recorder.seams.add(u64::from(was_playing));
        Ok(found)
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

    /// Lets the next chunk take over: from the curve that is played, or, where nothing was played,
    /// from what the robot is commanded. A robot that is still catching up with its curve goes on doing so.
    ///
    /// # Errors
    /// [`ChunkFault::Seam`] if it is further away than a seam may be.
    fn take_over(&mut self, limits: &dyn Limiter, now_s: f64) -> Result<(), ChunkFault> {
        let Scratch { command, rates, .. } = &mut self.scratch;
        let (from_s, motion) = match self.has_played {
            true => (now_s, self.player.beside_next(now_s, self.cycle_s)),
            false => {
                let [first, second] = rates;
                limits.last_command(command);
                limits.rates(first, second);
                let from_s = now_s - self.cycle_s;
                let rates = [&**first, &**second];
                let motion = self
                    .player
                    .command_beside_next(command, rates, from_s, self.cycle_s);
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
        let context = ChunkContext {
            began_s: self.time_s(now) - self.began_s,
            latency_s: self.latencies.expected_s(),
            episode: self.episode,
        };
        self.context = Some(context);
        if let Some((seen, told)) = self.told.split_at_mut_checked(observation.len()) {
            seen.copy_from_slice(observation);
            for (told, number) in told.iter_mut().zip(context.numbers()) {
                *told = number;
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
            // One question is open at a time: it is the newest that is answered.
            context: self.context,
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
        if question.tick < self.episode_tick {
            // It belongs to an episode that is over.
            self.recorder.stale_actions.add(1);
            self.fault = None;
            return Violations::none();
        }
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
        // The cycle nearest to the end of a chunk belongs to it.
        let standing = match self.player.lasts(self.time_s(now), 0.5 * self.cycle_s) {
            true => Standing::Known(Arrival::Fresh),
            false if self.player.is_playing() => Standing::Known(Arrival::None),
            false => Standing::Early,
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
        if !self.player.lasts(now_s, 0.5 * self.cycle_s) {
            // The curve goes on beyond its end, but the robot does not follow it there.
            return;
        }
        self.player.at(now_s, out);
        self.has_played = true;
        self.age_s = now_s - self.played_observed_s;
        self.recorder.chunks_played.age(self.age_s);
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

    fn age_s(&self) -> f64 {
        self.age_s
    }

    fn begin_episode(&mut self, episode: u32, now: Now) -> bool {
        if std::mem::replace(&mut self.episode, episode) == episode {
            return false;
        }
        self.episode_tick = now.tick;
        self.player.stop();
        self.has_played = false;
        self.observed_s = None;
        self.began_s = f64::NAN;
        true
    }

    fn slow_down(&mut self, now: Now, limits: &dyn Limiter, out: &mut [f64]) -> Slowing {
        let now_s = self.time_s(now);
        if !std::mem::take(&mut self.has_played) && self.slow_down.is_none() {
            return Slowing::Over;
        }
        let begun = self.slow_down.or_else(|| {
            let cycle_s = self.cycle_s;
            SlowDown::new(&mut self.player, limits, now_s - cycle_s, cycle_s)
        });
        self.slow_down = begun;
        let Some(slow_down) = begun else {
            return Slowing::Over;
        };
        let slowing = slow_down.command(&mut self.player, limits, now_s, out);
        if slowing != Slowing::Over
            && let Some(filter) = &mut self.filter
        {
            filter.pass(1.0, out);
        }
        slowing
    }
}

#[cfg(test)]
mod tests;
