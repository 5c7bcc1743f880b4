//! A recording that is written by a thread of its own.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use kilohertz_core::session::roll::Writing;
use kilohertz_core::thread::has_ended_within;

use crate::entry::Entry;
use crate::error::RecordError;
use crate::writer::run_writer::{Kept, RunWriter};

/// The most that a process which is killed loses, on a machine that lets the thread run.
pub const LONGEST_LOSS: Duration = Duration::from_millis(250);
/// How often a chunk is completed: far more often than has to be, so that a loaded machine may be late with it.
const FLUSH: Duration = Duration::from_millis(50);
/// How often what waits is taken.
const TAKE: Duration = Duration::from_millis(10);

/// Whether more may come from a [`Source`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Nothing waits now.
    More,
    /// Nothing waits, and nothing will come.
    Ended,
}

/// What the thread takes entries from, as from the end of a ring.
pub trait Source: Send + 'static {
    /// Hands over everything that waits, oldest first. It must not wait for more.
    fn take(&mut self, give: &mut dyn FnMut(&Entry<'_>)) -> Progress;
}

/// What was written, and what was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// What is in the file.
    pub kept: Kept,
    /// What came and is not in the file: entries that were refused, and all since the last flush before a
    /// write that failed.
    pub not_kept: Kept,
    /// The bytes of the file.
    pub bytes: u64,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    counts: Mutex<Counts>,
    /// The first error.
    error: Mutex<Option<Arc<RecordError>>>,
    /// True once there is an error.
    has_failed: AtomicBool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A recording that goes on. Dropping it ends it, as [`Recording::end`] does.
pub struct Recording {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Recording {
    /// Starts a thread that writes what comes from `source` with `writer`. `tell` is called on that thread
    /// with the first entry's refusal, and with the error that ends the writing; after that error the thread
    /// counts what comes and writes nothing more.
    ///
    /// # Errors
    /// Returns an error if no thread can be started.
    pub fn start(
        writer: RunWriter,
        source: impl Source,
        tell: impl Fn(&RecordError) + Send + 'static,
    ) -> io::Result<Recording> {
        let shared = Arc::new(Shared::default());
        locked(&shared.counts).bytes = writer.len();
        let mut task = Task {
            shared: Arc::clone(&shared),
            writer,
            source: Box::new(source),
            tell: Box::new(tell),
            is_broken: false,
            came: Kept::default(),
            refused: Kept::default(),
        };
        let builder = Builder::new().name("kilohertz-write".to_owned());
        let writing = Writing::begin();
        let thread = builder.spawn(move || {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| task.run())) {
                task.panicked(&*panic);
                // Dropping the writer would finish the file, as if nothing were missing.
                std::mem::forget(task);
            }
            drop(writing);
        })?;
        Ok(Recording {
            shared,
            thread: Some(thread),
        })
    }

    /// Returns what was written so far.
    pub fn counts(&self) -> Counts {
        *locked(&self.shared.counts)
    }

    /// Returns the error that ended the writing, or else the first entry's refusal.
    pub fn error(&self) -> Option<Arc<RecordError>> {
        locked(&self.shared.error).clone()
    }

    /// Returns true once [`Recording::error`] returns an error. It takes no lock.
    pub fn has_failed(&self) -> bool {
        self.shared.has_failed.load(Ordering::Acquire)
    }

    /// Lets the thread take at once what waits.
    pub fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }

    /// Asks the thread to take what waits, finish the file and end. It does not wait for that.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Release);
        self.wake();
    }

    /// Waits at most `limit` until the file is finished. Returns true if the thread has ended.
    pub fn join(&self, limit: Duration) -> bool {
        let thread = self.thread.as_ref();
        thread.is_none_or(|thread| has_ended_within(thread, limit))
    }

    /// Takes what waits, finishes the file and returns what was written.
    ///
    /// # Errors
    /// Returns what [`Recording::error`] does.
    pub fn end(mut self) -> Result<Counts, Arc<RecordError>> {
        self.wait();
        match self.error() {
            Some(error) => Err(error),
            None => Ok(self.counts()),
        }
    }

    fn wait(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was told on its standard error, and the file ends at its last flush.
            let _ = thread.join();
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.wait();
    }
}

struct Task {
    shared: Arc<Shared>,
    writer: RunWriter,
    source: Box<dyn Source>,
    tell: Box<dyn Fn(&RecordError) + Send>,
    /// True after a write that failed.
    is_broken: bool,
    /// What was handed over.
    came: Kept,
    /// What was refused.
    refused: Kept,
}

impl Task {
    fn run(&mut self) {
        let mut flush_at = Instant::now() + FLUSH;
        loop {
            // Read before taking: what was handed over before the stop is taken after it.
            let stop = self.shared.stop.load(Ordering::Acquire);
            let progress = self.take();
            if stop || progress == Progress::Ended {
                break;
            }
            if Instant::now() >= flush_at {
                self.with_writer(RunWriter::flush);
                flush_at = Instant::now() + FLUSH;
            }
            std::thread::park_timeout(TAKE);
        }
        self.with_writer(RunWriter::finish);
    }

    /// Tells that the thread has failed, and counts what is lost by it.
    fn panicked(&mut self, panic: &(dyn Any + Send)) {
        self.is_broken = true;
        self.with_writer(|_| Ok(()));
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        let what = text.unwrap_or_else(|| "a panic without a message".to_owned());
        let source = io::Error::other(format!("the writing thread failed: {what}"));
        self.report(RecordError::io(self.writer.path(), "written")(source));
    }

    /// Writes everything that waits.
    fn take(&mut self) -> Progress {
        let Task {
            writer,
            source,
            is_broken,
            came,
            refused,
            ..
        } = self;
        let mut failed = Vec::new();
        let progress = source.take(&mut |entry| {
            count(came, entry);
            if *is_broken {
                return;
            }
            if let Err(error) = writer.write(entry) {
                match error {
                    RecordError::InvalidArgument { .. } => count(refused, entry),
                    _ => *is_broken = true,
                }
                failed.push(error);
            }
        });
        for error in failed {
            self.report(error);
        }
        progress
    }

    /// Flushes or finishes the file, and counts what is in it.
    fn with_writer(&mut self, step: impl FnOnce(&mut RunWriter) -> Result<(), RecordError>) {
        if !self.is_broken
            && let Err(error) = step(&mut self.writer)
        {
            self.is_broken = true;
            self.report(error);
        }
        let mut counts = locked(&self.shared.counts);
        counts.kept = self.writer.kept();
        counts.bytes = self.writer.len();
        counts.not_kept = match self.is_broken {
            true => Kept {
                cycles: self.came.cycles.saturating_sub(counts.kept.cycles),
                others: self.came.others.saturating_sub(counts.kept.others),
            },
            false => self.refused,
        };
    }

    /// Keeps and tells the first error, and the first that ends the writing.
    fn report(&self, error: RecordError) {
        let is_refusal = |error: &RecordError| matches!(error, RecordError::InvalidArgument { .. });
        let error = Arc::new(error);
        {
            let mut first = locked(&self.shared.error);
            if first
                .as_ref()
                .is_some_and(|first| is_refusal(&error) || !is_refusal(first))
            {
                return;
            }
            *first = Some(Arc::clone(&error));
        }
        self.shared.has_failed.store(true, Ordering::Release);
        (self.tell)(&error);
    }
}

fn count(kept: &mut Kept, entry: &Entry<'_>) {
    match entry {
        Entry::Cycle(_) => kept.cycles += 1,
        Entry::Sample(_) | Entry::Episode(_) => kept.others += 1,
        Entry::End(_) => {}
    }
}
