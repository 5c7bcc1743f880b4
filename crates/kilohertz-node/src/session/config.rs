//! How a session with some options runs, and the hand that follows it.

use std::sync::Arc;

use kilohertz_core::command::late::{LateRule, OnLate};
use kilohertz_core::limits::{LimitRules, OnViolation, ViolationKind};
use kilohertz_core::session::{Config, Deadline};
use kilohertz_core::stats::Recorder;
use kilohertz_core::thread::RealtimeRequest;
use kilohertz_franka::{Hand, follow};

use crate::error::Failure;
use crate::guard::NativePlace;
use crate::session::options::{NativeChunks, NativeSessionOptions, lockstep_of, seconds};
use crate::session::realtime::awake_of;

/// Returns how a session with these options runs.
pub fn config_of(
    options: &NativeSessionOptions,
    deadline: Deadline,
    realtime: RealtimeRequest,
    place: &NativePlace,
) -> Config {
    let mut rules = LimitRules::all(OnViolation::Stop);
    for kind in ViolationKind::ALL {
        if options.clamped.iter().any(|name| name == kind.as_str()) {
            rules.set(kind, OnViolation::Clamp);
        }
    }
    Config {
        policy_rate_hz: Some(options.policy_rate_hz),
        deadline,
        limits: rules,
        cutoff_hz: options.cutoff_hz,
        catch_up: seconds(options.catch_up_s),
        late: LateRule {
            max_held: options.max_held_ticks,
            on_late: if options.stop_on_late {
                OnLate::Stop
            } else {
                OnLate::Hold
            },
        },
        record_ticks: options.record_ticks as usize,
        run_for: options.run_for_s.map(seconds),
        lockstep: lockstep_of(options),
        chunks: options.chunks.as_ref().map(NativeChunks::played),
        realtime,
        policy_priority: options.policy_priority,
        awake: awake_of(options),
        place: Some(place.shared()),
    }
}

/// Lets a hand follow the chunks of the session's policy, if it is to.
pub fn grip(
    hand: Option<Arc<Hand>>,
    options: &NativeSessionOptions,
    config: &Config,
    recorder: &Arc<Recorder>,
    place: &NativePlace,
) -> Result<(), Failure> {
    let rule = options
        .chunks
        .as_ref()
        .and_then(|chunks| chunks.gripper.as_ref());
    let wanted = config
        .chunks
        .as_ref()
        .and_then(|chunks| chunks.gripper.as_ref());
    let (Some(hand), Some(rule), Some(wanted)) = (hand, rule, wanted) else {
        return Ok(());
    };
    let (wanted, recorder) = (Arc::clone(wanted), Arc::clone(recorder));
    let place = Arc::new(place.another()?);
    follow(hand, wanted, rule.rule(), recorder, place).map_err(|error| Failure::thread(&error))
}
