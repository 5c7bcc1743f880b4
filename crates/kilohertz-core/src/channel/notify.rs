//! The thread that carries the loop's wakes to those who need a lock to be woken.
//!
//! Waking a JavaScript thread takes a mutex and an allocation inside Node. The loop does neither:
//! it rings a bell, which is one atomic and at most one futex wake, and the courier, an own thread,
//! does the rest. Rings that come while the courier is busy are merged, never lost.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use crate::channel::sync::{Arc, AtomicU32, Ordering, Thread, thread};

/// What a ring is about; several are merged with `|`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct News(u32);

impl News {
    /// There is an observation for the policy.
    pub const OBSERVATION: News = News(1);
    /// There is an event to be told.
    pub const EVENT: News = News(2);
    /// The loop thread has ended.
    pub const ENDED: News = News(4);
    /// The first cycle has begun.
    pub const BEGUN: News = News(8);

    /// Whether `other` is among these news.
    pub const fn has(self, other: News) -> bool {
        self.0 & other.0 != 0
    }
}

/// Rings for the courier. Cheap to clone; ringing never blocks and never allocates.
#[derive(Clone)]
pub struct Bell {
    pending: Arc<AtomicU32>,
    courier: Thread,
}

impl Bell {
    /// A bell for the thread `courier`, to be waited for with [`Bell::answer`] there.
    fn new(pending: Arc<AtomicU32>, courier: Thread) -> Bell {
        Bell { pending, courier }
    }

    /// A bell that nobody answers, for the models of those who ring.
    #[cfg(loom)]
    pub(crate) fn silent(pending: Arc<AtomicU32>) -> Bell {
        Bell::new(pending, thread::current())
    }

    /// Tells the courier `news`; it will see them, merged with others told meanwhile.
    pub fn ring(&self, news: News) {
        // Release pairs with the courier's acquire: what was written before the ring is seen by
        // whoever acts on it. Only the first ring since the last answer needs to wake.
        if self.pending.fetch_or(news.0, Ordering::Release) == 0 {
            self.courier.unpark();
        }
    }
}

/// Blocks the courier's thread until there are news, and takes them.
fn answer(pending: &AtomicU32) -> News {
    loop {
        let news = pending.swap(0, Ordering::Acquire);
        if news != 0 {
            return News(news);
        }
        // A ring between the swap and here has left an unpark token, so this returns at once.
        thread::park();
    }
}

/// The listening end of a bell, for a thread that waits for the loop by itself.
#[cfg(not(loom))]
pub struct Ear(Arc<AtomicU32>);

#[cfg(not(loom))]
impl Ear {
    /// A bell that this thread, and no other, listens to.
    pub fn here() -> (Bell, Ear) {
        let pending = Arc::new(AtomicU32::new(0));
        (
            Bell::new(Arc::clone(&pending), thread::current()),
            Ear(pending),
        )
    }

    /// Takes the news there are, and blocks until there are some, but no longer than `limit`.
    /// Another thread's wake may end it early, without news.
    pub fn answer_for(&self, limit: std::time::Duration) -> Option<News> {
        self.take().or_else(|| {
            thread::park_timeout(limit);
            self.take()
        })
    }

    /// Takes the news there are. Never blocks.
    pub fn take(&self) -> Option<News> {
        Some(self.0.swap(0, Ordering::Acquire))
            .filter(|&news| news != 0)
            .map(News)
    }
}

/// Starts the courier: `prepare` runs on its thread first, then `deliver` for all news until it
/// has delivered [`News::ENDED`].
///
/// # Errors
/// The system's, where it cannot start a thread.
#[cfg(not(loom))]
pub fn start_courier(
    prepare: impl FnOnce() + Send + 'static,
    mut deliver: impl FnMut(News) + Send + 'static,
) -> std::io::Result<Bell> {
    let pending = Arc::new(AtomicU32::new(0));
    let rung = Arc::clone(&pending);
    let courier = thread::Builder::new()
        .name("kilohertz-wake".to_owned())
        .spawn(move || {
            crate::thread::realtime::block_signals();
            prepare();
            loop {
                let news = answer(&rung);
                deliver(news);
                if news.has(News::ENDED) {
                    return;
                }
            }
        })?;
    Ok(Bell::new(pending, courier.thread().clone()))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn delivers_what_was_rung_while_it_was_busy_once() {
        let (entered, enter) = mpsc::channel();
        let (proceed, go) = mpsc::channel();
        let bell = start_courier(
            || {},
            move |news| {
                entered.send(news).unwrap();
                go.recv().unwrap();
            },
        )
        .unwrap();
        bell.ring(News::OBSERVATION);
        assert_eq!(enter.recv().unwrap(), News::OBSERVATION);
        for _ in 0..100 {
            bell.ring(News::OBSERVATION);
            bell.ring(News::EVENT);
        }
        proceed.send(()).unwrap();
        let merged = enter.recv().unwrap();
        assert!(merged.has(News::OBSERVATION) && merged.has(News::EVENT));
        bell.ring(News::ENDED);
        proceed.send(()).unwrap();
        assert_eq!(enter.recv().unwrap(), News::ENDED);
        proceed.send(()).unwrap();
        assert!(enter.recv().is_err(), "the courier went on after the end");
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;

    #[test]
    fn no_ring_is_lost_and_the_courier_never_sleeps_through_one() {
        loom::model(|| {
            let pending = Arc::new(AtomicU32::new(0));
            let bell = Bell::new(Arc::clone(&pending), thread::current());
            let ringer = thread::spawn(move || {
                bell.ring(News::OBSERVATION);
                bell.ring(News::EVENT);
            });
            let mut heard = 0;
            while heard != News::OBSERVATION.0 | News::EVENT.0 {
                heard |= answer(&pending).0;
            }
            ringer.join().unwrap();
        });
    }

    #[test]
    fn what_was_written_before_a_ring_is_seen_behind_it() {
        loom::model(|| {
            let pending = Arc::new(AtomicU32::new(0));
            let written = Arc::new(AtomicU32::new(0));
            let bell = Bell::new(Arc::clone(&pending), thread::current());
            let writing = Arc::clone(&written);
            let ringer = thread::spawn(move || {
                bell.ring(News::OBSERVATION);
                writing.store(1, Ordering::Relaxed);
                bell.ring(News::EVENT);
            });
            let mut heard = 0;
            while heard & News::EVENT.0 == 0 {
                heard |= answer(&pending).0;
            }
            assert_eq!(written.load(Ordering::Relaxed), 1);
            ringer.join().unwrap();
        });
    }
}
