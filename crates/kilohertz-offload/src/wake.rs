//! Waking the other end, whether it sleeps in a call, in its event loop or in Python.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::thread::futex;

/// An event counter of the kernel. The other end may be in another process.
#[derive(Debug)]
pub struct EventFd(OwnedFd);

impl EventFd {
    /// Creates a counter. A child process can use it if its descriptor is handed over.
    pub fn make() -> io::Result<EventFd> {
        // Non-blocking, because the other end may fill the counter, and signalling must not wait then.
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(EventFd(eventfd(0, flags)?))
    }

    /// Takes the counter of a descriptor that was handed over.
    pub fn join(fd: OwnedFd) -> EventFd {
        EventFd(fd)
    }

    /// Wakes the other end. Does not block.
    pub fn signal(&self) {
        // This fails only if the counter is full, and then the other end has a wake pending, or if the
        // descriptor is not an event counter, and then no end waits for it.
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }

    /// Sets the counter to zero.
    fn clear(&self) {
        clear(self.0.as_fd());
    }

    /// Waits at most `limit` until the counter is above zero, and clears it.
    pub fn wait(&self, limit: Duration) {
        let limit = Timespec::try_from(limit).ok();
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        // An interrupted wait is a shorter wait: the caller checks again.
        if matches!(poll(&mut fds, limit.as_ref()), Ok(1..)) {
            self.clear();
        }
    }

    /// Returns the descriptor, for handing it over or polling it.
    pub fn raw(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Sets a readable event counter to zero.
pub fn clear(event: BorrowedFd<'_>) {
    let _ = rustix::io::read(event, &mut [0_u8; 8]);
}

/// Sleeps for at most `limit` on a word that another process may have mapped too, while the word is
/// `asleep`.
pub(crate) fn sleep_on(word: &AtomicU32, asleep: u32, limit: Duration) {
    let limit = Timespec::try_from(limit).ok();
    // A sleep that did not begin or was interrupted is a shorter sleep: the caller checks again.
    let _ = futex::wait(word, futex::Flags::empty(), asleep, limit.as_ref());
}

/// Wakes the thread that sleeps on a word. The word must no longer say that it sleeps.
pub(crate) fn wake_at(word: &AtomicU32) {
    // This fails only for invalid addresses.
    let _ = futex::wake(word, futex::Flags::empty(), 1);
}
