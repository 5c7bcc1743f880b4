//! The requests to the system for a thread: scheduler, CPUs, memory, signals.
//!
//! Everything that only Linux has is here. On other systems these functions exist too, and answer every
//! request with "not available".

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]
#![allow(
    unsafe_code,
    reason = "the scheduler is asked by system calls; each use is argued"
)]

#[cfg(target_os = "linux")]
pub(crate) use linux::*;
#[cfg(not(target_os = "linux"))]
pub(crate) use other::*;

/// Returns the CPUs on which the calling thread may run, in order.
pub(crate) fn allowed_cpus() -> Vec<u32> {
    cpus_of(0)
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io::Error;
    use std::os::unix::thread::JoinHandleExt;
    use std::thread::JoinHandle;
    use std::time::Duration;

    use crate::timing::time::nanos;

    /// Sleeps for `length`, or until a signal comes. May be called in signal handlers.
    pub(crate) fn pause(length: Duration) {
        let length = libc::timespec {
            tv_sec: length.as_secs() as libc::time_t,
            tv_nsec: libc::c_long::from(length.subsec_nanos() as i32),
        };
        // SAFETY: `length` is a valid timespec that outlives the call, which only reads it; the
        // remaining time is not asked for. nanosleep is async-signal-safe.
        unsafe { libc::nanosleep(&raw const length, std::ptr::null_mut()) };
    }

    /// Returns the kernel's number of the calling thread, above 0. May be called in signal handlers.
    pub(crate) fn thread_id() -> u32 {
        // SAFETY: the system call takes no argument and cannot fail.
        unsafe { libc::syscall(libc::SYS_gettid) as u32 }
    }

    /// The signals that the processor raises for a fault of the thread itself, and that of abort().
    const FAULTS: [libc::c_int; 7] = [
        libc::SIGSEGV,
        libc::SIGBUS,
        libc::SIGFPE,
        libc::SIGILL,
        libc::SIGTRAP,
        libc::SIGABRT,
        libc::SIGSYS,
    ];

    pub(crate) fn block_signals() {
        // SAFETY: all-zero bytes are a valid sigset; it outlives the calls, which fill it and read it,
        // and every signal named exists. The mask is the calling thread's own.
        unsafe {
            let mut blocked: libc::sigset_t = std::mem::zeroed();
            libc::sigfillset(&raw mut blocked);
            for fault in FAULTS {
                libc::sigdelset(&raw mut blocked, fault);
            }
            let set = libc::SIG_SETMASK;
            libc::pthread_sigmask(set, &raw const blocked, std::ptr::null_mut());
        }
    }

    pub(crate) fn set_fifo(priority: u8) -> Result<(), String> {
        schedule(0, libc::SCHED_FIFO, priority)
    }

    /// Gives the thread with this number a priority that threads started by it do not inherit.
    pub(crate) fn set_fifo_of(thread: u32, priority: u8) -> Result<(), String> {
        schedule(
            thread,
            libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK,
            priority,
        )
    }

    /// Gives the thread with this number back to the ordinary scheduler. The thread may have ended.
    pub(crate) fn set_ordinary_of(thread: u32) {
        let _ = schedule(thread, libc::SCHED_OTHER | libc::SCHED_RESET_ON_FORK, 0);
    }

    /// Sets the scheduler of the thread with this number; 0 is the calling one.
    fn schedule(thread: u32, policy: libc::c_int, priority: u8) -> Result<(), String> {
        // SAFETY: all-zero bytes are a valid sched_param: it holds integers only.
        let mut param: libc::sched_param = unsafe { std::mem::zeroed() };
        param.sched_priority = i32::from(priority);
        // SAFETY: the kernel checks the number, and `param` is a valid sched_param that outlives the
        // call, which only reads it.
        let rc =
            unsafe { libc::sched_setscheduler(thread as libc::pid_t, policy, &raw const param) };
        if rc == 0 {
            return Ok(());
        }
        let error = Error::last_os_error();
        Err(match error.raw_os_error() {
            Some(libc::EPERM) => format!(
                "SCHED_FIFO {priority} is not permitted: give the user an rtprio limit of at least \
                 {priority} in /etc/security/limits.conf, or the program CAP_SYS_NICE"
            ),
            Some(libc::EINVAL) => format!("SCHED_FIFO priority {priority} is not within 1 to 99"),
            _ => format!("the scheduler cannot be set: {error}"),
        })
    }

    /// Lets every other thread preempt the calling one.
    pub(crate) fn set_idle_class() -> Result<(), String> {
        schedule(0, libc::SCHED_IDLE, 0)
    }

    /// Returns the CPUs on which the thread with this number may run, in order; 0 is the calling thread.
    pub(crate) fn cpus_of(thread: u32) -> Vec<u32> {
        // SAFETY: all-zero bytes are a valid, empty cpu_set_t; it outlives the call, which fills as much
        // of it as its size says. CPU_ISSET is given numbers within its bits.
        unsafe {
            let mut set: libc::cpu_set_t = std::mem::zeroed();
            if libc::sched_getaffinity(
                thread as libc::pid_t,
                size_of::<libc::cpu_set_t>(),
                &raw mut set,
            ) != 0
            {
                return Vec::new();
            }
            let all = 0..libc::CPU_SETSIZE as usize;
            all.filter(|&cpu| libc::CPU_ISSET(cpu, &set))
                .filter_map(|cpu| u32::try_from(cpu).ok())
                .collect()
        }
    }

    pub(crate) fn make_ordinary<T>(thread: &JoinHandle<T>) {
        // SAFETY: all-zero bytes are a valid sched_param: it holds integers only.
        let param: libc::sched_param = unsafe { std::mem::zeroed() };
        // SAFETY: the thread was not joined, because its handle exists, so its number is valid even if it
        // has ended; `param` outlives the call, which only reads it. Lowering is never refused.
        unsafe {
            libc::pthread_setschedparam(thread.as_pthread_t(), libc::SCHED_OTHER, &raw const param);
        }
    }

    pub(crate) fn pin(cpu: usize) -> Result<(), String> {
        set_cpus(0, &[u32::try_from(cpu).unwrap_or(u32::MAX)])
    }

    /// Keeps the thread with this number on these CPUs; 0 is the calling one.
    pub(crate) fn set_cpus(thread: u32, cpus: &[u32]) -> Result<(), String> {
        let count = libc::CPU_SETSIZE as u32;
        if let Some(cpu) = cpus.iter().find(|&&cpu| cpu >= count) {
            return Err(format!(
                "CPU {cpu} is not within 0 to {}",
                count.saturating_sub(1)
            ));
        }
        // SAFETY: all-zero bytes are a valid, empty cpu_set_t, and each CPU is within its bits.
        let set = unsafe {
            let mut set: libc::cpu_set_t = std::mem::zeroed();
            for &cpu in cpus {
                libc::CPU_SET(cpu as usize, &mut set);
            }
            set
        };
        // SAFETY: the kernel checks the number; the size given is that of `set`, which outlives the
        // call and is only read.
        let rc = unsafe {
            libc::sched_setaffinity(
                thread as libc::pid_t,
                size_of::<libc::cpu_set_t>(),
                &raw const set,
            )
        };
        if rc == 0 {
            return Ok(());
        }
        Err(format!(
            "CPUs {cpus:?}: {}; choose what this process may run on (see taskset -p)",
            Error::last_os_error()
        ))
    }

    /// Locks the mappings of this library and the stack of the calling thread.
    ///
    /// Not `mlockall`: it makes the JavaScript engine's memory management fail (V8 aborts if it cannot
    /// change the protection of a locked page). The loop's other memory is used in every cycle.
    pub(crate) fn lock_memory() -> Result<(), String> {
        let maps = std::fs::read_to_string("/proc/self/maps")
            .map_err(|error| format!("/proc/self/maps: {error}"))?;
        let mappings: Vec<Mapping<'_>> = maps.lines().filter_map(Mapping::parse).collect();
        let on_stack = 0_u8;
        let stack = (&raw const on_stack).addr();
        let code = (lock_memory as fn() -> Result<(), String>) as usize;
        let library = mappings
            .iter()
            .find(|mapping| mapping.holds(code))
            .map(|found| found.path);
        for mapping in &mappings {
            let ours = library == Some(mapping.path) || mapping.holds(stack);
            if !ours || !mapping.readable {
                continue;
            }
            let start = std::ptr::without_provenance(mapping.start);
            // SAFETY: mlock changes no memory contents; a range that is no longer mapped makes it
            // fail, which is reported.
            if unsafe { libc::mlock(start, mapping.end.saturating_sub(mapping.start)) } != 0 {
                return Err(format!(
                    "mlock: {}; raise the memlock limit in /etc/security/limits.conf",
                    Error::last_os_error()
                ));
            }
        }
        Ok(())
    }

    /// One line of `/proc/self/maps`.
    struct Mapping<'a> {
        start: usize,
        end: usize,
        readable: bool,
        path: &'a str,
    }

    impl Mapping<'_> {
        fn parse(line: &str) -> Option<Mapping<'_>> {
            let mut columns = line.split_whitespace();
            let (start, end) = columns.next()?.split_once('-')?;
            let readable = columns.next()?.starts_with('r');
            let path = columns.nth(3).unwrap_or("");
            Some(Mapping {
                start: usize::from_str_radix(start, 16).ok()?,
                end: usize::from_str_radix(end, 16).ok()?,
                readable,
                path,
            })
        }

        fn holds(&self, address: usize) -> bool {
            (self.start..self.end).contains(&address)
        }
    }

    pub(crate) fn set_timer_slack(slack: Duration) -> Result<(), String> {
        let slack = nanos(slack).max(1);
        // SAFETY: PR_SET_TIMERSLACK takes one integer and concerns the calling thread only.
        if unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, slack) } == 0 {
            return Ok(());
        }
        Err(format!(
            "timer slack of {slack} ns: {}",
            Error::last_os_error()
        ))
    }

    pub(crate) fn preempt_rt() -> bool {
        std::fs::read_to_string("/sys/kernel/realtime").is_ok_and(|text| text.trim() == "1")
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use std::thread::JoinHandle;
    use std::time::Duration;

    const ABSENT: &str = "not available on this operating system; use Linux for a realtime loop";

    pub(crate) fn pause(length: Duration) {
        std::thread::sleep(length);
    }

    pub(crate) fn thread_id() -> u32 {
        1
    }

    pub(crate) fn block_signals() {}

    pub(crate) fn set_idle_class() -> Result<(), String> {
        Err(ABSENT.to_owned())
    }

    pub(crate) fn set_fifo_of(_thread: u32, _priority: u8) -> Result<(), String> {
        Err(ABSENT.to_owned())
    }

    pub(crate) fn set_ordinary_of(_thread: u32) {}

    pub(crate) fn cpus_of(_thread: u32) -> Vec<u32> {
        Vec::new()
    }

    pub(crate) fn set_cpus(_thread: u32, _cpus: &[u32]) -> Result<(), String> {
        Err(ABSENT.to_owned())
    }

    pub(crate) fn set_fifo(_priority: u8) -> Result<(), String> {
        Err(ABSENT.to_owned())
    }

    pub(crate) fn make_ordinary<T>(_thread: &JoinHandle<T>) {}

    pub(crate) fn pin(_cpu: usize) -> Result<(), String> {
        Err(ABSENT.to_owned())
    }

    pub(crate) fn lock_memory() -> Result<(), String> {
        Err(ABSENT.to_owned())
    }

    pub(crate) fn set_timer_slack(_slack: Duration) -> Result<(), String> {
        Err(ABSENT.to_owned())
    }

    pub(crate) fn preempt_rt() -> bool {
        false
    }
}
