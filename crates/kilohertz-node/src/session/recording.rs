//! What is kept of a session: the newest cycles in memory, and, if it is recorded, all of it in a file. If it
//! is shown, `live.rs` gets all of it too. What states and commands of a robot written in JavaScript consist of is
//! known only in its first cycle: until then `Undescribed` waits.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kilohertz_core::channel::notify::{Notifier, Signals};
use kilohertz_core::robot::Robot;
use kilohertz_core::session::{
    BlackBox, Config, CyclesOut, EventKind, Keeping, Session, cycle_rings,
};
use kilohertz_core::timing::time::Time;
use kilohertz_record::entry::{Entry, EpisodeMark, Note, Outcome, Pixels, Sample, Value};
use kilohertz_record::error::RecordError;
use kilohertz_record::framed::{Framed, Frames};
use kilohertz_record::layout::Layout;
use kilohertz_record::live::{Clocks, Log, SessionSource, read_black_box};
use kilohertz_record::run::{GRIPPER, Run, Start};
use kilohertz_record::writer::{Recording, Reserved, RunWriter, View, WriterOptions};
use napi::bindgen_prelude::{Float64Array, Uint8Array};
use napi_derive::napi;

use crate::error::{Code, Failure};
use crate::session::about::About;
use crate::session::ending::Ending;
use crate::session::live::{NativeShown, Shown};
use crate::session::options::{NativeSessionOptions, seconds};

/// How long the end of a session waits until its recording is written.
const WRITING_LIMIT: Duration = Duration::from_secs(5);

/// What was recorded so far.
#[napi(object, object_from_js = false)]
pub struct NativeRecorded {
    pub path: String,
    /// Cycles that are in the file, and values and episodes that are.
    pub cycles: f64,
    pub others: f64,
    /// Those that were handed over and are not in the file, because writing failed.
    pub lost_cycles: f64,
    pub lost_others: f64,
    /// Values that were dropped because too many waited.
    pub dropped_values: f64,
    /// Fields of cycles that were no longer kept when they were to be written.
    pub unkept_fields: f64,
    pub bytes: f64,
    /// Why writing ended early, if it did.
    pub error: Option<Failure>,
}

/// What a user logs: one of the three is given.
#[napi(object)]
pub struct NativeValue {
    pub numbers: Option<Float64Array>,
    /// Bytes, and what they are.
    pub bytes: Option<Uint8Array>,
    pub media_type: Option<String>,
    /// Of pixels: their encoding, with the width and the height.
    pub encoding: Option<String>,
    pub width: Option<u32>,
    pub height: Option<u32>,
    /// The format of a compressed image.
    pub format: Option<String>,
}

impl NativeValue {
    fn value(self) -> Value {
        if let Some(numbers) = self.numbers {
            return Value::Numbers(numbers.to_vec());
        }
        let data = self.bytes.map(|bytes| bytes.to_vec()).unwrap_or_default();
        let pixels = self
            .encoding
            .and_then(|name| Pixels::ALL.into_iter().find(|each| each.as_str() == name));
        match (pixels, self.format) {
            (Some(pixels), _) => Value::RawImage {
                width: self.width.unwrap_or_default(),
                height: self.height.unwrap_or_default(),
                pixels,
                data,
            },
            (None, Some(format)) => Value::CompressedImage { format, data },
            (None, None) => Value::Bytes {
                media_type: self.media_type.unwrap_or_default(),
                data,
            },
        }
    }
}

/// What is kept of a session.
pub struct Kept {
    /// What is known of the run, once the form of its states is.
    run: OnceLock<Run>,
    /// What begins then.
    undescribed: Mutex<Option<Undescribed>>,
    started: Start,
    clocks: Clocks,
    log: Log,
    /// Why the session ended.
    ending: Ending,
    /// What a robot written in JavaScript hands over.
    frames: Option<Frames>,
    /// Fields of them that were no longer kept when they were to be written.
    gone: Arc<AtomicU64>,
    /// The file of the recording.
    path: Option<PathBuf>,
    recording: OnceLock<Recording>,
    /// Why what waited for the form of the states could not begin.
    unstarted: OnceLock<Failure>,
    shown: Option<Shown>,
    /// Where the newest cycles are written if the session ends with an error, and by which thread.
    folder: Option<(PathBuf, Aside)>,
    /// The file in that folder, or why there is none.
    saved: OnceLock<Result<PathBuf, RecordError>>,
    /// True once it was told that writing has failed.
    is_failure_told: AtomicBool,
    /// True once [`finish`] is done.
    is_finished: AtomicBool,
}

