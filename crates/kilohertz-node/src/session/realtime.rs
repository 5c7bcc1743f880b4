//! The requests of a session to the system, and what was granted.

use kilohertz_core::thread::awake::{AwakeReport, AwakeRequest, KeepAwake};
use kilohertz_core::thread::cores::OwnCore;
use kilohertz_core::thread::{Grant, RealtimeReport};
use napi::bindgen_prelude::Either3;
use napi_derive::napi;

use crate::error::Failure;
use crate::session::options::{NativeKeepAwake, NativeSessionOptions, seconds};

/// The system's answer to a request.
#[napi(string_enum = "camelCase", js_name = "NativeGrantStatus")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantStatus {
    Granted,
    Refused,
    NotAsked,
}

/// One request to the system for the loop thread.
#[napi(object)]
pub struct NativeGrant {
    pub status: GrantStatus,
    pub reason: Option<String>,
}

impl From<&Grant> for NativeGrant {
    fn from(grant: &Grant) -> NativeGrant {
        let (status, reason) = match grant {
            Grant::NotAsked => (GrantStatus::NotAsked, None),
            Grant::Granted => (GrantStatus::Granted, None),
            Grant::Refused(reason) => (GrantStatus::Refused, Some(reason.clone())),
        };
        NativeGrant { status, reason }
    }
}

/// The realtime priority of a policy's thread.
#[napi(object)]
pub struct NativePromotion {
    pub priority: u8,
    pub grant: NativeGrant,
    /// How often the priority was taken back because the policy did not answer.
    pub taken_back: f64,
}

/// How cores are kept awake.
#[napi(object)]
pub struct NativeAwake {
    pub idle_states: NativeGrant,
    pub threads: u32,
    pub reason: String,
    pub wake_s: Option<f64>,
}

impl From<&AwakeReport> for NativeAwake {
    fn from(report: &AwakeReport) -> NativeAwake {
        NativeAwake {
            idle_states: (&report.idle_states).into(),
            threads: report.threads as u32,
            reason: report.reason.clone(),
            wake_s: report.wake.map(|wake| wake.as_secs_f64()),
        }
    }
}

/// Takes a core for a policy that spins.
pub fn own_core(options: &NativeSessionOptions) -> Result<Option<OwnCore>, Failure> {
    if options.policy_spins != Some(true) {
        return Ok(None);
    }
    let core = OwnCore::take(options.cpu).map_err(|reason| {
        let expected = format!("false: {reason}. Leave spin out");
        Failure::out_of_range("spin", Either3::B(true), expected)
    })?;
    Ok(Some(core))
}

/// Returns how cores are to be kept awake.
pub fn awake_of(options: &NativeSessionOptions) -> AwakeRequest {
    AwakeRequest {
        how: match options.keep_awake {
            NativeKeepAwake::Auto => KeepAwake::Auto,
            NativeKeepAwake::Threads => KeepAwake::Threads,
            NativeKeepAwake::IdleStates => KeepAwake::IdleStates,
            NativeKeepAwake::Off => KeepAwake::Off,
        },
        idle_latency: options.idle_latency_s.map(seconds),
        cores: options.keep_awake_cores as usize,
    }
}

/// What was asked of the system for the loop thread, and what it granted.
#[napi(object)]
pub struct NativeRealtime {
    pub priority: NativeGrant,
    pub cpu: NativeGrant,
    pub memory: NativeGrant,
    pub timer_slack: NativeGrant,
    pub preempt_rt: bool,
}

impl From<&RealtimeReport> for NativeRealtime {
    fn from(report: &RealtimeReport) -> NativeRealtime {
        NativeRealtime {
            priority: (&report.priority).into(),
            cpu: (&report.cpu).into(),
            memory: (&report.memory).into(),
            timer_slack: (&report.timer_slack).into(),
            preempt_rt: report.preempt_rt,
        }
    }
}
