//! The seam between the loop and whoever decides: it asks, and is answered.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::thread::system::thread_id;
use crate::timing::time::Time;

/// What a policy is asked in one cycle.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Number of the cycle, from 0.
    pub tick: u64,
    /// From the first question to this one on the robot's clock: a whole number of the policy's
    /// periods. What is computed from it is smooth however late the host hears of a tick.
    pub time: Duration,
    /// From the previous question to this one on the robot's clock; zero in the first.
    pub period: Duration,
    /// The robot's newest observation, laid out as its schema says.
    pub observation: &'a [f64],
}

impl Ask<'_> {
    /// Which question this is.
    pub fn question(&self) -> Question {
        Question {
            tick: self.tick,
            time: self.time,
        }
    }
}

/// Names a question, so that its answer is known by it however late it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Question {
    /// Number of the cycle in which it was asked, from 0.
    pub tick: u64,
    /// From the first question to this one on the robot's clock.
    pub time: Duration,
}

/// What came of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// An action, for the observation of this question.
    Action(Question),
    /// The policy has nothing new to say to this question.
    Empty(Question),
    /// No answer since the last one.
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
}

impl PolicyThread {
    /// Tells that the policy runs on the calling thread.
    pub fn is_here(&self) {
        self.is(thread_id());
    }

    /// Tells the kernel's number of the thread on which the policy runs, in this process or in another.
    pub fn is(&self, number: u32) {
        self.number.store(number, Ordering::Relaxed);
    }

    /// The kernel's number of the thread; 0 as long as it is not known.
    pub fn number(&self) -> u32 {
        self.number.load(Ordering::Relaxed)
    }

    /// The number, as it becomes known.
    pub fn shared_number(&self) -> Arc<AtomicU32> {
        Arc::clone(&self.number)
    }

    /// Counts a question. For the loop thread alone.
    pub fn asked(&self) {
        self.asked
            .store(self.asked_count().saturating_add(1), Ordering::Relaxed);
    }

    /// Counts an answer. For one thread alone: the policy's, or the loop's where that one takes it in.
    pub fn answered(&self) {
        self.answered
            .store(self.answered_count().saturating_add(1), Ordering::Relaxed);
    }

    /// How often the policy was asked.
    pub fn asked_count(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    /// How often it has answered.
    pub fn answered_count(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }
}

/// Ends a wait of the loop early, from any thread.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// A policy as the loop sees it. Both calls come from the loop thread, in turns.
pub trait Policy: Send {
    /// Told once, from the loop thread, before the first request.
    fn attach(&mut self) {}

    /// Returns the thread on which the policy runs; `None` where that is the loop's own.
    fn thread(&self) -> Option<Arc<PolicyThread>> {
        None
    }

    /// Returns what ends a wait in [`Policy::poll`] early; `None` where unparking the loop's thread does.
    fn waker(&self) -> Option<Waker> {
        None
    }

    /// Asks for an action. Never blocks.
    fn request(&mut self, ask: &Ask<'_>);

    /// Returns the oldest answer that was not returned yet, and writes its action. The loop calls it
    /// until there is none, or until it has the answer to its last question: so it sees each answer
    /// once, in the order in which they were given. May be called where no request is open.
    ///
    /// Waits for an answer until `until` (`None`: as long as it takes) or until `stop` is set. A policy
    /// that has done what it is for may set `stop` itself: the session then ends as if it had been
    /// asked to. Leaves `action` alone unless the answer carries one.
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

/// A policy in Rust, run on the loop thread: it has answered when the request returns.
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
    /// A policy for actions of `action_len` slots.
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
