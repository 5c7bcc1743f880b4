//! How the loop waits for a policy on another thread or in another process. `answer_wait.rs` plans when it
//! sleeps and when it spins.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::sync::atomic::AtomicBool as StopFlag;
use std::time::Duration;

use crate::policy::Answer;
use crate::thread::system::cpus_of;
use crate::timing::answer_wait::AnswerWait;
use crate::timing::time::Time;
use crate::timing::wait::SpinWindow;

/// Where a policy's answers arrive.
pub(crate) trait Inbox {
    /// Takes the oldest answer that was not taken yet, if there is one.
    fn take(&mut self, action: &mut [f64]) -> Answer;

    /// Sleeps until there may be an answer or a stop, but no longer than `limit`.
    fn sleep(&mut self, limit: Option<Duration>, stop: &StopFlag);
}

/// When to sleep and when to spin while waiting for an answer, and how late sleeps end.
pub(crate) struct Waiting {
    period: Duration,
    wait: AnswerWait,
    #[cfg_attr(loom, expect(dead_code, reason = "there is no time in a model"))]
    window: SpinWindow,
}

impl Waiting {
    pub(crate) fn new(period: Duration) -> Waiting {
        Waiting {
            period,
            wait: AnswerWait::new(period, false),
            window: SpinWindow::new(period),
        }
    }

    /// Called once, from the loop thread.
    pub(crate) fn attach(&mut self) {
        // If the policy needs the core on which the loop spins, spinning delays the answer. The CPUs of the
        // first thread are asked for, because this thread may be pinned to one.
        let may_spin = cpus_of(std::process::id()).len() != 1;
        self.wait = AnswerWait::new(self.period, may_spin);
    }

    /// Records that a question is asked in cycle `tick`.
    pub(crate) fn asked(&mut self, tick: u64) {
        self.wait.asked(tick, Time::now());
    }

    /// Implements [`crate::policy::Policy::poll`] for a policy whose answers come into `inbox`.
    #[cfg(not(loom))]
    pub(crate) fn poll(
        &mut self,
        inbox: &mut impl Inbox,
        until: Option<Time>,
        stop: &StopFlag,
        action: &mut [f64],
    ) -> Answer {
        use std::sync::atomic::Ordering;

        let plan = self.wait.plan(self.window.get());
        loop {
            match inbox.take(action) {
                Answer::None => {}
                answer => {
                    if let Answer::Action(question) | Answer::Empty(question) = answer {
                        self.wait
                            .answered(question.tick, Time::now(), self.window.get());
                    }
                    return answer;
                }
            }
            if stop.load(Ordering::Relaxed) {
                return Answer::None;
            }
            let now = Time::now();
            if until.is_some_and(|until| now >= until) {
                return Answer::None;
            }
            if now < plan.sleep_until {
                let wake = until.map_or(plan.sleep_until, |until| until.min(plan.sleep_until));
                inbox.sleep(Some(wake.since(now)), stop);
                // An earlier end was caused by an answer, and says nothing about how late sleeps end.
                let now = Time::now();
                if now >= wake {
                    self.window.learn(now.since(wake));
                }
            } else if now < plan.spin_until {
                std::hint::spin_loop();
            } else {
                inbox.sleep(until.map(|until| until.since(now)), stop);
            }
        }
    }

    #[cfg(loom)]
    pub(crate) fn poll(
        &mut self,
        inbox: &mut impl Inbox,
        _until: Option<Time>,
        stop: &StopFlag,
        action: &mut [f64],
    ) -> Answer {
        loop {
            match inbox.take(action) {
                Answer::None if stop.load(std::sync::atomic::Ordering::Relaxed) => {
                    return Answer::None;
                }
                Answer::None => inbox.sleep(None, stop),
                answer => return answer,
            }
        }
    }
}