/// What waits until the form of the states is known.
struct Undescribed {
    run: Run,
    written: Option<(Reserved, CyclesOut, Notifier)>,
    shown: Option<CyclesOut>,
}

fn now() -> Start {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Start {
        monotonic_ns: Time::now().as_nanos(),
        wall_ns: since.map_or(0, |since| since.as_nanos() as u64),
    }
}

/// Returns the versions of what runs here, with those of this package.
fn versions(told: Option<serde_json::Value>) -> serde_json::Value {
    let mut versions = match told {
        Some(serde_json::Value::Object(told)) => told,
        _ => serde_json::Map::new(),
    };
    versions.insert("kilohertz".to_owned(), env!("CARGO_PKG_VERSION").into());
    serde_json::Value::Object(versions)
}

/// Checks that files can be created in a folder.
fn check_folder(folder: &Path) -> Result<(), RecordError> {
    let refused = |source| RecordError::Io {
        path: folder.to_owned(),
        doing: "used as a folder",
        source,
    };
    let found = std::fs::metadata(folder).map_err(refused)?;
    if !found.is_dir() {
        return Err(refused(ErrorKind::NotADirectory.into()));
    }
    if found.permissions().readonly() {
        return Err(refused(ErrorKind::PermissionDenied.into()));
    }
    Ok(())
}

/// Returns the parts of an arm's state that other tools understand, if the robot has them.
fn views(state: &Layout) -> WriterOptions {
    let has = |name: &str, len: usize| state.find(name).is_some_and(|(field, _)| field.len == len);
    let mut options = WriterOptions::default();
    if has("q", 7) && has("dq", 7) && has("tau_J", 7) {
        options.views.push(View::Joints {
            names: (1..=7).map(|joint| format!("joint{joint}")).collect(),
            position: "q".to_owned(),
            velocity: Some("dq".to_owned()),
            effort: Some("tau_J".to_owned()),
        });
    }
    if has("O_T_EE", 16) {
        options.views.push(View::Pose {
            field: "O_T_EE".to_owned(),
            frame: "base".to_owned(),
        });
    }
    options
}

/// Adds to what JavaScript tells of a robot the limits of its joints, and how chunks are played on it.
fn described(
    mut robot: serde_json::Value,
    about: &About,
    options: &NativeSessionOptions,
) -> serde_json::Value {
    let Some(robot_part) = robot.as_object_mut() else {
        return robot;
    };
    if let Some(limits) = &about.info.limits {
        robot_part.insert("limits".to_owned(), serde_json::json!(limits));
    }
    if let Some(chunks) = &options.chunks {
        let gripper = chunks.gripper.as_ref().map(|gripper| {
            let [at_0, at_1] = gripper.widths();
            serde_json::json!({ "at0M": at_0, "at1M": at_1 })
        });
        let played = serde_json::json!({ "isRelative": chunks.is_relative, "gripper": gripper });
        robot_part.insert("chunks".to_owned(), played);
    }
    robot
}

