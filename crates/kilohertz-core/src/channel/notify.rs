//! The notify thread, which passes the loop's signals on to threads that can be woken only with a lock.
//!
//! Waking a JavaScript thread takes a mutex and an allocation inside Node. The loop does neither: it calls
//! [`Notifier::notify`], which costs one atomic operation and at most one futex wake. The notify thread
//! does the rest. Signals that come while that thread is busy are merged, never lost.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use crate::channel::sync::{Arc, AtomicU32, Ordering, Thread, thread};

/// What the loop reports. Several signals are merged with `|`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signals(u32);

impl Signals {
    /// There is an observation for the policy.
    pub const OBSERVATION: Signals = Signals(1);
    /// There is an event to be taken.
    pub const EVENT: Signals = Signals(2);
    /// The loop thread has ended.
    pub const ENDED: Signals = Signals(4);
    /// The first cycle has begun.
    pub const BEGUN: Signals = Signals(8);

    /// Returns true if any of `other` is among these signals.
    pub const fn has(self, other: Signals) -> bool {
        self.0 & other.0 != 0
    }
}

/// The sending end. Cheap to clone; [`Notifier::notify`] never blocks and never allocates.
#[derive(Clone)]
pub struct Notifier {
    pending: Arc<AtomicU32>,
    waiter: Thread,
}

impl Notifier {
    /// Creates a notifier for the thread `waiter`, which waits in [`wait`].
    fn new(pending: Arc<AtomicU32>, waiter: Thread) -> Notifier {
        Notifier { pending, waiter }
    }

    /// Creates a notifier that no thread waits for, for loom models of the sending threads.
    #[cfg(loom)]
    pub(crate) fn silent(pending: Arc<AtomicU32>) -> Notifier {
        Notifier::new(pending, thread::current())
    }

    /// Sends `signals`; the waiting thread will see them, merged with others sent meanwhile.
    pub fn notify(&self, signals: Signals) {
        // Release pairs with the acquire of the waiting thread: what was written before this call is
        // visible to the thread that acts on the signal. Only the first signal since the last wait needs to
        // wake it.
        if self.pending.fetch_or(signals.0, Ordering::Release) == 0 {
            self.waiter.unpark();
        }
    }
}

/// Blocks the calling thread until there are signals, and takes them.
fn wait(pending: &AtomicU32) -> Signals {
    loop {
        let signals = pending.swap(0, Ordering::Acquire);
        if signals != 0 {
            return Signals(signals);
        }
        // A signal between the swap and here has left an unpark token, so `park` returns at once.
        thread::park();
    }
}

/// The receiving end, for a thread that waits for the loop without a notify thread.
#[cfg(not(loom))]
pub struct Listener(Arc<AtomicU32>);

#[cfg(not(loom))]
impl Listener {
    /// Creates a notifier whose signals only the calling thread receives.
    pub fn here() -> (Notifier, Listener) {
        let pending = Arc::new(AtomicU32::new(0));
        (
            Notifier::new(Arc::clone(&pending), thread::current()),
            Listener(pending),
        )
    }

    /// Takes the present signals, or waits at most `limit` for some. A wake by another thread may end the
    /// wait early, without signals.
    pub fn wait_for(&self, limit: std::time::Duration) -> Option<Signals> {
        self.take().or_else(|| {
            thread::park_timeout(limit);
            self.take()
        })
    }

    /// Takes the present signals, if there are any. Never blocks.
    pub fn take(&self) -> Option<Signals> {
        Some(self.0.swap(0, Ordering::Acquire))
            .filter(|&signals| signals != 0)
            .map(Signals)
    }
}

/// Starts the notify thread. It calls `prepare` first, and then `deliver` with all signals, until it has
/// delivered [`Signals::ENDED`].
///
/// # Errors
/// Returns the system's error if it cannot start a thread.
#[cfg(not(loom))]
pub fn start_notifier(
    prepare: impl FnOnce() + Send + 'static,
    mut deliver: impl FnMut(Signals) + Send + 'static,
) -> std::io::Result<Notifier> {
    let pending = Arc::new(AtomicU32::new(0));
    let shared = Arc::clone(&pending);
    let waiter = thread::Builder::new()
        .name("kilohertz-wake".to_owned())
        .spawn(move || {
            crate::thread::realtime::block_signals();
            prepare();
            loop {
                let signals = wait(&shared);
                deliver(signals);
                if signals.has(Signals::ENDED) {
                    return;
                }
            }
        })?;
    Ok(Notifier::new(pending, waiter.thread().clone()))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn delivers_once_what_came_while_it_was_busy() {
        let (entered, enter) = mpsc::channel();
        let (proceed, go) = mpsc::channel();
        let notifier = start_notifier(
            || {},
            move |signals| {
                entered.send(signals).unwrap();
                go.recv().unwrap();
            },
        )
        .unwrap();
        notifier.notify(Signals::OBSERVATION);
        assert_eq!(enter.recv().unwrap(), Signals::OBSERVATION);
        for _ in 0..100 {
            notifier.notify(Signals::OBSERVATION);
            notifier.notify(Signals::EVENT);
        }
        proceed.send(()).unwrap();
        let merged = enter.recv().unwrap();
        assert!(merged.has(Signals::OBSERVATION) && merged.has(Signals::EVENT));
        notifier.notify(Signals::ENDED);
        proceed.send(()).unwrap();
        assert_eq!(enter.recv().unwrap(), Signals::ENDED);
        proceed.send(()).unwrap();
        assert!(
            enter.recv().is_err(),
            "the notify thread went on after the end"
        );
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;

    #[test]
    fn no_signal_is_lost_and_the_notify_thread_never_sleeps_through_one() {
        loom::model(|| {
            let pending = Arc::new(AtomicU32::new(0));
            let notifier = Notifier::new(Arc::clone(&pending), thread::current());
            let ringer = thread::spawn(move || {
                notifier.notify(Signals::OBSERVATION);
                notifier.notify(Signals::EVENT);
            });
            let mut heard = 0;
            while heard != Signals::OBSERVATION.0 | Signals::EVENT.0 {
                heard |= wait(&pending).0;
            }
            ringer.join().unwrap();
        });
    }

    #[test]
    fn what_was_written_before_a_ring_is_seen_behind_it() {
        loom::model(|| {
            let pending = Arc::new(AtomicU32::new(0));
            let written = Arc::new(AtomicU32::new(0));
            let notifier = Notifier::new(Arc::clone(&pending), thread::current());
            let writing = Arc::clone(&written);
            let ringer = thread::spawn(move || {
                notifier.notify(Signals::OBSERVATION);
                writing.store(1, Ordering::Relaxed);
                notifier.notify(Signals::EVENT);
            });
            let mut heard = 0;
            while heard & Signals::EVENT.0 == 0 {
                heard |= wait(&pending).0;
            }
            assert_eq!(written.load(Ordering::Relaxed), 1);
            ringer.join().unwrap();
        });
    }
}
