//! A policy in another process. The loop writes the question into shared memory and wakes the policy; the
//! answer wakes the loop. No other thread is involved.
//!
//! The newest question goes one way. Each answer comes back once and in order, through memory that both
//! processes map (`shared_memory.rs`). Each end sleeps on a word of that memory (a futex), and is woken
//! only if the word says that it sleeps. The loop's word also wakes it for a stop and for a failure.
//!
//! The other process may write anything into this memory at any time. The loop therefore copies what it
//! reads once and then checks the copy: an answer must have a known kind and the tick of a question that
//! was asked and is newer than the one answered last. Anything else ends the session with a named fault
//! ([`Trouble`]). After `MOST_NEEDLESS` wakes without news since the last question, the loop sleeps by the
//! clock until the next question.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]
#![warn(clippy::indexing_slicing)]

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool as StopFlag;
use std::time::Duration;

use crate::channel::mailbox::{FailureNotifier, Frame, NEVER, Taken};
use crate::channel::shared_memory::{
    ANSWER_HEAD, ANSWERS, Handle, LINE, QUESTION_HEAD, QUESTIONS, ROWS_AT, SharedMemory, VERSION,
    Word,
};
use crate::channel::sync::{Arc, AtomicU64, Ordering, fence};
use crate::channel::waiting::{Inbox, Waiting};
use crate::policy::{Answer, Ask, Policy, PolicyThread, Question, Waker};
use crate::stats::Recorder;
use crate::timing::clock::sleep_until;
use crate::timing::time::{Time, nanos};

pub use crate::channel::shared_memory::Lengths;

/// The kinds of answers.
const FAILED: u64 = 0;
const NOTHING: u64 = 1;
const ACTION: u64 = 2;

/// Questions are counted in 31 bits. The last bit of their word says that the session is over.
const NUMBERS: u32 = u32::MAX >> 1;
const OVER: u32 = 1;
const ONE_MORE: u32 = 2;

/// This end is not asleep: it looks by itself and needs no wake.
const AWAKE: u32 = 0;
/// This end sleeps, or is about to. A policy that cannot order its memory accesses, such as one in Python,
/// always wants to be woken: it stores any other number.
const ASLEEP: u32 = 1;

/// What an end that is not written in Rust must know, by name: offsets and sizes [bytes], and numbers of
/// rows.
pub const LAYOUT: [(&str, usize); 18] = [
    ("version", VERSION as usize),
    ("line", LINE),
    ("askedAt", Word::Asked.at()),
    ("sleepsAt", Word::PolicySleeps.at()),
    ("takenAt", Word::Taken.at()),
    ("answeredAt", Word::Answered.at()),
    ("loopSleepsAt", Word::LoopSleeps.at()),
    ("rowsAt", ROWS_AT),
    ("questions", QUESTIONS as usize),
    ("answers", ANSWERS as usize),
    ("questionHead", QUESTION_HEAD),
    ("answerHead", ANSWER_HEAD),
    ("numbers", NUMBERS as usize),
    ("over", OVER as usize),
    ("loopAwake", AWAKE as usize),
    ("answerFailed", FAILED as usize),
    ("answerNothing", NOTHING as usize),
    ("answerAction", ACTION as usize),
];

/// How many questions are kept here with their times, for the answers to them. A policy that takes a
/// question says so before [`QUESTIONS`] more are asked, or takes another one.
const KNOWN: usize = 16;
/// After this many wakes without news the loop sleeps by the clock until the next question.
const MOST_NEEDLESS: u32 = 4;
/// How long one sleep by the clock, and one on the word, lasts at most.
const BLIND: Duration = Duration::from_millis(1);
const LONGEST_SLEEP: Duration = Duration::from_millis(50);

/// What a policy's process wrote that is not an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub struct Trouble {
    /// The cycle that was asked last.
    pub asked: u64,
    /// What is wrong with what it wrote.
    pub fault: Fault,
}

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// There are more answers than there is room for.
    Count(u32),
    /// The answer is to this cycle, which was not asked or is answered already.
    Tick(u64),
    /// The answer is of this kind, which does not exist.
    Kind(u64),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the policy's process sent ")?;
        match self.fault {
            Fault::Count(count) => write!(f, "{count} answers at once")?,
            Fault::Tick(tick) => write!(f, "an answer to cycle {tick}")?,
            Fault::Kind(kind) => write!(f, "an answer of kind {kind}")?,
        }
        write!(
            f,
            " when it was asked in cycle {}; expected one answer of kind {FAILED}, {NOTHING} or {ACTION} to each \
             question that it takes, in their order. Does something else write into its memory?",
            self.asked
        )
    }
}

