//! A steady cycle makes no system call except the loop's wait, its socket calls and its wakes. A kernel filter on
//! the loop thread lets no other call through. Of `libfranka-rs` alone it lets the allocator's calls through.
#![cfg(target_os = "linux")]
#![allow(
    unsafe_code,
    reason = "a handler of SIGSYS is installed, and a system call made; each use is argued"
)]

mod common;
mod effector;
mod watched;

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::SeqCst};
use std::time::Duration;

use common::*;
use kilohertz_core::command::late::{LateRule, OnLate};
use kilohertz_core::limits::{Limiter, Unlimited};
use kilohertz_core::policy::{Native, Policy};
use kilohertz_core::robot::{Device, Paced, Robot, RobotError};
use kilohertz_core::schema::{Field, Schema};
use kilohertz_core::session::{Config, Session};
use kilohertz_core::stats::Stats;
use kilohertz_franka::{Client, Control, MotionOptions};
use libc::{c_int, c_long, c_void, siginfo_t};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch, apply_filter};
use watched::{WARM_UP, WatchedRobot, elsewhere, shared};

/// The number of watched cycles.
const WATCHED: u64 = 250;

/// The wait for the next state, the socket, and the wakes of policy and notify thread. The clock is allowed too:
/// on some machines it needs a system call.
const ALLOWED: &[c_long] = &[
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    libc::SYS_ppoll,
    libc::SYS_recvfrom,
    libc::SYS_sendto,
    libc::SYS_futex,
    libc::SYS_clock_nanosleep,
    libc::SYS_clock_gettime,
    // `libfranka-rs` waits in this way, and a signal wakes it from a wait without an end.
    #[cfg(target_arch = "x86_64")]
    libc::SYS_epoll_wait,
    libc::SYS_epoll_pwait,
    libc::SYS_rt_sigreturn,
];

/// What the allocator asks the kernel for. `libfranka-rs` allocates for each state, so it needs them; that nothing
/// else allocates in its cycles is shown by `allocation.rs`. A refusal here would also stop the thread while it
/// holds a lock of the allocator, and other tests would wait for that lock.
const ALLOCATOR: &[c_long] = &[
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
];
const NONE: i64 = -1;

/// What a loop thread has done: whether it has ended, and the first system call that was refused.
struct Seen {
    is_done: AtomicBool,
    refused: AtomicI64,
}

thread_local! {
    static SEEN: Cell<Option<&'static Seen>> = const { Cell::new(None) };
}

/// Notes the refused call. The thread that made the call stops here.
extern "C" fn refuse(_signal: c_int, info: *mut siginfo_t, _context: *mut c_void) {
    // SAFETY: a handler with SA_SIGINFO gets a valid siginfo. For SIGSYS it contains three integers and their
    // padding, the address of the call and then its number, which is the seventh integer.
    let number = unsafe { info.cast::<c_int>().add(6).read() };
    if let Some(seen) = SEEN.get() {
        seen.refused.store(i64::from(number), SeqCst);
    }
    let second = libc::timespec {
        tv_sec: 1,
        tv_nsec: 0,
    };
    loop {
        // SAFETY: `second` outlives the call, which only reads it.
        unsafe {
            libc::clock_nanosleep(
                libc::CLOCK_MONOTONIC,
                0,
                &raw const second,
                std::ptr::null_mut(),
            );
        }
    }
}

/// Restricts the calling thread to these system calls, permanently.
fn confine(seen: &'static Seen, allowed: &[&[c_long]]) {
    SEEN.set(Some(seen));
    // SAFETY: all-zero bytes are a valid sigaction; the handler touches atomics and a thread-local that
    // needs no initialisation.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = refuse as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO;
        libc::sigaction(libc::SIGSYS, &raw const action, std::ptr::null_mut());
    }
    let calls = allowed.concat();
    let calls = calls.into_iter().map(|call| (call, Vec::new())).collect();
    let machine = TargetArch::try_from(std::env::consts::ARCH).unwrap();
    let filter = SeccompFilter::new(calls, SeccompAction::Trap, SeccompAction::Allow, machine);
    let program: BpfProgram = filter.unwrap().try_into().unwrap();
    apply_filter(&program).unwrap();
}

impl Seen {
    fn refused(&self) -> Option<i64> {
        Some(self.refused.load(SeqCst)).filter(|call| *call != NONE)
    }
}

/// Runs a session whose loop thread is restricted after the warm-up. Afterwards that thread is kept waiting for
/// ever: a filter cannot be removed, and a thread cannot end under this one.
fn confined(
    (robot, limits): (Box<dyn Robot>, Box<dyn Limiter>),
    allowed: &'static [&'static [c_long]],
    config: Config,
    policy: impl Policy + 'static,
) -> (ManuallyDrop<Session>, &'static Seen) {
    let seen: &'static Seen = Box::leak(Box::new(Seen {
        is_done: AtomicBool::new(false),
        refused: AtomicI64::new(NONE),
    }));
    let robot = WatchedRobot {
        robot,
        begin: move || confine(seen, allowed),
        end: move || {
            seen.is_done.store(true, SeqCst);
            loop {
                std::thread::park();
            }
        },
    };
    let session = ManuallyDrop::new(session_on((Box::new(robot), limits), config, policy));
    eventually("the end of the watch", || {
        let is_over = session.stats().iterations > WARM_UP + WATCHED;
        is_over || seen.refused().is_some() || session.has_ended()
    });
    (session, seen)
}

