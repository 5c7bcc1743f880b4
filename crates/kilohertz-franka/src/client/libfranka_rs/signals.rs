//! The signal that wakes `libfranka-rs`, and the signals that are blocked for it.

#![allow(
    unsafe_code,
    reason = "signals are handled and masked by system calls; each use is argued"
)]

use std::sync::OnceLock;

/// Returns a signal for which no other code has a handler. Its handler here does nothing: the signal only
/// interrupts the system call of the thread.
pub(super) fn waking_signal() -> libc::c_int {
    static SIGNAL: OnceLock<libc::c_int> = OnceLock::new();
    extern "C" fn nothing(_signal: libc::c_int) {}
    *SIGNAL.get_or_init(|| {
        let free = (libc::SIGRTMIN()..=libc::SIGRTMAX()).rev().find(|&signal| {
            // SAFETY: all-zero bytes are a valid sigaction; the call writes `now` and changes
            // nothing, because no new action is given.
            unsafe {
                let mut now: libc::sigaction = std::mem::zeroed();
                libc::sigaction(signal, std::ptr::null(), &raw mut now) == 0
                    && now.sa_sigaction == libc::SIG_DFL
            }
        });
        // If all thirty realtime signals have handlers, the last one is used.
        let signal = free.unwrap_or(libc::SIGRTMAX());
        if free.is_some() {
            // SAFETY: all-zero bytes are a valid sigaction: no flags, so that a system call is not
            // started again, and an empty mask. The handler touches nothing and is never unloaded.
            unsafe {
                let mut action: libc::sigaction = std::mem::zeroed();
                action.sa_sigaction = nothing as *const () as libc::sighandler_t;
                libc::sigaction(signal, &raw const action, std::ptr::null_mut());
            }
        }
        signal
    })
}

/// Blocks signals on this thread until it is dropped, because the client panics on each.
pub(super) struct Masked {
    before: libc::sigset_t,
}

impl Masked {
    pub fn all_but(signal: libc::c_int) -> Masked {
        // The signals of faults of this thread must not be blocked.
        let faults = [
            libc::SIGSEGV,
            libc::SIGBUS,
            libc::SIGFPE,
            libc::SIGILL,
            libc::SIGTRAP,
            libc::SIGABRT,
            libc::SIGSYS,
        ];
        // SAFETY: all-zero bytes are valid sigsets; they outlive the calls, which fill them and
        // read them, and every signal named exists.
        unsafe {
            let mut blocked: libc::sigset_t = std::mem::zeroed();
            let mut before: libc::sigset_t = std::mem::zeroed();
            libc::sigfillset(&raw mut blocked);
            for allowed in faults.into_iter().chain([signal]) {
                libc::sigdelset(&raw mut blocked, allowed);
            }
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const blocked, &raw mut before);
            Masked { before }
        }
    }
}

impl Drop for Masked {
    fn drop(&mut self) {
        // SAFETY: `before` is the set that this thread had: a `Masked` is not sent to another thread.
        unsafe {
            libc::pthread_sigmask(
                libc::SIG_SETMASK,
                &raw const self.before,
                std::ptr::null_mut(),
            );
        }
    }
}
