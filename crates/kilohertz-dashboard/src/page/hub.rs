//! What the connections share: the arms that are shown, and the clients.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use kilohertz_core::session::Seen;
use tokio_tungstenite::tungstenite::Bytes;

use crate::page::client::Client;
use crate::page::protocol::{ArmInfo, EventInfo, RunInfo, Told, VERSION};
use crate::page::watched::{Frame, Watched};

/// How many events of an arm a page is told that opens later.
const KEPT_EVENTS: usize = 100;
/// After so many frames the statistics are told.
const STATS_EACH: u32 = 15;
/// At most one chunk in so many frames is told.
const CHUNK_EACH: u32 = 6;

/// An arm that is shown.
struct Arm {
    info: ArmInfo,
    /// The session that runs.
    session: Option<Arc<dyn Watched>>,
    seen: Seen,
    seen_chunk: Seen,
    frame: Frame,
    /// The newest frame as it is sent.
    shown: Option<Bytes>,
    stats: Option<String>,
    events: VecDeque<String>,
}

/// What the connections share.
#[derive(Default)]
pub(super) struct Hub {
    runs: Vec<RunInfo>,
    arms: RefCell<Vec<Arm>>,
    clients: RefCell<Vec<Rc<Client>>>,
    connections: Cell<usize>,
    frames: Cell<u32>,
    is_over: Cell<bool>,
}

/// Returns the wall time \[s\].
pub fn wall_time_s() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}

impl Hub {
    /// Creates it with the recorded runs that can be played.
    pub fn new(runs: Vec<RunInfo>) -> Hub {
        Hub {
            runs,
            ..Hub::default()
        }
    }

    /// Returns how many connections there are.
    pub fn connections(&self) -> usize {
        self.connections.get()
    }

    /// Counts a connection that begins.
    pub fn connected(&self) {
        self.connections
            .set(self.connections.get().saturating_add(1));
    }

    /// Counts a connection that has ended.
    pub fn disconnected(&self) {
        self.connections
            .set(self.connections.get().saturating_sub(1));
    }

    /// Returns true if a page is open.
    pub fn has_clients(&self) -> bool {
        !self.clients.borrow().is_empty()
    }

    /// Returns true once the server ends.
    pub fn is_over(&self) -> bool {
        self.is_over.get()
    }

    /// Lets each connection end.
    pub fn end(&self) {
        self.is_over.set(true);
        for client in self.clients.borrow().iter() {
            client.wake();
        }
    }

    /// Adds a page that was opened.
    pub fn join(&self, client: &Rc<Client>) {
        self.greet(client);
        self.clients.borrow_mut().push(Rc::clone(client));
    }

    /// Removes a page that was closed.
    pub fn leave(&self, client: &Rc<Client>) {
        let mut clients = self.clients.borrow_mut();
        clients.retain(|each| !Rc::ptr_eq(each, client));
    }

    /// Tells a client everything.
    pub fn greet(&self, client: &Client) {
        let arms = self.arms.borrow();
        client.tell(
            Told::Hello {
                version: VERSION,
                package: env!("CARGO_PKG_VERSION").to_owned(),
                has_controls: false,
                arms: arms.iter().map(|arm| arm.info.clone()).collect(),
                runs: self.runs.clone(),
            }
            .json(),
        );
        for arm in arms.iter() {
            for text in arm.stats.iter().chain(&arm.events) {
                client.tell(text.clone());
            }
            if let Some(frame) = &arm.shown {
                client.show(arm.info.id, frame);
            }
        }
    }

    fn tell(&self, told: &Told) {
        self.tell_text(&told.json());
    }

    fn tell_text(&self, text: &str) {
        for client in self.clients.borrow().iter() {
            client.tell(text.to_owned());
        }
    }

