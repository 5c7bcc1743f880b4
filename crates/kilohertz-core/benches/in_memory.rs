//! Sessions with a native policy and a robot in memory, beside bare loops that only sleep with `clock_nanosleep`: a
//! cycle's own work at 1 kHz, missed ticks at 10 kHz, missed ticks of eight at once at 1 kHz, and the jitter at 1 kHz
//! while another thread of the program computes. All in one run, alternating rounds.
//!
//! Bars: own work at most 1 us at p50; no more missed ticks than the bare loops. The floor of the own work is a loop
//! that waits as a session does, and calls robot and policy with nothing in between.

mod rows;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kilohertz_core::channel::notify::start_notifier;
use kilohertz_core::limits::Unlimited;
use kilohertz_core::policy::{Ask, Native};
use kilohertz_core::robot::{Device, Paced, RobotError};
use kilohertz_core::schema::{Field, Schema};
use kilohertz_core::session::{Config, Session};
use kilohertz_core::stats::{Recorder, Spread};
use kilohertz_core::thread::{RealtimeRequest, make_realtime};
use kilohertz_core::timing::pacer::Pacer;
use kilohertz_core::timing::time::Time;
use kilohertz_core::timing::wait::Waiter;
use kilohertz_core::timing::wakes::{Wakes, measure};
use rows::{is_test, keep, median, percentile, print_machine, us};

const JOINTS: usize = 7;
const MS: Duration = Duration::from_millis(1);
/// The period at 10 kHz.
const SHORT: Duration = Duration::from_micros(100);
const AT_ONCE: usize = 8;
/// How fast the policy closes in on where the joints are to be \[1/s\].
const GAIN: f64 = 2.0;

/// Joints in memory, which turn at the velocities that they are told.
struct Joints {
    observation: Schema,
    action: Schema,
    position: [f64; JOINTS],
    period_s: f64,
}

impl Joints {
    fn new(period: Duration) -> Joints {
        let field = |name, unit| Field {
            name,
            len: JOINTS,
            unit,
        };
        Joints {
            observation: Schema::new([field("q", "rad")]),
            action: Schema::new([field("dq", "rad/s")]),
            position: [1.0; JOINTS],
            period_s: period.as_secs_f64(),
        }
    }
}

impl Device for Joints {
    fn observation(&self) -> &Schema {
        &self.observation
    }

    fn action(&self) -> &Schema {
        &self.action
    }

    fn observe(&mut self, observation: &mut [f64]) -> Result<(), RobotError> {
        observation.copy_from_slice(&self.position);
        Ok(())
    }

    fn act(&mut self, action: &[f64]) -> Result<(), RobotError> {
        for (position, velocity) in self.position.iter_mut().zip(action) {
            *position += velocity * self.period_s;
        }
        Ok(())
    }
}

/// The policy: brings every joint to zero.
fn decide(observation: &[f64], action: &mut [f64]) {
    for (velocity, position) in action.iter_mut().zip(observation) {
        *velocity = -GAIN * position;
    }
}

/// Starts a session that ends by itself.
fn session(period: Duration, lasts: Duration) -> Session {
    let policy = Native::new(JOINTS, |ask: &Ask<'_>, action: &mut [f64]| {
        decide(ask.observation, action);
        Ok(())
    });
    let config = Config {
        run_for: Some(lasts),
        ..Config::default()
    };
    let samples = lasts.div_duration_f64(period).ceil() as usize;
    Session::start(
        Box::new(Paced::new(Joints::new(period), period)),
        Box::new(policy),
        Box::new(Unlimited::new(JOINTS)),
        config,
        Arc::new(Recorder::new(period, samples)),
        start_notifier(|| {}, |_| {}).expect("a thread"),
    )
    .expect("a thread")
}

/// One measurement. Of a bare loop `jitter` is how late its wakes were; it has no own work.
struct Stint {
    cycles: u64,
    missed: u64,
    jitter: [f64; 3],
    work: [f64; 3],
}

fn spread(spread: Spread) -> [f64; 3] {
    [spread.p50, spread.p99, spread.max].map(us)
}

