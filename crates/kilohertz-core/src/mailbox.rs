//! A policy on another thread: the newest observation goes one way, the newest action comes back.
//!
//! Both ways are wait-free for both ends, preallocated, and hold the newest value only. What is
//! overwritten unread is counted. Each action carries the number of the cycle whose observation it
//! answers, so a late one is known as late.

use std::sync::atomic::AtomicBool as StopFlag;
use std::time::Duration;

use crate::courier::{Bell, News};
use crate::policy::{Answer, Ask, Policy};
use crate::stats::Recorder;
use crate::sync::{Arc, AtomicU64, NewestIn, NewestOut, Ordering, Thread, newest, thread};
use crate::time::Time;

/// An observation, or an action, and the cycle it belongs to.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Number of the cycle.
    pub tick: u64,
    /// From the first cycle to this one on the robot's clock.
    pub time: Duration,
    /// From the previous cycle to this one on the robot's clock.
    pub period: Duration,
    /// The values, laid out as the schema says.
    pub slots: Box<[f64]>,
}

impl Frame {
    fn new(len: usize) -> Frame {
        Frame {
            tick: 0,
            time: Duration::ZERO,
            period: Duration::ZERO,
            slots: vec![0.0; len].into_boxed_slice(),
        }
    }
}

/// How long the loop spins for an answer before it parks. A native answer from another core is
/// there by then; one from JavaScript takes longer and is worth the wake.
#[cfg(not(loom))]
const SPIN: Duration = Duration::from_micros(15);

/// "No cycle" for the failed-cycle cell.
const NEVER: u64 = u64::MAX;

/// The loop's end: a [`Policy`].
pub struct LoopEnd {
    observations: NewestIn<Frame>,
    actions: NewestOut<Frame>,
    failed: Arc<AtomicU64>,
    loop_thread: Arc<std::sync::OnceLock<Thread>>,
    bell: Bell,
    recorder: std::sync::Arc<Recorder>,
    asked: u64,
}

/// The policy's end. It may move between threads, but only one may use it at a time.
pub struct PolicyEnd {
    observations: NewestOut<Frame>,
    actions: NewestIn<Frame>,
    failure: FailureBell,
    recorder: std::sync::Arc<Recorder>,
}

/// Tells the loop that the policy failed, from whatever thread learns of it. Cheap to clone.
#[derive(Clone)]
pub struct FailureBell {
    failed: Arc<AtomicU64>,
    loop_thread: Arc<std::sync::OnceLock<Thread>>,
}

impl FailureBell {
    /// Tells the loop that the policy failed in cycle `tick` and will not answer again.
    pub fn ring(&self, tick: u64) {
        self.failed.store(tick.min(NEVER - 1), Ordering::Release);
        self.wake_loop();
    }

    fn wake_loop(&self) {
        if let Some(thread) = self.loop_thread.get() {
            thread.unpark();
        }
    }
}

/// A mailbox for observations and actions of these numbers of slots.
///
/// `bell` is rung for every observation; `recorder` counts what is overwritten.
pub fn mailbox(
    observation_len: usize,
    action_len: usize,
    bell: Bell,
    recorder: std::sync::Arc<Recorder>,
) -> (LoopEnd, PolicyEnd) {
    let (observations_in, observations_out) = newest(&Frame::new(observation_len));
    let (actions_in, actions_out) = newest(&Frame::new(action_len));
    let failed = Arc::new(AtomicU64::new(NEVER));
    let loop_thread = Arc::new(std::sync::OnceLock::new());
    (
        LoopEnd {
            observations: observations_in,
            actions: actions_out,
            failed: Arc::clone(&failed),
            loop_thread: Arc::clone(&loop_thread),
            bell,
            recorder: std::sync::Arc::clone(&recorder),
            asked: 0,
        },
        PolicyEnd {
            observations: observations_out,
            actions: actions_in,
            failure: FailureBell {
                failed,
                loop_thread,
            },
            recorder,
        },
    )
}

impl LoopEnd {
    /// Takes the newest action, where there is one that was not taken yet.
    fn take(&mut self, action: &mut [f64]) -> Answer {
        // A failure is published after the last action, so that action is not lost to it.
        let failed = self.failed.load(Ordering::Acquire) != NEVER;
        if let Some(frame) = self.actions.take() {
            action.copy_from_slice(&frame.slots);
            return match self.asked.saturating_sub(frame.tick) {
                0 => Answer::Fresh,
                age => Answer::Late { age },
            };
        }
        if failed { Answer::Failed } else { Answer::None }
    }
}

impl Policy for LoopEnd {
    fn attach(&mut self) {
        // Only the loop thread attaches, once: a second value would be the same thread.
        let _ = self.loop_thread.set(thread::current());
    }

