//! A session: one robot, one policy, one loop thread.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod blame;
mod catch_up;
mod chunk_exchange;
mod chunks;
mod config;
mod control_loop;
mod cycle_clock;
mod cycles;
mod events;
mod exchange;
mod grips;
mod last_states;
mod latencies;
mod lateness;
mod lockstep;
mod loop_thread;
mod outcome;
mod phase_clock;
pub mod roll;
mod shared;
mod slow_down;
mod watch;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{JoinHandle, Thread};
use std::time::Duration;

use crossbeam::queue::ArrayQueue;

use crate::channel::notify::{Notifier, Signals};
use crate::channel::records::{RecordOut, record_ring};
use crate::limits::Limiter;
use crate::policy::{Policy, Waker};
use crate::robot::Robot;
use crate::session::blame::{Blame, BlameWatch};
use crate::session::cycles::CycleKeeper;
use crate::session::loop_thread::run;
use crate::session::phase_clock::incident_ring;
use crate::session::roll::{AskedBy, Place};
use crate::session::shared::Shared;
use crate::stats::{Recorder, Stats};
use crate::thread::awake::AwakeReport;
use crate::thread::promotion::PromotionView;
use crate::thread::realtime::{RealtimeReport, block_signals};
use crate::timing::time::Time;

pub use blame::{
    BlameReport, Blamed, Evidence, Incident, IncidentKind, OwnShare, Span, ThreadShare,
};
pub use chunks::{CHUNK_CONTEXT, CHUNK_HEADER, Chunks, Merge, NO_CHUNK, Replan, Wanted};
pub use config::{Config, Deadline};
pub use cycles::{
    AnswerHead, BlackBox, ChunkContext, CycleHead, CycleNote, CyclesIn, CyclesOut, Keeping,
    KeptCycle, Lengths, Phases, cycle_rings,
};
pub use lockstep::Latency;
pub use outcome::{Cause, Event, EventKind, EventName, Outcome};
pub use watch::{Seen, SeenChunk, Watch};

const EVENT_QUEUE: usize = 256;

/// A running or ended session. Dropping it stops the robot and waits for the loop thread.
pub struct Session {
    shared: Arc<Shared>,
    records: Mutex<RecordOut>,
    handle: Mutex<Option<JoinHandle<()>>>,
    thread: Thread,
    /// The thread that looks for reasons, until the loop has ended.
    blaming: Mutex<Option<BlameWatch>>,
    /// Wakes the loop if it waits for its policy in another way than parked.
    waker: Option<Waker>,
}

impl Session {
    /// Starts the loop thread. `notifier` is notified of events and of the end. `recorder` is also the one
    /// that the policy's channel counts into.
    ///
    /// # Errors
    /// Returns the system's error if it cannot start a thread.
    pub fn start(
        robot: Box<dyn Robot>,
        policy: Box<dyn Policy>,
        limits: Box<dyn Limiter>,
        config: Config,
        recorder: Arc<Recorder>,
        notifier: Notifier,
    ) -> std::io::Result<Session> {
        let kept = Keeping::default();
        Session::start_keeping(robot, policy, limits, config, kept, recorder, notifier)
    }

    /// Starts the loop thread as [`Session::start`] does, and keeps its cycles.
    ///
    /// # Errors
    /// Returns the system's error if it cannot start a thread.
    pub fn start_keeping(
        robot: Box<dyn Robot>,
        policy: Box<dyn Policy>,
        limits: Box<dyn Limiter>,
        config: Config,
        keeping: Keeping,
        recorder: Arc<Recorder>,
        notifier: Notifier,
    ) -> std::io::Result<Session> {
        let lengths = config.lengths(&*robot);
        let shared = Arc::new(Shared {
            own_stop: AtomicBool::new(false),
            place: config.place.clone(),
            begun: AtomicBool::new(false),
            episode: AtomicU32::new(0),
            ended: AtomicBool::new(false),
            recorder,
            events: ArrayQueue::new(EVENT_QUEUE),
            watch: Watch::new(lengths),
            blame: Arc::new(Blame::default()),
            realtime: OnceLock::new(),
            awake: OnceLock::new(),
            promotion: OnceLock::new(),
            outcome: OnceLock::new(),
            black_box: OnceLock::new(),
        });
        let (records_in, records_out) = record_ring(config.record_ticks, robot.action().len());
        let keeper = CycleKeeper::new(keeping, lengths);
        let (incidents, blamed) = incident_ring();
        // In lockstep the host's time means nothing.
        let has_incidents = config.lockstep.is_none();
        let inside = Arc::clone(&shared);
        let waker = policy.waker();
        shared.placed(Place::drives);
        let handle = std::thread::Builder::new()
            .name("kilohertz-loop".to_owned())
            .spawn(move || {
                inside.placed(Place::driven_here);
                block_signals();
                let ran = catch_unwind(AssertUnwindSafe(|| {
                    let kept = (records_in, keeper, incidents);
                    run(robot, policy, limits, &config, &inside, kept, &notifier);
                }));
                if let Err(panic) = ran {
                    let _ = inside.outcome.set(Outcome::panicked(&*panic));
                }
                inside.placed(Place::rests);
                inside.ended.store(true, Ordering::Release);
                notifier.notify(Signals::ENDED);
            });
        let handle = handle.inspect_err(|_| shared.placed(Place::rests))?;
        let thread = handle.thread().clone();
        let blaming = has_incidents.then(|| BlameWatch::begin(&shared.blame, blamed));
        Ok(Session {
            shared,
            records: Mutex::new(records_out),
            handle: Mutex::new(Some(handle)),
            thread,
            blaming: Mutex::new(blaming),
            waker,
        })
    }

