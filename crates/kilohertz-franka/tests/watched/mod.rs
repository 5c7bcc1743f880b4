//! A robot whose loop thread is watched from the warm-up until its last command was sent.
#![allow(dead_code, reason = "each test file uses its share")]

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use kilohertz_core::channel::mailbox::{LoopEnd, mailbox};
use kilohertz_core::channel::notify::start_notifier;
use kilohertz_core::channel::shared_mailbox::{self, Lengths, SharedMailbox};
use kilohertz_core::policy::{Answer, Ask, Policy};
use kilohertz_core::robot::{Cycle, Flow, Robot, RobotError, Tick};
use kilohertz_core::schema::Schema;
use kilohertz_core::stats::Recorder;
use kilohertz_core::timing::time::Time;
use kilohertz_franka::state::SCHEMA;

use crate::common::MS;

/// Cycles before the watch begins. What is set up at the first use is set up in them.
pub const WARM_UP: u64 = 20;

/// A robot, and what begins and ends the watch.
pub struct WatchedRobot<B, E> {
    pub robot: Box<dyn Robot>,
    pub begin: B,
    pub end: E,
}

impl<B: FnMut() + Send, E: FnMut() + Send> Robot for WatchedRobot<B, E> {
    fn observation(&self) -> &Schema {
        self.robot.observation()
    }

    fn action(&self) -> &Schema {
        self.robot.action()
    }

    fn period(&self) -> Duration {
        self.robot.period()
    }

    fn drive(&mut self, tick: &mut dyn Tick) -> Result<(), RobotError> {
        self.robot.drive(&mut Watching {
            tick,
            cycles: 0,
            flow: Flow::Continue,
            begin: &mut self.begin,
            end: &mut self.end,
        })
    }
}

struct Watching<'a, B, E> {
    tick: &'a mut dyn Tick,
    cycles: u64,
    flow: Flow,
    begin: &'a mut B,
    end: &'a mut E,
}

impl<B: FnMut(), E: FnMut()> Tick for Watching<'_, B, E> {
    fn cycle(&mut self, cycle: Cycle<'_>) -> Flow {
        if self.cycles == WARM_UP {
            (self.begin)();
        }
        self.cycles += 1;
        self.flow = self.tick.cycle(cycle);
        self.flow
    }

    fn sent(&mut self, at: Time) {
        self.tick.sent(at);
        if self.flow == Flow::Finish && self.cycles > WARM_UP {
            (self.end)();
        }
    }

    fn is_stopping(&self) -> bool {
        self.tick.is_stopping()
    }

    fn distrust(&mut self) {
        self.tick.distrust();
    }

    fn not_finite(&mut self, slots: u64) {
        self.tick.not_finite(slots);
    }
}

/// A policy that shares memory with the loop, as a policy in another process does.
pub fn shared(slots: usize, mut policy: Box<dyn Policy>) -> shared_mailbox::LoopEnd {
    let lengths = Lengths {
        observation: SCHEMA.len(),
        action: slots,
    };
    let mailbox = SharedMailbox::make(lengths).unwrap();
    let memory = mailbox.file().try_clone_to_owned().unwrap();
    let mut outside = shared_mailbox::PolicyEnd::join(memory, lengths).unwrap();
    std::thread::spawn(move || {
        let mut action = vec![0.0; slots];
        loop {
            let Some(frame) = outside.take() else {
                outside.sleep(MS * 100);
                continue;
            };
            policy.request(&Ask {
                tick: frame.tick,
                time: frame.time,
                period: frame.period,
                host: frame.host,
                observation: &frame.slots,
            });
            match policy.poll(None, &AtomicBool::new(false), &mut action) {
                Answer::Action(_) => outside.answer(&action),
                Answer::Empty(_) => outside.answer_nothing(),
                Answer::None => {}
                Answer::Failed => outside.fail(),
            }
        }
    });
    mailbox.loop_end(Arc::new(Recorder::new(MS, 1)))
}

/// A policy that answers on a thread of its own, as a policy in JavaScript does.
pub fn elsewhere(slots: usize, mut policy: Box<dyn Policy>) -> LoopEnd {
    let (tell, heard) = mpsc::channel();
    let notifier = start_notifier(|| {}, move |_| tell.send(()).unwrap_or(())).unwrap();
    let recorder = Arc::new(Recorder::new(MS, 1));
    let (inside, mut outside) = mailbox(SCHEMA.len(), slots, notifier, recorder);
    std::thread::spawn(move || {
        let mut action = vec![0.0; slots];
        while heard.recv().is_ok() {
            let Some(frame) = outside.take() else {
                continue;
            };
            policy.request(&Ask {
                tick: frame.tick,
                time: frame.time,
                period: frame.period,
                host: frame.host,
                observation: &frame.slots,
            });
            let asked = frame.question();
            match policy.poll(None, &AtomicBool::new(false), &mut action) {
                Answer::Action(_) => outside.answer(asked, |out| out.copy_from_slice(&action)),
                Answer::Empty(_) => outside.answer_nothing(asked),
                Answer::None => {}
                Answer::Failed => outside.fail(asked.tick),
            }
        }
    });
    inside
}
