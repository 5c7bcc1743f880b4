//! A thread between the loop and a policy in another process: it carries observations there, and answers back.
//!
//! A message to the policy is its clock (tick, time [s], period [s]) and the observation, one back the tick and
//! the action, each as little-endian doubles. A tick without an action says that the policy failed.

use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use kilohertz_core::courier::{Ear, News};
use kilohertz_core::mailbox::PolicyEnd;
use kilohertz_core::thread::{RealtimeRequest, make_realtime};
use kilohertz_offload::line::{End, Line};
use napi::Result;
use napi_derive::napi;

use crate::failure::Failure;
use crate::line::NativeDescriptors;
use crate::seat::Seat;

/// How long it sleeps at a time, so that it sees the end of the session [s].
const SLEEP: Duration = Duration::from_millis(50);

/// The line on which a policy in another process is asked.
#[napi]
pub struct NativeUsher {
    /// Until the thread has it.
    line: Option<Line>,
}

#[napi]
impl NativeUsher {
    /// A line for one session.
    #[napi(constructor)]
    pub fn new() -> Result<NativeUsher> {
        let line = Line::make(0).map_err(Failure::from)?;
        Ok(NativeUsher { line: Some(line) })
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

    /// Starts the thread, once, with this realtime priority where the system grants it; says the number of its seat.
    #[napi]
    pub fn start(&mut self, priority: Option<u8>) -> Result<u32> {
        let line = self.line.take().ok_or_else(gone)?;
        let end = line.caller();
        let (tell, told) = mpsc::channel();
        thread::Builder::new()
            .name("kilohertz-usher".to_owned())
            .spawn(move || {
                let (bell, ear) = Ear::here();
                let (number, seat) = Seat::register(bell);
                if tell.send(number).is_ok() {
                    drop(make_realtime(&RealtimeRequest {
                        priority,
                        cpu: None,
                        lock_memory: false,
                        timer_slack: None,
                    }));
                    carry(&seat, &ear, end);
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
fn carry(seat: &Arc<Seat>, ear: &Ear, mut end: End) {
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
            if end.send(&message).is_err() {
                policy.fail(question.tick);
                break 'session;
            }
            match answer(ear, &mut end, &mut message) {
                Answer::Action => policy.answer(question, |slots| {
                    let values = message
                        .as_chunks()
                        .0
                        .iter()
                        .map(|bytes| f64::from_le_bytes(*bytes));
                    for (slot, value) in slots.iter_mut().zip(values.skip(1)) {
                        *slot = value;
                    }
                }),
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

enum Answer {
    Action,
    Failed,
    Over,
}

/// Waits for the policy's answer, which is then in `message`.
fn answer(ear: &Ear, end: &mut End, message: &mut Vec<u8>) -> Answer {
    loop {
        match end.peek() {
            Ok(Some(length)) => {
                message.resize(length, 0);
                let whole = length > 8 && end.take(message).is_ok();
                return if whole {
                    Answer::Action
                } else {
                    Answer::Failed
                };
            }
            Ok(None) if end.is_closed() => return Answer::Failed,
            Ok(None) => {}
            Err(_) => return Answer::Failed,
        }
        if ear.take().is_some_and(|news| news.has(News::ENDED)) {
            return Answer::Over;
        }
        end.wait(Duration::ZERO, SLEEP);
    }
}