/// Runs so many sessions at once.
fn sessions(count: usize, period: Duration, lasts: Duration) -> Vec<Stint> {
    let running: Vec<Session> = (0..count).map(|_| session(period, lasts)).collect();
    let ended = running.iter().map(|session| {
        while !session.join(Duration::from_secs(1)) {}
        let outcome = session.outcome().expect("it has ended");
        assert!(
            outcome.cause.is_none(),
            "the session ended early: {:?}",
            outcome.cause
        );
        let stats = session.stats();
        Stint {
            cycles: stats.iterations,
            missed: stats.missed_ticks,
            jitter: spread(stats.jitter),
            work: spread(stats.execution),
        }
    });
    ended.collect()
}

/// Runs so many bare loops at once.
fn bare(count: usize, period: Duration, lasts: Duration) -> Vec<Stint> {
    let run = move || {
        measure(
            period,
            lasts,
            &RealtimeRequest::default(),
            &AtomicBool::new(false),
        )
    };
    let running: Vec<_> = (0..count).map(|_| std::thread::spawn(run)).collect();
    let ended = running.into_iter().map(|thread| {
        let Wakes {
            lateness, missed, ..
        } = thread.join().expect("the loop does not panic");
        let late = |quantile| us(Duration::from_nanos(lateness.value_at_quantile(quantile)));
        Stint {
            cycles: lateness.len(),
            missed,
            jitter: [late(0.5), late(0.99), late(1.0)],
            work: [f64::NAN; 3],
        }
    });
    ended.collect()
}

/// The floor of a cycle's own work: the robot and the policy, between two readings of the clock.
fn floor(period: Duration, lasts: Duration) -> Stint {
    let run = move || {
        make_realtime(&RealtimeRequest::default());
        let mut joints = Joints::new(period);
        let (mut observation, mut action) = ([0.0; JOINTS], [0.0; JOINTS]);
        let mut waiter = Waiter::new(period);
        let ticks = lasts.div_duration_f64(period).ceil() as usize;
        let mut work = Vec::with_capacity(ticks);
        let mut late = Vec::with_capacity(ticks);
        let mut missed = 0;
        let mut now = Time::now();
        let mut pacer = Pacer::new(now + period, period);
        for _ in 0..ticks {
            let due = pacer.next(now);
            missed += due.missed;
            let started = waiter.wait(due.deadline, || false);
            let moved = joints.observe(&mut observation).and_then(|()| {
                decide(&observation, &mut action);
                joints.act(&action)
            });
            now = Time::now();
            moved.expect("joints in memory do not fail");
            work.push(us(now.since(started)));
            late.push(us(started.since(due.deadline)));
        }
        let of = |values: &mut [f64]| [50, 99, 100].map(|percent| percentile(values, percent));
        Stint {
            cycles: ticks as u64,
            missed,
            jitter: of(&mut late),
            work: of(&mut work),
        }
    };
    std::thread::spawn(run)
        .join()
        .expect("the loop does not panic")
}

/// What another thread of the program does meanwhile, as in `benches/peers/jitter.ts`.
#[derive(Clone, Copy)]
enum Host {
    Idle,
    /// It computes for 300 ms in every second.
    Blocked,
    /// It computes without a pause.
    Busy,
}

impl Host {
    /// Runs `measure` beside that thread.
    fn beside<T>(self, measure: impl FnOnce() -> T) -> T {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            if !matches!(self, Host::Idle) {
                scope.spawn(|| self.compute(&over));
            }
            let measured = measure();
            over.store(true, Ordering::Relaxed);
            measured
        })
    }

    fn compute(self, over: &AtomicBool) {
        let (computes, pauses) = match self {
            Host::Idle => return,
            Host::Blocked => (MS * 300, MS * 700),
            Host::Busy => (MS * 300, Duration::ZERO),
        };
        while !over.load(Ordering::Relaxed) {
            let since = Time::now();
            while Time::now().since(since) < computes && !over.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
            let since = Time::now();
            while Time::now().since(since) < pauses && !over.load(Ordering::Relaxed) {
                std::thread::sleep(MS * 5);
            }
        }
    }
}

