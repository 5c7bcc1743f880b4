//! The seam between the loop and the policy: the loop asks, the policy answers.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::thread::system::thread_id;
use crate::timing::time::Time;

/// What a policy is asked in one cycle.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The number of the cycle, from 0.
    pub tick: u64,
    /// Time from the first question to this one on the robot's clock: a whole number of the policy's
    /// periods. It grows evenly, however late the host notices a tick.
    pub time: Duration,
    /// Time from the previous question to this one on the robot's clock; zero for the first question.
    pub period: Duration,
    /// When the observation came, by the host's monotonic clock.
    pub host: Time,
    /// The robot's newest observation, laid out as its schema says.
    pub observation: &'a [f64],
}

impl Ask<'_> {
    /// Returns the question's tick and time.
    pub fn question(&self) -> Question {
        Question {
            tick: self.tick,
            time: self.time,
        }
    }
}

/// Identifies a question, so that an answer can be matched to it however late the answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Question {
    /// The number of the cycle in which it was asked, from 0.
    pub tick: u64,
    /// Time from the first question to this one on the robot's clock.
    pub time: Duration,
}

/// The result of [`Policy::poll`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// An action, in answer to this question.
    Action(Question),
    /// The policy has nothing new for this question.
    Empty(Question),
    /// No answer has come since the last one.
    None,
    /// The policy failed; it will not answer again.
    Failed,
}

/// The thread on which a policy runs, and whether it answers.
#[derive(Debug, Default)]
pub struct PolicyThread {
    number: Arc<AtomicU32>,
    asked: AtomicU64,
    answered: AtomicU64,
    /// The time of the first question that the policy took.
    first: OnceLock<Duration>,
    /// When it took the newest questions, and when it answered them.
    timed: [Timed; TIMED],
    /// Since when it has been at work [ns]; 0 if it is not, or if that is not known.
    works_since: AtomicU64,
}

/// For how many questions it is kept when the policy took them.
const TIMED: usize = 4;

/// When a policy took a question and answered it [ns].
#[derive(Debug, Default)]
struct Timed {
    /// One more than the cycle of the question; 0 while the others are written.
    number: AtomicU64,
    took: AtomicU64,
    gave: AtomicU64,
}

impl PolicyThread {
    /// Records that the policy runs on the calling thread.
    pub fn is_here(&self) {
        self.is(thread_id());
    }

    /// Records the kernel's number of the thread on which the policy runs, in this process or in another.
    pub fn is(&self, number: u32) {
        self.number.store(number, Ordering::Relaxed);
    }

    /// Returns the kernel's number of the thread; 0 while it is unknown.
    pub fn number(&self) -> u32 {
        self.number.load(Ordering::Relaxed)
    }

    /// Returns the thread's number as shared memory: it is 0 until the number is known.
    pub fn shared_number(&self) -> Arc<AtomicU32> {
        Arc::clone(&self.number)
    }

    /// Counts a question. Only the loop thread may call this.
    pub fn asked(&self) {
        self.asked
            .store(self.asked_count().saturating_add(1), Ordering::Relaxed);
    }

    /// Counts an answer. Only one thread may call this: the policy's, or the loop's if the loop receives
    /// the answers.
    pub fn answered(&self) {
        self.answered
            .store(self.answered_count().saturating_add(1), Ordering::Relaxed);
    }

    /// Records the time of the first question that the policy took. Only the first call counts.
    pub fn took(&self, time: Duration) {
        let _ = self.first.set(time);
    }

    /// Returns the time of the first question that the policy took, from which its own time counts. That of another
    /// process is known from its first answer on.
    pub fn first(&self) -> Option<Duration> {
        self.first.get().copied()
    }

    fn timed(&self, tick: u64) -> &Timed {
        &self.timed[tick as usize % TIMED]
    }

    /// Records that the policy takes the question of cycle `tick` now, and returns the time. Only the policy's thread may
    /// call this.
    pub fn takes(&self, tick: u64) -> Time {
        let took = Time::now();
        let now = took.as_nanos();
        let timed = self.timed(tick);
        timed.number.store(0, Ordering::Relaxed);
        // A reader that sees the new times also sees that they are being written.
        fence(Ordering::Release);
        timed.took.store(now, Ordering::Relaxed);
        timed.gave.store(0, Ordering::Relaxed);
        timed
            .number
            .store(tick.saturating_add(1), Ordering::Release);
        self.works_since.store(now, Ordering::Relaxed);
        took
    }

    /// Records that the policy answers the question of cycle `tick` now. Only the policy's thread may call this.
    pub fn gives(&self, tick: u64) {
        let now = Time::now().as_nanos();
        self.timed(tick).gave.store(now, Ordering::Relaxed);
        self.works_since.store(0, Ordering::Relaxed);
    }

