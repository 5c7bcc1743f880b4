//! What the connections share: the arms that are shown, and the clients.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::{Arc, Weak};

use kilohertz_core::lease::Lease;
use kilohertz_core::session::roll::Place;
use kilohertz_core::timing::time::Time;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::page::arm::{Arm, free_name};
use crate::page::client::{Client, Happened, Newest};
use crate::page::controls::{Controlled, Controls};
use crate::page::protocol::{ArmInfo, EventInfo, PageCommand, ReportInfo, RunInfo, Told, VERSION};
use crate::page::stops::Stops;
use crate::page::watched::{Frame, Watched};

/// How many arms are shown whose sessions have ended. The oldest of more are forgotten.
const MOST_ENDED: usize = 32;
/// The most events that are taken of a session at once.
const MOST_AT_ONCE: usize = 64;
/// How many stops are remembered until what they have asked to end is over.
const MOST_STOPS: usize = 64;
/// After so many frames the statistics are told.
const STATS_EACH: u32 = 15;
/// At most one chunk in so many frames is told.
const CHUNK_EACH: u32 = 6;

/// A stop, until all that it has asked to end is over.
struct Stopping {
    client: Rc<Client>,
    number: u32,
    places: Vec<Arc<Place>>,
    sessions: Vec<Arc<dyn Watched>>,
}

/// What the connections share.
pub(super) struct Hub {
    controls: Controls,
    pages: Cell<u64>,
    runs: Vec<RunInfo>,
    arms: RefCell<Vec<Arm>>,
    /// How many sessions were added.
    added: Cell<u64>,
    next_id: Cell<u16>,
    /// How many arms were forgotten.
    forgotten: Cell<u32>,
    /// What drives the robots, by the names that they have here.
    robots: RefCell<Vec<(String, Weak<Stops>)>>,
    stopping: RefCell<Vec<Stopping>>,
    clients: RefCell<Vec<Rc<Client>>>,
    frames: Cell<u32>,
    is_over: Cell<bool>,
}