/// The memory between a loop and a policy in another process, as the loop's process holds it.
#[derive(Clone)]
pub struct SharedMailbox {
    memory: Arc<SharedMemory>,
    #[cfg_attr(loom, expect(dead_code, reason = "a model has one process"))]
    handle: std::sync::Arc<Handle>,
    failed: Arc<AtomicU64>,
    trouble: std::sync::Arc<OnceLock<Trouble>>,
    thread: std::sync::Arc<PolicyThread>,
}

impl SharedMailbox {
    /// Creates memory for observations and actions of these lengths.
    ///
    /// # Errors
    /// Returns the system's error if it cannot create shared memory.
    pub fn make(lengths: Lengths) -> std::io::Result<SharedMailbox> {
        let (memory, handle) = SharedMemory::make(lengths)?;
        Ok(SharedMailbox {
            memory: Arc::new(memory),
            handle: std::sync::Arc::new(handle),
            failed: Arc::new(AtomicU64::new(NEVER)),
            trouble: std::sync::Arc::default(),
            thread: std::sync::Arc::default(),
        })
    }

    /// Returns the memory's descriptor, for handing it over. It is closed when this mailbox and all its
    /// clones are dropped.
    #[cfg(not(loom))]
    pub fn file(&self) -> std::os::fd::BorrowedFd<'_> {
        std::os::fd::AsFd::as_fd(&*self.handle)
    }

    /// Returns where the policy's thread is recorded.
    pub fn thread(&self) -> &PolicyThread {
        &self.thread
    }

    /// Returns the loop's end. There may be only one. `recorder` counts what is overwritten.
    pub fn loop_end(&self, recorder: std::sync::Arc<Recorder>) -> LoopEnd {
        let Lengths { action, .. } = self.memory.lengths();
        LoopEnd {
            inbox: Answers {
                memory: Arc::clone(&self.memory),
                row: vec![0; action.saturating_add(ANSWER_HEAD)].into_boxed_slice(),
                heard: 0,
                asked: Question::default(),
                known: [None; KNOWN],
                taken: [None; 2],
                answered: None,
                is_over: false,
                failed: Arc::clone(&self.failed),
                trouble: std::sync::Arc::clone(&self.trouble),
                thread: std::sync::Arc::clone(&self.thread),
                needless: 0,
            },
            waiting: Waiting::new(recorder.target_period()),
            number: 0,
            recorder,
        }
    }

    /// Returns a notifier for failures that the policy cannot report itself.
    pub fn failure_notifier(&self) -> FailureNotifier {
        FailureNotifier::waking(waker(&self.memory), Arc::clone(&self.failed))
    }

    /// Returns what the policy's process wrote that is not an answer; `None` while it keeps to the
    /// protocol.
    pub fn trouble(&self) -> Option<Trouble> {
        self.trouble.get().copied()
    }

    /// Ends the exchange: the policy is not asked again, and learns that it is over.
    pub fn close(&self) {
        // The loop may still ask: it only adds to the word.
        self.memory
            .word(Word::Asked)
            .fetch_or(OVER, Ordering::Release);
        self.memory.wake(Word::Asked, ALL);
    }
}

/// The largest number of threads that the kernel can wake.
const ALL: u32 = i32::MAX as u32;

/// Returns a waker for the loop, to be called after a stop or a failure was stored.
fn waker(memory: &Arc<SharedMemory>) -> Waker {
    let memory = Arc::clone(memory);
    std::sync::Arc::new(move || {
        memory.word(Word::LoopSleeps).swap(AWAKE, Ordering::AcqRel);
        // The previous value of the word does not matter: the other process may have written it.
        memory.wake(Word::LoopSleeps, ALL);
    })
}

/// The loop's end of the mailbox: a [`Policy`].
pub struct LoopEnd {
    inbox: Answers,
    waiting: Waiting,
    /// The number of the newest question, from 1; it wraps within [`NUMBERS`].
    number: u32,
    recorder: std::sync::Arc<Recorder>,
}

