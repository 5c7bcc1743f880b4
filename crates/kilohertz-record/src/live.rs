//! What a running session hands over to be written or shown: its cycles, and what users log beside them.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crossbeam::queue::SegQueue;
use kilohertz_core::command::chunk::ChunkFault;
use kilohertz_core::limits::Violation;
use kilohertz_core::schema::Schema;
use kilohertz_core::session::{BlackBox, CycleHead, CycleNote, CyclesOut, EventKind, KeptCycle};

use crate::entry::{
    Answer, Cycle, Entry, EpisodeMark, Level, MOST_BYTES, Note, RunEnd, Sample, Told, Value,
};
use crate::error::RecordError;
use crate::run::{GRIPPER, Start};
use crate::writer::{Progress, Source};

/// The most channels of a recording. A file of MCAP has room for 65,535, and a value may be logged in each of
/// four kinds.
const MOST_CHANNELS: usize = 10_000;

/// What a user handed over.
enum Logged {
    Sample(Sample),
    Episode(EpisodeMark),
}

/// Whether values are taken, and on which channels.
#[derive(Default)]
struct Open {
    /// The names of the channels.
    channels: HashSet<String>,
    /// True once the recording takes nothing more.
    is_over: bool,
}

#[derive(Default)]
struct Waiting {
    /// Held while something is handed over, so that nothing is handed over behind the end.
    open: Mutex<Open>,
    queue: SegQueue<(usize, Arc<Logged>)>,
    bytes: AtomicUsize,
    dropped: AtomicU64,
}

impl Waiting {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns false if there is no room, or if nothing is taken any more.
    fn push(&self, open: &Open, bytes: usize, logged: Arc<Logged>) -> bool {
        let before = self.bytes.fetch_add(bytes, Ordering::AcqRel);
        if open.is_over || before > 0 && before.saturating_add(bytes) > MOST_BYTES {
            self.bytes.fetch_sub(bytes, Ordering::AcqRel);
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        self.queue.push((bytes, logged));
        true
    }
}

impl Open {
    /// Takes in the name of a channel.
    fn know(&mut self, channel: &str) -> Result<(), RecordError> {
        if self.channels.contains(channel) {
            return Ok(());
        }
        if self.channels.len() >= MOST_CHANNELS {
            let expected = format!(
                "one of the {MOST_CHANNELS} channels that the recording has already: put what changes into \
                 the value"
            );
            let received = format!("{channel:?}, a new one");
            return Err(RecordError::invalid(
                "the name of a channel",
                received,
                expected,
            ));
        }
        self.channels.insert(channel.to_owned());
        Ok(())
    }
}

/// The end at which users log values and mark episodes, from any thread. It never waits.
#[derive(Clone, Default)]
pub struct Log {
    waiting: Arc<Waiting>,
    /// Where everything is handed over besides.
    beside: Option<Arc<Waiting>>,
}

impl Log {
    /// Returns a log of which the source of `other` takes everything too.
    pub fn and(self, other: &Log) -> Log {
        Log {
            waiting: self.waiting,
            beside: Some(Arc::clone(&other.waiting)),
        }
    }

    /// Hands over a value. Returns false if more waits to be taken than may, which is 256 MB, or if the session has
    /// ended: the value is then dropped and counted.
    ///
    /// # Errors
    /// Returns [`RecordError::InvalidArgument`] if the value cannot be used.
    pub fn sample(&self, sample: Sample) -> Result<bool, RecordError> {
        sample.check()?;
        let mut open = self.waiting.open();
        open.know(&sample.channel)?;
        let bytes = match &sample.value {
            Value::Numbers(numbers) => numbers.len().saturating_mul(8),
            Value::Bytes { data, .. }
            | Value::RawImage { data, .. }
            | Value::CompressedImage { data, .. } => data.len(),
        };
        Ok(self.push(&open, bytes, Logged::Sample(sample)))
    }

    /// Hands over the beginning or the end of an episode.
    pub fn episode(&self, mark: EpisodeMark) {
        // It has no bytes that count, so it is never dropped.
        let open = self.waiting.open();
        if !open.is_over {
            self.push(&open, 0, Logged::Episode(mark));
        }
    }

