//! However the process ends, robots come to rest first.
//!
//! | a signal that | its handler |
//! | --- | --- |
//! | a thread raises against itself (a fault, `abort()`) | asks all to end, sleeps until they rest or 4 s have passed, gives way |
//! | comes from outside | asks all to end, wakes the guard's thread, and gives a listener of the program its turn |
//!
//! The guard's thread waits in the place of the second kind, so that JavaScript goes on meanwhile; then it
//! carries out the signal's default action, where the program does not listen. JavaScript has no listener of
//! ours: what is beneath the handler says whether the program listens.

#![allow(
    unsafe_code,
    reason = "signal handlers are installed by system calls; each use is argued"
)]

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kilohertz_core::roll::{self, Kind, Place, Refused};
use napi::Result;
use napi::bindgen_prelude::Function;
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi_derive::napi;

use crate::failure::Failure;

/// A place on the roll, as JavaScript holds it. It is given back when this is collected, or left.
#[napi]
pub struct NativePlace {
    place: Arc<Place>,
}

#[napi]
impl NativePlace {
    /// Takes a place for what is driven natively, or not; what Ctrl+C is meant to end, or not.
    #[napi(factory)]
    pub fn take(
        is_native: bool,
        ends_on_interrupt: bool,
        even_after_signal: bool,
    ) -> Result<NativePlace> {
        let taken = Place::take(Kind {
            is_native,
            ends_on_interrupt,
            even_after_signal,
        });
        match taken {
            Ok(place) => Ok(NativePlace {
                place: Arc::new(place),
            }),
            Err(refused) => Err(failure(refused).into()),
        }
    }

    /// The number of the signal that ended it; nothing where none did.
    #[napi(getter)]
    pub fn signal(&self) -> Option<i32> {
        self.place.signal()
    }

    /// Whether it is to end.
    #[napi(getter)]
    pub fn is_to_end(&self) -> bool {
        self.place.stop().load(Ordering::SeqCst)
    }

    /// Asks it to end.
    #[napi]
    pub fn stop(&self) {
        self.place.stop().store(true, Ordering::SeqCst);
    }

    /// Blocks until nothing moves, at most `limit_s`; says whether.
    #[napi]
    pub fn join(&self, limit_s: f64) -> bool {
        let limit = Duration::try_from_secs_f64(limit_s).unwrap_or(Duration::MAX);
        self.place.join(limit)
    }

    /// Gives it back.
    #[napi]
    pub fn leave(&self) {
        self.place.leave();
    }
}

impl NativePlace {
    pub(crate) fn shared(&self) -> Arc<Place> {
        Arc::clone(&self.place)
    }
}

fn failure(refused: Refused) -> Failure {
    let (signal, message) = match refused {
        Refused::Full => {
            let message = format!("{} sessions and commands run already", roll::PLACES);
            return Failure::new("SYSTEM", message);
        }
        Refused::ToldToEnd(signal) => (
            signal,
            "the process was told to end: no motion begins unless its options say \
             { evenAfterSignal: true }",
        ),
        Refused::Ending(signal) => (
            signal,
            "the process is ending, or about to be suspended: no motion begins. A program that has \
             something to do first listens for the signal",
        ),
    };
    Failure::interrupted(signal, message)
}

/// An environment that is told when something is asked to end.
struct Wake {
    tell: Box<dyn Fn() + Send>,
    has_ended: Box<dyn Fn() -> bool + Send>,
}

/// Guards the process from now on. `wake` is called, in this environment, after something was asked to end.
#[napi]
pub fn guard_process(wake: Function<'_, (), ()>) -> Result<()> {
    let wake = wake
        .build_threadsafe_function::<()>()
        .weak::<true>()
        .build()?;
    let wake = Arc::new(wake);
    let ended = Arc::clone(&wake);
    system::guard(Wake {
        // Refused only when the environment is closing; nobody is left to be told then.
        tell: Box::new(move || {
            let _ = wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }),
        has_ended: Box::new(move || ended.aborted()),
    })
    .map_err(|error| Failure::thread(&error))?;
    Ok(())
}

/// Whether the default action of a signal is to come.
#[napi]
pub fn is_ending() -> bool {
    roll::is_shut()
}

/// Puts the guard's handlers on top of what the program has installed.
#[napi]
pub fn guard_on_top() {
    system::put_on_top();
}

