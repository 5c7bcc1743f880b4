//! A client, and what waits for it: texts, events, and the newest frame, statistics and chunk of each arm.
//!
//! A client that reads too slowly must not be shown the past. So it is asked again and again whether it has what it
//! was sent (a ping, which browsers answer by themselves), and what can be replaced by something newer waits here
//! while it has not answered, and not in the kernel's buffers.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use kilohertz_core::timing::time::Time;
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::{Bytes, Message, Utf8Bytes};

use crate::page::protocol::Told;

/// The most texts that wait for a client behind its greeting. One that is so far behind is told everything anew.
const MOST_TEXTS: usize = 256;
/// The most events that wait for a client behind what is newer. Of more the oldest that are no
/// errors are left out, which it is told.
const MOST_EVENTS: usize = 32;
/// Nothing that can be replaced or left out is sent while a ping that was sent before this is not answered.
const FRESH: Duration = Duration::from_millis(250);
/// A ping that is answered within this says that more may be on its way at once.
const SOON: Duration = Duration::from_millis(150);
/// The most pings that may be on their way on a link that is not slow.
const MOST_PINGS: usize = 16;
/// The shortest time between two pings on such a link.
const PING_AFTER: Duration = Duration::from_millis(15);
/// The longest time between two pings.
pub(super) const PING_EACH: Duration = Duration::from_secs(1);
/// A client that has not answered a ping for so long is left.
const LOST_AFTER: Duration = Duration::from_secs(10);

/// What is worth telling only as long as there is nothing newer of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Newest {
    Stats,
    Chunk,
    Report,
}

/// An event, as it is told.
#[derive(Debug, Clone)]
pub(super) struct Happened {
    pub arm: u16,
    /// True if it ended a session, or something that was asked for.
    pub is_error: bool,
    pub text: Utf8Bytes,
}

/// What waits for a client.
pub(super) struct Client {
    /// Its number among those of the server.
    pub id: u64,
    /// True if it may hold the controls.
    pub has_controls: bool,
    waiting: RefCell<Waiting>,
    wake: Notify,
}

struct Waiting {
    /// What it is told first, as long as that is.
    greeting: VecDeque<Utf8Bytes>,
    texts: VecDeque<Utf8Bytes>,
    newest: BTreeMap<(u16, Newest), Utf8Bytes>,
    frames: BTreeMap<u16, Bytes>,
    events: VecDeque<Happened>,
    /// How many events were left out that it was not told of.
    left_out: u32,
    /// True if texts were thrown away, so that the client has to be told everything anew.
    is_behind: bool,
    /// True if something was sent since the newest ping.
    has_sent: bool,
    /// How many pings may be unanswered. It grows with each that is answered soon, and begins anew with one that is not.
    window: usize,
    /// Which kind is sent next of what can be replaced or left out.
    turn: u8,
    /// The pings that were not answered, with when they were sent, and the number of the next.
    pings: VecDeque<(u64, Time)>,
    next_ping: u64,
    pinged_at: Time,
}

/// What is sent next.
pub(super) enum Next {
    Message(Message),
    /// Everything, from the hello on.
    All,
}

impl Client {
    /// Creates a client for which nothing waits.
    pub fn new(id: u64, has_controls: bool) -> Client {
        Client {
            id,
            has_controls,
            waiting: RefCell::new(Waiting {
                greeting: VecDeque::new(),
                texts: VecDeque::new(),
                newest: BTreeMap::new(),
                frames: BTreeMap::new(),
                events: VecDeque::new(),
                left_out: 0,
                is_behind: false,
                has_sent: false,
                window: 1,
                turn: 0,
                pings: VecDeque::new(),
                next_ping: 0,
                pinged_at: Time::now(),
            }),
            wake: Notify::new(),
        }
    }

    /// Lets everything that there is to tell wait, in the place of what waits.
    pub fn greet(&self, texts: VecDeque<Utf8Bytes>) {
        let mut waiting = self.waiting.borrow_mut();
        waiting.greeting = texts;
        waiting.texts.clear();
        waiting.newest.clear();
        waiting.frames.clear();
        // The newest of them are in the greeting.
        waiting.events.clear();
        waiting.is_behind = false;
        drop(waiting);
        self.wake.notify_one();
    }

    /// Lets a text wait.
    pub fn tell(&self, text: impl Into<Utf8Bytes>) {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.texts.len() >= MOST_TEXTS {
            waiting.texts.clear();
            waiting.is_behind = true;
        }
        // One that is behind is told this with everything else.
        if !waiting.is_behind {
            waiting.texts.push_back(text.into());
        }
        drop(waiting);
        self.wake.notify_one();
    }

    /// Lets an event wait.
    pub fn tell_event(&self, event: Happened) {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.events.len() >= MOST_EVENTS {
            let oldest = waiting.events.iter().position(|each| !each.is_error);
            waiting.events.remove(oldest.unwrap_or_default());
            waiting.left_out = waiting.left_out.saturating_add(1);
        }
        waiting.events.push_back(event);
        drop(waiting);
        self.wake.notify_one();
    }

