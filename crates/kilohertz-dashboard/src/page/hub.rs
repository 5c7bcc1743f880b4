//! What the connections share: the arms that are shown, and the clients.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use kilohertz_core::lease::Lease;
use kilohertz_core::session::Seen;
use kilohertz_core::timing::time::Time;
use tokio_tungstenite::tungstenite::Bytes;

use crate::page::client::Client;
use crate::page::controls::{Controlled, Controls};
use crate::page::protocol::{ArmInfo, EventInfo, PageCommand, RunInfo, Told, VERSION};
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
    /// What the controls move it with.
    controlled: Option<Arc<dyn Controlled>>,
    seen: Seen,
    seen_chunk: Seen,
    frame: Frame,
    /// The newest frame as it is sent.
    shown: Option<Bytes>,
    stats: Option<String>,
    events: VecDeque<String>,
}

/// What the connections share.
pub(super) struct Hub {
    controls: Controls,
    pages: Cell<u64>,
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
    pub fn new(runs: Vec<RunInfo>, lease: Arc<Lease>) -> Hub {
        Hub {
            controls: Controls::new(lease),
            pages: Cell::new(0),
            runs,
            arms: RefCell::default(),
            clients: RefCell::default(),
            connections: Cell::new(0),
            frames: Cell::new(0),
            is_over: Cell::new(false),
        }
    }

    /// Returns the number of a page that opens.
    pub fn next_page(&self) -> u64 {
        let page = self.pages.get();
        self.pages.set(page.saturating_add(1));
        page
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
        self.release(None);
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
        drop(clients);
        self.release(Some(client.id));
    }