/// The answers that come back, and the questions that they may answer.
struct Answers {
    memory: Arc<SharedMemory>,
    row: Box<[u64]>,
    /// How many answers were taken.
    heard: u32,
    /// The newest question.
    asked: Question,
    /// The newest questions by their numbers, and the last two that the policy said it took. When the
    /// policy takes a question, an answer to the one before may still lie in memory.
    known: [Option<(u32, Question)>; KNOWN],
    taken: [Option<(u32, Question)>; 2],
    /// The tick of the answer taken last.
    answered: Option<u64>,
    /// True once the policy has reported a failure, or has written something that is not an answer.
    is_over: bool,
    failed: Arc<AtomicU64>,
    trouble: std::sync::Arc<OnceLock<Trouble>>,
    thread: std::sync::Arc<PolicyThread>,
    /// How many wakes since the newest question came without news.
    needless: u32,
}

impl Answers {
    /// Returns how many answers were not taken yet, as the other process claims.
    fn there(&self) -> u32 {
        // Acquire pairs with the policy's release, so the rows are complete.
        let answered = self.memory.word(Word::Answered).load(Ordering::Acquire);
        answered.wrapping_sub(self.heard)
    }

    fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire) != NEVER
    }

    /// Records the question with this number.
    fn ask(&mut self, number: u32, question: Question) {
        self.asked = question;
        self.needless = 0;
        if let Some(place) = self.known.get_mut(number as usize % KNOWN) {
            *place = Some((number, question));
        }
    }

    /// Records that the policy claims to have taken the question with this number.
    fn took(&mut self, number: u32) {
        let known = self.known.get(number as usize % KNOWN).copied().flatten();
        // A claim about a question that was not asked lately is ignored.
        if let Some((of, _)) = known
            && of == number
            && self.taken[0] != known
        {
            self.taken = [known, self.taken[0]];
        }
    }

    /// Returns the question of cycle `tick`, if an answer to it is allowed.
    fn question(&self, tick: u64) -> Option<Question> {
        if self.answered.is_some_and(|answered| tick <= answered) {
            return None;
        }
        let mut open = self.known.iter().chain(&self.taken).flatten();
        open.find_map(|(_, question)| (question.tick == tick).then_some(*question))
    }

    fn refuse(&mut self, fault: Fault) -> Answer {
        let asked = self.asked.tick;
        let _ = self.trouble.set(Trouble { asked, fault });
        self.fail()
    }

    /// Ends the exchange: whatever the policy writes after this is ignored.
    fn fail(&mut self) -> Answer {
        self.is_over = true;
        let tick = self.asked.tick.min(NEVER.saturating_sub(1));
        self.failed.store(tick, Ordering::Release);
        Answer::Failed
    }
}

impl Inbox for Answers {
    fn take(&mut self, action: &mut [f64]) -> Answer {
        // A failure is reported after the last answer, so that this answer is not lost.
        let failed = self.has_failed();
        let there = self.there();
        if there == 0 || self.is_over {
            return if failed { Answer::Failed } else { Answer::None };
        }
        if there > ANSWERS {
            return self.refuse(Fault::Count(there));
        }
        // The checks below read only the copy.
        for (copy, number) in self.row.iter_mut().zip(self.memory.answer(self.heard)) {
            *copy = number.load(Ordering::Relaxed);
        }
        self.heard = self.heard.wrapping_add(1);
        let [tick, kind, slots @ ..] = &*self.row else {
            return self.fail();
        };
        let (tick, kind) = (*tick, *kind);
        if kind == FAILED {
            return self.fail();
        }
        let Some(question) = self.question(tick) else {
            return self.refuse(Fault::Tick(tick));
        };
        let answer = match kind {
            ACTION => {
                for (slot, bits) in action.iter_mut().zip(slots) {
                    *slot = f64::from_bits(*bits);
                }
                Answer::Action(question)
            }
            NOTHING => Answer::Empty(question),
            _ => return self.refuse(Fault::Kind(kind)),
        };
        if self.answered.is_none() {
            // The policy answers every question that it takes.
            self.thread.took(question.time);
        }
        self.answered = Some(tick);
        self.thread.answered();
        answer
    }