impl Kept {
    /// Begins to keep what the options ask for. A file that cannot be written is refused here, before anything
    /// moves. `notifier` is notified when writing fails.
    pub fn begin(
        options: &NativeSessionOptions,
        (robot, about): (&dyn Robot, &About),
        config: &Config,
        notifier: &Notifier,
    ) -> Result<(Keeping, Kept), Failure> {
        let (lengths, period) = (config.lengths(robot), robot.period());
        let told = options.run_info.as_deref().unwrap_or("{}");
        let mut told: serde_json::Value = serde_json::from_str(told)
            .map_err(|error| Failure::new(Code::System, format!("the run's data: {error}")))?;
        let mut part = |name: &str| told.get_mut(name).map(serde_json::Value::take);
        let start = now();
        let action = Layout::from(robot.action());
        let has_gripper = config
            .chunks
            .as_ref()
            .is_some_and(|chunks| chunks.gripper.is_some());
        let run = Run {
            state: Layout::from(robot.observation()),
            answer: match has_gripper {
                true => action.and(GRIPPER)?,
                false => action.clone(),
            },
            action,
            period_s: period.as_secs_f64(),
            start,
            options: part("options").unwrap_or_default(),
            robot: described(part("robot").unwrap_or_default(), about, options),
            versions: versions(part("versions")),
        };
        let clocks = Clocks {
            start,
            period_s: period.as_secs_f64(),
            action: robot.action().clone(),
        };
        let folder = match &options.black_box_folder {
            Some(folder) => {
                let folder = PathBuf::from(folder);
                check_folder(&folder)?;
                let aside = Aside::begin().map_err(|error| Failure::thread(&error))?;
                Some((folder, aside))
            }
            None => None,
        };
        let mut keeping = Keeping::default();
        if let Some(lasts_s) = options.black_box_s {
            keeping.black_box = Some(BlackBox::new(lengths, seconds(lasts_s), period));
        }
        // What begins here leaves nothing behind if what follows is refused.
        let mut log = Log::default();
        let mut waiting = Undescribed {
            run,
            written: None,
            shown: None,
        };
        let mut shown = None;
        if let Some(foxglove) = &options.foxglove {
            let (live, cycles) = cycle_rings(lengths, period);
            let begun = Shown::listen(foxglove)?;
            keeping.live = Some(live);
            log = log.and(begun.log());
            shown = Some(begun);
            waiting.shown = Some(cycles);
        }
        let path = options.record.as_ref().map(PathBuf::from);
        if let Some(path) = &path {
            let (all, cycles) = cycle_rings(lengths, period);
            keeping.all = Some(all);
            waiting.written = Some((Reserved::new(path)?, cycles, notifier.clone()));
        }
        // The loop sees the states of all robots but those that are written in JavaScript.
        let is_seen = !robot.observation().is_empty();
        let lasts = seconds(options.black_box_s.unwrap_or_default());
        let kept = Kept {
            run: OnceLock::new(),
            started: start,
            clocks,
            log,
            ending: Ending::new(config),
            frames: (!is_seen).then(|| Frames::new(lasts, period)),
            gone: Arc::default(),
            path,
            recording: OnceLock::new(),
            unstarted: OnceLock::new(),
            shown,
            folder,
            saved: OnceLock::new(),
            is_failure_told: AtomicBool::new(false),
            is_finished: AtomicBool::new(false),
            undescribed: Mutex::new(Some(waiting)),
        };
        if is_seen {
            kept.start(|_| ())?;
        }
        Ok((keeping, kept))
    }

    /// Begins what waits for the form of the states, once. `describe` may complete what is known of the run.
    fn start(&self, describe: impl FnOnce(&mut Run)) -> Result<(), Failure> {
        let mut undescribed = self
            .undescribed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(mut waiting) = undescribed.take() else {
            return Ok(());
        };
        describe(&mut waiting.run);
        let run = self.run.get_or_init(|| waiting.run);
        let source = |cycles, log: &Log, gone| Framed {
            source: SessionSource::new(
                cycles,
                log.clone(),
                self.clocks.clone(),
                self.ending.reason(),
            ),
            frames: self.frames.clone(),
            gone,
        };
        if let (Some(shown), Some(cycles)) = (&self.shown, waiting.shown) {
            shown.begin(
                run.clone(),
                &views(&run.state),
                source(cycles, shown.log(), Arc::default()),
            )?;
        }
        if let Some((reserved, cycles, notifier)) = waiting.written {
            let writer = RunWriter::begin(reserved, run.clone(), &views(&run.state))?;
            let tell = move |_: &RecordError| notifier.notify(Signals::EVENT);
            let started = Recording::start(
                writer,
                source(cycles, &self.log, Arc::clone(&self.gone)),
                tell,
            );
            // The cell is empty: only this code writes it.
            drop(
                self.recording
                    .set(started.map_err(|error| Failure::thread(&error))?),
            );
        }
        Ok(())
    }

