//! What the loop thread and the threads that own the session share.

use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::{Arc, OnceLock};

use crossbeam::queue::ArrayQueue;

use crate::session::blame::Blame;
use crate::session::cycles::BlackBox;
use crate::session::outcome::{Event, Outcome};
use crate::session::roll::Place;
use crate::session::watch::Watch;
use crate::stats::Recorder;
use crate::thread::awake::AwakeReport;
use crate::thread::promotion::PromotionView;
use crate::thread::realtime::RealtimeReport;

/// What the loop thread and the threads that own the session share.
pub(super) struct Shared {
    /// The stop flag of a session without a place.
    pub(super) own_stop: AtomicBool,
    pub(super) place: Option<Arc<Place>>,
    pub(super) begun: AtomicBool,
    /// The number of the policy's episode, from 0.
    pub(super) episode: AtomicU32,
    pub(super) ended: AtomicBool,
    pub(super) recorder: Arc<Recorder>,
    pub(super) events: ArrayQueue<Event>,
    pub(super) watch: Watch,
    pub(super) blame: Arc<Blame>,
    pub(super) realtime: OnceLock<RealtimeReport>,
    pub(super) awake: OnceLock<AwakeReport>,
    pub(super) promotion: OnceLock<PromotionView>,
    pub(super) outcome: OnceLock<Outcome>,
    /// The newest cycles, set before the outcome.
    pub(super) black_box: OnceLock<BlackBox>,
}

impl Shared {
    pub(super) fn stop(&self) -> &AtomicBool {
        match &self.place {
            Some(place) => place.stop(),
            None => &self.own_stop,
        }
    }

    pub(super) fn placed(&self, tell: impl FnOnce(&Place)) {
        if let Some(place) = &self.place {
            tell(place);
        }
    }
}
