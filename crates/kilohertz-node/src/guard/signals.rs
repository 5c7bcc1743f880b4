//! The guard's handlers, and its thread.
//!
//! | a signal that | its handler |
//! | --- | --- |
//! | a thread raises against itself (a fault, `abort()`) | asks everything to end, sleeps until all robots rest or 4 s have passed, then lets the previous action happen |
//! | comes from outside | asks everything to end, wakes the guard's thread, and calls a listener of the program |
//!
//! For the second kind, the guard's thread does the waiting, so that JavaScript goes on meanwhile. Then it
//! carries out the signal's default action, unless the program listens. This package installs no listener
//! in JavaScript: what is beneath the handler shows whether the program listens.

#![allow(
    unsafe_code,
    reason = "what a handler is told and how a thread waits are the system's; each use is argued"
)]

use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use kilohertz_core::session::roll;
use kilohertz_core::thread::block_signals;
use kilohertz_core::timing::time::Time;
use libc::{c_int, c_void, siginfo_t};

use super::beneath::{Beneath, SIGNALS, cover, find_traps, handles_trap, has_traps, is_trap};

/// Signals that are always guarded, even if the program listens.
const ENDS: [c_int; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];
/// Signals that are guarded if their action is the default one.
const OTHERS: [c_int; 12] = [
    libc::SIGQUIT,
    libc::SIGUSR2,
    libc::SIGALRM,
    libc::SIGVTALRM,
    libc::SIGPROF,
    libc::SIGXCPU,
    libc::SIGXFSZ,
    libc::SIGPOLL,
    libc::SIGPWR,
    libc::SIGSTKFLT,
    libc::SIGTTIN,
    libc::SIGTTOU,
];
/// Signals that a thread raises against itself. No listener can keep the process from ending.
const FAULTS: [c_int; 7] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGABRT,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGSYS,
    libc::SIGTRAP,
];
/// How many of the highest realtime signals are left to code that needs a signal to wake a thread.
const LEFT_ALONE: c_int = 8;
/// Two equal signals within this time count as one: a terminal and a parent may both send it.
const ONE_SIGNAL: Duration = Duration::from_millis(300);
/// How often the handlers are checked while something moves. Each check takes about 50 system calls.
const LOOKING: Duration = Duration::from_millis(5);

/// The signals whose default action comes next, as bits.
static DUE: AtomicU64 = AtomicU64::new(0);
/// Counts the wakes of the guard's thread.
static RUNG: AtomicU32 = AtomicU32::new(0);
/// When the first of the signals came that are being handled [ns], or 0.
static FOLLOWED_SINCE: AtomicU64 = AtomicU64::new(0);

static WAKES: Mutex<Vec<Wake>> = Mutex::new(Vec::new());
static INSTALLING: Mutex<()> = Mutex::new(());

/// An environment that is notified when something is asked to end.
pub struct Wake {
    pub tell: Box<dyn Fn() + Send>,
    pub has_ended: Box<dyn Fn() -> bool + Send>,
}

fn suspends(signal: c_int) -> bool {
    matches!(signal, libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU)
}

fn bit(signal: c_int) -> u64 {
    1 << (signal - 1)
}

/// The handler of signals from outside.
extern "C" fn on_signal(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let errno = errno();
    let beneath = Beneath::kept(signal);
    let listens = beneath.stays() && !is_trap(signal);
    if signal == libc::SIGINT && roll::all_end_on_interrupt() {
        note_following();
        roll::interrupt_all();
    } else if suspends(signal) {
        roll::shut(signal);
        roll::stop_all(signal);
        DUE.fetch_or(bit(signal), SeqCst);
    } else if signal == libc::SIGINT && !listens && is_second(info) {
        beneath.give_way(signal);
    } else {
        roll::told_to_end(signal);
        if !listens {
            note_following();
            roll::shut(signal);
            DUE.fetch_or(bit(signal), SeqCst);
        }
        roll::stop_all(signal);
    }
    ring();
    if listens {
        beneath.call(signal, info, context);
    }
    set_errno(errno);
}

/// Returns true if an interrupt was sent again because the first takes too long.
fn is_second(info: *const siginfo_t) -> bool {
    // SAFETY: the kernel gives a valid siginfo to a handler that asked for it; the number of the sending
    // process is read only for a signal that a process has sent.
    let from_itself = unsafe { (*info).si_code <= 0 && (*info).si_pid() == libc::getpid() };
    let since = FOLLOWED_SINCE.load(SeqCst);
    let lasted = Time::now().since(Time::from_nanos(since));
    !from_itself && since != 0 && is_under_way() && lasted > ONE_SIGNAL
}

/// Returns true while the first signal is being followed. What ends for another reason does not count.
fn is_under_way() -> bool {
    roll::is_anybody_interrupted() || DUE.load(SeqCst) != 0
}

fn note_following() {
    let now = Time::now().as_nanos();
    if !is_under_way() {
        FOLLOWED_SINCE.store(now, SeqCst);
    }
}

/// The handler of signals that a thread raises against itself. The thread cannot go on, so the handler
/// sleeps.
extern "C" fn on_fault(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let errno = errno();
    let beneath = Beneath::kept(signal);
    let is_raised_here = is_raised_here(info);
    if handles_trap(signal, info, context) {
        // V8 has handled it, so it is no fault.
    } else if !is_raised_here && beneath.stays() && !is_trap(signal) {
        // The program uses this signal for itself.
        beneath.call(signal, info, context);
    } else if !is_raised_here {
        on_signal(signal, info, context);
    } else {
        roll::told_to_end(signal);
        roll::shut(signal);
        roll::stop_all(signal);
        roll::wait_for_rest();
        if beneath.is_default() {
            beneath.give_way(signal);
        } else {
            beneath.call(signal, info, context);
        }
    }
    set_errno(errno);
}