    fn request(&mut self, ask: &Ask<'_>) {
        self.asked = ask.tick;
        let overwrote = self.observations.publish(|frame| {
            frame.tick = ask.tick;
            frame.time = ask.time;
            frame.period = ask.period;
            frame.slots.copy_from_slice(ask.observation);
        });
        if overwrote {
            self.recorder.overwritten_observations.add(1);
        }
        self.bell.ring(News::OBSERVATION);
    }

    #[cfg(not(loom))]
    fn poll(&mut self, until: Option<Time>, stop: &StopFlag, action: &mut [f64]) -> Answer {
        let mut newest = Answer::None;
        let mut spin_until = None;
        loop {
            match self.take(action) {
                Answer::None => {}
                // An answer to an older cycle is kept, but this cycle's may still come in time.
                Answer::Late { age } => newest = Answer::Late { age },
                answer => return answer,
            }
            if stop.load(Ordering::Relaxed) {
                return newest;
            }
            let now = Time::now();
            if until.is_some_and(|until| now >= until) {
                return newest;
            }
            if now < *spin_until.get_or_insert(now + SPIN) {
                std::hint::spin_loop();
                continue;
            }
            match until {
                Some(until) => thread::park_timeout(until.since(now)),
                None => thread::park(),
            }
        }
    }

    #[cfg(loom)]
    fn poll(&mut self, _until: Option<Time>, _stop: &StopFlag, action: &mut [f64]) -> Answer {
        loop {
            match self.take(action) {
                Answer::None => thread::park(),
                answer => return answer,
            }
        }
    }
}

impl PolicyEnd {
    /// Takes the newest observation, where there is one that was not taken yet. Never blocks. A
    /// newer one may be published before it is used.
    pub fn take(&mut self) -> Option<&Frame> {
        self.observations.take()
    }

    /// Answers the observation of cycle `tick`; `write` sets the whole action. Never blocks.
    pub fn answer(&mut self, tick: u64, write: impl FnOnce(&mut [f64])) {
        let overwrote = self.actions.publish(|frame| {
            frame.tick = tick;
            write(&mut frame.slots);
        });
        if overwrote {
            self.recorder.overwritten_actions.add(1);
        }
        self.failure.wake_loop();
    }

    /// Tells the loop that the policy failed in cycle `tick` and will not answer again.
    pub fn fail(&self, tick: u64) {
        self.failure.ring(tick);
    }

    /// For telling the loop of a failure that this end's holder cannot tell itself.
    pub fn failure_bell(&self) -> FailureBell {
        self.failure.clone()
    }

    /// The cycle in which the policy failed, if it did.
    pub fn failed_tick(&self) -> Option<u64> {
        Some(self.failure.failed.load(Ordering::Acquire)).filter(|&tick| tick != NEVER)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::courier::start_courier;

    fn ask(tick: u64, observation: &[f64]) -> Ask<'_> {
        Ask {
            tick,
            time: Duration::ZERO,
            period: Duration::ZERO,
            observation,
        }
    }

    fn pair() -> (
        LoopEnd,
        PolicyEnd,
        std::sync::Arc<Recorder>,
        mpsc::Receiver<News>,
    ) {
        let recorder = std::sync::Arc::new(Recorder::new(Duration::from_millis(1), 10));
        let (tell, heard) = mpsc::channel();
        let bell = start_courier(|| {}, move |news| tell.send(news).unwrap_or(())).unwrap();
        let (mut inside, outside) = mailbox(1, 1, bell, std::sync::Arc::clone(&recorder));
        inside.attach();
        (inside, outside, recorder, heard)
    }

    static GO: StopFlag = StopFlag::new(false);

    fn soon() -> Option<Time> {
        Some(Time::now() + Duration::from_millis(1))
    }

    #[test]
    fn an_answer_to_the_question_asked_is_fresh_and_one_to_an_older_is_late() {
        let (mut inside, mut outside, ..) = pair();
        let mut action = [0.0];
        inside.request(&ask(0, &[1.0]));
        outside.answer(0, |slots| slots[0] = 5.0);
        assert_eq!(inside.poll(soon(), &GO, &mut action), Answer::Fresh);
        assert_eq!(action, [5.0]);
        inside.request(&ask(1, &[1.0]));
        inside.request(&ask(2, &[1.0]));
        outside.answer(1, |slots| slots[0] = 6.0);
        assert_eq!(
            inside.poll(soon(), &GO, &mut action),
            Answer::Late { age: 1 }
        );
        assert_eq!(action, [6.0]);
        assert_eq!(inside.poll(soon(), &GO, &mut action), Answer::None);
    }

