//! Events on their way out of the loop.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use crate::channel::notify::{Notifier, Signals};
use crate::session::outcome::{Event, EventKind};
use crate::session::shared::Shared;

/// Queues events for whoever listens; what finds no room is counted.
pub(super) struct Events<'a> {
    shared: &'a Shared,
    notifier: &'a Notifier,
    /// What was told last of how the policy's actions are carried out.
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

    /// Tells of a change in how actions are carried out; nothing where it was told last, nor that the
    /// robot is held where it was resting.
    pub fn change(&mut self, tick: u64, kind: EventKind) {
        let worse_told = kind == EventKind::Held && self.last == EventKind::Resting;
        if kind == self.last || worse_told {
            return;
        }
        self.last = kind;
        self.push(tick, kind);
    }

    /// Tells an event.
    pub fn push(&self, tick: u64, kind: EventKind) {
        if self.shared.events.push(Event { tick, kind }).is_err() {
            self.shared.recorder.dropped_events.add(1);
        }
        self.notifier.notify(Signals::EVENT);
    }

    /// Tells that the first cycle is over.
    pub fn begun(&self) {
        self.notifier.notify(Signals::BEGUN);
    }
}
