//! A thread between the loop and a policy in another process: it carries observations there, and answers back.
//!
//! A message to the policy is its clock (tick, time [s], period [s]) and the observation. One back is the tick
//! that was asked, what came of it ([`FAILED`], [`NOTHING`] or [`ACTION`]), and the action where there is one.
//! All of it is little-endian doubles. What is not exactly so ends the session.

#![warn(clippy::indexing_slicing)]

use std::sync::mpsc;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use kilohertz_core::courier::{Ear, News};
use kilohertz_core::mailbox::PolicyEnd;
use kilohertz_core::thread::{RealtimeRequest, block_signals, make_realtime};
use kilohertz_offload::line::{End, Line};
use napi::Result;
use napi_derive::napi;

use crate::failure::Failure;
use crate::line::NativeDescriptors;
use crate::seat::Seat;

/// How long it sleeps at a time, so that it sees the end of the session [s].
const SLEEP: Duration = Duration::from_millis(50);

/// What came of a question: `ANSWER` in `lib/policy-seat.ts` and in `lib/child.py` has the same numbers.
const FAILED: f64 = 0.0;
const NOTHING: f64 = 1.0;
const ACTION: f64 = 2.0;
/// The tick, and what came of it.
const HEADER: usize = 2;

/// What the policy's process did that it may not, in words; empty as long as it keeps to the protocol.
type Trouble = Arc<OnceLock<String>>;

/// The line on which a policy in another process is asked.
#[napi]
pub struct NativeUsher {
    /// Until the thread has it.
    line: Option<Line>,
    trouble: Trouble,
}

#[napi]
impl NativeUsher {
    /// A line for one session.
    #[napi(constructor)]
    pub fn new() -> Result<NativeUsher> {
        let line = Line::make(0).map_err(Failure::from)?;
        Ok(NativeUsher {
            line: Some(line),
            trouble: Trouble::default(),
        })
    }

    /// For the child's end, until the thread is started.
    #[napi(getter)]
    pub fn descriptors(&self) -> Result<NativeDescriptors> {
        let line = self.line.as_ref().ok_or_else(gone)?;
        Ok(line.descriptors().into())
    }

    /// Closes a line whose thread will not be started.
    #[napi]
    pub fn release(&mut self) {
        self.line = None;
    }

    /// What the policy's process sent that is no answer, in words; nothing where all of it was one.
    #[napi]
    pub fn trouble(&self) -> Option<String> {
        self.trouble.get().cloned()
    }

    /// Starts the thread, once, with this realtime priority where the system grants it, for actions of
    /// so many numbers, of the policy in the process with the number `pid`; says the number of its seat.
    #[napi]
    pub fn start(
        &mut self,
        action_length: u32,
        priority: Option<u8>,
        pid: Option<u32>,
    ) -> Result<u32> {
        let line = self.line.take().ok_or_else(gone)?;
        let end = line.caller();
        let answers = Answers {
            action_len: action_length as usize,
            trouble: Arc::clone(&self.trouble),
        };
        let (tell, told) = mpsc::channel();
        thread::Builder::new()
            .name("kilohertz-usher".to_owned())
            .spawn(move || {
                block_signals();
                let (bell, ear) = Ear::here();
                let (number, seat) = Seat::register(bell);
                if tell.send(number).is_ok() {
                    drop(make_realtime(&RealtimeRequest {
                        priority,
                        cpu: None,
                        lock_memory: false,
                        timer_slack: None,
                    }));
                    carry(&seat, &ear, end, &answers, pid.unwrap_or(0));
                }
                Seat::remove(number);
            })
            .map_err(|error| Failure::thread(&error))?;
        Ok(told
            .recv()
            .map_err(|_| Failure::new("SYSTEM", "the policy's thread is gone"))?)
    }
}

fn gone() -> Failure {
    Failure::new("SYSTEM", "the line is gone")
}