    /// Lets the newest text of its kind of an arm wait, in the place of an older one.
    pub fn tell_newest(&self, arm: u16, kind: Newest, text: Utf8Bytes) {
        let mut waiting = self.waiting.borrow_mut();
        waiting.newest.insert((arm, kind), text);
        drop(waiting);
        self.wake.notify_one();
    }

    /// Lets the newest frame of an arm wait, in the place of an older one.
    pub fn show(&self, arm: u16, frame: &Bytes) {
        let mut waiting = self.waiting.borrow_mut();
        waiting.frames.insert(arm, frame.clone());
        drop(waiting);
        self.wake.notify_one();
    }

    /// Forgets the texts of an arm that wait and have been replaced.
    pub fn forget_newest(&self, arm: u16) {
        let mut waiting = self.waiting.borrow_mut();
        waiting.newest.retain(|&(each, _), _| each != arm);
    }

    /// Forgets what waits of an arm's session, but for its events.
    pub fn forget_session(&self, arm: u16) {
        self.forget_newest(arm);
        self.waiting.borrow_mut().frames.remove(&arm);
    }

    /// Forgets what waits of an arm.
    pub fn forget(&self, arm: u16) {
        self.forget_session(arm);
        let mut waiting = self.waiting.borrow_mut();
        waiting.events.retain(|each| each.arm != arm);
    }

    /// Takes what is sent next. Texts come before frames, so that a frame's arm is known.
    pub fn next(&self, now: Time) -> Option<Next> {
        let mut waiting = self.waiting.borrow_mut();
        // A greeting is sent to its end, so that a slow client gets on.
        if let Some(text) = waiting.greeting.pop_front() {
            return Some(waiting.sent(Message::Text(text)));
        }
        if waiting.is_behind {
            return Some(Next::All);
        }
        if let Some(text) = waiting.texts.pop_front() {
            return Some(waiting.sent(Message::Text(text)));
        }
        if waiting.is_fresh(now)
            && let Some(message) = waiting.in_turn()
        {
            return Some(waiting.sent(message));
        }
        let since = now.since(waiting.pinged_at);
        let is_due = waiting.window < MOST_PINGS || since >= PING_AFTER;
        if waiting.has_sent && is_due || since >= PING_EACH {
            return Some(waiting.ping(now));
        }
        None
    }

    /// Notes that the client has what it was sent before a ping.
    pub fn answered(&self, ping: &[u8], now: Time) {
        let Ok(number) = <[u8; 8]>::try_from(ping).map(u64::from_le_bytes) else {
            return;
        };
        let mut waiting = self.waiting.borrow_mut();
        let asked = waiting.pings.iter().find(|&&(asked, _)| asked == number);
        if let Some(&(_, sent)) = asked {
            waiting.window = match now.since(sent) < SOON {
                true => waiting.window.saturating_add(1).min(MOST_PINGS),
                false => 1,
            };
            waiting.pings.retain(|&(asked, _)| asked > number);
        }
        drop(waiting);
        self.wake.notify_one();
    }

    /// Returns true if the client has answered nothing for too long.
    pub fn is_lost(&self, now: Time) -> bool {
        let waiting = self.waiting.borrow();
        let oldest = waiting.pings.front();
        oldest.is_some_and(|&(_, sent)| now.since(sent) > LOST_AFTER)
    }

    /// Waits until something may wait for the client.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Lets the connection look whether it is to end.
    pub fn wake(&self) {
        self.wake.notify_one();
    }
}

impl Waiting {
    fn sent(&mut self, message: Message) -> Next {
        self.has_sent = true;
        Next::Message(message)
    }

    /// Takes what can be replaced or left out: a frame, a text and an event in turn, so that each gets on.
    fn in_turn(&mut self) -> Option<Message> {
        for kind in (self.turn..).take(3).map(|turn| turn % 3) {
            self.turn = (kind + 1) % 3;
            let message = match kind {
                0 => self
                    .frames
                    .pop_first()
                    .map(|(_, frame)| Message::Binary(frame)),
                1 => self.newest.pop_first().map(|(_, text)| Message::Text(text)),
                _ => self.event(),
            };
            if message.is_some() {
                return message;
            }
        }
        None
    }

    fn event(&mut self) -> Option<Message> {
        let left_out = std::mem::take(&mut self.left_out);
        if left_out > 0 {
            let text = Told::LeftOut { events: left_out }.json();
            return Some(Message::text(text));
        }
        self.events
            .pop_front()
            .map(|event| Message::Text(event.text))
    }

    /// Returns true if the client has got all but the newest of what it was sent.
    fn is_fresh(&self, now: Time) -> bool {
        let has_room = !self.has_sent && self.pings.len() < self.window;
        let oldest = self.pings.front();
        (has_room || self.window == MOST_PINGS)
            && oldest.is_none_or(|&(_, sent)| now.since(sent) < FRESH)
    }

    fn ping(&mut self, now: Time) -> Next {
        let number = self.next_ping;
        self.next_ping = number.wrapping_add(1);
        self.pings.push_back((number, now));
        self.pinged_at = now;
        self.has_sent = false;
        Next::Message(Message::Ping(Bytes::copy_from_slice(&number.to_le_bytes())))
    }
}
