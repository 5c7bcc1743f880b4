//! A policy on another thread: the newest observation goes one way, all answers come back the other way.
//!
//! Both directions are preallocated, and wait-free for both ends. Only the newest observation is kept; an
//! observation that is overwritten unread is counted. Answers come back in a ring, because the loop judges
//! each of them, used or not. Each answer names its question, so that a late answer is recognised.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::sync::atomic::AtomicBool as StopFlag;
use std::time::Duration;

use crate::channel::notify::{Notifier, Signals};
use crate::channel::sync::{
    Arc, AtomicU64, NewestIn, NewestOut, Ordering, RowsIn, RowsOut, Thread, newest, rows, thread,
};
use crate::channel::waiting::{Inbox, Waiting};
use crate::policy::{Answer, Ask, Policy, PolicyThread, Question, Waker};
use crate::stats::Recorder;
use crate::timing::time::{Time, nanos};

/// An observation and the cycle that it belongs to.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The number of the cycle.
    pub tick: u64,
    /// Time from the first cycle to this one on the robot's clock.
    pub time: Duration,
    /// Time from the previous cycle to this one on the robot's clock.
    pub period: Duration,
    /// When the observation came, by the host's monotonic clock.
    pub host: Time,
    /// The values, laid out as the schema says.
    pub slots: Box<[f64]>,
}

impl Frame {
    /// Returns the question that this observation belongs to.
    pub fn question(&self) -> Question {
        Question {
            tick: self.tick,
            time: self.time,
        }
    }

    pub(crate) fn new(len: usize) -> Frame {
        Frame {
            tick: 0,
            time: Duration::ZERO,
            period: Duration::ZERO,
            host: Time::default(),
            slots: vec![0.0; len].into_boxed_slice(),
        }
    }
}

/// An observation as it is passed to the policy.
pub struct Taken<'a> {
    pub(crate) frame: &'a Frame,
    /// Time on the robot's clock from the first question that the policy took to this one. A motion
    /// computed from it begins where the robot stands, even if the policy missed the first questions.
    pub time: Duration,
    /// Time from the previous question to this one on the robot's clock; zero for the first that it took.
    pub period: Duration,
    /// When it was taken.
    pub took: Time,
}

impl std::ops::Deref for Taken<'_> {
    type Target = Frame;

    fn deref(&self) -> &Frame {
        self.frame
    }
}

/// The value of the failed-cycle cell while the policy has not failed.
pub(crate) const NEVER: u64 = u64::MAX;

/// How many answers the ring holds. A policy that answers only what it was asked gives at most two answers
/// between two polls of the loop.
const ANSWERS: usize = 16;
/// How many numbers precede the slots of an answer: the bits of the question's tick, the bits of its time
/// [ns], and 1 if there is an action.
const HEADER: usize = 3;

/// The loop's end of the mailbox: a [`Policy`].
pub struct LoopEnd {
    observations: NewestIn<Frame>,
    answers: Answers,
    loop_thread: Arc<std::sync::OnceLock<Thread>>,
    notifier: Notifier,
    recorder: std::sync::Arc<Recorder>,
    policy_thread: std::sync::Arc<PolicyThread>,
    waiting: Waiting,
}

/// The answers that came back.
struct Answers {
    rows: RowsOut,
    row: Box<[f64]>,
    failed: Arc<AtomicU64>,
}

/// The policy's end. It may move between threads, but only one may use it at a time.
pub struct PolicyEnd {
    observations: NewestOut<Frame>,
    answers: RowsIn,
    row: Box<[f64]>,
    failure: FailureNotifier,
    recorder: std::sync::Arc<Recorder>,
    /// The time of the first question that the policy took.
    first: Option<Duration>,
    thread: std::sync::Arc<PolicyThread>,
}

/// Tells the loop that the policy failed, from whichever thread notices it. Cheap to clone.
#[derive(Clone)]
pub struct FailureNotifier {
    failed: Arc<AtomicU64>,
    sleeper: Sleeper,
}

