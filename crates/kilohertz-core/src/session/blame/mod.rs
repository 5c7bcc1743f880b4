//! Why cycles were bad. The loop tells which were ([`Incident`]), through a ring. A thread of ordinary priority
//! takes samples of what the kernel counts, and sets each incident against the samples around it. So the loop
//! makes no system call for this, and waits for nobody.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod incident;
mod kernel;
mod samples;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rtrb::Consumer;

use crate::phases::Phase;
use crate::policy::PolicyThread;
use crate::session::blame::kernel::{Counted, Kernel, Scheduled};
use crate::session::blame::samples::{Full, Numbers, Quick, Ring, evidence};
use crate::stats::Recorder;
use crate::thread::block_signals;
use crate::thread::cores::stay_off_taken;
use crate::thread::system::{allowed_cpus, thread_id};
use crate::timing::time::Time;

pub use incident::{Incident, IncidentKind, Span};
pub use samples::{Evidence, OwnShare, ThreadShare};

/// How often the scheduler's counts of the two threads are read, and how often the rest.
const LOOK: Duration = Duration::from_millis(20);
const LOOK_AROUND: Duration = Duration::from_millis(100);
/// How many of the two kinds of samples are kept: those of some seconds.
const QUICK: usize = 256;
const FULL: usize = 64;
/// How many incidents are kept: the worst, and the newest.
const WORST: usize = 16;
const NEWEST: usize = 16;

/// An incident, and what is known of it from the outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blamed {
    /// What the loop knows of it.
    pub incident: Incident,
    /// The phase that took the most too long.
    pub phase: Phase,
    /// When that was.
    pub span: Span,
    /// What is known of that time.
    pub evidence: Evidence,
}

/// What is known of the bad cycles of a run.
#[derive(Debug, Clone, Default)]
pub struct BlameReport {
    /// The worst, worst first.
    pub worst: Vec<Blamed>,
    /// The newest, oldest first.
    pub newest: Vec<Blamed>,
    /// What the kernel counted in the whole run, as far as samples were taken.
    pub run: Evidence,
}

#[derive(Default)]
struct Held {
    worst: Vec<Blamed>,
    newest: VecDeque<Blamed>,
    run: Evidence,
}

/// What the loop, the thread that looks for reasons, and those who ask for them share.
#[derive(Default)]
pub struct Blame {
    loop_thread: AtomicU32,
    /// What was counted for the loop's thread when it ended.
    loop_ended: OnceLock<(Option<Scheduled>, Option<Counted>)>,
    policy_thread: OnceLock<Option<Arc<PolicyThread>>>,
    is_over: AtomicBool,
    held: Mutex<Held>,
}

impl Blame {
    /// Records that the loop runs on the thread with this number.
    pub(super) fn is_loop(&self, number: u32) {
        self.loop_thread.store(number, Ordering::Relaxed);
    }

    /// Keeps what is counted for the calling thread, the loop's. It ends now, and is counted no more.
    pub(super) fn loop_ends(&self) {
        let number = self.loop_thread.load(Ordering::Relaxed);
        let kernel = Kernel::of_the_system();
        let counts = (kernel.scheduled(number), kernel.counted(number));
        let _ = self.loop_ended.set(counts);
    }

    /// Returns what was counted for the loop's thread, once it has ended.
    fn last_of_loop(&self) -> (Option<Scheduled>, Option<Counted>) {
        self.loop_ended.get().copied().unwrap_or_default()
    }

