//! The handlers that were installed before the guard's: they are kept, distinguished, called and restored.

#![allow(
    unsafe_code,
    reason = "handlers are installed by system calls and known by address; each use is argued"
)]

use std::sync::Once;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicPtr, AtomicU64};

use libc::{c_int, c_void, siginfo_t};

/// Signal numbers are below this.
pub const SIGNALS: usize = 65;

pub type Handler = extern "C" fn(c_int, *mut siginfo_t, *mut c_void);
type TryTrap = extern "C" fn(c_int, *mut siginfo_t, *mut c_void) -> bool;

/// What is beneath the guard's handler, for each signal.
static KEPT: [AtomicU64; SIGNALS] = [const { AtomicU64::new(0) }; SIGNALS];

/// V8's own handling of faults in WebAssembly, if this Node has it.
static TRY_TRAP: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());

/// The action for a signal: a handler's address or a constant, with flags in its top bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beneath(u64);

const ONCE_ONLY: u64 = 1 << 63;
const WITH_INFO: u64 = 1 << 62;
const ADDRESS: u64 = WITH_INFO - 1;

impl Beneath {
    /// Returns what is beneath the guard's handler for `signal`.
    pub fn kept(signal: c_int) -> Beneath {
        Beneath(KEPT[signal as usize].load(SeqCst))
    }

    /// Returns what is installed for `signal` now.
    fn installed(signal: c_int) -> Option<Beneath> {
        // SAFETY: all-zero bytes are a valid sigaction, which the call writes; nothing is installed.
        let now = unsafe {
            let mut now: libc::sigaction = std::mem::zeroed();
            if libc::sigaction(signal, std::ptr::null(), &raw mut now) != 0 {
                return None;
            }
            now
        };
        let mut beneath = now.sa_sigaction as u64 & ADDRESS;
        if now.sa_flags & libc::SA_RESETHAND != 0 {
            beneath |= ONCE_ONLY;
        }
        if now.sa_flags & libc::SA_SIGINFO != 0 {
            beneath |= WITH_INFO;
        }
        Some(Beneath(beneath))
    }

    fn address(self) -> usize {
        (self.0 & ADDRESS) as usize
    }

    /// Returns true if it is the default action.
    pub fn is_default(self) -> bool {
        self.address() == libc::SIG_DFL
    }

    fn is_ignored(self) -> bool {
        self.address() == libc::SIG_IGN
    }

    /// Returns true if it is a handler that stays installed. Node's own handler, which ends the process, is
    /// installed for one signal only.
    pub fn stays(self) -> bool {
        !self.is_default() && !self.is_ignored() && self.0 & ONCE_ONLY == 0
    }

    /// Calls the handler.
    pub fn call(self, signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
        let address = self.address() as *const ();
        if self.0 & WITH_INFO != 0 {
            // SAFETY: the address was installed as a handler with three arguments, and the kernel would
            // have called it as it called the guard's.
            let handler: Handler = unsafe { std::mem::transmute(address) };
            handler(signal, info, context);
        } else {
            // SAFETY: likewise, with one argument.
            let handler: extern "C" fn(c_int) = unsafe { std::mem::transmute(address) };
            handler(signal);
        }
    }

    /// Installs it again.
    pub fn install(self, signal: c_int) {
        // SAFETY: all-zero bytes are a valid sigaction; the address is a handler's or a constant, as it was
        // found, with the flags that decide how it is called.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = self.address();
            libc::sigfillset(&raw mut action.sa_mask);
            action.sa_flags = libc::SA_RESTART;
            if self.0 & ONCE_ONLY != 0 {
                action.sa_flags |= libc::SA_RESETHAND;
            }
            if self.0 & WITH_INFO != 0 {
                action.sa_flags |= libc::SA_SIGINFO;
            }
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
    }

    /// Installs it again and raises the signal again. The signal arrives when the running handler has
    /// returned.
    pub fn give_way(self, signal: c_int) {
        self.install(signal);
        // SAFETY: both system calls take numbers only; the thread is the calling one.
        unsafe {
            let thread = libc::syscall(libc::SYS_gettid);
            libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, signal);
        }
    }
}

/// Installs `handler` above what is installed for `signal`: always, or only above the default action. An
/// ignored signal stays ignored.
///
/// `handler` must use only atomics and async-signal-safe calls.
pub fn cover(signal: c_int, handler: Handler, always: bool) {
    let Some(beneath) = Beneath::installed(signal) else {
        return;
    };
    let own = handler as *const () as usize;
    let may_be_covered = always || beneath.is_default();
    if beneath.address() == own || beneath.is_ignored() || !may_be_covered {
        return;
    }
    KEPT[signal as usize].store(beneath.0, SeqCst);
    // SAFETY: all-zero bytes are a valid sigaction with an empty mask. The handler has three arguments, as
    // SA_SIGINFO requires, is async-signal-safe, and is never unmapped: the addon is linked with nodelete.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = own;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
        libc::sigaction(signal, &raw const action, std::ptr::null_mut());
    }
}

/// Returns true if V8 may have a handler for the signal, which does not count as a listener of the program.
pub fn is_trap(signal: c_int) -> bool {
    matches!(signal, libc::SIGSEGV | libc::SIGBUS)
}

/// Looks for V8's handling of traps, once.
pub fn find_traps() {
    static FOUND: Once = Once::new();
    FOUND.call_once(|| {
        let name = c"_ZN2v829TryHandleWebAssemblyTrapPosixEiP9siginfo_tPv";
        // SAFETY: the name is a C string, and the pseudo handle needs no library to be open.
        let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
        TRY_TRAP.store(found, SeqCst);
    });
}

/// Returns true if V8's handling of traps was found.
pub fn has_traps() -> bool {
    !TRY_TRAP.load(SeqCst).is_null()
}

/// Returns true if the signal is a trap of WebAssembly, which this call has then handled.
pub fn handles_trap(signal: c_int, info: *mut siginfo_t, context: *mut c_void) -> bool {
    let trap = TRY_TRAP.load(SeqCst);
    if trap.is_null() || !is_trap(signal) {
        return false;
    }
    // SAFETY: the address is that of v8::TryHandleWebAssemblyTrapPosix(int, siginfo_t*, void*), which is
    // made for being called in a handler with a handler's arguments.
    let handles: TryTrap = unsafe { std::mem::transmute(trap) };
    handles(signal, info, context)
}
