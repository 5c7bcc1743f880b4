//! A client: what it is subscribed to, and what waits for it.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use serde_json::Value;
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Message;

use crate::foxglove::outbox::{Outbox, Shared};
use crate::foxglove::protocol::{self, Request, Subscription};

/// The most refusals that wait for a client; further ones are not told.
const MOST_REFUSALS: usize = 16;

/// What is known of a client.
#[derive(Default)]
pub(super) struct Client {
    state: RefCell<State>,
    wake: Notify,
}

#[derive(Default)]
struct State {
    /// The client's numbers of its subscriptions, by channel.
    subscriptions: HashMap<usize, u32>,
    /// How many channels it was told of.
    advertised: usize,
    refusals: VecDeque<String>,
    outbox: Outbox,
}

impl Client {
    /// Returns true if the client is subscribed to the channel.
    pub fn wants(&self, channel: usize) -> bool {
        self.state.borrow().subscriptions.contains_key(&channel)
    }

    /// Adds a message of a channel, if the client is subscribed to it. Returns how many older ones are dropped for it.
    pub fn push(&self, channel: usize, message: &Rc<Shared>) -> u64 {
        let mut state = self.state.borrow_mut();
        match state.subscriptions.get(&channel) {
            Some(&subscription) => state.outbox.push(subscription, Rc::clone(message)),
            None => 0,
        }
    }

    /// Lets the client be sent what waits for it.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Waits until something may wait for the client.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Tells the client why it does not get what it asked for.
    pub fn refuse(&self, why: &str) {
        let mut state = self.state.borrow_mut();
        if state.refusals.len() < MOST_REFUSALS {
            state.refusals.push_back(protocol::refusal(why));
        }
    }

    /// Does what a text asks for, of a server that has so many channels.
    pub fn told(&self, text: &str, channels: usize) {
        match serde_json::from_str(text) {
            Ok(Request::Subscribe { subscriptions }) => {
                for each in subscriptions {
                    self.subscribe(each, channels);
                }
            }
            Ok(Request::Unsubscribe { subscription_ids }) => {
                let mut state = self.state.borrow_mut();
                for id in subscription_ids {
                    let before = state.subscriptions.len();
                    state.subscriptions.retain(|_, of| *of != id);
                    // Looking through what waits takes long: it is done once for each subscription that there was.
                    if state.subscriptions.len() < before {
                        state.outbox.forget(id);
                    }
                }
            }
            Ok(Request::Other) => {
                self.refuse("this server has channels to subscribe to, and nothing else")
            }
            Err(error) => self.refuse(&format!("a text cannot be read: {error}")),
        }
        self.wake();
    }

    fn subscribe(&self, wanted: Subscription, channels: usize) {
        let Subscription { id, channel_id } = wanted;
        let known = usize::try_from(channel_id).ok();
        let Some(channel) = known.filter(|&channel| channel < channels) else {
            return self.refuse(&format!("there is no channel {channel_id}"));
        };
        let mut state = self.state.borrow_mut();
        let is_taken = state.subscriptions.values().any(|&of| of == id);
        if is_taken || state.subscriptions.contains_key(&channel) {
            drop(state);
            return self.refuse(&format!(
                "subscription {id} to channel {channel_id} is ignored: the number or the channel has one already"
            ));
        }
        state.subscriptions.insert(channel, id);
    }

    /// Returns what is sent next, of a server that has these channels, and whether it is a message of a channel.
    pub fn next(&self, channels: &[Value]) -> Option<(Message, bool)> {
        let mut state = self.state.borrow_mut();
        if let Some(new @ [_, ..]) = channels.get(state.advertised..) {
            state.advertised = channels.len();
            return Some((Message::text(protocol::advertise(new)), false));
        }
        if let Some(text) = state.refusals.pop_front() {
            return Some((Message::text(text), false));
        }
        let (subscription, message) = state.outbox.pop()?;
        let frame = protocol::frame(subscription, message.log_time, &message.bytes);
        Some((Message::binary(frame), true))
    }
}