    /// Records the thread of the policy. Only the first call counts.
    pub(super) fn is_policy(&self, thread: Option<Arc<PolicyThread>>) {
        let _ = self.policy_thread.set(thread);
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what is known until now. `recorder` has the pauses of the policy's thread, which may have been
    /// noted after the incident.
    pub fn report(&self, recorder: &Recorder) -> BlameReport {
        let (worst, newest, run) = {
            let held = self.held();
            let newest = held.newest.iter().cloned().collect();
            (held.worst.clone(), newest, held.run.clone())
        };
        let mut report = BlameReport { worst, newest, run };
        for blamed in report.worst.iter_mut().chain(&mut report.newest) {
            let Span { from, to } = blamed.span;
            blamed.evidence.paused = recorder.pauses.within(from, to);
        }
        report.run.paused = recorder.pauses.total().1;
        report
    }

    fn keep(&self, blamed: Blamed) {
        let mut held = self.held();
        if held.newest.len() >= NEWEST {
            held.newest.pop_front();
        }
        held.newest.push_back(blamed.clone());
        held.worst.push(blamed);
        held.worst
            .sort_by_key(|blamed| std::cmp::Reverse(blamed.incident.excess));
        held.worst.truncate(WORST);
    }
}

/// The thread that looks for reasons, until this is dropped.
pub(super) struct BlameWatch {
    blame: Arc<Blame>,
    thread: Option<JoinHandle<()>>,
}

impl BlameWatch {
    /// Starts the thread. If that fails, the reasons stay unknown.
    pub fn begin(blame: &Arc<Blame>, incidents: Consumer<Incident>) -> BlameWatch {
        let shared = Arc::clone(blame);
        let builder = std::thread::Builder::new().name("kilohertz-blame".to_owned());
        let thread = builder.spawn(move || {
            block_signals();
            stay_off_taken();
            Watcher::new(&shared, Kernel::of_the_system()).watch(incidents);
        });
        BlameWatch {
            blame: Arc::clone(blame),
            thread: thread.ok(),
        }
    }
}

impl Drop for BlameWatch {
    fn drop(&mut self) {
        self.blame.is_over.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

struct Watcher<'a> {
    blame: &'a Blame,
    kernel: Kernel,
    own: u32,
    cpus: usize,
    quick: Ring<Quick>,
    full: Ring<Full>,
    first: Option<(Quick, Full)>,
    looked_around: Option<Time>,
}

impl Watcher<'_> {
    fn new(blame: &Blame, kernel: Kernel) -> Watcher<'_> {
        Watcher {
            blame,
            kernel,
            own: thread_id(),
            cpus: allowed_cpus().len(),
            quick: Ring::new(QUICK, |quick| quick.at),
            full: Ring::new(FULL, |full| full.at),
            first: None,
            looked_around: None,
        }
    }

    fn numbers(&self) -> Numbers {
        let policy = self.blame.policy_thread.get().and_then(Option::as_ref);
        Numbers {
            of_loop: self.blame.loop_thread.load(Ordering::Relaxed),
            of_policy: policy.map_or(0, |thread| thread.number()),
            own: self.own,
        }
    }

    /// Takes samples and sets the incidents against them, until the session is over.
    fn watch(&mut self, mut incidents: Consumer<Incident>) {
        loop {
            let is_over = self.blame.is_over.load(Ordering::Acquire);
            // What happened before this sample lies before its time.
            let waiting = incidents.slots();
            self.look(waiting > 0 || is_over);
            for _ in 0..waiting {
                if let Ok(incident) = incidents.pop() {
                    self.set_against(incident);
                }
            }
            if is_over {
                return;
            }
            std::thread::park_timeout(LOOK);
        }
    }

    fn set_against(&self, incident: Incident) {
        let (phase, span) = incident.worst();
        let mut found = evidence(&self.quick, &self.full, self.numbers(), span);
        found.cpus = self.cpus;
        self.blame.keep(Blamed {
            incident,
            phase,
            span,
            evidence: found,
        });
    }

    /// Takes a sample; all of one if `must` is true, or if the last is old.
    fn look(&mut self, must: bool) {
        let numbers = self.numbers();
        let quick = Quick {
            at: Time::now(),
            of_loop: self
                .kernel
                .scheduled(numbers.of_loop)
                .or_else(|| self.blame.last_of_loop().0),
            of_policy: self.kernel.scheduled(numbers.of_policy),
        };
        self.quick.push(quick);
        let is_old = |at: Time| quick.at.since(at) >= LOOK_AROUND;
        if !must && !self.looked_around.is_none_or(is_old) {
            return;
        }
        let full = self.look_around(numbers);
        self.looked_around = Some(full.at);
        self.full.push(full.clone());
        match &self.first {
            // The loop's thread is not known at once.
            None if quick.of_loop.is_some() => self.first = Some((quick, full)),
            None => {}
            Some(first) => self.sum_up(first.clone(), (quick, full), numbers),
        }
    }

    fn look_around(&mut self, numbers: Numbers) -> Full {
        let of_loop = self.kernel.counted(numbers.of_loop);
        let of_loop = of_loop.or_else(|| self.blame.last_of_loop().1);
        let cpu = of_loop.map(|counted| counted.cpu);
        Full {
            at: Time::now(),
            of_loop,
            of_policy: self.kernel.counted(numbers.of_policy),
            own: self.kernel.own_threads(),
            processors: self.kernel.processors(),
            pressure: self.kernel.pressure(),
            idle: cpu.map_or_else(Vec::new, |cpu| self.kernel.idle_states(cpu)),
        }
    }