    /// Begins the recording of a robot written in JavaScript, whose states and commands have these fields. If it
    /// cannot begin, the robot goes on, and that is told as a recording that has failed.
    pub fn describe(&self, state: Layout, action: Layout) {
        let frames = self.frames.as_ref();
        let started = self.start(|run| {
            if let Some(frames) = frames {
                frames.describe(&state, &action);
            }
            run.state = state;
            run.answer = action.clone();
            run.action = action;
        });
        if let Err(failure) = started {
            let _ = self.unstarted.set(failure);
        }
    }

    /// Keeps what a robot written in JavaScript observed in a cycle, and what it was commanded.
    pub fn frame(&self, tick: u64, numbers: &[f64], note: Option<String>) {
        if let Some(frames) = &self.frames {
            frames.push(tick, numbers, note);
        }
    }

    /// Returns what is known of the session's end.
    pub fn ending(&self) -> &Ending {
        &self.ending
    }

    /// Says in words what an event is.
    pub fn words(&self, event: &EventKind) -> Note {
        self.clocks.event(event)
    }

    /// Returns true if somebody takes what users log.
    pub fn takes_logs(&self) -> bool {
        self.path.is_some() || self.shown.is_some()
    }

    /// Returns what was shown so far.
    pub fn shown(&self) -> Option<NativeShown> {
        self.shown.as_ref().map(Shown::report)
    }

    /// Returns true once everything is written.
    pub fn is_finished(&self) -> bool {
        self.is_finished.load(Ordering::Acquire)
    }

    /// Writes the newest cycles into a file.
    pub fn save(&self, session: &Session, path: &Path) -> Result<(), RecordError> {
        // A session that ended before its first cycle has no states.
        self.describe(Layout::default(), Layout::default());
        let Some(run) = self.run.get() else {
            return Ok(());
        };
        let mut writer = RunWriter::create(path, run.clone(), &views(&run.state))?;
        let mut written = Ok(());
        if let Some(black_box) = session.black_box() {
            let mut write = |entry: &Entry<'_>| {
                if written.is_ok() {
                    written = writer.write(entry);
                }
            };
            let (clocks, reason) = (&self.clocks, self.ending.newest(session));
            let gone = AtomicU64::new(0);
            match &self.frames {
                Some(frames) => {
                    read_black_box(
                        black_box,
                        clocks,
                        &reason,
                        &mut frames.within(&gone, &mut write),
                    );
                }
                None => read_black_box(black_box, clocks, &reason, &mut write),
            }
        }
        written?;
        writer.finish()
    }

    /// Returns the file into which the newest cycles were written at the end, or why that failed.
    pub fn saved(&self) -> Option<Result<String, Failure>> {
        let saved = self.saved.get()?;
        Some(match saved {
            Ok(path) => Ok(path.display().to_string()),
            Err(error) => Err(Failure::record(error)),
        })
    }

    /// Returns true if writing has failed and nobody was told so yet.
    pub fn has_failed(&self) -> bool {
        let has_failed = self.unstarted.get().is_some()
            || self.recording.get().is_some_and(Recording::has_failed);
        has_failed && !self.is_failure_told.load(Ordering::Relaxed)
    }

    /// Returns why writing has failed, once.
    pub fn take_failure(&self) -> Option<Failure> {
        let failure = self.failure()?;
        let is_told = self.is_failure_told.swap(true, Ordering::Relaxed);
        (!is_told).then_some(failure)
    }

    fn failure(&self) -> Option<Failure> {
        let written = self.recording.get().and_then(Recording::error);
        let failed = written.map(|error| Failure::record(&error));
        failed.or_else(|| self.unstarted.get().cloned())
    }

    /// Returns what was recorded so far.
    pub fn recorded(&self) -> Option<NativeRecorded> {
        let path = self.path.as_ref()?;
        let recording = self.recording.get();
        let counts = recording.map(Recording::counts).unwrap_or_default();
        Some(NativeRecorded {
            path: path.display().to_string(),
            cycles: counts.kept.cycles as f64,
            others: counts.kept.others as f64,
            lost_cycles: counts.not_kept.cycles as f64,
            lost_others: counts.not_kept.others as f64,
            dropped_values: self.log.dropped() as f64,
            unkept_fields: self.gone.load(Ordering::Relaxed) as f64,
            bytes: counts.bytes as f64,
            error: self.failure(),
        })
    }

    /// Counts values that a policy's process has dropped.
    pub fn count_dropped(&self, values: u32) {
        self.log.count_dropped(u64::from(values));
    }

    /// Hands over what a user logs. Returns false if it was dropped, or if nobody takes it.
    pub fn log(
        &self,
        channel: String,
        time_s: f64,
        value: NativeValue,
    ) -> Result<bool, RecordError> {
        if !self.takes_logs() {
            return Ok(false);
        }
        self.log.sample(Sample {
            channel,
            monotonic_ns: Time::now().as_nanos(),
            time_s,
            value: value.value(),
        })
    }

    /// Hands over the beginning or the end of an episode.
    pub fn mark(&self, index: u32, robot_time_s: f64, task: String, ended: Option<&str>) {
        let ended = ended.map(|name| {
            let known = Outcome::ALL.into_iter().find(|each| each.as_str() == name);
            known.unwrap_or(Outcome::Unknown)
        });
        self.log.episode(EpisodeMark {
            index,
            monotonic_ns: Time::now().as_nanos(),
            robot_time_s,
            task,
            ended,
        });
    }
}