/// How the loop is woken.
#[derive(Clone)]
enum Sleeper {
    Parked(Arc<std::sync::OnceLock<Thread>>),
    Elsewhere(Waker),
}

impl FailureNotifier {
    pub(crate) fn waking(waker: Waker, failed: Arc<AtomicU64>) -> FailureNotifier {
        let sleeper = Sleeper::Elsewhere(waker);
        FailureNotifier { failed, sleeper }
    }

    /// Tells the loop that the policy failed in cycle `tick` and will not answer again.
    pub fn notify(&self, tick: u64) {
        self.failed.store(tick.min(NEVER - 1), Ordering::Release);
        self.wake_loop();
    }

    fn wake_loop(&self) {
        match &self.sleeper {
            Sleeper::Parked(thread) => {
                if let Some(thread) = thread.get() {
                    thread.unpark();
                }
            }
            Sleeper::Elsewhere(wake) => wake(),
        }
    }
}

/// Creates a mailbox for observations and actions with these numbers of slots.
///
/// `notifier` is notified of every observation; `recorder` counts what is overwritten or dropped.
pub fn mailbox(
    observation_len: usize,
    action_len: usize,
    notifier: Notifier,
    recorder: std::sync::Arc<Recorder>,
) -> (LoopEnd, PolicyEnd) {
    let (observations_in, observations_out) = newest(&Frame::new(observation_len));
    let row_len = HEADER.saturating_add(action_len);
    let (answers_in, answers_out) = rows(ANSWERS, row_len);
    let row = vec![0.0; row_len].into_boxed_slice();
    let failed = Arc::new(AtomicU64::new(NEVER));
    let loop_thread = Arc::new(std::sync::OnceLock::new());
    let policy_thread = std::sync::Arc::<PolicyThread>::default();
    let period = recorder.target_period();
    (
        LoopEnd {
            observations: observations_in,
            answers: Answers {
                rows: answers_out,
                row: row.clone(),
                failed: Arc::clone(&failed),
            },
            loop_thread: Arc::clone(&loop_thread),
            notifier,
            recorder: std::sync::Arc::clone(&recorder),
            policy_thread: std::sync::Arc::clone(&policy_thread),
            waiting: Waiting::new(period),
        },
        PolicyEnd {
            observations: observations_out,
            answers: answers_in,
            row,
            failure: FailureNotifier {
                failed,
                sleeper: Sleeper::Parked(loop_thread),
            },
            recorder,
            first: None,
            thread: policy_thread,
        },
    )
}

impl Inbox for Answers {
    fn take(&mut self, action: &mut [f64]) -> Answer {
        // A failure is published after the last answer, so that this answer is not lost.
        let failed = self.failed.load(Ordering::Acquire) != NEVER;
        if self.rows.pop(&mut self.row) {
            let (header, slots) = self.row.split_at(HEADER);
            let question = Question {
                tick: header[0].to_bits(),
                time: Duration::from_nanos(header[1].to_bits()),
            };
            if header[2] == 0.0 {
                return Answer::Empty(question);
            }
            action.copy_from_slice(slots);
            return Answer::Action(question);
        }
        if failed { Answer::Failed } else { Answer::None }
    }

    #[cfg(not(loom))]
    fn sleep(&mut self, limit: Option<Duration>, _stop: &StopFlag) {
        match limit {
            Some(limit) => thread::park_timeout(limit),
            None => thread::park(),
        }
    }

    #[cfg(loom)]
    fn sleep(&mut self, _limit: Option<Duration>, _stop: &StopFlag) {
        thread::park();
    }
}

impl Policy for LoopEnd {
    fn attach(&mut self) {
        // Only the loop thread attaches, and only once. A second value would name the same thread.
        let _ = self.loop_thread.set(thread::current());
        self.waiting.attach();
    }

    fn thread(&self) -> Option<std::sync::Arc<PolicyThread>> {
        Some(std::sync::Arc::clone(&self.policy_thread))
    }

