//! A client: the newest frame of each arm, and the texts that wait for it.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::{Bytes, Message};

/// The most texts that wait for a client. One that is so far behind is told everything anew.
const MOST_TEXTS: usize = 256;

/// What waits for a client.
pub(super) struct Client {
    /// Its number among those of the server.
    pub id: u64,
    /// True if it may hold the controls.
    pub has_controls: bool,
    waiting: RefCell<Waiting>,
    wake: Notify,
}

#[derive(Default)]
struct Waiting {
    texts: VecDeque<String>,
    frames: BTreeMap<u16, Bytes>,
    /// True if texts were thrown away, so that the client has to be told everything anew.
    is_behind: bool,
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
            waiting: RefCell::default(),
            wake: Notify::new(),
        }
    }

    /// Lets a text wait.
    pub fn tell(&self, text: String) {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.texts.len() >= MOST_TEXTS {
            waiting.texts.clear();
            waiting.is_behind = true;
        }
        waiting.texts.push_back(text);
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

    /// Takes what is sent next. Texts come before frames, so that a frame's arm is known.
    pub fn next(&self) -> Option<Next> {
        let mut waiting = self.waiting.borrow_mut();
        if std::mem::take(&mut waiting.is_behind) {
            waiting.texts.clear();
            return Some(Next::All);
        }
        if let Some(text) = waiting.texts.pop_front() {
            return Some(Next::Message(Message::text(text)));
        }
        let (_, frame) = waiting.frames.pop_first()?;
        Some(Next::Message(Message::Binary(frame)))
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