    fn sleep(&mut self, limit: Option<Duration>, stop: &StopFlag) {
        let limit = limit.map_or(LONGEST_SLEEP, |limit| limit.min(LONGEST_SLEEP));
        if self.needless >= MOST_NEEDLESS {
            sleep_until((Time::now() + limit.min(BLIND)).as_nanos());
            return;
        }
        let has_news =
            |own: &Answers| own.there() != 0 || own.has_failed() || stop.load(Ordering::Relaxed);
        let word = self.memory.word(Word::LoopSleeps);
        // The waker swaps this word after it has written its news. One of the two swaps comes first. If it
        // is the waker's, this swap acquires the news; otherwise the waker sees that the loop sleeps. The
        // kernel reads the word once more when it puts the loop to sleep.
        word.swap(ASLEEP, Ordering::AcqRel);
        let woken = !has_news(self) && self.memory.sleep(Word::LoopSleeps, ASLEEP, limit);
        word.swap(AWAKE, Ordering::AcqRel);
        if woken && !has_news(self) {
            self.needless = self.needless.saturating_add(1);
        }
    }
}

impl Policy for LoopEnd {
    fn attach(&mut self) {
        self.waiting.attach();
    }

    fn thread(&self) -> Option<std::sync::Arc<PolicyThread>> {
        Some(std::sync::Arc::clone(&self.inbox.thread))
    }

    fn waker(&self) -> Option<Waker> {
        Some(waker(&self.inbox.memory))
    }

    fn request(&mut self, ask: &Ask<'_>) {
        let memory = &self.inbox.memory;
        let before = self.number;
        let taken = memory.word(Word::Taken).load(Ordering::Relaxed);
        // If the policy takes the question at this very moment, it may be counted as overwritten although
        // it is not.
        if before != 0 && taken != before {
            self.recorder.overwritten_observations.add(1);
        }
        self.number = before.wrapping_add(1) & NUMBERS;
        let head = [
            ask.tick,
            nanos(ask.time),
            nanos(ask.period),
            ask.host.as_nanos(),
        ];
        let observation = ask.observation.iter().map(|slot| slot.to_bits());
        // This fence comes after the number of the previous question was stored. A reader that reads the
        // row while it is written, and sees one of these numbers, therefore finds that `QUESTIONS - 1` more
        // were asked since.
        fence(Ordering::Release);
        let row = memory.question(self.number);
        for (place, bits) in row.iter().zip(head.into_iter().chain(observation)) {
            place.store(bits, Ordering::Relaxed);
        }
        memory
            .word(Word::Asked)
            .fetch_add(ONE_MORE, Ordering::Release);
        // This fence and the one in `PolicyEnd::sleep` have a total order. If this one is first, the policy
        // sees the question before it sleeps; otherwise this thread sees that the policy sleeps.
        fence(Ordering::SeqCst);
        let sleeps = memory.word(Word::PolicySleeps);
        let wake = match sleeps.load(Ordering::Relaxed) {
            AWAKE => false,
            ASLEEP => sleeps.swap(AWAKE, Ordering::Relaxed) != AWAKE,
            _ => true,
        };
        if wake {
            memory.wake(Word::Asked, 1);
        }
        self.inbox.took(taken);
        self.inbox.ask(self.number, ask.question());
        self.inbox.thread.asked();
        self.waiting.asked(ask.tick);
    }

    fn poll(&mut self, until: Option<Time>, stop: &StopFlag, action: &mut [f64]) -> Answer {
        self.waiting.poll(&mut self.inbox, until, stop, action)
    }
}

/// The policy's end of the mailbox, in the policy's process.
pub struct PolicyEnd {
    memory: Arc<SharedMemory>,
    frame: Frame,
    /// The number of the question taken last.
    number: u32,
    /// The cycle of the question that has no answer yet.
    open: Option<u64>,
    answers: u32,
    /// The time of the first question that the policy took.
    first: Option<Duration>,
}

impl PolicyEnd {
    /// Returns the time of the first question that the policy took, from which its own time counts; zero before.
    pub fn first(&self) -> Duration {
        self.first.unwrap_or_default()
    }

    /// Creates the policy's end over `memory`, which the loop's process handed over.
    ///
    /// # Errors
    /// Returns the system's error, or an error if the memory has another layout or other lengths.
    #[cfg(not(loom))]
    pub fn join(memory: std::os::fd::OwnedFd, lengths: Lengths) -> std::io::Result<PolicyEnd> {
        let memory = SharedMemory::join(memory, lengths)?;
        Ok(PolicyEnd::new(Arc::new(memory)))
    }

