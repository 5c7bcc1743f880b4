//! Lockstep: only the robot's clock counts. The loop waits for each answer of the policy, however long that
//! takes by the wall clock. On the robot's clock an answer is as late as the session's options say.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::policy::{Answer, Ask, Policy, PolicyThread, Question, Waker};
use crate::timing::time::Time;

/// How long to wait for an answer on the wall clock. A policy that takes longer counts as silent, and its
/// answers are missing until one comes.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// How long a policy takes for an answer, on the robot's clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Latency {
    /// The same time for each answer.
    Fixed(Duration),
    /// A random time between two durations, evenly distributed.
    Between {
        /// The shortest time.
        from: Duration,
        /// The longest time.
        to: Duration,
        /// The seed of the random times. The same seed gives the same times.
        seed: u64,
    },
}

impl Latency {
    /// No time: each answer comes in the cycle of its question.
    pub const NONE: Latency = Latency::Fixed(Duration::ZERO);
}

/// The robot's clock: ticks since the first cycle. The loop sets it, and its policy reads it.
#[derive(Debug, Clone, Default)]
pub(super) struct RobotClock(Arc<AtomicU64>);

impl RobotClock {
    pub fn set(&self, ticks: u64) {
        // The loop thread is both the writer and the reader.
        self.0.store(ticks, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A question that came while the policy was busy with another one.
struct Waiting {
    question: Question,
    period: Duration,
    host: Time,
    observation: Box<[f64]>,
}

/// A policy whose answers take time on the robot's clock, but none on the wall clock.
///
/// Like a policy on its own thread, it has one question at a time. Of the questions that come meanwhile,
/// only the newest waits.
pub(super) struct Lockstep {
    inner: Box<dyn Policy>,
    clock: RobotClock,
    /// The robot's period.
    cycle: Duration,
    latency: Latency,
    /// The state of the random generator.
    random: u64,
    /// The tick at which the answer to the open question comes.
    ready: Option<u64>,
    waiting: Waiting,
    is_waiting: bool,
    longest_wait: Duration,
    /// True if the last wait for an answer ended without one.
    is_silent: bool,
}

impl Lockstep {
    /// Creates a policy that answers like `inner`, with `latency`, for a robot with the period `cycle` and
    /// `slots` slots in an observation.
    pub fn new(
        inner: Box<dyn Policy>,
        clock: RobotClock,
        latency: Latency,
        cycle: Duration,
        slots: usize,
    ) -> Lockstep {
        Lockstep {
            inner,
            clock,
            cycle,
            latency,
            random: match latency {
                Latency::Fixed(_) => 0,
                Latency::Between { seed, .. } => seed,
            },
            ready: None,
            waiting: Waiting {
                question: Question::default(),
                period: Duration::ZERO,
                host: Time::default(),
                observation: vec![0.0; slots].into(),
            },
            is_waiting: false,
            longest_wait: LONGEST_WAIT,
            is_silent: false,
        }
    }

    /// Returns how many ticks the next answer takes, rounded up.
    fn ticks(&mut self) -> u64 {
        let latency = match self.latency {
            Latency::Fixed(latency) => latency,
            Latency::Between { from, to, .. } => {
                from.saturating_add(to.saturating_sub(from).mul_f64(self.share()))
            }
        };
        let ticks = latency.as_secs_f64() / self.cycle.as_secs_f64();
        // A whole number of ticks must not be rounded up because of a rounding error.
        (ticks - 1e-6).ceil().max(0.0) as u64
    }

    /// Returns the next random number from 0 to 1, by SplitMix64.
    fn share(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Passes a question to the inner policy.
    fn pass(&mut self, ask: &Ask<'_>) {
        self.inner.request(ask);
        self.ready = Some(self.clock.now().saturating_add(self.ticks()));
    }

    /// Passes the waiting question to the inner policy, after it has answered the one before.
    fn pass_waiting(&mut self) {
        if !std::mem::take(&mut self.is_waiting) {
            return;
        }
        let observation = std::mem::take(&mut self.waiting.observation);
        let Question { tick, time } = self.waiting.question;
        let (period, host) = (self.waiting.period, self.waiting.host);
        self.pass(&Ask {
            tick,
            time,
            period,
            host,
            observation: &observation,
        });
        self.waiting.observation = observation;
    }
}

impl Policy for Lockstep {
    fn attach(&mut self) {
        self.inner.attach();
    }

    fn thread(&self) -> Option<Arc<PolicyThread>> {
        self.inner.thread()
    }

    fn waker(&self) -> Option<Waker> {
        self.inner.waker()
    }

    fn request(&mut self, ask: &Ask<'_>) {
        if self.ready.is_none() {
            return self.pass(ask);
        }
        self.waiting.question = ask.question();
        self.waiting.period = ask.period;
        self.waiting.host = ask.host;
        self.waiting.observation.copy_from_slice(ask.observation);
        self.is_waiting = true;
    }

    fn poll(&mut self, _until: Option<Time>, stop: &AtomicBool, action: &mut [f64]) -> Answer {
        if self.ready.is_none_or(|ready| ready > self.clock.now()) {
            return Answer::None;
        }
        let wait = match self.is_silent {
            true => Duration::ZERO,
            false => self.longest_wait,
        };
        let answer = self.inner.poll(Some(Time::now() + wait), stop, action);
        self.is_silent = answer == Answer::None;
        match answer {
            Answer::None => {}
            Answer::Failed => self.ready = None,
            Answer::Action(_) | Answer::Empty(_) => {
                self.ready = None;
                self.pass_waiting();
            }
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Native;

    const MS: Duration = Duration::from_millis(1);

    /// Returns the ticks at which answers came, each with the tick of its question; each of `cycles` cycles
    /// has a question.
    fn answered(latency: Latency, cycles: u64) -> Vec<(u64, u64)> {
        let clock = RobotClock::default();
        let native = Native::new(1, |ask: &Ask<'_>, action: &mut [f64]| {
            action[0] = ask.observation[0];
            Ok(())
        });
        let mut policy = Lockstep::new(Box::new(native), clock.clone(), latency, MS, 1);
        let stop = AtomicBool::new(false);
        let mut came = Vec::new();
        for tick in 0..cycles {
            clock.set(tick);
            policy.request(&Ask {
                tick,
                time: MS * tick as u32,
                period: MS,
                host: Time::default(),
                observation: &[tick as f64],
            });
            let mut action = [f64::NAN];
            while let Answer::Action(question) = policy.poll(None, &stop, &mut action) {
                assert_eq!(action[0], question.tick as f64);
                came.push((tick, question.tick));
            }
        }
        came
    }

    #[test]
    fn without_latency_each_answer_comes_in_the_cycle_of_its_question() {
        let each: Vec<(u64, u64)> = (0..50).map(|tick| (tick, tick)).collect();
        assert_eq!(answered(Latency::NONE, 50), each);
    }

    #[test]
    fn a_latency_is_whole_ticks_of_the_robots_clock_and_the_newest_question_comes_next() {
        let came = answered(Latency::Fixed(MS * 5), 30);
        assert_eq!(came, [(5, 0), (10, 5), (15, 10), (20, 15), (25, 20)]);
        let came = answered(Latency::Fixed(MS / 2), 4);
        assert_eq!(came, [(1, 0), (2, 1), (3, 2)]);
    }

    #[test]
    fn latencies_from_a_seed_are_the_same_each_time_and_lie_between_their_bounds() {
        let latency = |seed| Latency::Between {
            from: MS * 10,
            to: MS * 20,
            seed,
        };
        let took = |seed| -> Vec<u64> {
            let came = answered(latency(seed), 5_000);
            came.iter().map(|(at, question)| at - question).collect()
        };
        let one = took(1);
        assert_eq!(one, took(1));
        assert_ne!(one, took(2));
        assert!(one.iter().all(|ticks| (10..=20).contains(ticks)), "{one:?}");
        let mean = one.iter().sum::<u64>() as f64 / one.len() as f64;
        assert!((14.5..16.5).contains(&mean), "{mean}");
    }

    /// A policy that does not answer for some time on the wall clock, and then answers the last question.
    struct Hanging {
        since: Time,
        asked: Option<Question>,
    }

    const HANGS: Duration = Duration::from_millis(60);

    impl Policy for Hanging {
        fn request(&mut self, ask: &Ask<'_>) {
            self.asked = Some(ask.question());
        }

        fn poll(&mut self, until: Option<Time>, _: &AtomicBool, _: &mut [f64]) -> Answer {
            if Time::now() > self.since + HANGS {
                return self.asked.take().map_or(Answer::None, Answer::Action);
            }
            let left = until.map_or(HANGS, |until| until.since(Time::now()));
            std::thread::sleep(left.min(HANGS));
            Answer::None
        }
    }

    #[test]
    fn a_policy_that_hangs_is_waited_for_once_and_heard_again_when_it_answers() {
        let began = Time::now();
        let inner = Hanging {
            since: began,
            asked: None,
        };
        let clock = RobotClock::default();
        let mut policy = Lockstep::new(Box::new(inner), clock.clone(), Latency::NONE, MS, 1);
        policy.longest_wait = MS * 20;
        let stop = AtomicBool::new(false);
        let mut missing = 0_u64;
        let answer = loop {
            clock.set(missing);
            policy.request(&Ask {
                tick: missing,
                time: MS * missing as u32,
                period: MS,
                host: Time::default(),
                observation: &[0.0],
            });
            match policy.poll(None, &stop, &mut [0.0]) {
                Answer::None => missing += 1,
                answer => break answer,
            }
            assert!(missing < 10_000_000, "it was never heard again");
        };
        // One wait takes 20 ms, so less than 60 ms means that there were no more waits.
        assert!(missing > 3, "{missing}");
        assert!(Time::now().since(began) >= HANGS);
        assert!(matches!(answer, Answer::Action(_)));
        assert!(!policy.is_silent);
    }
}
