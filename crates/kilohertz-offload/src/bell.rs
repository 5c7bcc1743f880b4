//! Waking the other end, whether it sleeps in a call, in its event loop or in Python.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::thread::futex;

/// An event counter of the kernel; the other end may be in another process.
#[derive(Debug)]
pub struct Bell(OwnedFd);

impl Bell {
    /// A bell of this process; a child has it where it is handed over.
    pub fn make() -> io::Result<Bell> {
        // Not blocking: the other end may fill the counter, and ringing must not wait for it then.
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Bell(eventfd(0, flags)?))
    }

    /// The bell behind a descriptor that was handed over.
    pub fn join(fd: OwnedFd) -> Bell {
        Bell(fd)
    }

    /// Wakes the other end. Does not block.
    pub fn ring(&self) {
        // It can only fail where the counter is full, so that it rings already, or where the descriptor is no event
        // counter, so that nobody listens.
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }

    /// Forgets the rings so far, if there were any.
    fn clear(&self) {
        clear(self.0.as_fd());
    }

    /// Waits for a ring, which it clears, no longer than `limit`.
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

/// Forgets the rings so far of a bell that was readable.
pub fn clear(bell: BorrowedFd<'_>) {
    let _ = rustix::io::read(bell, &mut [0_u8; 8]);
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