/// Carries until the session has ended.
fn carry(seat: &Arc<Seat>, ear: &Ear, mut end: End, answers: &Answers, pid: u32) {
    let mut policy: Option<PolicyEnd> = None;
    let mut message = Vec::new();
    'session: loop {
        if ear
            .answer_for(SLEEP)
            .is_some_and(|news| news.has(News::ENDED))
        {
            break;
        }
        if policy.is_none() {
            policy = seat.take();
            if let Some(policy) = &policy {
                // The number of a process is that of its first thread, on which the policy runs.
                policy.thread().is(pid);
            }
        }
        let Some(policy) = &mut policy else { continue };
        // The newest only: what came while the policy was at another is counted as overwritten.
        while let Some(frame) = policy.take() {
            let question = frame.question();
            message.clear();
            let clock = [
                frame.tick as f64,
                frame.time.as_secs_f64(),
                frame.period.as_secs_f64(),
            ];
            for value in clock.iter().chain(&frame.slots[..]) {
                message.extend_from_slice(&value.to_le_bytes());
            }
            if let Err(error) = end.send(&message) {
                answers.note(format!(
                    "the policy's process could not be asked in cycle {}: {error}",
                    question.tick
                ));
                policy.fail(question.tick);
                break 'session;
            }
            match answers.wait(ear, &mut end, question.tick, &mut message) {
                Answer::Action => policy.answer(question, |slots| {
                    for (slot, value) in slots.iter_mut().zip(doubles(&message).skip(HEADER)) {
                        *slot = value;
                    }
                }),
                Answer::Nothing => policy.answer_nothing(question),
                Answer::Failed => {
                    policy.fail(question.tick);
                    break 'session;
                }
                Answer::Over => break 'session,
            }
        }
    }
    end.close();
}

fn doubles(message: &[u8]) -> impl Iterator<Item = f64> {
    let (values, _) = message.as_chunks();
    values.iter().map(|bytes| f64::from_le_bytes(*bytes))
}

enum Answer {
    /// It is in the message.
    Action,
    Nothing,
    Failed,
    Over,
}

/// What answers have to be like.
struct Answers {
    action_len: usize,
    trouble: Trouble,
}

impl Answers {
    /// Waits for the policy's answer to the question of `tick`, which is then in `message`.
    fn wait(&self, ear: &Ear, end: &mut End, tick: u64, message: &mut Vec<u8>) -> Answer {
        loop {
            match end.peek() {
                Ok(Some(length)) if self.fits(length) => {
                    message.resize(length, 0);
                    return match end.take(message) {
                        Ok(()) => self.read(tick, message),
                        Err(error) => self.refused(tick, &format!("what cannot be read ({error})")),
                    };
                }
                Ok(Some(length)) => return self.refused(tick, &format!("{length} bytes")),
                Ok(None) if end.is_closed() => {
                    self.note(format!(
                        "the policy's process closed its line before it answered in cycle {tick}"
                    ));
                    return Answer::Failed;
                }
                Ok(None) => {}
                Err(error) => {
                    return self.refused(tick, &format!("what cannot be read ({error})"));
                }
            }
            if ear.take().is_some_and(|news| news.has(News::ENDED)) {
                return Answer::Over;
            }
            end.wait(Duration::ZERO, SLEEP);
        }
    }

    fn lengths(&self) -> [usize; 2] {
        [HEADER, HEADER + self.action_len].map(|numbers| numbers * size_of::<f64>())
    }

    fn fits(&self, length: usize) -> bool {
        self.lengths().contains(&length)
    }

    /// What a message of a fitting length answers to the question of `tick`.
    fn read(&self, tick: u64, message: &[u8]) -> Answer {
        let mut header = doubles(message);
        let (of, kind) = (header.next(), header.next());
        let [short, _] = self.lengths();
        let has_action = message.len() > short;
        if of != Some(tick as f64) {
            return self.refused(
                tick,
                &format!("an answer to cycle {}", of.unwrap_or(f64::NAN)),
            );
        }
        match kind {
            Some(FAILED) if !has_action => Answer::Failed,
            Some(NOTHING) if !has_action => Answer::Nothing,
            Some(ACTION) if has_action => Answer::Action,
            kind => {
                let kind = kind.unwrap_or(f64::NAN);
                self.refused(tick, &format!("{} bytes of kind {kind}", message.len()))
            }
        }
    }

    /// Notes what was received instead of an answer.
    fn refused(&self, tick: u64, received: &str) -> Answer {
        let [short, long] = self.lengths();
        self.note(format!(
            "the policy's process sent {received} when it was asked in cycle {tick}; expected that \
             cycle's number with {short} bytes, or {long} with an action. Does something else write \
             into its memory?"
        ));
        Answer::Failed
    }

    /// Notes what ended the session, in words: the first of it.
    fn note(&self, message: String) {
        let _ = self.trouble.set(message);
    }
}
