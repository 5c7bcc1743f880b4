//! An arm that is shown: its session, and what a page is told of it that opens later.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use kilohertz_core::session::Seen;
use tokio_tungstenite::tungstenite::{Bytes, Utf8Bytes};

use crate::page::client::Happened;
use crate::page::controls::Controlled;
use crate::page::protocol::{ArmInfo, EventInfo, LevelInfo, ReportInfo, Told};
use crate::page::watched::{Frame, Watched};

/// How many events of an arm a page is told that opens later.
const KEPT_EVENTS: usize = 100;
/// The longest text of an event or a report, in characters.
const LONGEST: usize = 4000;
/// How many phases and bad cycles of a report are told: more than a report has.
const MOST_REPORTED: usize = 32;

/// Returns the wall time \[s\].
pub fn wall_time_s() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}

/// An arm that is shown.
pub(super) struct Arm {
    pub info: ArmInfo,
    /// The session that runs.
    pub session: Option<Arc<dyn Watched>>,
    /// What the controls move it with.
    pub controlled: Option<Arc<dyn Controlled>>,
    pub seen: Seen,
    pub seen_chunk: Seen,
    pub frame: Frame,
    /// The newest frame as it is sent.
    pub shown: Option<Bytes>,
    pub stats: Option<Utf8Bytes>,
    pub events: VecDeque<Utf8Bytes>,
    /// The newest report of a session.
    pub report: Option<Utf8Bytes>,
    /// When its newest session was added: how many sessions were added before.
    pub nth: u64,
}

impl Arm {
    /// Creates an arm of which nothing is shown yet.
    pub fn new(info: ArmInfo) -> Arm {
        Arm {
            info,
            session: None,
            controlled: None,
            seen: Seen::default(),
            seen_chunk: Seen::default(),
            frame: Frame::default(),
            shown: None,
            stats: None,
            events: VecDeque::new(),
            report: None,
            nth: 0,
        }
    }

    /// Keeps the frame as it is sent, and returns it.
    pub fn show(&mut self) -> Bytes {
        let mut bytes = Vec::new();
        self.frame.write(self.info.id, wall_time_s(), &mut bytes);
        let bytes = Bytes::from(bytes);
        self.shown = Some(bytes.clone());
        bytes
    }

    /// Keeps an event, and returns it as it is told.
    pub fn happened(&mut self, event: EventInfo) -> Happened {
        let arm = self.info.id;
        let is_error = event.level == LevelInfo::Error;
        let event = EventInfo {
            text: shortened(event.text),
            ..event
        };
        let text: Utf8Bytes = Told::Event { arm, event }.json().into();
        if self.events.len() >= KEPT_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(text.clone());
        Happened {
            arm,
            is_error,
            text,
        }
    }

    /// Keeps a report of its session, and returns it as it is told.
    pub fn reported(&mut self, report: ReportInfo) -> Utf8Bytes {
        let report = ReportInfo {
            session: self.info.session,
            ..bounded(report)
        };
        let arm = self.info.id;
        let text: Utf8Bytes = Told::Report { arm, report }.json().into();
        self.report = Some(text.clone());
        text
    }
}

/// Returns a report that is no larger than a page wants it.
fn bounded(mut report: ReportInfo) -> ReportInfo {
    report.phases.truncate(MOST_REPORTED);
    report.worst.truncate(MOST_REPORTED);
    let phases = report.phases.iter_mut().map(|phase| &mut phase.phase);
    let cycles = report.worst.iter_mut().flat_map(|cycle| {
        [
            &mut cycle.phase,
            &mut cycle.cause,
            &mut cycle.cause_text,
            &mut cycle.evidence,
            &mut cycle.advice,
        ]
        .into_iter()
        .chain(&mut cycle.check)
    });
    for text in phases.chain(cycles) {
        *text = shortened(std::mem::take(text));
    }
    report
}

/// Returns the name, or the first like it with a number that no session has which runs.
pub(super) fn free_name(arms: &[Arm], name: &str) -> String {
    let is_taken = |name: &str| {
        let mut found = arms.iter().filter(|arm| arm.info.name == name);
        found.any(|arm| {
            arm.session
                .as_ref()
                .is_some_and(|runs| runs.end().is_none())
        })
    };
    let mut free = name.to_owned();
    let mut number = 2_u32;
    while is_taken(&free) {
        free = format!("{name} ({number})");
        number = number.saturating_add(1);
    }
    free
}

/// Returns a text, or the begin of one that is too long.
pub(super) fn shortened(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        None => text,
        Some((end, _)) => {
            let (begin, rest) = text.split_at(end);
            format!("{begin} … and {} more characters", rest.chars().count())
        }
    }
}