/// Runs a session on an arm until its last command was sent. Returns the first system call that its loop thread
/// was refused.
fn refused_on(
    rig: Rig,
    control: Control,
    config: Config,
    policy: impl Policy + 'static,
) -> (Stats, Option<i64>) {
    // The loop thread uses both until the process ends.
    let simulator = ManuallyDrop::new(by_the_wall_clock(rig));
    let arm = ManuallyDrop::new(connect(rig, &simulator));
    let driven = arm.robot_with(control, &MotionOptions::default()).unwrap();
    let allowed: &[_] = match rig.client() {
        Client::FrankaRs => &[ALLOWED],
        Client::LibfrankaRs => &[ALLOWED, ALLOCATOR],
    };
    let (session, seen) = confined(driven, allowed, config, policy);
    session.request_stop();
    eventually("the last command", || {
        seen.is_done.load(SeqCst) || seen.refused().is_some() || session.has_ended()
    });
    assert!(!session.has_ended(), "{:?}", session.outcome());
    // The simulators of all tests together would need much of the machine's time.
    simulator.stop();
    (session.stats(), seen.refused())
}

#[test]
fn a_tick_on_an_arm_only_waits_receives_sends_and_wakes() {
    for &rig in Rig::ALL {
        for control in Control::ALL {
            let native = effector::fast(control, |_, _| Ok(()));
            let (_, call) = refused_on(rig, control, clamping(), native);
            assert_eq!(call, None, "{rig:?}, {control}");
        }
    }
}

#[test]
fn a_tick_of_a_policy_on_another_thread_makes_no_other_system_call() {
    for &rig in Rig::ALL {
        for control in Control::ALL {
            let config = Config {
                record_ticks: 100,
                ..clamping()
            };
            let policy = effector::fast(control, |_, _| Ok(()));
            let policy = elsewhere(control.slots(), policy);
            let (stats, call) = refused_on(rig, control, config, policy);
            assert_eq!(call, None, "{rig:?}, {control}");
            assert!(stats.policy_answers > 0, "{rig:?}, {control}");
        }
    }
}

#[test]
fn a_tick_of_a_policy_in_another_process_makes_no_other_system_call() {
    for &rig in Rig::ALL {
        for control in Control::ALL {
            let policy = effector::fast(control, |_, _| Ok(()));
            let policy = shared(control.slots(), policy);
            let (stats, call) = refused_on(rig, control, clamping(), policy);
            assert_eq!(call, None, "{rig:?}, {control}");
            assert!(stats.policy_answers > 0, "{rig:?}, {control}");
        }
    }
}

#[test]
fn a_tick_without_a_fresh_answer_makes_no_other_system_call() {
    let quiet = Config {
        late: LateRule {
            max_held: 20,
            on_late: OnLate::Hold,
        },
        ..clamping()
    };
    for (silence, config) in [
        (WARM_UP + 20..WARM_UP + 100, quiet),
        (0..0, asked_at(30.0, MS * 15)),
        (0..0, asked_at(100.0, MS / 3)),
    ] {
        for &rig in Rig::ALL {
            let control = Control::JointVelocity;
            let gaps = !silence.is_empty();
            let policy = effector::fast(control, |_, _| Ok(()));
            let policy = Box::new(silent(silence.clone(), policy));
            let policy = elsewhere(control.slots(), policy);
            let (stats, call) = refused_on(rig, control, config.clone(), policy);
            assert_eq!(call, None, "{rig:?}, {silence:?}");
            assert!(!gaps || stats.held_commands > 0, "{stats:?}");
        }
    }
}

/// A robot without a clock.
struct Cart(f64, Schema);

impl Device for Cart {
    fn observation(&self) -> &Schema {
        &self.1
    }

    fn action(&self) -> &Schema {
        &self.1
    }

    fn observe(&mut self, observation: &mut [f64]) -> Result<(), RobotError> {
        observation.fill(self.0);
        Ok(())
    }

    fn act(&mut self, action: &[f64]) -> Result<(), RobotError> {
        self.0 += 1e-3 * action[0];
        Ok(())
    }
}

fn cart(period: Duration) -> (Box<dyn Robot>, Box<dyn Limiter>) {
    let schema = Schema::new([Field {
        name: "position",
        len: 1,
        unit: "m",
    }]);
    let robot = Paced::new(Cart(1.0, schema), period);
    (Box::new(robot), Box::new(Unlimited::new(1)))
}

#[test]
fn a_tick_of_a_robot_without_a_clock_makes_no_other_system_call() {
    let policy = Native::new(1, |ask, action| {
        action[0] = -ask.observation[0];
        Ok(())
    });
    let (session, seen) = confined(cart(MS), &[ALLOWED], config(), policy);
    assert_eq!(seen.refused(), None);
    assert!(!session.has_ended(), "{:?}", session.outcome());
}

#[test]
fn another_system_call_in_a_tick_is_noticed() {
    let policy = effector::fast(Control::JointVelocity, |tick, _| {
        if tick == WARM_UP + 30 {
            // SAFETY: the call takes no arguments and changes nothing.
            unsafe { libc::syscall(libc::SYS_getppid) };
        }
        Ok(())
    });
    let (_, call) = refused_on(Rig::Fr3, Control::JointVelocity, clamping(), policy);
    assert_eq!(call, Some(libc::SYS_getppid));
}