    /// Notes what was counted from the first samples to these.
    fn sum_up(&self, first: (Quick, Full), last: (Quick, Full), numbers: Numbers) {
        let span = Span {
            from: first.0.at,
            to: last.1.at,
        };
        let mut quick = Ring::new(2, |quick: &Quick| quick.at);
        let mut full = Ring::new(2, |full: &Full| full.at);
        quick.push(first.0);
        quick.push(last.0);
        full.push(first.1);
        full.push(last.1);
        let mut run = evidence(&quick, &full, numbers, span);
        run.cpus = self.cpus;
        let mut held = self.blame.held();
        // A thread that has ended is counted no more; what was known of it stays.
        run.of_loop = run.of_loop.or(held.run.of_loop);
        run.of_policy = run.of_policy.or(held.run.of_policy);
        held.run = run;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn incident(tick: u64, excess: Duration) -> Incident {
        let now = Time::now();
        Incident {
            kind: IncidentKind::LongCycle,
            tick,
            cycles: 0,
            at: Duration::ZERO,
            whole: Span {
                from: now - excess,
                to: now,
            },
            excess,
            behind: Duration::ZERO,
            spans: [Span::default(); Phase::COUNT],
        }
    }

    #[test]
    fn the_worst_and_the_newest_are_kept_and_no_more() {
        let blame = Arc::new(Blame::default());
        let (mut input, output) = rtrb::RingBuffer::new(256);
        let watch = BlameWatch::begin(&blame, output);
        for tick in 0..100 {
            input
                .push(incident(tick, MS * ((tick * 37) % 100) as u32))
                .unwrap();
        }
        drop(watch);
        let report = blame.report(&Recorder::new(MS, 10));
        let worst: Vec<_> = report
            .worst
            .iter()
            .map(|each| each.incident.excess)
            .collect();
        let expected: Vec<_> = (0..WORST as u32).map(|nth| MS * (99 - nth)).collect();
        assert_eq!(worst, expected);
        let newest: Vec<_> = report
            .newest
            .iter()
            .map(|each| each.incident.tick)
            .collect();
        assert_eq!(newest, (100 - NEWEST as u64..100).collect::<Vec<_>>());
    }

    #[test]
    fn a_machine_without_such_files_gives_no_evidence_and_no_error() {
        let blame = Blame::default();
        blame.is_loop(1);
        let nowhere = || std::path::PathBuf::from("/nonexistent");
        let (mut input, output) = rtrb::RingBuffer::new(4);
        input.push(incident(3, MS)).unwrap();
        blame.is_over.store(true, Ordering::Release);
        Watcher::new(&blame, Kernel::at(nowhere(), nowhere())).watch(output);
        let report = blame.report(&Recorder::new(MS, 10));
        let evidence = &report.newest[0].evidence;
        assert_eq!((evidence.of_loop, evidence.stolen), (None, None));
    }

    #[test]
    fn what_was_counted_for_the_loop_is_known_after_its_end() {
        let blame = Blame::default();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                blame.is_loop(thread_id());
                blame.loop_ends();
            });
        });
        let (_input, output) = rtrb::RingBuffer::new(4);
        blame.is_over.store(true, Ordering::Release);
        let mut watcher = Watcher::new(&blame, Kernel::of_the_system());
        watcher.watch(output);
        let (quick, full) = watcher.first.expect("a sample was taken");
        assert!(quick.of_loop.is_some());
        assert!(full.of_loop.is_some());
    }

    #[test]
    fn a_pause_that_is_noted_afterwards_counts() {
        let blame = Blame::default();
        let recorder = Recorder::new(MS, 10);
        let late = incident(3, MS * 10);
        let mut spans = late.spans;
        spans[Phase::Policy as usize] = late.whole;
        let (mut input, output) = rtrb::RingBuffer::new(4);
        input.push(Incident { spans, ..late }).unwrap();
        blame.is_over.store(true, Ordering::Release);
        Watcher::new(&blame, Kernel::of_the_system()).watch(output);
        recorder
            .pauses
            .note(late.whole.from + MS, late.whole.from + MS * 8);
        let report = blame.report(&recorder);
        assert_eq!(report.worst[0].phase, Phase::Policy);
        assert_eq!(report.worst[0].evidence.paused, MS * 7);
    }
}