    #[test]
    fn counts_every_observation_and_action_that_was_overwritten_unread() {
        let (mut inside, mut outside, recorder, _heard) = pair();
        for tick in 0..5 {
            inside.request(&ask(tick, &[tick as f64]));
        }
        let newest = outside.take().expect("five were published");
        assert_eq!((newest.tick, newest.slots[0]), (4, 4.0));
        assert!(outside.take().is_none());
        assert_eq!(recorder.overwritten_observations.get(), 4);
        for tick in 2..5 {
            outside.answer(tick, |slots| slots[0] = 0.0);
        }
        assert_eq!(recorder.overwritten_actions.get(), 2);
    }

    #[test]
    fn rings_for_every_observation() {
        let (mut inside, _outside, _recorder, heard) = pair();
        for tick in 0..3 {
            inside.request(&ask(tick, &[0.0]));
            assert!(heard.recv().unwrap().has(News::OBSERVATION));
        }
    }

    #[test]
    fn a_failure_is_seen_after_the_last_answer() {
        let (mut inside, mut outside, ..) = pair();
        let mut action = [0.0];
        inside.request(&ask(0, &[0.0]));
        outside.answer(0, |slots| slots[0] = 1.0);
        outside.fail(1);
        assert_eq!(inside.poll(soon(), &GO, &mut action), Answer::Fresh);
        assert_eq!(inside.poll(soon(), &GO, &mut action), Answer::Failed);
        assert_eq!(outside.failed_tick(), Some(1));
    }

    #[test]
    fn waits_without_end_until_told_to_stop() {
        let (mut inside, ..) = pair();
        let stop = std::sync::Arc::new(StopFlag::new(false));
        let seen = std::sync::Arc::clone(&stop);
        let (attached, attach) = mpsc::channel();
        let waiter = std::thread::spawn(move || {
            attached.send(std::thread::current()).unwrap();
            inside.poll(None, &seen, &mut [0.0])
        });
        let thread = attach.recv().unwrap();
        stop.store(true, Ordering::Relaxed);
        thread.unpark();
        assert_eq!(waiter.join().unwrap(), Answer::None);
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use crate::sync::AtomicU32;

    fn pair() -> (LoopEnd, PolicyEnd) {
        let recorder = std::sync::Arc::new(Recorder::new(Duration::from_millis(1), 1));
        let bell = crate::courier::Bell::silent(Arc::new(AtomicU32::new(0)));
        let (mut inside, outside) = mailbox(1, 1, bell, recorder);
        inside.attach();
        (inside, outside)
    }

    fn ask(tick: u64, value: &[f64]) -> Ask<'_> {
        Ask {
            tick,
            time: Duration::ZERO,
            period: Duration::ZERO,
            observation: value,
        }
    }

    #[test]
    fn the_loop_never_sleeps_through_an_answer_and_knows_its_cycle() {
        loom::model(|| {
            let (mut inside, mut outside) = pair();
            inside.request(&ask(0, &[0.0]));
            let policy = thread::spawn(move || {
                let tick = outside.take().expect("published before the spawn").tick;
                outside.answer(tick, |slots| slots[0] = tick as f64);
            });
            inside.request(&ask(1, &[1.0]));
            let mut action = [f64::NAN];
            match inside.poll(None, &StopFlag::new(false), &mut action) {
                Answer::Fresh => assert_eq!(action, [1.0]),
                Answer::Late { age: 1 } => assert_eq!(action, [0.0]),
                other => panic!("{other:?}"),
            }
            policy.join().unwrap();
        });
    }

    #[test]
    fn a_failure_never_hides_the_answer_before_it() {
        loom::model(|| {
            let (mut inside, mut outside) = pair();
            inside.request(&ask(0, &[0.0]));
            let policy = thread::spawn(move || {
                outside.answer(0, |slots| slots[0] = 7.0);
                outside.fail(1);
            });
            let mut action = [0.0];
            let stop = StopFlag::new(false);
            assert_eq!(inside.poll(None, &stop, &mut action), Answer::Fresh);
            assert_eq!(inside.poll(None, &stop, &mut action), Answer::Failed);
            policy.join().unwrap();
        });
    }

    #[test]
    fn a_failure_never_hides_the_answer_from_a_loop_that_was_not_woken() {
        loom::model(|| {
            let recorder = std::sync::Arc::new(Recorder::new(Duration::from_millis(1), 1));
            let bell = crate::courier::Bell::silent(Arc::new(AtomicU32::new(0)));
            // Not attached: a wake would order what the two cells alone have to order.
            let (mut inside, mut outside) = mailbox(1, 1, bell, recorder);
            let policy = thread::spawn(move || {
                outside.answer(0, |slots| slots[0] = 7.0);
                outside.fail(1);
            });
            let mut action = [0.0];
            for _ in 0..2 {
                match inside.take(&mut action) {
                    Answer::None => {}
                    Answer::Fresh => break,
                    other => panic!("{other:?}"),
                }
            }
            policy.join().unwrap();
        });
    }
}
