//! Ending child processes: with their parent, or on request.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, getppid, pidfd_open, pidfd_send_signal,
    set_parent_process_death_signal, waitid,
};

/// To be called in the child. The system then kills it when the thread that started it has ended, even if
/// that thread was killed. Returns true if the parent still exists; if not, the child must end by itself.
pub fn end_with_parent(parent: u32) -> io::Result<bool> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // The parent may have ended before the line above; then the child has another parent now.
    Ok(getppid().map(Pid::as_raw_pid) == i32::try_from(parent).ok())
}

/// To be called in the parent. Waits at most `limit` until a child ends by itself, then kills it. Returns
/// after the child has ended, with true if it had to be killed. The code that started the child still has
/// to collect it.
pub fn end(child: u32, limit: Duration) -> io::Result<bool> {
    let Some(pid) = i32::try_from(child).ok().and_then(Pid::from_raw) else {
        return Ok(false);
    };
    let process = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(process) => process,
        Err(rustix::io::Errno::SRCH) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let deadline = Instant::now() + limit;
    let mut killed = false;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let limit = if killed {
            None
        } else {
            Timespec::try_from(left).ok()
        };
        match poll(&mut [PollFd::new(&process, PollFlags::IN)], limit.as_ref()) {
            Ok(1..) => return Ok(killed),
            Ok(0) => {
                killed = true;
                match pidfd_send_signal(&process, Signal::KILL) {
                    Ok(()) | Err(rustix::io::Errno::SRCH) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// A child whose end another part of this process waits for, as an event loop does. If that part ends first,
/// nothing would collect the child: dropping this kills it, and collects it on a thread of its own.
pub struct Held(Option<OwnedFd>);

impl Held {
    /// Holds a child that runs. A child that has already been collected is not held.
    pub fn new(child: u32) -> io::Result<Held> {
        let Some(pid) = i32::try_from(child).ok().and_then(Pid::from_raw) else {
            return Ok(Held(None));
        };
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(process) => Ok(Held(Some(process))),
            Err(rustix::io::Errno::SRCH) => Ok(Held(None)),
            Err(error) => Err(error.into()),
        }
    }

    /// Lets go of a child that has been collected.
    pub fn release(&mut self) {
        self.0 = None;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(process) = self.0.take() else {
            return;
        };
        // Both fail only if the child has been collected after all.
        let _ = pidfd_send_signal(&process, Signal::KILL);
        let collect = move || {
            let ended = || waitid(WaitId::PidFd(process.as_fd()), WaitIdOptions::EXITED);
            let _ = retry_on_intr(ended);
        };
        // Without a thread, the child stays a zombie until this process ends.
        let _ = thread::Builder::new().spawn(collect);
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_child_that_ends_by_itself_is_not_killed() {
        let mut child = Command::new("true").spawn().unwrap();
        assert!(!end(child.id(), Duration::from_secs(60)).unwrap());
        assert!(child.wait().unwrap().success());
    }

    #[test]
    fn a_child_that_does_not_end_is_killed() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        assert!(end(child.id(), Duration::from_millis(20)).unwrap());
        assert!(!child.wait().unwrap().success());
        assert!(!end(child.id(), Duration::ZERO).unwrap());
    }

    #[test]
    fn a_held_child_is_killed_and_collected_and_a_released_one_is_not() {
        let mut released = Command::new("sleep").arg("600").spawn().unwrap();
        #[expect(clippy::zombie_processes, reason = "it is collected by what is tested")]
        let dropped = Command::new("sleep").arg("600").spawn().unwrap();
        Held::new(released.id()).unwrap().release();
        drop(Held::new(dropped.id()).unwrap());
        let collected = Instant::now() + Duration::from_secs(60);
        // The process id exists until the child is collected.
        while exists(dropped.id()) {
            assert!(Instant::now() < collected);
            thread::yield_now();
        }
        assert!(released.try_wait().unwrap().is_none());
        released.kill().unwrap();
        released.wait().unwrap();
    }

    fn exists(pid: u32) -> bool {
        std::path::Path::new(&format!("/proc/{pid}")).exists()
    }
}