    fn push(&self, open: &Open, bytes: usize, logged: Logged) -> bool {
        let logged = Arc::new(logged);
        if let Some(beside) = &self.beside {
            beside.push(&beside.open(), bytes, Arc::clone(&logged));
        }
        self.waiting.push(open, bytes, logged)
    }

    /// Counts values that were dropped before they came here.
    pub fn count_dropped(&self, values: u64) {
        self.waiting.dropped.fetch_add(values, Ordering::Relaxed);
    }

    /// Returns how many values were dropped, those of another log not among them.
    pub fn dropped(&self) -> u64 {
        self.waiting.dropped.load(Ordering::Relaxed)
    }
}

/// Why a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The code of the error that ended it, or nothing, as in [`RunEnd::code`].
    pub code: String,
    /// Why it ended, in words.
    pub text: String,
}

/// Why a session ended, once that is known.
pub type LateReason = Arc<OnceLock<Reason>>;

/// The newest cycle that was handed over.
#[derive(Debug, Clone, Copy, Default)]
struct LastCycle {
    tick: u64,
    monotonic_ns: u64,
    robot_time_s: f64,
}

/// How cycles of a session become entries of a recording.
#[derive(Debug, Clone)]
pub struct Clocks {
    /// The clocks of the host when the run began.
    pub start: Start,
    /// The robot's period \[s\].
    pub period_s: f64,
    /// The layout of actions, for the texts of notes.
    pub action: Schema,
}

impl Clocks {
    /// Hands over a cycle as an entry.
    pub fn entry(&self, kept: &KeptCycle<'_>, give: &mut dyn FnMut(&Entry<'_>)) {
        let head = kept.head;
        let notes: Vec<Note> = kept.notes.iter().map(|note| self.note(note)).collect();
        let monotonic_ns = head.started.as_nanos();
        give(&Entry::Cycle(Cycle {
            tick: head.tick,
            robot_time_s: head.clock as f64 * self.period_s,
            monotonic_ns,
            wall_ns: self.start.log_time(monotonic_ns),
            missed_ms: milliseconds(head.missed as f64 * self.period_s),
            lost_before: head.lost_before,
            kind: head.kind,
            phases: head.phases,
            state: kept.state,
            command: kept.command,
            answer: head.answer.map(|answer| Answer {
                tick: answer.tick,
                time_s: answer.time_s,
                step_s: answer.step_s,
                actions: kept.answer,
                told: answer.context.map(|context| Told {
                    began_s: (!context.began_s.is_nan()).then_some(context.began_s),
                    latency_s: context.latency_s,
                    episode: context.episode,
                }),
            }),
            notes: &notes,
        }));
    }

    fn last(&self, head: &CycleHead) -> LastCycle {
        LastCycle {
            tick: head.tick,
            monotonic_ns: head.started.as_nanos(),
            robot_time_s: head.clock as f64 * self.period_s,
        }
    }

    /// Hands over why a session ended whose last cycle is `last`.
    fn end(&self, last: Option<LastCycle>, reason: &Reason, give: &mut dyn FnMut(&Entry<'_>)) {
        let last = last.unwrap_or(LastCycle {
            monotonic_ns: self.start.monotonic_ns,
            ..LastCycle::default()
        });
        give(&Entry::End(&RunEnd {
            tick: last.tick,
            monotonic_ns: last.monotonic_ns,
            robot_time_s: last.robot_time_s,
            code: reason.code.clone(),
            text: RunEnd::fitting(reason.text.clone()),
        }));
    }

    fn note(&self, note: &CycleNote) -> Note {
        match note {
            CycleNote::Violation(broken) => self.violation(broken),
            CycleNote::Event(kind) => self.event(kind),
        }
    }

    /// Names a slot of an action, as in `q[3]`.
    fn slot(&self, slot: usize) -> String {
        match self.action.locate(slot) {
            Some((field, index)) => format!("{field}[{index}]"),
            None => GRIPPER.to_owned(),
        }
    }

    fn violation(&self, broken: &Violation) -> Note {
        Note {
            level: Level::Warning,
            name: broken.kind.as_str().to_owned(),
            text: format!(
                "{} of the action is {}: {} where {} is allowed",
                self.slot(broken.slot),
                broken.action,
                broken.received,
                broken.limit
            ),
        }
    }

    fn fault(&self, fault: &ChunkFault) -> String {
        match *fault {
            ChunkFault::Empty => "it has no rows".to_owned(),
            ChunkFault::Malformed { .. } => "it is no chunk of actions".to_owned(),
            ChunkFault::Frame { row } => format!("row {row} is no pose"),
            ChunkFault::TooLong { rows } => format!("it has {rows} rows"),
            ChunkFault::Step { dt_s } => format!("its dtS is {dt_s}"),
            ChunkFault::Future { by_s } => format!("its observation is {by_s} s in the future"),
            ChunkFault::Backwards { by_s } => {
                format!("its observation is {by_s} s older than that of the chunk before")
            }
            ChunkFault::NotFinite { row, slot } => {
                format!("{} of row {row} is no finite number", self.slot(slot))
            }
            ChunkFault::Seam {
                coordinate,
                distance,
                longest,
            } => format!(
                "coordinate {coordinate} is {distance} away from what is played, and {longest} is allowed"
            ),
        }
    }

    /// Says in words what an event is.
    pub fn event(&self, kind: &EventKind) -> Note {
        let (level, text) = match kind {
            EventKind::Held => (
                Level::Warning,
                "no action came in time; the last command is held".to_owned(),
            ),
            EventKind::Resting => (
                Level::Warning,
                "no action came for too long; the robot is brought to rest".to_owned(),
            ),
            EventKind::Resumed => (Level::Info, "actions are used again".to_owned()),
            EventKind::Behind { slot, distance } => (
                Level::Warning,
                format!("{} is {distance} away from the action", self.slot(*slot)),
            ),
            EventKind::BadChunk { fault } => (
                Level::Warning,
                format!("a chunk could not be played: {}", self.fault(fault)),
            ),
            EventKind::Late { took } => (
                Level::Warning,
                format!("late answers took {} s", took.as_secs_f64()),
            ),
        };
        Note {
            level,
            name: kind.name().as_str().to_owned(),
            text,
        }
    }
}