    /// Shows a session. One of the same name takes the place of the one before.
    pub fn add(&self, session: Arc<dyn Watched>) {
        let mut arms = self.arms.borrow_mut();
        let info = session.info();
        let known = arms.iter().position(|arm| arm.info.name == info.name);
        let next = u16::try_from(arms.len()).unwrap_or(u16::MAX);
        let at = known.unwrap_or(arms.len());
        let (id, before) = known.map_or((next, 0), |at| (arms[at].info.id, arms[at].info.session));
        let info = ArmInfo {
            id,
            is_running: true,
            session: before.saturating_add(1),
            ..info
        };
        let arm = Arm {
            info: info.clone(),
            session: Some(session),
            seen: Seen::default(),
            seen_chunk: Seen::default(),
            frame: Frame::default(),
            shown: None,
            stats: None,
            events: VecDeque::new(),
        };
        match known {
            Some(_) => arms[at] = arm,
            None => arms.push(arm),
        }
        drop(arms);
        self.tell(&Told::Arm { arm: info });
    }

    /// Tells an event of the newest session with this name.
    pub fn note(&self, name: &str, event: EventInfo) {
        let mut arms = self.arms.borrow_mut();
        let found = arms.iter_mut().find(|arm| arm.info.name == name);
        let told = found.map(|arm| arm.happened(event));
        drop(arms);
        if let Some(text) = told {
            self.tell_text(&text);
        }
    }

    /// Brings an arm, or all arms, to rest.
    pub fn stop(&self, arm: Option<u16>) -> Result<(), String> {
        let arms = self.arms.borrow();
        let mut found = arms
            .iter()
            .filter(|each| arm.is_none_or(|arm| arm == each.info.id))
            .peekable();
        if found.peek().is_none() {
            return Err(match arm {
                Some(arm) => format!("there is no arm {arm}"),
                None => "there is no arm".to_owned(),
            });
        }
        for each in found {
            if let Some(session) = &each.session {
                session.stop();
            }
        }
        Ok(())
    }

    /// Looks at each session once, and hands to the clients what is new.
    pub fn look(&self) {
        let count = self.frames.get().wrapping_add(1);
        self.frames.set(count);
        let mut texts = Vec::new();
        for arm in self.arms.borrow_mut().iter_mut() {
            let Some(session) = arm.session.clone() else {
                continue;
            };
            // Looked at first: what came before the end is shown before it.
            let end = session.end();
            if session.frame(&mut arm.seen, &mut arm.frame) {
                let mut bytes = Vec::new();
                arm.frame.write(arm.info.id, wall_time_s(), &mut bytes);
                let bytes = Bytes::from(bytes);
                arm.shown = Some(bytes.clone());
                for client in self.clients.borrow().iter() {
                    client.show(arm.info.id, &bytes);
                }
            }
            if count.is_multiple_of(CHUNK_EACH)
                && let Some(chunk) = session.chunk(&mut arm.seen_chunk)
            {
                let arm = arm.info.id;
                texts.push(Told::Chunk { arm, chunk }.json());
            }
            while let Some(event) = session.take_event() {
                texts.push(arm.happened(event));
            }
            if count.is_multiple_of(STATS_EACH) || end.is_some() {
                let stats = Told::Stats {
                    arm: arm.info.id,
                    stats: session.stats(),
                }
                .json();
                texts.push(stats.clone());
                arm.stats = Some(stats);
            }
            if let Some(end) = end {
                texts.extend(end.map(|event| arm.happened(event)));
                arm.session = None;
                arm.info.is_running = false;
                let arm = arm.info.clone();
                texts.push(Told::Arm { arm }.json());
            }
        }
        for text in texts {
            self.tell_text(&text);
        }
    }
}

impl Arm {
    /// Keeps an event, and returns it as a text.
    fn happened(&mut self, event: EventInfo) -> String {
        let arm = self.info.id;
        let text = Told::Event { arm, event }.json();
        if self.events.len() >= KEPT_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(text.clone());
        text
    }
}