/// Gives the calling thread a stack for handlers, for faults that are an overflow of its own.
pub fn give_stack() {
    system::give_stack();
}

#[cfg(target_os = "linux")]
mod system {
    use std::cell::RefCell;
    use std::sync::atomic::Ordering::SeqCst;
    use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64};
    use std::sync::{Mutex, Once, OnceLock, PoisonError};
    use std::time::Duration;

    use kilohertz_core::roll;
    use kilohertz_core::thread::block_signals;
    use kilohertz_core::time::Time;
    use libc::{c_int, c_void, siginfo_t};

    use super::Wake;

    /// Always guarded, also where the program listens.
    const ENDS: [c_int; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];
    /// Guarded where their action is the default one.
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
    /// What a thread raises against itself: nothing that listens can keep the process from its end.
    const FAULTS: [c_int; 7] = [
        libc::SIGSEGV,
        libc::SIGBUS,
        libc::SIGABRT,
        libc::SIGILL,
        libc::SIGFPE,
        libc::SIGSYS,
        libc::SIGTRAP,
    ];
    /// The highest realtime signals are left to those who need one to wake a thread.
    const LEFT_ALONE: c_int = 8;
    /// Signals are below this.
    const SIGNALS: usize = 65;
    /// A signal that a terminal and a parent both send is one.
    const ONE_SIGNAL: Duration = Duration::from_millis(300);
    /// How often the handlers are looked after while something moves.
    const LOOKING: Duration = Duration::from_millis(50);
    const STACK: usize = 64 * 1024;

    type Handler = extern "C" fn(c_int, *mut siginfo_t, *mut c_void);
    type TryTrap = extern "C" fn(c_int, *mut siginfo_t, *mut c_void) -> bool;

    /// What is beneath the guard's handler: an address, with these bits of its flags on top.
    static BENEATH: [AtomicU64; SIGNALS] = [const { AtomicU64::new(0) }; SIGNALS];
    const ONCE_ONLY: u64 = 1 << 63;
    const WITH_INFO: u64 = 1 << 62;
    const ADDRESS: u64 = WITH_INFO - 1;

    /// V8's own handling of faults in WebAssembly, where node has it.
    static TRY_TRAP: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
    /// The signals whose default action is to come, as bits.
    static DUE: AtomicU64 = AtomicU64::new(0);
    /// Counts what the guard's thread is woken for.
    static RUNG: AtomicU32 = AtomicU32::new(0);
    /// When the first signal came that is being followed [ns], or 0.
    static FOLLOWED_SINCE: AtomicU64 = AtomicU64::new(0);

    static WAKES: Mutex<Vec<Wake>> = Mutex::new(Vec::new());
    static INSTALLING: Mutex<()> = Mutex::new(());

    fn suspends(signal: c_int) -> bool {
        matches!(signal, libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU)
    }

    fn bit(signal: c_int) -> u64 {
        1 << (signal - 1)
    }

    /// Whether what is beneath is a listener of the program. Node's own handler, which ends the process,
    /// is there for one signal only.
    fn listens(beneath: u64) -> bool {
        let address = (beneath & ADDRESS) as usize;
        address != libc::SIG_DFL && address != libc::SIG_IGN && beneath & ONCE_ONLY == 0
    }

    fn call(beneath: u64, signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
        let address = (beneath & ADDRESS) as usize as *const ();
        if beneath & WITH_INFO != 0 {
            // SAFETY: the address was installed by somebody as a handler with three arguments, which the
            // kernel would have called as this one was.
            let handler: Handler = unsafe { std::mem::transmute(address) };
            handler(signal, info, context);
        } else {
            // SAFETY: likewise, with one argument.
            let handler: extern "C" fn(c_int) = unsafe { std::mem::transmute(address) };
            handler(signal);
        }
    }

    /// For signals from outside.
    extern "C" fn on_signal(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
        let errno = errno();
        let beneath = BENEATH[signal as usize].load(SeqCst);
        let listens = listens(beneath);
        if signal == libc::SIGINT && roll::all_end_on_interrupt() {
            note_following();
            roll::stop_all(0);
        } else if suspends(signal) {
            roll::shut(signal);
            roll::stop_all(signal);
            DUE.fetch_or(bit(signal), SeqCst);
        } else if signal == libc::SIGINT && !listens && is_second(info) {
            give_way(signal, beneath);
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
            call(beneath, signal, info, context);
        }
        set_errno(errno);
    }

    /// Whether somebody sends an interrupt again because the first takes too long.
    fn is_second(info: *const siginfo_t) -> bool {
        // SAFETY: the kernel gives a valid siginfo to a handler that asked for it; of one that a process
        // has sent, and only of such, the number of the process is read.
        let from_itself = unsafe { (*info).si_code <= 0 && (*info).si_pid() == libc::getpid() };
        let since = FOLLOWED_SINCE.load(SeqCst);
        let lasted = Time::now().since(Time::from_nanos(since));
        let is_under_way = roll::is_anybody_ending() || DUE.load(SeqCst) != 0;
        !from_itself && since != 0 && is_under_way && lasted > ONE_SIGNAL
    }

    fn note_following() {
        let now = Time::now().as_nanos();
        if !roll::is_anybody_ending() {
            FOLLOWED_SINCE.store(now, SeqCst);
        }
    }

    /// For what a thread raises against itself: it cannot go on, so it sleeps.
    extern "C" fn on_fault(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
        let errno = errno();
        let beneath = BENEATH[signal as usize].load(SeqCst);
        let trap = TRY_TRAP.load(SeqCst);
        if !trap.is_null() && is_trap(signal) {
            // SAFETY: the address is that of v8::TryHandleWebAssemblyTrapPosix(int, siginfo_t*, void*),
            // which is made for being called in a handler with a handler's arguments.
            let handles: TryTrap = unsafe { std::mem::transmute(trap) };
            if handles(signal, info, context) {
                set_errno(errno);
                return;
            }
        }
        if listens(beneath) && !is_trap(signal) && !is_raised_here(info) {
            // The program has its own use for it.
            call(beneath, signal, info, context);
            set_errno(errno);
            return;
        }
        roll::told_to_end(signal);
        roll::shut(signal);
        roll::stop_all(signal);
        roll::wait_for_rest();
        if (beneath & ADDRESS) as usize == libc::SIG_DFL {
            give_way(signal, beneath);
        } else {
            call(beneath, signal, info, context);
        }
        set_errno(errno);
    }

    /// Whether V8 may have a handler for it, which is not a listener of the program.
    fn is_trap(signal: c_int) -> bool {
        matches!(signal, libc::SIGSEGV | libc::SIGBUS)
    }

    /// Whether a thread has raised it against itself, by a fault or by abort().
    fn is_raised_here(info: *const siginfo_t) -> bool {
        // SAFETY: the kernel gives a valid siginfo to a handler that asked for it.
        let code = unsafe { (*info).si_code };
        code > 0 || code == libc::SI_TKILL
    }

    /// Restores what was beneath and raises the signal again, for the process; it comes when a handler
    /// that runs has returned.
    fn give_way(signal: c_int, beneath: u64) {
        install(signal, beneath);
        // SAFETY: both system calls take numbers only; the thread is the calling one.
        unsafe {
            let thread = libc::syscall(libc::SYS_gettid);
            libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, signal);
        }
    }

    /// Installs what was found earlier.
    fn install(signal: c_int, beneath: u64) {
        // SAFETY: all-zero bytes are a valid sigaction; the address is a handler's or a constant, as it was
        // found, with the flags that decide how it is called.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = (beneath & ADDRESS) as usize;
            libc::sigfillset(&raw mut action.sa_mask);
            action.sa_flags = libc::SA_RESTART;
            if beneath & ONCE_ONLY != 0 {
                action.sa_flags |= libc::SA_RESETHAND;
            }
            if beneath & WITH_INFO != 0 {
                action.sa_flags |= libc::SA_SIGINFO;
            }
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
    }

    fn installed(signal: c_int) -> Option<u64> {
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
        Some(beneath)
    }

    fn cover(signal: c_int, handler: Handler, covers: impl Fn(usize) -> bool) {
        let Some(beneath) = installed(signal) else {
            return;
        };
        let address = (beneath & ADDRESS) as usize;
        let own = handler as *const () as usize;
        if address == own || address == libc::SIG_IGN || !covers(address) {
            return;
        }
        BENEATH[signal as usize].store(beneath, SeqCst);
        // SAFETY: all-zero bytes are a valid sigaction with an empty mask. The handler has three
        // arguments, as SA_SIGINFO says, uses atomics and async-signal-safe calls only, and is never
        // unmapped: the addon is linked with nodelete.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = own;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
    }

    pub fn put_on_top() {
        let _one = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
        let default = |address: usize| address == libc::SIG_DFL;
        for signal in ENDS {
            cover(signal, on_signal, |_| true);
        }
        let realtime = libc::SIGRTMIN()..=libc::SIGRTMAX() - LEFT_ALONE;
        for signal in OTHERS.into_iter().chain([libc::SIGTSTP]).chain(realtime) {
            cover(signal, on_signal, default);
        }
        for signal in FAULTS {
            // What is beneath may be V8's, which cannot be asked here.
            let is_unknown = is_trap(signal) && TRY_TRAP.load(SeqCst).is_null();
            cover(signal, on_fault, |address| !is_unknown || default(address));
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
        }
        static FOUND: Once = Once::new();
        FOUND.call_once(|| {
            let name = c"_ZN2v829TryHandleWebAssemblyTrapPosixEiP9siginfo_tPv";
            // SAFETY: the name is a C string, and the pseudo handle needs no library to be open.
            let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
            TRY_TRAP.store(found, SeqCst);
        });
        put_on_top();
        Ok(())
    }

    /// The guard's thread.
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

    /// Tells JavaScript that something is to end.
    fn tell() {
        let wakes = WAKES.lock().unwrap_or_else(PoisonError::into_inner);
        for wake in wakes.iter() {
            (wake.tell)();
        }
    }

    /// Carries out the default action of a signal once robots rest.
    fn carry_out(signal: c_int) {
        let give_up = Time::now() + roll::END_LIMIT;
        roll::wait_for_rest();
        // JavaScript has its turn to stop what it drives, and to tell.
        while !suspends(signal) && roll::is_anybody_there() && Time::now() < give_up {
            std::thread::sleep(Duration::from_millis(1));
        }
        let one = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
        install(signal, BENEATH[signal as usize].load(SeqCst));
        // SAFETY: takes numbers only.
        unsafe { libc::kill(libc::getpid(), signal) };
        // What comes now has been suspended and continued, or is a process 1, which the kernel spares.
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

    fn ring() {
        RUNG.fetch_add(1, SeqCst);
        let word = RUNG.as_ptr();
        // SAFETY: the word is a static; waking changes no memory. A system call, so a handler may.
        unsafe {
            let wake = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
            libc::syscall(libc::SYS_futex, word, wake, 1);
        }
    }

    /// Waits until [`ring`] is called after `rung` was read, or for a while where something moves.
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

    /// Memory for handlers, which its thread gives up at its end.
    struct Stack(Option<Vec<u8>>);

    impl Drop for Stack {
        fn drop(&mut self) {
            if self.0.is_none() {
                return;
            }
            // SAFETY: all-zero bytes are a valid stack_t; the thread that was given the stack has none
            // from here on, before its memory is freed.
            unsafe {
                let mut none: libc::stack_t = std::mem::zeroed();
                none.ss_flags = libc::SS_DISABLE;
                libc::sigaltstack(&raw const none, std::ptr::null_mut());
            }
        }
    }

    pub fn give_stack() {
        thread_local! {
            static GIVEN: RefCell<Stack> = const { RefCell::new(Stack(None)) };
        }
        GIVEN.with_borrow_mut(|given| {
            if given.0.is_some() {
                return;
            }
            // SAFETY: all-zero bytes are a valid stack_t. The first call writes what there is. The second
            // gives memory that is not moved while the thread lives, and is not used otherwise.
            unsafe {
                let mut stack: libc::stack_t = std::mem::zeroed();
                libc::sigaltstack(std::ptr::null(), &raw mut stack);
                if stack.ss_flags & libc::SS_DISABLE == 0 {
                    return;
                }
                let mut memory = vec![0_u8; STACK];
                stack.ss_sp = memory.as_mut_ptr().cast();
                stack.ss_size = memory.len();
                stack.ss_flags = 0;
                if libc::sigaltstack(&raw const stack, std::ptr::null_mut()) == 0 {
                    given.0 = Some(memory);
                }
            }
        });
    }

    fn errno() -> c_int {
        // SAFETY: the address is that of the calling thread's own number.
        unsafe { *libc::__errno_location() }
    }

    fn set_errno(errno: c_int) {
        // SAFETY: likewise.
        unsafe { *libc::__errno_location() = errno };
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub fn guard(_wake: super::Wake) -> std::io::Result<()> {
        Ok(())
    }

    pub fn put_on_top() {}

    pub fn give_stack() {}
}
