//! How late a thread wakes at 1 kHz, and what that costs: only sleeping, fixed windows of spinning before
//! the deadline, the adaptive window, only spinning, and `spin_sleep`.
//!
//! Bar: the p99 lateness of the adaptive window is at most 0.05 of that of only sleeping, under
//! `SCHED_FIFO`, at no more than a quarter of a core. Alternating rounds in one run, medians.

#![allow(
    unsafe_code,
    reason = "plain clock_nanosleep and a thread's CPU clock are system calls; each is argued"
)]

mod rows;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kilohertz_core::thread::{Grant, RealtimeRequest, make_realtime};
use kilohertz_core::timing::pacer::Pacer;
use kilohertz_core::timing::time::Time;
use kilohertz_core::timing::wait::Waiter;
use rows::{is_test, keep, median, percentile, print_machine, us};
use spin_sleep::SpinSleeper;

const PERIOD: Duration = Duration::from_millis(1);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Wait {
    /// Sleep until this long before the deadline, then spin.
    Window(Duration),
    /// The loop's own way.
    Adaptive,
    SpinSleep,
    Spin,
}

const PLAIN: Wait = Wait::Window(Duration::ZERO);
const WAITS: [Wait; 8] = [
    PLAIN,
    Wait::Window(Duration::from_micros(50)),
    Wait::Window(Duration::from_micros(100)),
    Wait::Window(Duration::from_micros(200)),
    Wait::Window(Duration::from_micros(500)),
    Wait::Adaptive,
    Wait::SpinSleep,
    Wait::Spin,
];

impl Wait {
    fn name(self) -> String {
        match self {
            PLAIN => "clock_nanosleep".to_owned(),
            Wait::Window(window) => format!("window {} us", window.as_micros()),
            Wait::Adaptive => "adaptive (ours)".to_owned(),
            Wait::SpinSleep => "spin_sleep".to_owned(),
            Wait::Spin => "spin".to_owned(),
        }
    }
}

fn timespec(nanos: u64) -> libc::timespec {
    libc::timespec {
        tv_sec: (nanos / 1_000_000_000) as libc::time_t,
        tv_nsec: (nanos % 1_000_000_000) as libc::c_long,
    }
}

fn sleep_until(deadline: Time) {
    let until = timespec(deadline.as_nanos());
    // SAFETY: `until` is a valid timespec that outlives the call, which only reads it; with
    // TIMER_ABSTIME the remaining time is never written, so null is allowed.
    unsafe {
        libc::clock_nanosleep(
            libc::CLOCK_MONOTONIC,
            libc::TIMER_ABSTIME,
            &raw const until,
            std::ptr::null_mut(),
        );
    }
}

/// Returns how much processor time the calling thread has used so far.
fn cpu_time() -> Duration {
    let mut now = timespec(0);
    // SAFETY: `now` is a valid timespec that outlives the call, which only writes it.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut now) };
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

fn spin_until(deadline: Time) -> Time {
    loop {
        let now = Time::now();
        if now >= deadline {
            return now;
        }
        std::hint::spin_loop();
    }
}

/// One measurement of one way to wait.
struct Stint {
    p50_us: f64,
    p99_us: f64,
    max_us: f64,
    core_percent: f64,
    missed: u64,
    window_us: f64,
    fifo: bool,
}

fn stint(wait: Wait, ticks: usize) -> Stint {
    let run = move || {
        let granted = make_realtime(&RealtimeRequest::default());
        let mut waiter = Waiter::new(PERIOD);
        let sleeper = SpinSleeper::default();
        let mut until = |deadline: Time| match wait {
            Wait::Window(window) => {
                sleep_until(deadline - window);
                spin_until(deadline)
            }
            Wait::Adaptive => waiter.wait(deadline, || false),
            Wait::SpinSleep => {
                sleeper.sleep(deadline.since(Time::now()));
                Time::now()
            }
            Wait::Spin => spin_until(deadline),
        };
        let mut lateness = Vec::with_capacity(ticks);
        let mut missed = 0;
        let mut now = Time::now();
        let (began, computed) = (now, cpu_time());
        let mut pacer = Pacer::new(now + PERIOD, PERIOD);
        for _ in 0..ticks {
            let due = pacer.next(now);
            missed += due.missed;
            now = until(due.deadline);
            lateness.push(us(now.since(due.deadline)));
        }
        let core = (cpu_time() - computed).as_secs_f64() / now.since(began).as_secs_f64();
        Stint {
            p50_us: percentile(&mut lateness, 50),
            p99_us: percentile(&mut lateness, 99),
            max_us: percentile(&mut lateness, 100),
            core_percent: core * 100.0,
            missed,
            window_us: us(waiter.window()),
            fifo: granted.priority == Grant::Granted,
        }
    };
    std::thread::spawn(run)
        .join()
        .expect("the stint does not panic")
}

/// Runs alternating rounds of all ways to wait, beside `busy` ordinary threads that compute.
fn rounds(busy: usize, rounds: usize, ticks: usize) {
    let stop = AtomicBool::new(false);
    let mut stints: Vec<(Wait, Stint)> = Vec::new();
    let mut raw = Vec::new();
    std::thread::scope(|scope| {
        for _ in 0..busy {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        for round in 0..rounds {
            for wait in WAITS {
                let stint = stint(wait, ticks);
                raw.push(format!(
                    "{round},{},{:.3},{:.3},{:.1},{:.2},{},{:.1}",
                    wait.name(),
                    stint.p50_us,
                    stint.p99_us,
                    stint.max_us,
                    stint.core_percent,
                    stint.missed,
                    stint.window_us,
                ));
                stints.push((wait, stint));
            }
        }
        stop.store(true, Ordering::Relaxed);
    });

    let of = |wait: Wait, value: fn(&Stint) -> f64| {
        let mine = stints.iter().filter(|(which, _)| *which == wait);
        median(mine.map(|(_, stint)| value(stint)))
    };
    let fifo = stints.iter().all(|(_, stint)| stint.fifo);
    let scheduler = if fifo {
        "SCHED_FIFO 80"
    } else {
        "the ordinary scheduler: FIFO was refused"
    };
    println!(
        "\n{busy} other thread(s) busy, {scheduler}; medians of {rounds} rounds of {ticks} ticks"
    );
    println!(
        "{:16} {:>9} {:>9} {:>11} {:>7}",
        "wait", "p50 us", "p99 us", "max us", "core %"
    );
    for wait in WAITS {
        println!(
            "{:16} {:9.2} {:9.2} {:11.1} {:7.1}",
            wait.name(),
            of(wait, |stint| stint.p50_us),
            of(wait, |stint| stint.p99_us),
            of(wait, |stint| stint.max_us),
            of(wait, |stint| stint.core_percent),
        );
    }
    let ratio = of(Wait::Adaptive, |stint| stint.p99_us) / of(PLAIN, |stint| stint.p99_us);
    let core = of(Wait::Adaptive, |stint| stint.core_percent);
    println!(
        "ours / clock_nanosleep at p99: {ratio:.4} (bar 0.05), at {core:.1} % of a core (bar 25)"
    );
    let name = if busy == 0 { "pacer" } else { "pacer-busy" };
    let header = "round,wait,p50_us,p99_us,max_us,core_percent,missed_ticks,window_us";
    keep(name, header, &raw);
}

fn main() {
    print_machine();
    if is_test() {
        rounds(0, 1, 20);
        return;
    }
    rounds(0, 7, 2_000);
    rounds(1, 3, 2_000);
}