    /// Asks the loop to bring the robot to rest and to end. Returns at once. May be called again.
    pub fn request_stop(&self) {
        self.shared.stop().store(true, Ordering::Relaxed);
        self.thread.unpark();
        if let Some(wake) = &self.waker {
            wake();
        }
    }

    /// Asks the loop to end as [`Session::request_stop`] does. Who asks first is remembered by the session's place.
    pub fn request_stop_by(&self, by: AskedBy) {
        self.shared.placed(|place| place.ask(by));
        self.request_stop();
    }

    /// Begins an episode of a policy that answers in chunks: what is played is thrown away, the robot comes to
    /// rest, and the policy is told with the next question. Returns at once.
    pub fn begin_episode(&self) {
        self.shared.episode.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits at most `limit` until the loop thread has ended. Returns true if it has; the robot is stopped
    /// then.
    pub fn join(&self, limit: Duration) -> bool {
        let deadline = Time::now() + limit;
        while !self.has_ended() {
            if Time::now() >= deadline {
                return false;
            }
            std::thread::sleep(Duration::from_micros(500));
        }
        let handle = self
            .handle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(handle) = handle {
            // A panic inside was caught; the outcome has it as its cause.
            let _ = handle.join();
        }
        // What the loop has told by now is set against samples before anybody asks for it.
        let mut blaming = self.blaming.lock().unwrap_or_else(PoisonError::into_inner);
        drop(blaming.take());
        true
    }

    /// Returns true if the first cycle has begun.
    pub fn has_begun(&self) -> bool {
        self.shared.begun.load(Ordering::Acquire)
    }

    /// Returns true if the robot is stopped and the loop has ended.
    pub fn has_ended(&self) -> bool {
        self.shared.ended.load(Ordering::Acquire)
    }

    /// Returns what the loop has done until now.
    pub fn stats(&self) -> Stats {
        self.shared.recorder.snapshot()
    }

    /// Returns the recorder into which the loop counts.
    pub fn recorder(&self) -> &Recorder {
        &self.shared.recorder
    }

    /// Returns what the loop thread asked of the system and got; `None` before the thread has run.
    pub fn realtime(&self) -> Option<&RealtimeReport> {
        self.shared.realtime.get()
    }

    /// Returns how cores are kept awake; `None` before the thread has run.
    pub fn awake(&self) -> Option<&AwakeReport> {
        self.shared.awake.get()
    }

    /// Returns the policy's realtime priority and its state; `None` if none was asked for, or before the
    /// thread has run.
    pub fn promotion(&self) -> Option<&PromotionView> {
        self.shared.promotion.get()
    }

    /// Returns what is known of the bad cycles until now.
    pub fn blamed(&self) -> BlameReport {
        self.shared.blame.report(&self.shared.recorder)
    }

    /// Returns the newest cycles, if they were kept; `None` while the session runs.
    pub fn black_box(&self) -> Option<&BlackBox> {
        self.shared.black_box.get()
    }

    /// Returns how the session ended; `None` while it runs.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.shared.outcome.get()
    }

    /// Returns what others may look at while the session runs.
    pub fn watch(&self) -> &Watch {
        &self.shared.watch
    }

    /// Returns true if there are events to be taken.
    pub fn has_events(&self) -> bool {
        !self.shared.events.is_empty()
    }

    /// Takes the oldest event that was not taken yet.
    pub fn take_event(&self) -> Option<Event> {
        self.shared.events.pop()
    }

    /// Takes all stored tick records; [`RecordOut`] describes their layout.
    pub fn take_records(&self) -> Vec<f64> {
        self.records
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.request_stop();
        while !self.join(Duration::from_secs(1)) {}
    }
}
