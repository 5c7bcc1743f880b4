//! Waking the other end, whether it sleeps in a call, in its event loop or in Python.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::thread::futex;

/// An event counter of the kernel; the other end may be in another process.
#[derive(Debug)]
pub struct EventFd(OwnedFd);

impl EventFd {
    /// A counter of this process; a child has it where its descriptor is handed over.
    pub fn make() -> io::Result<EventFd> {
        // Not blocking: the other end may fill the counter, and signalling must not wait for it then.
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(EventFd(eventfd(0, flags)?))
    }

    /// The counter behind a descriptor that was handed over.
    pub fn join(fd: OwnedFd) -> EventFd {
        EventFd(fd)
    }

    /// Wakes the other end. Does not block.
    pub fn signal(&self) {
        // It can only fail where the counter is full, so that the other end is woken already, or where the descriptor
        // is no event counter, so that nobody waits for it.
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }

    /// Sets the counter to zero.
    fn clear(&self) {
        clear(self.0.as_fd());
    }

    /// Waits until the counter is above zero, and clears it; no longer than `limit`.
    pub fn wait(&self, limit: Duration) {
        let limit = Timespec::try_from(limit).ok();
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        // An interrupted wait is a wait that was shorter: the caller looks again.
        if matches!(poll(&mut fds, limit.as_ref()), Ok(1..)) {
            self.clear();
        }
    }

    /// The descriptor, for handing it over or polling it.
    pub fn raw(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Sets an event counter to zero that was readable.
pub fn clear(event: BorrowedFd<'_>) {
    let _ = rustix::io::read(event, &mut [0_u8; 8]);
}

/// Sleeps on a word that another process may have mapped too, while it is `asleep`, no longer than `limit`.
pub(crate) fn sleep_on(word: &AtomicU32, asleep: u32, limit: Duration) {
    let limit = Timespec::try_from(limit).ok();
    // A sleep that did not begin or was interrupted was shorter: the caller looks again.
    let _ = futex::wait(word, futex::Flags::empty(), asleep, limit.as_ref());
}

/// Wakes who sleeps on a word, which says so no more.
pub(crate) fn wake_at(word: &AtomicU32) {
    // It fails for addresses that are none.
    let _ = futex::wake(word, futex::Flags::empty(), 1);
}
