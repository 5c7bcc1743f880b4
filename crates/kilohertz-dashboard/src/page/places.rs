//! Who is connected: those that have shown a token, and those that have not yet.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;

use tokio::task::AbortHandle;

/// The most connections that have shown no token. For a further one, another one of them ends.
const MOST_UNKNOWN: usize = 128;
/// The most connections that have shown a token. Further ones are refused.
const MOST_KNOWN: usize = 64;

struct Unknown {
    number: u64,
    from: IpAddr,
    task: AbortHandle,
}

/// The connections of a server.
#[derive(Default)]
pub(super) struct Places {
    next: Cell<u64>,
    /// Those that have shown no token, the oldest first.
    unknown: RefCell<Vec<Unknown>>,
    known: Cell<usize>,
    all: Cell<usize>,
}

/// A connection, from its begin to its end.
pub(super) struct Visit {
    places: Rc<Places>,
    number: u64,
    is_known: Cell<bool>,
}

impl Places {
    /// Returns how many connections there are.
    pub fn count(&self) -> usize {
        self.all.get()
    }

    /// Takes a place for a connection.
    pub fn enter(self: &Rc<Places>) -> Visit {
        let number = self.next.get();
        self.next.set(number.wrapping_add(1));
        self.all.set(self.all.get().saturating_add(1));
        Visit {
            places: Rc::clone(self),
            number,
            is_known: Cell::new(false),
        }
    }

    /// Notes which task serves a connection that has shown no token. If there are too many of them, the oldest ends
    /// of whoever has the most, and true is returned.
    pub fn serves(&self, number: u64, from: IpAddr, task: AbortHandle) -> bool {
        let mut unknown = self.unknown.borrow_mut();
        unknown.push(Unknown { number, from, task });
        if unknown.len() <= MOST_UNKNOWN {
            return false;
        }
        let of = |from: IpAddr| unknown.iter().filter(|each| each.from == from).count();
        let most = unknown.iter().map(|each| of(each.from)).max();
        let found = unknown.iter().position(|each| Some(of(each.from)) == most);
        if let Some(found) = found {
            // Its place is given back when the task is dropped.
            unknown.remove(found).task.abort();
        }
        true
    }
}

impl Visit {
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Notes that the connection has shown a token. Returns false if too many have.
    pub fn shows_token(&self) -> bool {
        if self.is_known.get() {
            return true;
        }
        let known = self.places.known.get();
        if known >= MOST_KNOWN {
            return false;
        }
        self.places.known.set(known.saturating_add(1));
        self.is_known.set(true);
        self.places.leave_unknown(self.number);
        true
    }
}

impl Places {
    fn leave_unknown(&self, number: u64) {
        self.unknown
            .borrow_mut()
            .retain(|each| each.number != number);
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.places.all.set(self.places.all.get().saturating_sub(1));
        if self.is_known.get() {
            let known = &self.places.known;
            known.set(known.get().saturating_sub(1));
        } else {
            self.places.leave_unknown(self.number);
        }
    }
}