/// Returns true if a thread has raised the signal against itself, by a fault or by abort().
fn is_raised_here(info: *const siginfo_t) -> bool {
    // SAFETY: the kernel gives a valid siginfo to a handler that asked for it.
    let code = unsafe { (*info).si_code };
    code > 0 || code == libc::SI_TKILL
}

pub fn put_on_top() {
    let _one = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    for signal in ENDS {
        cover(signal, on_signal, true);
    }
    let realtime = libc::SIGRTMIN()..=libc::SIGRTMAX() - LEFT_ALONE;
    for signal in OTHERS.into_iter().chain([libc::SIGTSTP]).chain(realtime) {
        cover(signal, on_signal, false);
    }
    for signal in FAULTS {
        // The handler of a trap may be V8's. If its function was not found, only the default action is
        // covered.
        cover(signal, on_fault, has_traps() || !is_trap(signal));
    }
}

pub fn guard(wake: Wake) -> std::io::Result<()> {
    let mut wakes = WAKES.lock().unwrap_or_else(PoisonError::into_inner);
    wakes.retain(|known| !(known.has_ended)());
    wakes.push(wake);
    drop(wakes);
    static THREAD: OnceLock<()> = OnceLock::new();
    if THREAD.get().is_none() {
        std::thread::Builder::new()
            .name("kilohertz-guard".to_owned())
            .spawn(keep)?;
        let _ = THREAD.set(());
        // SAFETY: the function belongs to this library, which is never unloaded, and takes no argument.
        unsafe { libc::atexit(at_exit) };
    }
    find_traps();
    put_on_top();
    Ok(())
}

/// Runs at a regular end of the process, whatever caused it. JavaScript may not have had the chance to stop
/// its robots.
extern "C" fn at_exit() {
    roll::stop_all(0);
    roll::wait_for_rest();
}

/// Runs the guard's thread.
fn keep() {
    block_signals();
    let mut seen = 0;
    loop {
        let rung = RUNG.load(SeqCst);
        if rung == seen {
            wait(rung);
            if roll::is_anybody_there() && DUE.load(SeqCst) == 0 {
                put_on_top();
            }
            continue;
        }
        seen = rung;
        tell();
        let due = DUE.load(SeqCst);
        for signal in (1..SIGNALS as c_int).filter(|&signal| due & bit(signal) != 0) {
            carry_out(signal);
        }
    }
}

/// Notifies JavaScript that something was asked to end.
fn tell() {
    let wakes = WAKES.lock().unwrap_or_else(PoisonError::into_inner);
    for wake in wakes.iter() {
        (wake.tell)();
    }
}

/// Carries out the default action of a signal after robots have come to rest.
fn carry_out(signal: c_int) {
    let give_up = Time::now() + roll::END_LIMIT;
    roll::wait_for_rest();
    // JavaScript gets time to stop what it drives, and to report it.
    while !suspends(signal) && roll::is_anybody_there() && Time::now() < give_up {
        std::thread::sleep(Duration::from_millis(1));
    }
    let one = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    Beneath::kept(signal).install(signal);
    // SAFETY: the call takes only numbers.
    unsafe { libc::kill(libc::getpid(), signal) };
    // If the process is still here, it was suspended and continued, or it is process 1, which the kernel
    // protects.
    while Time::now() < give_up + roll::END_LIMIT && is_pending(signal) {
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(Duration::from_millis(10));
    drop(one);
    DUE.fetch_and(!bit(signal), SeqCst);
    FOLLOWED_SINCE.store(0, SeqCst);
    roll::open();
    put_on_top();
}

fn is_pending(signal: c_int) -> bool {
    // SAFETY: all-zero bytes are a valid sigset, which the first call writes and the second reads.
    unsafe {
        let mut pending: libc::sigset_t = std::mem::zeroed();
        libc::sigpending(&raw mut pending);
        libc::sigismember(&raw const pending, signal) == 1
    }
}

/// Wakes the guard's thread. Called by handlers, and after a place was taken.
pub fn ring() {
    RUNG.fetch_add(1, SeqCst);
    let word = RUNG.as_ptr();
    // SAFETY: the word is a static; waking changes no memory. It is a system call, so it is allowed in a
    // handler.
    unsafe {
        let wake = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
        libc::syscall(libc::SYS_futex, word, wake, 1);
    }
}

/// Waits until [`ring`] is called after `rung` was read, or only for a short time while something moves.
fn wait(rung: u32) {
    let for_a_while = libc::timespec {
        tv_sec: 0,
        tv_nsec: LOOKING.as_nanos() as libc::c_long,
    };
    let limit = match roll::is_anybody_there() {
        true => &raw const for_a_while,
        false => std::ptr::null(),
    };
    // SAFETY: the word is a static, and the time outlives the call, which only reads both.
    unsafe {
        let wait = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
        libc::syscall(libc::SYS_futex, RUNG.as_ptr(), wait, rung, limit);
    }
}

fn errno() -> c_int {
    // SAFETY: the address is that of the calling thread's own number.
    unsafe { *libc::__errno_location() }
}

fn set_errno(errno: c_int) {
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
}
