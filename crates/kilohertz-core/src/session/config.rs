//! What a session is told to do.

use std::sync::Arc;
use std::time::Duration;

use crate::command::late::LateRule;
use crate::limits::LimitRules;
use crate::session::roll::Place;
use crate::thread::awake::AwakeRequest;
use crate::thread::realtime::RealtimeRequest;

/// How long the loop waits for the policy in one cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// This long from the start of the cycle in which it was asked; then the late rule applies. For
    /// robots that want a command every cycle, come what may.
    ///
    /// The loop waits in that cycle, and the answer is for it. For a policy slower than its robot
    /// and more than nine tenths of the robot's period nobody waits: the answer is used from the
    /// first cycle behind the budget on, even if it is there before, and at the latest when the
    /// next question is asked.
    Within(Duration),
    /// Until the policy has answered, however many ticks are missed meanwhile. For robots that do
    /// nothing unless told, and live with their policy.
    None,
}

/// How a session runs.
#[derive(Debug, Clone)]
pub struct Config {
    /// How often the policy is asked [Hz]; `None`, and what is above the robot's rate: every cycle.
    /// Only with [`Deadline::Within`].
    pub policy_rate_hz: Option<f64>,
    /// How long to wait for the policy.
    pub deadline: Deadline,
    /// What happens when it does not answer in time.
    pub late: LateRule,
    /// How long the robot may be on its way to the policy's actions until that is told, and ends the
    /// session where lateness does.
    pub catch_up: Duration,
    /// What happens to an action that breaks a limit.
    pub limits: LimitRules,
    /// The cut-off frequency of a low-pass filter in front of the limits [Hz]; `None`: no filter.
    /// Actions that are targets are not filtered.
    pub cutoff_hz: Option<f64>,
    /// How many ticks the record ring holds; 0 keeps no records.
    pub record_ticks: usize,
    /// When the loop ends by itself, counted from its first cycle; `None`: when it is asked to.
    pub run_for: Option<Duration>,
    /// What the loop thread asks of the system.
    pub realtime: RealtimeRequest,
    /// The `SCHED_FIFO` priority of the policy's thread, while it answers; `None` leaves the thread alone.
    pub policy_priority: Option<u8>,
    /// How the cores of the loop and of its policy are kept awake.
    pub awake: AwakeRequest,
    /// Its place on the roll, whose stop ends it too; `None`: no signal stops it.
    pub place: Option<Arc<Place>>,
}

impl Default for Config {
    /// 300 us for the policy, the default late rule, 3 s for catching up, an end at the first violation
    /// of a limit, no records, no other end, a realtime thread.
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
            place: None,
        }
    }
}
