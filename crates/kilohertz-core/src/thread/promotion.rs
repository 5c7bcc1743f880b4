//! Realtime priority for a policy's thread, as long as the policy answers.
//!
//! Beside busy processes a policy under the ordinary scheduler is late, because it gets no core in time.
//! With a realtime priority it gets one. But an endless loop in such a policy would take its core from all
//! other programs, and on a machine with one core stop the machine. So a separate thread watches: a policy
//! that has not answered for some time goes back to the ordinary scheduler until it answers.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::policy::PolicyThread;
use crate::thread::realtime::{Grant, block_signals};
use crate::thread::system::{set_fifo, set_fifo_of, set_ordinary_of};
use crate::timing::time::Time;

/// How often the watching thread checks.
const LOOK: Duration = Duration::from_millis(5);

/// Gives a policy's thread its priority, until this is dropped.
pub struct Promotion {
    shared: Arc<Shared>,
    watch: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    priority: u8,
    stop: AtomicBool,
    grant: OnceLock<Grant>,
    taken_back: AtomicU64,
}

/// A view of a promotion while it lasts.
#[derive(Clone)]
pub struct PromotionView(Arc<Shared>);

impl PromotionView {
    /// Returns the priority that was asked for.
    pub fn priority(&self) -> u8 {
        self.0.priority
    }

    /// Returns whether the system granted the priority; `None` before the policy's thread is known.
    pub fn grant(&self) -> Option<&Grant> {
        self.0.grant.get()
    }

    /// Returns how often the priority was taken back because the policy did not answer.
    pub fn taken_back(&self) -> u64 {
        self.0.taken_back.load(Ordering::Relaxed)
    }
}

impl Promotion {
    /// Gives the policy's thread the `SCHED_FIFO` priority `priority`, 1 to 98. Threads that it starts do
    /// not inherit it. The priority is taken back if a question has been open for longer than `patience`
    /// and no answer has come in that time.
    ///
    /// # Errors
    /// Returns the system's error if it cannot start a thread.
    pub fn begin(
        priority: u8,
        thread: Arc<PolicyThread>,
        patience: Duration,
    ) -> std::io::Result<Promotion> {
        let shared = Arc::new(Shared {
            priority,
            ..Shared::default()
        });
        let seen = Arc::clone(&shared);
        let watch = thread::Builder::new()
            .name("kilohertz-watch".to_owned())
            .spawn(move || {
                block_signals();
                // This thread needs a higher priority than the policy, to be able to take it back. If the
                // system refuses it, it also refuses the policy's.
                let _ = set_fifo(priority.saturating_add(1).min(99));
                watch(&seen, &thread, patience);
            })?;
        Ok(Promotion {
            shared,
            watch: Some(watch),
        })
    }

    /// Returns a view of what happens to the priority.
    pub fn view(&self) -> PromotionView {
        PromotionView(Arc::clone(&self.shared))
    }
}

impl Drop for Promotion {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(watch) = self.watch.take() {
            watch.thread().unpark();
            let _ = watch.join();
        }
    }
}

fn watch(shared: &Shared, thread: &PolicyThread, patience: Duration) {
    let mut answering = AnswerWatch::new(patience, Time::now());
    let mut promoted = None;
    while !shared.stop.load(Ordering::Relaxed) {
        let number = thread.number();
        let answers = answering.answers(thread.asked_count(), thread.answered_count(), Time::now());
        match promoted {
            _ if number == 0 => {}
            None if answers => match set_fifo_of(number, shared.priority) {
                Ok(()) => {
                    let _ = shared.grant.set(Grant::Granted);
                    promoted = Some(number);
                }
                Err(reason) => {
                    let _ = shared.grant.set(Grant::Refused(reason));
                    return;
                }
            },
            Some(of) if !answers || of != number => {
                set_ordinary_of(of);
                promoted = None;
                shared
                    .taken_back
                    .fetch_add(u64::from(!answers), Ordering::Relaxed);
            }
            _ => {}
        }
        thread::park_timeout(LOOK);
    }
    if let Some(number) = promoted {
        set_ordinary_of(number);
    }
}