/// What a session's threads share of what is kept of it.
pub type SharedKept = Arc<OnceLock<Kept>>;

/// Waits until it is known why a session ended and its recording is written, and writes the newest cycles where that
/// was asked for. Call this when the loop has ended.
pub fn finish(session: &Arc<OnceLock<Session>>, shared: &SharedKept) {
    let (Some(ended), Some(kept)) = (session.get(), shared.get()) else {
        return;
    };
    // A session that ended before its first cycle has a file too.
    kept.describe(Layout::default(), Layout::default());
    let failed = ended
        .outcome()
        .is_some_and(|outcome| outcome.cause.is_some() || outcome.robot_error.is_some());
    let black_box = kept.folder.as_ref().filter(|_| failed);
    if kept.takes_logs() || black_box.is_some() {
        kept.ending.settle(ended);
    }
    if let Some(recording) = kept.recording.get() {
        recording.wake();
        recording.join(WRITING_LIMIT);
    }
    if let Some(shown) = &kept.shown {
        shown.finish();
    }
    if let Some((folder, aside)) = black_box {
        let at_ms = kept.started.wall_ns / 1_000_000;
        let path = folder.join(format!("black-box-{at_ms}-{}.mcap", std::process::id()));
        let (session, shared) = (Arc::clone(session), Arc::clone(shared));
        aside.run(WRITING_LIMIT, move || {
            if let (Some(ended), Some(kept)) = (session.get(), shared.get()) {
                let saved = kept.save(ended, &path).map(|()| path);
                let _ = kept.saved.set(saved);
            }
        });
    }
    kept.is_finished.store(true, Ordering::Release);
}

/// A thread of ordinary priority, for work that must not delay realtime threads. It ends with its owner.
struct Aside {
    work: Mutex<Sender<Box<dyn FnOnce() + Send>>>,
}

impl Aside {
    /// Starts the thread. Its priority is that of the calling thread.
    fn begin() -> io::Result<Aside> {
        let (work, todo) = channel::<Box<dyn FnOnce() + Send>>();
        let builder = std::thread::Builder::new().name("kilohertz-write".to_owned());
        builder.spawn(move || {
            for work in todo {
                work();
            }
        })?;
        Ok(Aside {
            work: Mutex::new(work),
        })
    }

    /// Does work there, and waits for it, at most `limit`.
    fn run(&self, limit: Duration, work: impl FnOnce() + Send + 'static) {
        let (done, is_done) = channel();
        let work = Box::new(move || {
            work();
            let _ = done.send(());
        });
        let sender = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        if sender.send(work).is_ok() {
            let _ = is_done.recv_timeout(limit);
        }
    }
}