impl Hub {
    /// Creates it with the recorded runs that can be played.
    pub fn new(runs: Vec<RunInfo>, lease: Arc<Lease>) -> Hub {
        Hub {
            controls: Controls::new(lease),
            pages: Cell::new(0),
            runs,
            arms: RefCell::default(),
            added: Cell::new(0),
            next_id: Cell::new(0),
            forgotten: Cell::new(0),
            robots: RefCell::default(),
            stopping: RefCell::default(),
            clients: RefCell::default(),
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
        let mut stopping = self.stopping.borrow_mut();
        stopping.retain(|stop| !Rc::ptr_eq(&stop.client, client));
        drop(stopping);
        self.release(Some(client.id));
    }

    /// Tells a client everything.
    pub fn greet(&self, client: &Client) {
        let arms = self.arms.borrow();
        let hello = Told::Hello {
            version: VERSION,
            package: env!("CARGO_PKG_VERSION").to_owned(),
            has_controls: client.has_controls,
            arms: arms.iter().map(|arm| arm.info.clone()).collect(),
            runs: self.runs.clone(),
            forgotten: self.forgotten.get(),
        };
        let mut texts = VecDeque::from([hello.json().into()]);
        for arm in arms.iter() {
            let known = arm.stats.iter().chain(&arm.report).chain(&arm.events);
            texts.extend(known.cloned());
        }
        if client.has_controls {
            texts.push_back(self.holder(client).json().into());
        }
        client.greet(texts);
        for arm in arms.iter() {
            if let Some(frame) = &arm.shown {
                client.show(arm.info.id, frame);
            }
        }
    }

    fn tell(&self, told: &Told) {
        self.tell_text(&told.json().into());
    }

    fn tell_text(&self, text: &Utf8Bytes) {
        for client in self.clients.borrow().iter() {
            client.tell(text.clone());
        }
    }

    fn tell_event(&self, event: &Happened) {
        for client in self.clients.borrow().iter() {
            client.tell_event(event.clone());
        }
    }

    fn tell_newest(&self, arm: u16, kind: Newest, text: &Utf8Bytes) {
        for client in self.clients.borrow().iter() {
            client.tell_newest(arm, kind, text.clone());
        }
    }

    /// Returns a number that no arm has.
    fn new_id(&self, arms: &[Arm]) -> u16 {
        loop {
            let id = self.next_id.get();
            self.next_id.set(id.wrapping_add(1));
            if arms.iter().all(|arm| arm.info.id != id) {
                return id;
            }
        }
    }

    /// Forgets the oldest arms whose sessions have ended, if there are too many.
    fn forget(&self) {
        let mut arms = self.arms.borrow_mut();
        loop {
            let ended = |arm: &&Arm| arm.session.is_none() && arm.controlled.is_none();
            if arms.iter().filter(ended).count() <= MOST_ENDED {
                return;
            }
            let oldest = arms.iter().filter(ended).min_by_key(|arm| arm.nth);
            let Some(arm) = oldest.map(|arm| arm.info.id) else {
                return;
            };
            arms.retain(|each| each.info.id != arm);
            let forgotten = self.forgotten.get().saturating_add(1);
            self.forgotten.set(forgotten);
            for client in self.clients.borrow().iter() {
                client.forget(arm);
            }
            self.tell(&Told::Gone { arm, forgotten });
        }
    }

    /// Lets the page stop what drives the robot with this name.
    pub fn stands(&self, name: String, stops: Weak<Stops>) {
        let mut robots = self.robots.borrow_mut();
        robots.retain(|(each, known)| known.strong_count() > 0 && *each != name);
        robots.push((name, stops));
    }

    /// Shows a session. It takes the place of one of the same name that has ended; beside one that still runs it is
    /// shown under another name.
    pub fn add(&self, session: Arc<dyn Watched>) {
        let mut arms = self.arms.borrow_mut();
        let mut info = session.info();
        info.name = free_name(&arms, &info.name);
        let known = arms.iter().position(|arm| arm.info.name == info.name);
        let (id, before) = match known {
            Some(at) => (arms[at].info.id, arms[at].info.session),
            None => (self.new_id(&arms), 0),
        };
        let controlled = known.and_then(|at| arms[at].controlled.clone());
        let is_controlled = info.is_controlled;
        let mut arm = Arm::new(ArmInfo {
            id,
            is_running: true,
            has_controls: controlled.is_some(),
            session: before.saturating_add(1),
            ..info
        });
        arm.nth = self.added.get();
        self.added.set(arm.nth.saturating_add(1));
        arm.session = Some(session);
        arm.controlled = controlled;
        // What the controls do belongs to what happened before.
        if let Some(at) = known.filter(|_| is_controlled) {
            arm.events = std::mem::take(&mut arms[at].events);
            arm.report = arms[at].report.take();
        }
        let info = arm.info.clone();
        match known {
            Some(at) => arms[at] = arm,
            None => arms.push(arm),
        }
        drop(arms);
        for client in self.clients.borrow().iter() {
            client.forget_session(id);
        }
        self.tell(&Told::Arm { arm: info });
    }

    /// Tells an event of the newest session with this name.
    pub fn note(&self, name: &str, event: EventInfo) {
        let mut arms = self.arms.borrow_mut();
        let found = arms.iter_mut().find(|arm| arm.info.name == name);
        let told = found.map(|arm| arm.happened(event));
        drop(arms);
        if let Some(event) = told {
            self.tell_event(&event);
        }
    }

    /// Tells a report of the newest session with this name.
    pub fn report(&self, name: &str, report: ReportInfo) {
        let is_over = report.is_over;
        let mut arms = self.arms.borrow_mut();
        let Some(arm) = arms.iter_mut().find(|arm| arm.info.name == name) else {
            return;
        };
        let (id, text) = (arm.info.id, arm.reported(report));
        drop(arms);
        if !is_over {
            return self.tell_newest(id, Newest::Report, &text);
        }
        // Nothing takes its place any more: it is told in any case, and an older one is not told after it.
        for client in self.clients.borrow().iter() {
            client.forget_newest(id);
        }
        self.tell_text(&text);
    }

    /// Brings an arm, or all arms, to rest, and ends what drives it or is about to, whichever part of the program has
    /// started that.
    pub fn stop(&self, client: &Rc<Client>, arm: Option<u16>, number: u32) -> Result<(), String> {
        let arms = self.arms.borrow();
        let is_it = |each: &&Arm| arm.is_none_or(|arm| arm == each.info.id);
        if let Some(arm) = arm
            && !arms.iter().any(|each| is_it(&each))
        {
            return Err(format!("there is no arm {arm}"));
        }
        let sessions = arms.iter().filter(is_it);
        let sessions: Vec<_> = sessions.filter_map(|each| each.session.clone()).collect();
        for session in &sessions {
            session.stop();
        }
        let is_named = |name: &String| {
            let mut found = arms.iter().filter(is_it);
            arm.is_none() || found.any(|each| each.info.name == *name)
        };
        let mut places = Vec::new();
        for (name, stops) in self.robots.borrow().iter() {
            if let Some(stops) = stops.upgrade().filter(|_| is_named(name)) {
                places.extend(stops.stop());
            }
        }
        drop(arms);
        // Also what was asked for and has not begun.
        self.release(None);
        let asked = sessions.len().max(places.len());
        client.tell(
            Told::Stopping {
                number,
                asked: u32::try_from(asked).unwrap_or(u32::MAX),
            }
            .json(),
        );
        let mut stopping = self.stopping.borrow_mut();
        stopping.retain(|stop| !Rc::ptr_eq(&stop.client, client) || stop.number != number);
        if stopping.len() >= MOST_STOPS {
            stopping.remove(0);
        }
        stopping.push(Stopping {
            client: Rc::clone(client),
            number,
            places,
            sessions,
        });
        Ok(())
    }

    /// Tells who has asked for a stop when all that it has asked to end is over.
    fn tell_stopped(&self) {
        self.stopping.borrow_mut().retain(|stop| {
            let is_over = stop.places.iter().all(|place| place.is_over())
                && stop.sessions.iter().all(|session| session.end().is_some());
            if is_over {
                let number = stop.number;
                stop.client.tell(Told::Stopped { number }.json());
            }
            !is_over
        });
    }

    /// Lets the controls move an arm, and shows how it stands if no session has shown it.
    pub fn control(&self, info: ArmInfo, stands: Frame, controlled: Arc<dyn Controlled>) {
        let mut arms = self.arms.borrow_mut();
        let at = match arms.iter().position(|arm| arm.info.name == info.name) {
            Some(at) => at,
            None => {
                let id = self.new_id(&arms);
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
        let mut has_ended = false;
        for arm in self.arms.borrow_mut().iter_mut() {
            let Some(session) = arm.session.clone() else {
                continue;
            };
            let id = arm.info.id;
            // Looked at first: what came before the end is shown before it.
            let end = session.end();
            if session.frame(&mut arm.seen, &mut arm.frame) {
                let bytes = arm.show();
                for client in self.clients.borrow().iter() {
                    client.show(id, &bytes);
                }
            }
            if count.is_multiple_of(CHUNK_EACH)
                && let Some(chunk) = session.chunk(&mut arm.seen_chunk)
            {
                let text = Told::Chunk { arm: id, chunk }.json().into();
                self.tell_newest(id, Newest::Chunk, &text);
            }
            // Nothing happens any more in one that has ended.
            let most = if end.is_some() {
                usize::MAX
            } else {
                MOST_AT_ONCE
            };
            for event in std::iter::from_fn(|| session.take_event()).take(most) {
                self.tell_event(&arm.happened(event));
            }
            if count.is_multiple_of(STATS_EACH) || end.is_some() {
                let stats = session.stats();
                let text: Utf8Bytes = Told::Stats { arm: id, stats }.json().into();
                match end {
                    Some(_) => {
                        for client in self.clients.borrow().iter() {
                            client.forget_newest(id);
                        }
                        self.tell_text(&text);
                    }
                    None => self.tell_newest(id, Newest::Stats, &text),
                }
                arm.stats = Some(text);
            }
            if let Some(end) = end {
                if let Some(event) = end {
                    self.tell_event(&arm.happened(event));
                }
                arm.session = None;
                arm.info.is_running = false;
                let arm = arm.info.clone();
                self.tell(&Told::Arm { arm });
                has_ended = true;
            }
        }
        if has_ended {
            self.forget();
        }
        self.tell_stopped();
    }
}
