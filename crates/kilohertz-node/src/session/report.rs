//! How long the phases of a session's cycles took, and what is known of the bad ones, for JavaScript.

use std::time::Duration;

use kilohertz_core::phases::Phase;
use kilohertz_core::session::{Blamed, Evidence, Session, Span, ThreadShare};
use kilohertz_core::timing::time::Time;
use napi_derive::napi;

/// What the kernel counted for a thread.
#[napi(object, object_from_js = false)]
pub struct NativeThreadShare {
    pub ran_s: f64,
    /// How long it waited for a processor although it could have run.
    pub waited_s: f64,
    pub minor_faults: Option<f64>,
    pub major_faults: Option<f64>,
    /// How often it had to give up its processor.
    pub involuntary: Option<f64>,
}

impl From<ThreadShare> for NativeThreadShare {
    fn from(share: ThreadShare) -> NativeThreadShare {
        NativeThreadShare {
            ran_s: share.ran.as_secs_f64(),
            waited_s: share.waited.as_secs_f64(),
            minor_faults: share.faults.map(|(minor, _)| minor as f64),
            major_faults: share.faults.map(|(_, major)| major as f64),
            involuntary: share.involuntary.map(|count| count as f64),
        }
    }
}

/// How long a thread of this process ran.
#[napi(object, object_from_js = false)]
pub struct NativeOwnShare {
    pub name: String,
    pub ran_s: f64,
}

/// What is known of a stretch of time from the outside [s]. What is absent is not known.
#[napi(object, object_from_js = false)]
pub struct NativeEvidence {
    /// The time between the samples of the two threads, and between those of the rest.
    pub window_s: f64,
    pub full_window_s: f64,
    pub of_loop: Option<NativeThreadShare>,
    pub of_policy: Option<NativeThreadShare>,
    pub waker_waited_s: Option<f64>,
    pub own_ran_s: Option<f64>,
    pub busiest: Vec<NativeOwnShare>,
    pub idle_s: Option<f64>,
    pub stolen_s: Option<f64>,
    pub pressure_s: Option<f64>,
    pub idle_latency_s: Option<f64>,
    /// How long the policy's thread collected garbage, within the stretch itself.
    pub paused_s: f64,
    pub cpus: u32,
}

impl From<&Evidence> for NativeEvidence {
    fn from(evidence: &Evidence) -> NativeEvidence {
        let seconds = |duration: Option<Duration>| duration.map(|length| length.as_secs_f64());
        NativeEvidence {
            window_s: evidence.window.as_secs_f64(),
            full_window_s: evidence.full_window.as_secs_f64(),
            of_loop: evidence.of_loop.map(Into::into),
            of_policy: evidence.of_policy.map(Into::into),
            waker_waited_s: seconds(evidence.waker_waited),
            own_ran_s: seconds(evidence.own_ran),
            busiest: evidence
                .busiest
                .iter()
                .map(|own| NativeOwnShare {
                    name: own.name.clone(),
                    ran_s: own.ran.as_secs_f64(),
                })
                .collect(),
            idle_s: seconds(evidence.idle),
            stolen_s: seconds(evidence.stolen),
            pressure_s: seconds(evidence.pressure),
            idle_latency_s: seconds(evidence.idle_latency),
            paused_s: evidence.paused.as_secs_f64(),
            cpus: evidence.cpus as u32,
        }
    }
}

/// A bad cycle, or some in a row for which an answer was missing.
#[napi(object, object_from_js = false)]
pub struct NativeIncident {
    /// One of the contract's kinds.
    pub kind: String,
    pub tick: f64,
    /// Ticks without a cycle; cycles without an answer in time.
    pub cycles: f64,
    /// When it began, since the first cycle [s].
    pub at_s: f64,
    pub lasted_s: f64,
    pub excess_s: f64,
    pub behind_s: f64,
    /// The phase that took the most too long, and how long that was.
    pub phase: String,
    pub phase_s: f64,
    /// The parts of it, in the order of the contract's phases [s].
    pub spans_s: Vec<f64>,
    pub evidence: NativeEvidence,
}

impl From<&Blamed> for NativeIncident {
    fn from(blamed: &Blamed) -> NativeIncident {
        let incident = &blamed.incident;
        let length = |span: Span| span.length().as_secs_f64();
        NativeIncident {
            kind: incident.kind.as_str().to_owned(),
            tick: incident.tick as f64,
            cycles: incident.cycles as f64,
            at_s: incident.at.as_secs_f64(),
            lasted_s: length(incident.whole),
            excess_s: incident.excess.as_secs_f64(),
            behind_s: incident.behind.as_secs_f64(),
            phase: blamed.phase.as_str().to_owned(),
            phase_s: length(blamed.span),
            spans_s: incident.spans.iter().copied().map(length).collect(),
            evidence: (&blamed.evidence).into(),
        }
    }
}

/// What is known of the bad cycles of a session.
#[napi(object, object_from_js = false)]
pub struct NativeReport {
    /// How many there were, and how many were not looked into because there were too many.
    pub incidents: f64,
    pub lost_incidents: f64,
    /// The worst, worst first.
    pub worst: Vec<NativeIncident>,
    /// The newest, oldest first.
    pub newest: Vec<NativeIncident>,
    /// What was counted in the whole run.
    pub run: NativeEvidence,
    /// How often the policy's thread collected garbage.
    pub pauses: f64,
}

impl NativeReport {
    /// Returns what is known of the bad cycles of `session` until now.
    pub fn of(session: &Session) -> NativeReport {
        let recorder = session.recorder();
        let report = session.blamed();
        NativeReport {
            incidents: recorder.incidents.get() as f64,
            lost_incidents: recorder.lost_incidents.get() as f64,
            worst: report.worst.iter().map(Into::into).collect(),
            newest: report.newest.iter().map(Into::into).collect(),
            run: (&report.run).into(),
            pauses: recorder.pauses.total().0 as f64,
        }
    }
}

/// Notes that the policy's thread collected garbage between two times of the monotonic clock [s].
pub fn note_pause(session: &Session, from_s: f64, to_s: f64) {
    let time = |seconds: f64| Time::from_nanos((seconds * 1e9) as u64);
    session.recorder().pauses.note(time(from_s), time(to_s));
}

/// Returns the phase with this name.
pub fn phase_named(name: &str) -> Option<Phase> {
    Phase::ALL.into_iter().find(|phase| phase.as_str() == name)
}