    fn new(memory: Arc<SharedMemory>) -> PolicyEnd {
        let frame = Frame::new(memory.lengths().observation);
        PolicyEnd {
            memory,
            frame,
            number: 0,
            open: None,
            answers: 0,
            first: None,
        }
    }

    /// Returns true if the loop will not ask again.
    pub fn is_over(&self) -> bool {
        self.memory.word(Word::Asked).load(Ordering::Acquire) & OVER != 0
    }

    /// Returns the newest question, or `None` if it was already taken. Never blocks.
    pub fn take(&mut self) -> Option<Taken<'_>> {
        let asked = self.memory.word(Word::Asked);
        loop {
            // Acquire pairs with the loop's release, so the row is complete.
            let number = asked.load(Ordering::Acquire) >> 1;
            if number == self.number {
                return None;
            }
            let taken = self.memory.word(Word::Taken);
            taken.store(number, Ordering::Relaxed);
            let [tick, time, period, host, observation @ ..] = self.memory.question(number) else {
                return None;
            };
            let [tick, time, period, host] =
                [tick, time, period, host].map(|at| at.load(Ordering::Relaxed));
            for (slot, bits) in self.frame.slots.iter_mut().zip(observation) {
                *slot = f64::from_bits(bits.load(Ordering::Relaxed));
            }
            // If a number was read that belongs to a later question, this load sees that more questions
            // were asked.
            fence(Ordering::Acquire);
            let newest = asked.load(Ordering::Relaxed) >> 1;
            if newest.wrapping_sub(number) & NUMBERS >= QUESTIONS.wrapping_sub(1) {
                continue;
            }
            self.number = number;
            self.open = Some(tick);
            self.frame.tick = tick;
            self.frame.time = Duration::from_nanos(time);
            self.frame.period = Duration::from_nanos(period);
            self.frame.host = Time::from_nanos(host);
            break;
        }
        let period = self.first.map_or(Duration::ZERO, |_| self.frame.period);
        let first = *self.first.get_or_insert(self.frame.time);
        Some(Taken {
            frame: &self.frame,
            time: self.frame.time.saturating_sub(first),
            period,
            took: Time::now(),
        })
    }

    /// Sleeps until there may be a question or the exchange is over, but no longer than `limit`.
    pub fn sleep(&self, limit: Duration) {
        let sleeps = self.memory.word(Word::PolicySleeps);
        // An exchange, as in the loop, so that loom puts the two into one order as well.
        sleeps.swap(ASLEEP, Ordering::Relaxed);
        // See `LoopEnd::request`.
        fence(Ordering::SeqCst);
        let asked = self.memory.word(Word::Asked).load(Ordering::Relaxed);
        if asked >> 1 == self.number && asked & OVER == 0 {
            self.memory.sleep(Word::Asked, asked, limit);
        }
        sleeps.store(AWAKE, Ordering::Relaxed);
    }

    /// Answers the question taken last, once. An action of another length is cut, or fills only part of the
    /// row. Never blocks.
    pub fn answer(&mut self, action: &[f64]) {
        self.publish(ACTION, action);
    }

    /// Answers the question taken last with nothing new. Never blocks.
    pub fn answer_nothing(&mut self) {
        self.publish(NOTHING, &[]);
    }

    /// Tells the loop that the policy failed and will not answer again. Never blocks.
    pub fn fail(&mut self) {
        let tick = self.open.unwrap_or(self.frame.tick);
        self.open = Some(tick);
        self.publish(FAILED, &[]);
    }

    fn publish(&mut self, kind: u64, action: &[f64]) {
        let Some(tick) = self.open.take() else {
            return;
        };
        let numbers = [tick, kind];
        let numbers = numbers
            .into_iter()
            .chain(action.iter().map(|slot| slot.to_bits()));
        for (place, bits) in self.memory.answer(self.answers).iter().zip(numbers) {
            place.store(bits, Ordering::Relaxed);
        }
        self.answers = self.answers.wrapping_add(1);
        // Release pairs with the loop's acquire, so the row is complete.
        let answered = self.memory.word(Word::Answered);
        answered.store(self.answers, Ordering::Release);
        // See `Answers::sleep`.
        let sleeps = self.memory.word(Word::LoopSleeps);
        if sleeps.swap(AWAKE, Ordering::AcqRel) == ASLEEP {
            self.memory.wake(Word::LoopSleeps, 1);
        }
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use crate::channel::sync::thread;

    const LENGTHS: Lengths = Lengths {
        observation: 1,
        action: 1,
    };

    fn pair() -> (SharedMailbox, LoopEnd, PolicyEnd) {
        let recorder = std::sync::Arc::new(Recorder::new(Duration::from_millis(1), 1));
        let shared = SharedMailbox::make(LENGTHS).unwrap();
        let inside = shared.loop_end(recorder);
        let outside = PolicyEnd::new(Arc::clone(&shared.memory));
        (shared, inside, outside)
    }

    fn ask(tick: u64) -> Question {
        Question {
            tick,
            time: Duration::ZERO,
        }
    }

    fn request(inside: &mut LoopEnd, tick: u64) {
        inside.request(&Ask {
            tick,
            time: Duration::ZERO,
            period: Duration::ZERO,
            host: Time::from_nanos(tick),
            observation: &[tick as f64],
        });
    }

    /// Waits for a question as the addon does; returns its tick and its one slot.
    fn next_question(outside: &mut PolicyEnd) -> Option<(u64, f64)> {
        loop {
            if let Some(frame) = outside.take() {
                return Some((frame.tick, frame.slots[0]));
            }
            if outside.is_over() {
                return None;
            }
            outside.sleep(Duration::MAX);
        }
    }

    #[test]
    fn the_policy_never_sleeps_through_a_question_nor_the_loop_through_an_answer() {
        loom::model(|| {
            let (_shared, mut inside, mut outside) = pair();
            let policy = thread::spawn(move || {
                let (tick, slot) = next_question(&mut outside).expect("it is not over");
                outside.answer(&[slot]);
                tick
            });
            request(&mut inside, 7);
            let mut action = [f64::NAN];
            let stop = StopFlag::new(false);
            let answer = inside.poll(None, &stop, &mut action);
            assert_eq!((answer, action), (Answer::Action(ask(7)), [7.0]));
            assert_eq!(policy.join().unwrap(), 7);
        });
    }

    #[test]
    fn a_question_that_is_taken_while_the_next_is_asked_is_whole() {
        loom::model(|| {
            let (_shared, mut inside, mut outside) = pair();
            request(&mut inside, 0);
            let policy = thread::spawn(move || {
                let (tick, slot) = next_question(&mut outside).expect("it is not over");
                assert_eq!(tick as f64, slot);
            });
            request(&mut inside, 1);
            policy.join().unwrap();
        });
    }

    #[test]
    fn a_row_that_is_written_again_while_it_is_read_is_not_believed() {
        let mut model = loom::model::Builder::new();
        // Exploring all interleavings of four questions takes minutes.
        model.preemption_bound = Some(2);
        model.check(|| {
            let (_shared, mut inside, mut outside) = pair();
            request(&mut inside, 1);
            let policy = thread::spawn(move || {
                let frame = outside.take().expect("one was asked");
                assert_eq!(frame.tick as f64, frame.slots[0]);
            });
            // The last of these questions overwrites the row of the first.
            for tick in 2..=u64::from(QUESTIONS) + 1 {
                request(&mut inside, tick);
            }
            policy.join().unwrap();
        });
    }

    #[test]
    fn a_failure_that_is_told_for_the_policy_wakes_the_loop() {
        loom::model(|| {
            let (shared, mut inside, _outside) = pair();
            let notifier = shared.failure_notifier();
            request(&mut inside, 0);
            let teller = thread::spawn(move || notifier.notify(0));
            let stop = StopFlag::new(false);
            let answer = inside.poll(None, &stop, &mut [0.0]);
            assert_eq!(answer, Answer::Failed);
            teller.join().unwrap();
        });
    }

    #[test]
    fn a_policy_that_sleeps_hears_that_it_is_over() {
        loom::model(|| {
            let (shared, _inside, mut outside) = pair();
            let policy = thread::spawn(move || assert_eq!(next_question(&mut outside), None));
            shared.close();
            policy.join().unwrap();
        });
    }
}
