//! The options of a session.

use std::sync::Arc;
use std::time::Duration;

use crate::command::late::LateRule;
use crate::limits::LimitRules;
use crate::robot::Robot;
use crate::session::chunks::{CHUNK_CONTEXT, CHUNK_HEADER, Chunks};
use crate::session::cycles::Lengths;
use crate::session::lockstep::Latency;
use crate::session::roll::Place;
use crate::thread::awake::AwakeRequest;
use crate::thread::realtime::RealtimeRequest;

/// How long the loop waits for the policy in one cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// The loop waits this long from the start of the cycle in which it asked; then the late rule applies.
    /// For robots that need a command in every cycle.
    ///
    /// The loop waits in that cycle, and uses the answer in that cycle. If the policy is slower than its
    /// robot and the budget is more than nine tenths of the robot's period, the loop does not wait: it uses
    /// the answer from the first cycle after the budget on, even if the answer is there earlier, and at the
    /// latest when the next question is asked.
    Within(Duration),
    /// The loop waits until the policy has answered, however many ticks are missed meanwhile. For robots
    /// that do nothing without a command, such as those in JavaScript.
    None,
}

/// How a session runs.
#[derive(Debug, Clone)]
pub struct Config {
    /// How often the policy is asked [Hz]; `None`, or a rate above the robot's, means every cycle. Used
    /// only with [`Deadline::Within`].
    pub policy_rate_hz: Option<f64>,
    /// How long to wait for the policy.
    pub deadline: Deadline,
    /// What happens when the policy does not answer in time.
    pub late: LateRule,
    /// How long catching up with the policy's actions may take. After that it is reported, and it ends the
    /// session if [`OnLate::Stop`](crate::command::late::OnLate::Stop) is set.
    pub catch_up: Duration,
    /// What happens to an action that breaks a limit.
    pub limits: LimitRules,
    /// The cut-off frequency of a low-pass filter before the limits [Hz]; `None` for no filter. Actions
    /// that are targets are not filtered.
    pub cutoff_hz: Option<f64>,
    /// How many ticks the record ring holds; 0 keeps no records.
    pub record_ticks: usize,
    /// When the loop ends by itself, counted from its first cycle; `None` runs it until it is asked to end.
    pub run_for: Option<Duration>,
    /// What the loop thread asks of the system.
    pub realtime: RealtimeRequest,
    /// The `SCHED_FIFO` priority of the policy's thread, while it answers; `None` leaves the thread alone.
    pub policy_priority: Option<u8>,
    /// How the cores of the loop and of its policy are kept awake.
    pub awake: AwakeRequest,
    /// If set, only the robot's clock counts, and this is how late the policy's answers are on it. For a
    /// simulated robot that waits for its commands. `None` uses the wall clock. Only with
    /// [`Deadline::Within`].
    pub lockstep: Option<Latency>,
    /// If set, the policy answers in chunks. Its questions and answers then have [`Config::observation_len`]
    /// and [`Config::answer_len`] numbers.
    pub chunks: Option<Chunks>,
    /// The session's place on the roll. A stop of that place also ends the session; `None` if no signal is
    /// to stop it.
    pub place: Option<Arc<Place>>,
}

impl Config {
    /// Returns how many numbers a policy is told, for a robot whose observations have `slots` slots.
    pub fn observation_len(&self, slots: usize) -> usize {
        match self.chunks {
            Some(_) => slots.saturating_add(CHUNK_CONTEXT),
            None => slots,
        }
    }

    /// Returns how many numbers the cycles of a session with `robot` have.
    pub fn lengths(&self, robot: &dyn Robot) -> Lengths {
        let command = robot.action().len();
        let answer = match &self.chunks {
            Some(chunks) => chunks.rows.saturating_mul(chunks.row_len(command)),
            None => command,
        };
        Lengths {
            state: robot.observation().len(),
            command,
            answer,
        }
    }

    /// Returns how many numbers a policy answers, for a robot whose actions have `slots` slots.
    pub fn answer_len(&self, slots: usize) -> usize {
        match &self.chunks {
            Some(chunks) => {
                let numbers = chunks.rows.saturating_mul(chunks.row_len(slots));
                numbers.saturating_add(CHUNK_HEADER)
            }
            None => slots,
        }
    }
}

impl Default for Config {
    /// 300 us for the policy, the default late rule, 3 s for catching up, stopping at the first violation
    /// of a limit, no records, no time limit, a realtime thread.
    fn default() -> Config {
        Config {
            policy_rate_hz: None,
            deadline: Deadline::Within(Duration::from_micros(300)),
            late: LateRule::default(),
            catch_up: Duration::from_secs(3),
            limits: LimitRules::default(),
            cutoff_hz: None,
            record_ticks: 0,
            run_for: None,
            realtime: RealtimeRequest::default(),
            policy_priority: None,
            awake: AwakeRequest::default(),
            lockstep: None,
            chunks: None,
            place: None,
        }
    }
}
