//! What the connections share: the channels, the clients, and the counts.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use kilohertz_record::encoder::{Channel, Message, Outlet};
use kilohertz_record::error::RecordError;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message as Frame;

use crate::foxglove::client::Client;
use crate::foxglove::outbox::Shared;
use crate::foxglove::protocol;

/// What the thread and its owner share.
#[derive(Default)]
pub(super) struct Status {
    pub stop: AtomicBool,
    pub clients: AtomicU64,
    pub sent: AtomicU64,
    pub dropped: AtomicU64,
    pub lost: AtomicU64,
}

/// What the connections share.
pub(super) struct Hub {
    run: String,
    channels: RefCell<Vec<Value>>,
    clients: RefCell<Vec<Rc<Client>>>,
    connections: Cell<usize>,
    is_over: Cell<bool>,
    status: Arc<Status>,
}

impl Hub {
    /// Creates it without a client. `run` tells this run from others.
    pub fn new(run: String, status: Arc<Status>) -> Hub {
        Hub {
            run,
            channels: RefCell::default(),
            clients: RefCell::default(),
            connections: Cell::new(0),
            is_over: Cell::new(false),
            status,
        }
    }

    /// Returns how many connections there are, those in their handshake among them.
    pub fn connections(&self) -> usize {
        self.connections.get()
    }

    /// Counts a connection that begins.
    pub fn connected(&self) {
        self.connections.set(self.connections.get() + 1);
    }

    /// Counts a connection that has ended.
    pub fn disconnected(&self) {
        self.connections
            .set(self.connections.get().saturating_sub(1));
    }

    /// Lets each connection end when its client has what waits for it.
    pub fn end(&self) {
        self.is_over.set(true);
        self.wake();
    }

    /// Returns what tells this run from others.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// Returns how many channels there are.
    pub fn channels(&self) -> usize {
        self.channels.borrow().len()
    }

    /// Returns true once the session has ended.
    pub fn is_over(&self) -> bool {
        self.is_over.get()
    }

    /// Returns what a client is sent next, and whether it is a message of a channel.
    pub fn next_for(&self, client: &Client) -> Option<(Frame, bool)> {
        client.next(&self.channels.borrow())
    }

    /// Counts what was sent.
    pub fn sent(&self, is_data: bool) {
        self.status
            .sent
            .fetch_add(u64::from(is_data), Ordering::Relaxed);
    }

    /// Adds a client.
    pub fn join(&self, client: &Rc<Client>) {
        self.clients.borrow_mut().push(Rc::clone(client));
        self.status.clients.fetch_add(1, Ordering::Relaxed);
    }

    /// Removes a client.
    pub fn leave(&self, client: &Rc<Client>) {
        self.clients
            .borrow_mut()
            .retain(|each| !Rc::ptr_eq(each, client));
        self.status.clients.fetch_sub(1, Ordering::Relaxed);
    }

    /// Lets all clients be sent what waits for them.
    pub fn wake(&self) {
        for client in self.clients.borrow().iter() {
            client.wake();
        }
    }

    /// Counts what was handed over and can be shown to nobody.
    pub fn lost(&self, count: u64) {
        self.status.lost.fetch_add(count, Ordering::Relaxed);
    }
}

impl Outlet for &Hub {
    fn announce(&mut self, channel: Channel) -> Result<(), RecordError> {
        let mut channels = self.channels.borrow_mut();
        let number = channels.len();
        channels.push(protocol::advertised(number, &channel));
        Ok(())
    }

    fn wants(&self, channel: usize) -> bool {
        let clients = self.clients.borrow();
        clients.iter().any(|client| client.wants(channel))
    }

    fn put(&mut self, message: Message<'_>) -> Result<(), RecordError> {
        let shared = Rc::new(Shared {
            log_time: message.log_time,
            bytes: message.bytes.into(),
        });
        let clients = self.clients.borrow();
        let dropped: u64 = clients
            .iter()
            .map(|client| client.push(message.channel, &shared))
            .sum();
        self.status.dropped.fetch_add(dropped, Ordering::Relaxed);
        Ok(())
    }
}