/// Decides whether a policy still answers. Pure: time is passed in.
struct AnswerWatch {
    limit: Duration,
    /// When the oldest open question was seen first, or when there last was none.
    since: Time,
    /// How often the policy had been asked and had answered at that time.
    asked: u64,
    answered: u64,
}

impl AnswerWatch {
    fn new(limit: Duration, now: Time) -> AnswerWatch {
        AnswerWatch {
            limit,
            since: now,
            asked: 0,
            answered: 0,
        }
    }

    /// Takes in how often the policy was asked and has answered. Returns true if it still answers.
    fn answers(&mut self, asked: u64, answered: u64, now: Time) -> bool {
        if answered != self.answered || asked == self.asked {
            self.since = now;
            self.asked = asked;
            self.answered = answered;
        }
        now.since(self.since) <= self.limit
    }
}

#[cfg(all(test, target_os = "linux", not(loom)))]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_nanos(1_000_000_000 + ms * 1_000_000)
    }

    #[test]
    fn a_policy_answers_until_a_question_is_open_for_too_long() {
        let mut watch = AnswerWatch::new(Duration::from_millis(20), at(0));
        assert!(watch.answers(0, 0, at(1_000)), "nothing was asked");
        assert!(watch.answers(1, 0, at(1_010)));
        assert!(watch.answers(20, 0, at(1_020)));
        assert!(!watch.answers(30, 0, at(1_021)));
        assert!(watch.answers(31, 1, at(1_022)), "it has answered again");
        assert!(
            watch.answers(40, 2, at(1_060)),
            "to what was asked long ago, too"
        );
        assert!(watch.answers(40, 2, at(9_000)), "nothing was asked since");
    }

    /// Returns the scheduler of the calling thread.
    fn scheduler() -> i32 {
        let text = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        let (_, behind) = text.rsplit_once(')').unwrap();
        behind.split_whitespace().nth(38).unwrap().parse().unwrap()
    }

    /// Waits some time until the calling thread has this scheduler. Returns true if it has.
    fn becomes(wanted: i32) -> bool {
        let until = Time::now() + Duration::from_secs(20);
        while scheduler() != wanted && Time::now() < until {
            thread::sleep(Duration::from_millis(1));
        }
        scheduler() == wanted
    }

    const OTHER: i32 = libc::SCHED_OTHER;
    const FIFO: i32 = libc::SCHED_FIFO;

    #[test]
    fn a_thread_that_does_not_answer_is_an_ordinary_one_until_it_does() {
        let policy = Arc::new(PolicyThread::default());
        let limit = Duration::from_millis(30);
        let promotion = Promotion::begin(7, Arc::clone(&policy), limit).unwrap();
        let view = promotion.view();
        let (seen, result) = mpsc::channel();
        let answering = Arc::clone(&policy);
        let runner = thread::spawn(move || {
            answering.is_here();
            let until = Time::now() + Duration::from_secs(20);
            while view.grant().is_none() && Time::now() < until {
                thread::sleep(Duration::from_millis(1));
            }
            if matches!(view.grant(), Some(Grant::Refused(_))) {
                return seen.send(vec![scheduler() == OTHER]).unwrap();
            }
            let mut steps = vec![becomes(FIFO)];
            steps.push(thread::spawn(scheduler).join().unwrap() == OTHER);
            answering.asked();
            // Keeps its core busy, as an endless loop would.
            let until = Time::now() + Duration::from_secs(20);
            while scheduler() == FIFO && Time::now() < until {
                std::hint::spin_loop();
            }
            steps.push(scheduler() == OTHER && view.taken_back() == 1);
            answering.answered();
            steps.push(becomes(FIFO));
            seen.send(steps).unwrap();
            thread::park();
        });
        let steps = result.recv().unwrap();
        assert!(steps.iter().all(|&step| step), "{steps:?}");
        drop(promotion);
        runner.thread().unpark();
        runner.join().unwrap();
    }
}