    fn request(&mut self, ask: &Ask<'_>) {
        let overwrote = self.observations.publish(|frame| {
            frame.tick = ask.tick;
            frame.time = ask.time;
            frame.period = ask.period;
            frame.host = ask.host;
            frame.slots.copy_from_slice(ask.observation);
        });
        if overwrote {
            self.recorder.overwritten_observations.add(1);
        }
        self.waiting.asked(ask.tick);
        self.policy_thread.asked();
        self.notifier.notify(Signals::OBSERVATION);
    }

    fn poll(&mut self, until: Option<Time>, stop: &StopFlag, action: &mut [f64]) -> Answer {
        self.waiting.poll(&mut self.answers, until, stop, action)
    }
}

impl PolicyEnd {
    /// Returns the time of the first question that the policy took, from which its own time counts; zero before.
    pub fn first(&self) -> Duration {
        self.first.unwrap_or_default()
    }

    /// Returns where the policy's thread is recorded.
    pub fn thread(&self) -> &PolicyThread {
        &self.thread
    }

    /// Returns the newest observation, or `None` if the policy has already taken it. Never blocks. A newer
    /// observation may be published before this one is used.
    pub fn take(&mut self) -> Option<Taken<'_>> {
        let frame = self.observations.take()?;
        let period = self.first.map_or(Duration::ZERO, |_| frame.period);
        let first = *self.first.get_or_insert(frame.time);
        self.thread.took(first);
        let took = self.thread.takes(frame.tick);
        Some(Taken {
            frame,
            time: frame.time.saturating_sub(first),
            period,
            took,
        })
    }

    /// Answers `question` with an action; `write` must set every slot. Never blocks.
    pub fn answer(&mut self, question: Question, write: impl FnOnce(&mut [f64])) {
        write(&mut self.row[HEADER..]);
        self.publish(question, true);
    }

    /// Answers that there is nothing new for `question`. Never blocks.
    pub fn answer_nothing(&mut self, question: Question) {
        self.publish(question, false);
    }

    fn publish(&mut self, question: Question, has_action: bool) {
        self.row[0] = f64::from_bits(question.tick);
        self.row[1] = f64::from_bits(nanos(question.time));
        self.row[2] = f64::from(u8::from(has_action));
        // The answer publishes this time too.
        self.thread.gives(question.tick);
        if !self.answers.push(&self.row) {
            self.recorder.dropped_answers.add(1);
        }
        self.thread.answered();
        self.failure.wake_loop();
    }

    /// Notes that the policy's thread stood still for so long while it answered `question`, for its runtime's own work.
    /// Call this after the answer.
    pub fn paused(&self, question: Question, length: Duration) {
        let times = self.thread.times_of(question.tick);
        let to = times.map_or_else(Time::now, |(_, gave)| gave);
        self.recorder.pauses.note(to - length, to);
    }

    /// Tells the loop that the policy failed in cycle `tick` and will not answer again.
    pub fn fail(&self, tick: u64) {
        self.failure.notify(tick);
    }

    /// Returns a notifier for failures that the holder of this end cannot report itself.
    pub fn failure_notifier(&self) -> FailureNotifier {
        self.failure.clone()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::channel::notify::start_notifier;

    fn ask(tick: u64, observation: &[f64]) -> Ask<'_> {
        Ask {
            tick,
            time: Duration::ZERO,
            period: Duration::ZERO,
            host: Time::from_nanos(tick),
            observation,
        }
    }

    fn pair() -> (
        LoopEnd,
        PolicyEnd,
        std::sync::Arc<Recorder>,
        mpsc::Receiver<Signals>,
    ) {
        let recorder = std::sync::Arc::new(Recorder::new(Duration::from_millis(1), 10));
        let (tell, heard) = mpsc::channel();
        let notifier = start_notifier(|| {}, move |news| tell.send(news).unwrap_or(())).unwrap();
        let (mut inside, outside) = mailbox(1, 1, notifier, std::sync::Arc::clone(&recorder));
        inside.attach();
        (inside, outside, recorder, heard)
    }

    fn at(tick: u64) -> Question {
        Question {
            tick,
            time: Duration::from_millis(tick),
        }
    }

    static GO: StopFlag = StopFlag::new(false);

    fn soon() -> Option<Time> {
        Some(Time::now() + Duration::from_millis(1))
    }

    #[test]
    fn each_answer_comes_back_once_in_order_with_its_question() {
        let (mut inside, mut outside, ..) = pair();
        let mut action = [0.0];
        for tick in 0..3 {
            inside.request(&ask(tick, &[1.0]));
        }
        outside.answer(at(0), |slots| slots[0] = 5.0);
        outside.answer_nothing(at(1));
        outside.answer(at(2), |slots| slots[0] = 7.0);
        assert_eq!(inside.poll(soon(), &GO, &mut action), Answer::Action(at(0)));
        assert_eq!(action, [5.0]);
        assert_eq!(inside.poll(soon(), &GO, &mut action), Answer::Empty(at(1)));
        assert_eq!(action, [5.0], "left alone");
        assert_eq!(inside.poll(soon(), &GO, &mut action), Answer::Action(at(2)));
        assert_eq!(action, [7.0]);
        assert_eq!(inside.poll(soon(), &GO, &mut action), Answer::None);
    }

    #[test]
    fn a_pause_of_the_policys_thread_lies_before_its_answer() {
        let (mut inside, mut outside, recorder, _heard) = pair();
        inside.request(&ask(3, &[1.0]));
        let question = outside.take().expect("it was asked").question();
        outside.answer(question, |slots| slots[0] = 1.0);
        let (_, gave) = outside.thread().times_of(3).expect("it has answered");
        let length = Duration::from_millis(2);
        outside.paused(question, length);
        assert_eq!(recorder.pauses.within(gave - length, gave), length);
        assert_eq!(recorder.pauses.total(), (1, length));
    }

    #[test]
    fn counts_every_observation_that_was_overwritten_and_every_answer_that_found_no_room() {
        let (mut inside, mut outside, recorder, _heard) = pair();
        for tick in 0..5 {
            inside.request(&ask(tick, &[tick as f64]));
        }
        let newest = outside.take().expect("five were published");
        assert_eq!((newest.tick, newest.slots[0]), (4, 4.0));
        assert!(outside.take().is_none());
        assert_eq!(recorder.overwritten_observations.get(), 4);
        let sent = ANSWERS as u64 + 3;
        for tick in 0..sent {
            outside.answer(at(tick), |slots| slots[0] = 0.0);
        }
        assert_eq!(recorder.dropped_answers.get(), 3);
        for tick in 0..ANSWERS as u64 {
            assert_eq!(
                inside.poll(soon(), &GO, &mut [0.0]),
                Answer::Action(at(tick))
            );
        }
        assert_eq!(inside.poll(soon(), &GO, &mut [0.0]), Answer::None);
    }

    #[test]
    fn the_policys_time_begins_with_the_first_question_that_it_takes() {
        let (mut inside, mut outside, ..) = pair();
        let asked = |tick: u64| Ask {
            time: Duration::from_millis(tick),
            period: Duration::from_millis(1),
            ..ask(tick, &[0.0])
        };
        let mut told = Vec::new();
        for (tick, is_taken) in [(0, false), (80, true), (81, false), (82, true)] {
            inside.request(&asked(tick));
            if is_taken {
                let taken = outside.take().expect("one was published");
                let (time, period) = (taken.time.as_millis(), taken.period.as_millis());
                // The answer names the loop's time, not the policy's.
                assert_eq!(taken.question(), at(tick));
                told.push((taken.tick, time, period));
            }
        }
        assert_eq!(told, [(80, 0, 0), (82, 2, 1)]);
    }

    #[test]
    fn rings_for_every_observation() {
        let (mut inside, _outside, _recorder, heard) = pair();
        for tick in 0..3 {
            inside.request(&ask(tick, &[0.0]));
            assert!(heard.recv().unwrap().has(Signals::OBSERVATION));
        }
    }

    #[test]
    fn a_failure_is_seen_after_the_last_answer() {
        let (mut inside, mut outside, ..) = pair();
        let mut action = [0.0];
        inside.request(&ask(0, &[0.0]));
        outside.answer(at(0), |slots| slots[0] = 1.0);
        outside.fail(1);
        assert_eq!(inside.poll(soon(), &GO, &mut action), Answer::Action(at(0)));
        assert_eq!(inside.poll(soon(), &GO, &mut action), Answer::Failed);
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
    use crate::channel::sync::AtomicU32;

    fn pair() -> (LoopEnd, PolicyEnd) {
        let recorder = std::sync::Arc::new(Recorder::new(Duration::from_millis(1), 1));
        let notifier = crate::channel::notify::Notifier::silent(Arc::new(AtomicU32::new(0)));
        let (mut inside, outside) = mailbox(1, 1, notifier, recorder);
        inside.attach();
        (inside, outside)
    }

    fn ask(tick: u64, value: &[f64]) -> Ask<'_> {
        Ask {
            tick,
            time: Duration::ZERO,
            period: Duration::ZERO,
            host: Time::default(),
            observation: value,
        }
    }

    #[test]
    fn the_loop_never_sleeps_through_an_answer_and_knows_its_cycle() {
        loom::model(|| {
            let (mut inside, mut outside) = pair();
            inside.request(&ask(0, &[0.0]));
            let policy = thread::spawn(move || {
                let asked = outside
                    .take()
                    .expect("published before the spawn")
                    .question();
                outside.answer(asked, |slots| slots[0] = asked.tick as f64);
            });
            inside.request(&ask(1, &[1.0]));
            let mut action = [f64::NAN];
            match inside.poll(None, &StopFlag::new(false), &mut action) {
                Answer::Action(asked) => assert_eq!(action, [asked.tick as f64]),
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
                outside.answer(Question::default(), |slots| slots[0] = 7.0);
                outside.fail(1);
            });
            let mut action = [0.0];
            let stop = StopFlag::new(false);
            let answer = inside.poll(None, &stop, &mut action);
            assert_eq!(answer, Answer::Action(Question::default()));
            assert_eq!(inside.poll(None, &stop, &mut action), Answer::Failed);
            policy.join().unwrap();
        });
    }

    #[test]
    fn a_failure_never_hides_the_answer_from_a_loop_that_was_not_woken() {
        loom::model(|| {
            let recorder = std::sync::Arc::new(Recorder::new(Duration::from_millis(1), 1));
            let notifier = crate::channel::notify::Notifier::silent(Arc::new(AtomicU32::new(0)));
            // The loop is not attached: a wake would synchronise what the two cells have to synchronise by
            // themselves.
            let (mut inside, mut outside) = mailbox(1, 1, notifier, recorder);
            let policy = thread::spawn(move || {
                outside.answer(Question::default(), |slots| slots[0] = 7.0);
                outside.fail(1);
            });
            let mut action = [0.0];
            for _ in 0..2 {
                match inside.answers.take(&mut action) {
                    Answer::None => {}
                    Answer::Action(_) => break,
                    other => panic!("{other:?}"),
                }
            }
            policy.join().unwrap();
        });
    }

    #[test]
    fn every_answer_arrives_once_and_in_order_whenever_the_loop_looks() {
        loom::model(|| {
            let (mut inside, mut outside) = pair();
            inside.request(&ask(0, &[0.0]));
            let policy = thread::spawn(move || {
                for tick in 0..2 {
                    let time = Duration::ZERO;
                    outside.answer(Question { tick, time }, |slots| slots[0] = tick as f64);
                }
            });
            let stop = StopFlag::new(false);
            let mut action = [f64::NAN];
            for tick in 0..2 {
                match inside.poll(None, &stop, &mut action) {
                    Answer::Action(asked) => {
                        assert_eq!((asked.tick, action[0]), (tick, tick as f64))
                    }
                    other => panic!("{other:?}"),
                }
            }
            policy.join().unwrap();
            assert_eq!(inside.answers.take(&mut action), Answer::None);
        });
    }
}
