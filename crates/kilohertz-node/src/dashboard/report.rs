//! The report of a session, as JavaScript hands it to a page.

use kilohertz_dashboard::page::protocol::{BadCycleInfo, PhaseInfo, ReportInfo};
use napi_derive::napi;

/// How long a phase of the cycles took.
#[napi(object, object_to_js = false)]
pub struct NativePagePhase {
    pub phase: String,
    pub count: f64,
    pub p50_s: f64,
    pub p99_s: f64,
    pub max_s: f64,
}

/// A bad cycle, with what is blamed for it.
#[napi(object, object_to_js = false)]
pub struct NativePageCycle {
    pub is_late_answer: bool,
    pub tick: f64,
    pub time_s: f64,
    pub cycles: f64,
    pub lasted_s: f64,
    pub excess_s: f64,
    pub phase: String,
    pub cause: String,
    pub cause_text: String,
    pub evidence: String,
    pub advice: String,
    pub check: Option<String>,
}

/// The report of a session.
#[napi(object, object_to_js = false)]
pub struct NativePageReport {
    /// True if the session has ended.
    pub is_over: bool,
    pub iterations: f64,
    pub missed_ticks: f64,
    pub late_actions: f64,
    pub bad_cycles: f64,
    pub unexplained: f64,
    pub phases: Vec<NativePagePhase>,
    pub worst: Vec<NativePageCycle>,
}

impl From<NativePagePhase> for PhaseInfo {
    fn from(given: NativePagePhase) -> PhaseInfo {
        PhaseInfo {
            phase: given.phase,
            count: given.count,
            p50_s: given.p50_s,
            p99_s: given.p99_s,
            max_s: given.max_s,
        }
    }
}

impl From<NativePageCycle> for BadCycleInfo {
    fn from(given: NativePageCycle) -> BadCycleInfo {
        BadCycleInfo {
            is_late_answer: given.is_late_answer,
            tick: given.tick,
            time_s: given.time_s,
            cycles: given.cycles,
            lasted_s: given.lasted_s,
            excess_s: given.excess_s,
            phase: given.phase,
            cause: given.cause,
            cause_text: given.cause_text,
            evidence: given.evidence,
            advice: given.advice,
            check: given.check,
        }
    }
}

impl From<NativePageReport> for ReportInfo {
    fn from(given: NativePageReport) -> ReportInfo {
        ReportInfo {
            // The server knows which one it is.
            session: 0,
            is_over: given.is_over,
            iterations: given.iterations,
            missed_ticks: given.missed_ticks,
            late_actions: given.late_actions,
            bad_cycles: given.bad_cycles,
            unexplained: given.unexplained,
            phases: given.phases.into_iter().map(Into::into).collect(),
            worst: given.worst.into_iter().map(Into::into).collect(),
        }
    }
}
