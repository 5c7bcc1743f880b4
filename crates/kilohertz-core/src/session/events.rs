//! Events that the loop reports.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use crate::channel::notify::{Notifier, Signals};
use crate::session::outcome::{Event, EventKind};
use crate::session::shared::Shared;

/// Queues events for the session's owner; an event that finds no room is counted.
pub(super) struct Events<'a> {
    shared: &'a Shared,
    notifier: &'a Notifier,
    /// The last reported event about how the policy's actions are carried out.
    last: EventKind,
}

impl<'a> Events<'a> {
    pub fn new(shared: &'a Shared, notifier: &'a Notifier) -> Events<'a> {
        Events {
            shared,
            notifier,
            last: EventKind::Resumed,
        }
    }

    /// Reports a change in how actions are carried out. A repetition is not reported, nor that the robot is
    /// held after it was reported as resting. Returns true if it was reported.
    pub fn change(&mut self, tick: u64, kind: EventKind) -> bool {
        let worse_told = kind == EventKind::Held && self.last == EventKind::Resting;
        if kind == self.last || worse_told {
            return false;
        }
        self.last = kind;
        self.push(tick, kind);
        true
    }

    /// Reports an event.
    pub fn push(&self, tick: u64, kind: EventKind) {
        if self.shared.events.push(Event { tick, kind }).is_err() {
            self.shared.recorder.dropped_events.add(1);
        }
        self.shared.watch.event(tick, kind);
        self.notifier.notify(Signals::EVENT);
    }

    /// Reports that the first cycle is over.
    pub fn begun(&self) {
        self.notifier.notify(Signals::BEGUN);
    }
}
