//! What makes a thread a realtime thread, and whether the system granted it.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::fmt;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::thread::cores::{is_taken, stay_off_taken};
use crate::thread::system;

/// What a loop thread asks of the system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RealtimeRequest {
    /// `SCHED_FIFO` priority, 1 to 99; `None` leaves the thread with the ordinary scheduler.
    pub priority: Option<u8>,
    /// The CPU that the thread stays on; `None` lets the scheduler choose.
    pub cpu: Option<usize>,
    /// Whether this library and the thread's stack are locked in memory.
    pub lock_memory: bool,
    /// How much later than asked the kernel may wake the thread to save power. Has an effect only without
    /// `SCHED_FIFO`; the kernel's default is 50 us.
    pub timer_slack: Option<Duration>,
}

impl Default for RealtimeRequest {
    /// Priority 80 (above the kernel's interrupt threads, below its watchdogs), any CPU, memory
    /// locked, 1 ns of timer slack.
    fn default() -> RealtimeRequest {
        RealtimeRequest {
            priority: Some(80),
            cpu: None,
            lock_memory: true,
            timer_slack: Some(Duration::from_nanos(1)),
        }
    }
}

/// The system's answer to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// This was not asked for.
    NotAsked,
    /// The system granted it.
    Granted,
    /// The system refused, for this reason. The text says what to do.
    Refused(String),
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Grant::NotAsked => f.write_str("not asked"),
            Grant::Granted => f.write_str("granted"),
            Grant::Refused(reason) => write!(f, "refused: {reason}"),
        }
    }
}

/// What was asked of the system for a loop thread, and what it granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RealtimeReport {
    /// What was asked.
    pub asked: RealtimeRequest,
    /// The grant of `SCHED_FIFO` at the asked priority.
    pub priority: Grant,
    /// The grant of staying on the asked CPU.
    pub cpu: Grant,
    /// The grant of locking this library and the thread's stack in memory.
    pub memory: Grant,
    /// The grant of the asked timer slack.
    pub timer_slack: Grant,
    /// True if the kernel is a `PREEMPT_RT` kernel, which bounds how late a wake is.
    pub preempt_rt: bool,
}

/// Gives the calling thread what `request` asks for, as far as the system permits. Returns what was
/// granted.
///
/// Never fails: a loop without privileges still runs, and the report says what was refused.
pub fn make_realtime(request: &RealtimeRequest) -> RealtimeReport {
    let grant = |asked: bool, apply: &dyn Fn() -> Result<(), String>| {
        if !asked {
            return Grant::NotAsked;
        }
        match apply() {
            Ok(()) => Grant::Granted,
            Err(reason) => Grant::Refused(reason),
        }
    };
    // Even if the chosen CPU is refused, the thread must stay off the core of a policy that spins.
    stay_off_taken();
    RealtimeReport {
        asked: request.clone(),
        priority: grant(request.priority.is_some(), &|| {
            system::set_fifo(request.priority.unwrap_or(1))
        }),
        cpu: grant(request.cpu.is_some(), &|| {
            let cpu = request.cpu.unwrap_or(0);
            if u32::try_from(cpu).is_ok_and(is_taken) {
                return Err(format!(
                    "CPU {cpu} is that of a policy that spins: choose another"
                ));
            }
            system::pin(cpu)
        }),
        memory: grant(request.lock_memory, &system::lock_memory),
        timer_slack: grant(request.timer_slack.is_some(), &|| {
            system::set_timer_slack(request.timer_slack.unwrap_or_default())
        }),
        preempt_rt: system::preempt_rt(),
    }
}

/// Gives a thread back to the ordinary scheduler, whatever priority it has. A thread that has ended is left
/// alone.
pub fn make_ordinary<T>(thread: &JoinHandle<T>) {
    system::make_ordinary(thread);
}

/// Blocks all signals except those of faults on the calling thread, so that other threads receive them. A
/// signal must not interrupt a thread that moves a robot.
pub fn block_signals() {
    system::block_signals();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_what_was_not_asked_as_not_asked() {
        let request = RealtimeRequest {
            priority: None,
            cpu: None,
            lock_memory: false,
            timer_slack: None,
        };
        let report = std::thread::spawn(move || make_realtime(&request))
            .join()
            .unwrap();
        for grant in [
            report.priority,
            report.cpu,
            report.memory,
            report.timer_slack,
        ] {
            assert_eq!(grant, Grant::NotAsked);
        }
    }

    #[test]
    fn a_refusal_says_why() {
        let request = RealtimeRequest {
            cpu: Some(1_000_000),
            ..RealtimeRequest::default()
        };
        let report = std::thread::spawn(move || make_realtime(&request))
            .join()
            .unwrap();
        let Grant::Refused(reason) = report.cpu else {
            panic!("granted CPU 1000000")
        };
        assert!(reason.contains("1000000"), "{reason}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_granted_priority_is_the_threads_priority() {
        let report = std::thread::spawn(|| {
            let report = make_realtime(&RealtimeRequest::default());
            // SAFETY: pid 0 is the calling thread.
            #[allow(unsafe_code, reason = "the kernel is asked")]
            (report, unsafe { libc::sched_getscheduler(0) })
        });
        let (report, policy) = report.join().unwrap();
        assert_eq!(
            report.priority == Grant::Granted,
            policy == libc::SCHED_FIFO
        );
    }
}