/// What is measured: at which period, how many at once, beside what, in which rounds.
struct Case {
    name: &'static str,
    host: Host,
    /// Whether a cycle's own work is compared, and its floor measured.
    is_of_work: bool,
    period: Duration,
    count: usize,
    rounds: usize,
    lasts: Duration,
}

const CASES: [Case; 5] = [
    Case {
        name: "own work at 1 kHz",
        host: Host::Idle,
        is_of_work: true,
        period: MS,
        count: 1,
        rounds: 5,
        lasts: Duration::from_secs(2),
    },
    Case {
        name: "10 kHz",
        host: Host::Idle,
        is_of_work: false,
        period: SHORT,
        count: 1,
        rounds: 12,
        lasts: Duration::from_secs(5),
    },
    Case {
        name: "8 at once at 1 kHz",
        host: Host::Idle,
        is_of_work: false,
        period: MS,
        count: AT_ONCE,
        rounds: 10,
        lasts: Duration::from_secs(2),
    },
    Case {
        name: "1 kHz blocked",
        host: Host::Blocked,
        is_of_work: false,
        period: MS,
        count: 1,
        rounds: 3,
        lasts: Duration::from_secs(3),
    },
    Case {
        name: "1 kHz busy",
        host: Host::Busy,
        is_of_work: false,
        period: MS,
        count: 1,
        rounds: 3,
        lasts: Duration::from_secs(3),
    },
];

/// The contenders, by their names in the rows.
const OURS: &str = "kilohertz";
const BARE: &str = "clock_nanosleep";
const FLOOR: &str = "robot and policy alone";

impl Case {
    /// Measures all contenders in alternating order.
    fn run(&self) -> Vec<(usize, &'static str, Stint)> {
        let (rounds, lasts) = if is_test() {
            (1, MS * 20)
        } else {
            (self.rounds, self.lasts)
        };
        let contenders: &[&str] = if self.is_of_work {
            &[OURS, BARE, FLOOR]
        } else {
            &[OURS, BARE]
        };
        let mut stints = Vec::new();
        for round in 0..rounds {
            for turn in 0..contenders.len() {
                let who = contenders[(turn + round) % contenders.len()];
                let measured = self.host.beside(|| match who {
                    OURS => sessions(self.count, self.period, lasts),
                    BARE => bare(self.count, self.period, lasts),
                    _ => vec![floor(self.period, lasts)],
                });
                stints.extend(measured.into_iter().map(|stint| (round, who, stint)));
            }
        }
        stints
    }
}

fn main() {
    print_machine();
    let mut raw = Vec::new();
    for case in &CASES {
        let stints = case.run();
        println!("\n{}", case.name);
        println!(
            "{:24} {:>9} {:>8} {:>11} {:>11} {:>11} {:>11}",
            "", "cycles", "missed", "work p50 us", "work p99 us", "late p50 us", "late p99 us"
        );
        for who in [OURS, BARE, FLOOR] {
            let mine = || stints.iter().filter(|(_, name, _)| *name == who);
            if mine().next().is_none() {
                continue;
            }
            let sum = |value: fn(&Stint) -> u64| mine().map(|(_, _, s)| value(s)).sum::<u64>();
            let middle = |value: fn(&Stint) -> f64| median(mine().map(|(_, _, s)| value(s)));
            println!(
                "{who:24} {:9} {:8} {:11.2} {:11.2} {:11.2} {:11.2}",
                sum(|stint| stint.cycles),
                sum(|stint| stint.missed),
                middle(|stint| stint.work[0]),
                middle(|stint| stint.work[1]),
                middle(|stint| stint.jitter[0]),
                middle(|stint| stint.jitter[1]),
            );
        }
        raw.extend(stints.iter().map(|(round, who, stint)| {
            let times = stint.jitter.iter().chain(&stint.work);
            let times: Vec<String> = times.map(|time| format!("{time:.3}")).collect();
            format!(
                "{},{round},{who},{},{},{}",
                case.name,
                stint.cycles,
                stint.missed,
                times.join(",")
            )
        }));
    }
    let header = "what,round,who,cycles,missed,jitter_p50_us,jitter_p99_us,jitter_max_us,work_p50_us,work_p99_us,work_max_us";
    keep("in-memory", header, &raw);
}