    /// Returns when the policy took the question of cycle `tick`, and when it answered it; `None` if that is not
    /// known: for a policy in another process, and for a question that is not one of the newest.
    pub fn times_of(&self, tick: u64) -> Option<(Time, Time)> {
        let timed = self.timed(tick);
        let number = timed.number.load(Ordering::Acquire);
        let took = timed.took.load(Ordering::Relaxed);
        let gave = timed.gave.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        let is_whole = number == timed.number.load(Ordering::Relaxed);
        let is_known = is_whole && number == tick.saturating_add(1) && gave >= took;
        is_known.then(|| (Time::from_nanos(took), Time::from_nanos(gave)))
    }

    /// Returns true if it is known when the policy takes its questions.
    pub fn is_timed(&self) -> bool {
        let is_written = |timed: &Timed| timed.number.load(Ordering::Relaxed) > 0;
        self.timed.iter().any(is_written)
    }

    /// Returns since when the policy has been at work on a question; `None` if it is not at work, or if that is
    /// not known.
    pub fn works_since(&self) -> Option<Time> {
        let since = self.works_since.load(Ordering::Relaxed);
        (since > 0).then(|| Time::from_nanos(since))
    }

    /// Returns how often the policy was asked.
    pub fn asked_count(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    /// Returns how often the policy has answered.
    pub fn answered_count(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }
}

/// Ends a wait of the loop early, from any thread.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// A policy as the loop sees it. All calls come from the loop thread, one at a time.
pub trait Policy: Send {
    /// Called once, from the loop thread, before the first request.
    fn attach(&mut self) {}

    /// Returns the thread on which the policy runs; `None` if it runs on the loop's own thread.
    fn thread(&self) -> Option<Arc<PolicyThread>> {
        None
    }

    /// Returns what ends a wait in [`Policy::poll`] early; `None` if unparking the loop's thread does that.
    fn waker(&self) -> Option<Waker> {
        None
    }

    /// Asks for an action. Does not block.
    fn request(&mut self, ask: &Ask<'_>);

    /// Returns the oldest answer that was not returned yet, and writes its action. The loop calls this
    /// until there is no answer left, or until it has the answer to its last question. So it sees each
    /// answer once, in the order in which they were given. This may be called while no request is open.
    ///
    /// Waits for an answer until `until` (`None`: as long as it takes) or until `stop` is set. A policy
    /// that has finished its task may set `stop` itself: the session then ends as if it had been asked to.
    /// `action` stays unchanged unless the answer is [`Answer::Action`].
    fn poll(&mut self, until: Option<Time>, stop: &AtomicBool, action: &mut [f64]) -> Answer;
}

impl<P: Policy + ?Sized> Policy for Box<P> {
    fn attach(&mut self) {
        (**self).attach();
    }

    fn thread(&self) -> Option<Arc<PolicyThread>> {
        (**self).thread()
    }

    fn waker(&self) -> Option<Waker> {
        (**self).waker()
    }

    fn request(&mut self, ask: &Ask<'_>) {
        (**self).request(ask);
    }

    fn poll(&mut self, until: Option<Time>, stop: &AtomicBool, action: &mut [f64]) -> Answer {
        (**self).poll(until, stop, action)
    }
}

/// Why a native policy cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyFailed;

/// A policy in Rust that runs on the loop thread. Its answer is there when the request returns.
///
/// The closure writes the whole action. It must not block, and should not allocate.
pub struct Native<F> {
    decide: F,
    action: Vec<f64>,
    answer: Answer,
}

impl<F> Native<F>
where
    F: FnMut(&Ask<'_>, &mut [f64]) -> Result<(), PolicyFailed> + Send,
{
    /// Creates a policy for actions of `action_len` slots, which `decide` computes.
    pub fn new(action_len: usize, decide: F) -> Native<F> {
        Native {
            decide,
            action: vec![0.0; action_len],
            answer: Answer::None,
        }
    }
}

impl<F> Policy for Native<F>
where
    F: FnMut(&Ask<'_>, &mut [f64]) -> Result<(), PolicyFailed> + Send,
{
    fn request(&mut self, ask: &Ask<'_>) {
        self.answer = match (self.decide)(ask, &mut self.action) {
            Ok(()) => Answer::Action(ask.question()),
            Err(PolicyFailed) => Answer::Failed,
        };
    }

    fn poll(&mut self, _until: Option<Time>, _stop: &AtomicBool, action: &mut [f64]) -> Answer {
        if let Answer::Action(_) = self.answer {
            action.copy_from_slice(&self.action);
            return std::mem::replace(&mut self.answer, Answer::None);
        }
        self.answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_known_when_a_question_was_taken_and_answered_until_newer_ones_were() {
        let thread = PolicyThread::default();
        assert_eq!(thread.times_of(0), None);
        thread.takes(7);
        assert_eq!(thread.times_of(7), None, "it was not answered");
        assert!(thread.works_since().is_some());
        thread.gives(7);
        assert_eq!(thread.works_since(), None);
        let (took, gave) = thread.times_of(7).expect("it was answered");
        assert!(took <= gave && gave <= Time::now());
        thread.takes(7 + TIMED as u64);
        assert_eq!(thread.times_of(7), None, "it was overwritten");
    }
}