fn milliseconds(seconds: f64) -> u32 {
    (seconds * 1e3).round() as u32
}

/// The cycles of a running session, what users log, and why it ended, for the thread that writes or shows them.
pub struct SessionSource {
    cycles: CyclesOut,
    log: Log,
    clocks: Clocks,
    reason: LateReason,
    last: Option<LastCycle>,
}

impl SessionSource {
    /// Creates the source of the session that `cycles` come from. It ends once `reason` is known.
    pub fn new(cycles: CyclesOut, log: Log, clocks: Clocks, reason: LateReason) -> SessionSource {
        SessionSource {
            cycles,
            log,
            clocks,
            reason,
            last: None,
        }
    }
}

impl Source for SessionSource {
    fn take(&mut self, give: &mut dyn FnMut(&Entry<'_>)) -> Progress {
        // Looked at first: what came before the end is taken after this.
        let is_over = self.cycles.is_abandoned();
        let SessionSource {
            cycles,
            clocks,
            last,
            ..
        } = self;
        cycles.take(|kept| {
            *last = Some(clocks.last(kept.head));
            clocks.entry(kept, give);
        });
        let waiting = &self.log.waiting;
        if is_over {
            waiting.open().is_over = true;
        }
        while let Some((bytes, logged)) = waiting.queue.pop() {
            waiting.bytes.fetch_sub(bytes, Ordering::AcqRel);
            match &*logged {
                Logged::Sample(sample) => give(&Entry::Sample(sample)),
                Logged::Episode(mark) => give(&Entry::Episode(mark)),
            }
        }
        match self.reason.get() {
            Some(reason) if is_over => {
                self.clocks.end(self.last, reason, give);
                Progress::Ended
            }
            _ => Progress::More,
        }
    }
}

/// Hands over the cycles of a black box, oldest first, and then why the session ended.
pub fn read_black_box(
    black_box: &BlackBox,
    clocks: &Clocks,
    reason: &Reason,
    give: &mut dyn FnMut(&Entry<'_>),
) {
    let mut last = None;
    black_box.read(|kept| {
        last = Some(clocks.last(kept.head));
        clocks.entry(kept, give);
    });
    clocks.end(last, reason, give);
}