    /// Tells a client everything.
    pub fn greet(&self, client: &Client) {
        let arms = self.arms.borrow();
        client.tell(
            Told::Hello {
                version: VERSION,
                package: env!("CARGO_PKG_VERSION").to_owned(),
                has_controls: client.has_controls,
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
        if client.has_controls {
            client.tell(self.holder(client).json());
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
        let controlled = known.and_then(|at| arms[at].controlled.clone());
        let is_controlled = info.is_controlled;
        let mut arm = Arm::new(ArmInfo {
            id,
            is_running: true,
            has_controls: controlled.is_some(),
            session: before.saturating_add(1),
            ..info
        });
        arm.session = Some(session);
        arm.controlled = controlled;
        // What the controls do belongs to what happened before.
        if let Some(at) = known.filter(|_| is_controlled) {
            arm.events = std::mem::take(&mut arms[at].events);
        }
        let info = arm.info.clone();
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

    /// Brings an arm, or all arms, to rest, and whatever the controls move.
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
        drop(arms);
        // Also what was asked for and has not begun.
        self.release(None);
        Ok(())
    }

    /// Lets the controls move an arm, and shows how it stands if no session has shown it.
    pub fn control(&self, info: ArmInfo, stands: Frame, controlled: Arc<dyn Controlled>) {
        let mut arms = self.arms.borrow_mut();
        let at = match arms.iter().position(|arm| arm.info.name == info.name) {
            Some(at) => at,
            None => {
                let id = u16::try_from(arms.len()).unwrap_or(u16::MAX);
                let mut arm = Arm::new(ArmInfo {
                    id,
                    is_running: false,
                    ..info
                });
                arm.frame = stands;
                arm.show();
                arms.push(arm);
                arms.len().saturating_sub(1)
            }
        };
        let arm = &mut arms[at];
        arm.controlled = Some(controlled);
        arm.info.has_controls = true;
        let (info, shown) = (arm.info.clone(), arm.shown.clone());
        drop(arms);
        let id = info.id;
        self.tell(&Told::Arm { arm: info });
        if let Some(frame) = shown {
            for client in self.clients.borrow().iter() {
                client.show(id, &frame);
            }
        }
    }

    /// Returns what a client is told of who holds the controls.
    fn holder(&self, client: &Client) -> Told {
        let holder = self.controls.holder();
        let is_you = holder == Some(client.id);
        Told::Holder {
            is_you,
            is_taken: holder.is_some() && !is_you,
        }
    }

    fn tell_holder(&self) {
        for client in self.clients.borrow().iter() {
            if client.has_controls {
                client.tell(self.holder(client).json());
            }
        }
    }

    /// Gives the controls to a page.
    pub fn hold(&self, page: u64, now: Time) -> Result<(), String> {
        self.controls.hold(page, now)?;
        self.tell_holder();
        self.beat(now);
        Ok(())
    }

    /// Takes the controls from a page, or from whichever page has them: what they move is brought to rest.
    pub fn release(&self, page: Option<u64>) {
        if self.controls.release(page) {
            self.let_go();
            self.tell_holder();
        }
    }

    /// Lets each arm end what the lease does not end.
    fn let_go(&self) {
        for arm in self.arms.borrow().iter() {
            if let Some(controlled) = &arm.controlled {
                controlled.let_go();
            }
        }
    }

    /// Asks the page that holds the controls whether it is there.
    pub fn beat(&self, now: Time) {
        let Some(page) = self.controls.holder() else {
            return;
        };
        if self.controls.grant(page, now).is_err() {
            self.let_go();
        }
        let Some((page, beat)) = self.controls.ask(now) else {
            return self.tell_holder();
        };
        for client in self.clients.borrow().iter() {
            if client.id == page {
                client.tell(Told::Beat { beat }.json());
            }
        }
    }

    /// Notes that a page has answered a beat.
    pub fn answered(&self, page: u64, beat: u32) -> Result<u64, String> {
        self.controls.answered(page, beat)
    }

    /// Returns what the controls move an arm with.
    fn controlled(&self, id: u16) -> Result<Arc<dyn Controlled>, String> {
        let arms = self.arms.borrow();
        let found = arms.iter().find(|arm| arm.info.id == id);
        let arm = found.ok_or_else(|| format!("there is no arm {id}"))?;
        if arm.session.is_some() && !arm.info.is_controlled {
            return Err(format!(
                "a session of the program drives {}: stop it before you use the controls",
                arm.info.name
            ));
        }
        let controlled = arm.controlled.clone();
        controlled.ok_or_else(|| format!("{} has no controls", arm.info.name))
    }

    /// Starts what a page asks of an arm.
    pub fn start(
        &self,
        page: u64,
        arm: u16,
        control: PageCommand,
        now: Time,
    ) -> Result<(), String> {
        let grant = self.controls.grant(page, now)?;
        self.controlled(arm)?.start(control, grant)
    }

    /// Turns a joint of an arm, or lets none turn.
    pub fn jog(
        &self,
        page: u64,
        arm: u16,
        joint: u8,
        direction: i8,
        now: Time,
    ) -> Result<(), String> {
        if joint > 6 {
            return Err(format!("there is no joint {joint}: expected 0 to 6"));
        }
        let is_up = match direction {
            -1 => false,
            0 => {
                self.controlled(arm)?.end_jog();
                return Ok(());
            }
            1 => true,
            _ => return Err(format!("direction {direction}: expected -1, 0 or 1")),
        };
        let grant = self.controls.grant(page, now)?;
        self.controlled(arm)?.jog(joint, is_up, grant)
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
                let bytes = arm.show();
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
    /// Creates an arm of which nothing is shown yet.
    fn new(info: ArmInfo) -> Arm {
        Arm {
            info,
            session: None,
            controlled: None,
            seen: Seen::default(),
            seen_chunk: Seen::default(),
            frame: Frame::default(),
            shown: None,
            stats: None,
            events: VecDeque::new(),
        }
    }

    /// Keeps the frame as it is sent, and returns it.
    fn show(&mut self) -> Bytes {
        let mut bytes = Vec::new();
        self.frame.write(self.info.id, wall_time_s(), &mut bytes);
        let bytes = Bytes::from(bytes);
        self.shown = Some(bytes.clone());
        bytes
    }

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
