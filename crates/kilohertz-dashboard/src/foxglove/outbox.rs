//! What waits to be sent to one client: the newest wins.

use std::collections::VecDeque;
use std::rc::Rc;

/// The most bytes that wait for a client, one message apart: about two seconds of all of an arm's cycles.
pub(super) const MOST_WAITING: usize = 8 << 20;

/// A message that all its clients share.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shared {
    pub log_time: u64,
    pub bytes: Box<[u8]>,
}

/// The messages that wait for one client, each with the client's number of its subscription.
#[derive(Default)]
pub(super) struct Outbox {
    waiting: VecDeque<(u32, Rc<Shared>)>,
    bytes: usize,
}

impl Outbox {
    /// Adds a message. Returns how many older ones are dropped for it; the newest always has room.
    pub fn push(&mut self, subscription: u32, message: Rc<Shared>) -> u64 {
        self.bytes += message.bytes.len();
        self.waiting.push_back((subscription, message));
        let mut dropped = 0;
        while self.bytes > MOST_WAITING && self.waiting.len() > 1 {
            self.pop();
            dropped += 1;
        }
        dropped
    }

    /// Takes the oldest message.
    pub fn pop(&mut self) -> Option<(u32, Rc<Shared>)> {
        let oldest = self.waiting.pop_front()?;
        self.bytes -= oldest.1.bytes.len();
        Some(oldest)
    }

    /// Removes the messages of a subscription that has ended.
    pub fn forget(&mut self, subscription: u32) {
        self.waiting.retain(|(of, _)| *of != subscription);
        self.bytes = self.waiting.iter().map(|(_, each)| each.bytes.len()).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(log_time: u64, len: usize) -> Rc<Shared> {
        Rc::new(Shared {
            log_time,
            bytes: vec![0; len].into(),
        })
    }

    #[test]
    fn a_full_outbox_drops_its_oldest_messages_and_counts_them() {
        let mut outbox = Outbox::default();
        let size = MOST_WAITING / 4;
        let dropped: Vec<u64> = (0..10)
            .map(|at| outbox.push(1, message(at, size)))
            .collect();
        assert_eq!(dropped, [0, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
        let mut left = Vec::new();
        while let Some((_, message)) = outbox.pop() {
            left.push(message.log_time);
        }
        assert_eq!(left, [6, 7, 8, 9]);
        assert_eq!(outbox.bytes, 0);
    }

    #[test]
    fn a_message_larger_than_the_room_waits_alone() {
        let mut outbox = Outbox::default();
        outbox.push(1, message(0, 10));
        outbox.push(1, message(1, 10));
        assert_eq!(outbox.push(1, message(2, MOST_WAITING + 1)), 2);
        assert_eq!(outbox.push(1, message(3, 10)), 1);
        assert_eq!(outbox.pop().map(|(_, each)| each.log_time), Some(3));
        assert_eq!(outbox.pop(), None);
    }

    #[test]
    fn an_ended_subscription_leaves_nothing_behind() {
        let mut outbox = Outbox::default();
        outbox.push(1, message(0, 10));
        outbox.push(2, message(1, 20));
        outbox.push(1, message(2, 30));
        outbox.forget(1);
        assert_eq!(outbox.bytes, 20);
        assert_eq!(outbox.pop().map(|(of, _)| of), Some(2));
        assert_eq!(outbox.pop(), None);
    }
}
