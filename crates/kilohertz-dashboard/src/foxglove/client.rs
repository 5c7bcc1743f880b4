//! One connection: what it is subscribed to, and how it is sent what waits for it.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

use crate::foxglove::outbox::{Outbox, Shared};
use crate::foxglove::protocol::{self, Request as Asked, Subscription};
use crate::foxglove::server::Hub;

/// How long a connection may take to become a WebSocket.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(5);
/// A connection that takes nothing for so long is ended.
const SEND_LIMIT: Duration = Duration::from_secs(30);
/// The largest message that is taken from a client \[bytes\].
const LARGEST_REQUEST: usize = 1 << 20;
/// The most refusals that wait for a client; further ones are not told.
const MOST_REFUSALS: usize = 16;
/// The header in which both sides name protocols.
const PROTOCOLS: &str = "sec-websocket-protocol";

type Socket = WebSocketStream<TcpStream>;

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

    fn refuse(&self, why: &str) {
        let mut state = self.state.borrow_mut();
        if state.refusals.len() < MOST_REFUSALS {
            state.refusals.push_back(protocol::refusal(why));
        }
    }

    /// Does what a text asks for.
    fn told(&self, text: &str, channels: usize) {
        match serde_json::from_str(text) {
            Ok(Asked::Subscribe { subscriptions }) => {
                for each in subscriptions {
                    self.subscribe(each, channels);
                }
            }
            Ok(Asked::Unsubscribe { subscription_ids }) => {
                let mut state = self.state.borrow_mut();
                for id in subscription_ids {
                    state.subscriptions.retain(|_, of| *of != id);
                    state.outbox.forget(id);
                }
            }
            Ok(Asked::Other) => {
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

    /// Returns what is sent next, and whether it is a message of a channel.
    fn next(&self, hub: &Hub) -> Option<(Message, bool)> {
        let mut state = self.state.borrow_mut();
        if let Some(text) = hub.advertise(&mut state.advertised) {
            return Some((Message::text(text), false));
        }
        if let Some(text) = state.refusals.pop_front() {
            return Some((Message::text(text), false));
        }
        let (subscription, message) = state.outbox.pop()?;
        let frame = protocol::frame(subscription, message.log_time, &message.bytes);
        Some((Message::binary(frame), true))
    }
}

/// Serves a connection until its end.
pub(super) async fn serve(hub: Rc<Hub>, stream: TcpStream) {
    let Ok(Ok(socket)) = timeout(HANDSHAKE_LIMIT, shake_hands(stream)).await else {
        return;
    };
    let client = Rc::new(Client::default());
    let (sink, stream) = socket.split();
    hub.join(&client);
    // An error of either side ends the connection; the client learns of that by its end.
    tokio::select! {
        _ = send(&hub, &client, sink) => {}
        () = receive(&hub, &client, stream) => {}
    }
    hub.leave(&client);
}

async fn shake_hands(stream: TcpStream) -> Result<Socket, tungstenite::Error> {
    stream.set_nodelay(true)?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(LARGEST_REQUEST))
        .max_frame_size(Some(LARGEST_REQUEST));
    accept_hdr_async_with_config(stream, choose, Some(config)).await
}

#[allow(
    clippy::result_large_err,
    reason = "the type is that of the library's callback"
)]
fn choose(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let offered = request.headers().get_all(PROTOCOLS).iter();
    let offered = offered.map(|value| value.to_str().unwrap_or_default());
    match protocol::chosen(offered) {
        Some(name) => {
            let name = HeaderValue::from_static(name);
            response.headers_mut().insert(PROTOCOLS, name);
            Ok(response)
        }
        None => {
            let spoken = protocol::NAMES.join(" and ");
            let mut refusal = ErrorResponse::new(Some(format!("subprotocols: {spoken}\n")));
            *refusal.status_mut() = StatusCode::BAD_REQUEST;
            Err(refusal)
        }
    }
}

/// Sends what waits, until the session's end. Ends early where the client takes nothing.
async fn send(
    hub: &Hub,
    client: &Client,
    mut sink: SplitSink<Socket, Message>,
) -> Result<(), tungstenite::Error> {
    let late = |_| tungstenite::Error::ConnectionClosed;
    let info = Message::text(protocol::server_info(hub.run()));
    timeout(SEND_LIMIT, sink.send(info)).await.map_err(late)??;
    loop {
        while let Some((message, is_data)) = client.next(hub) {
            timeout(SEND_LIMIT, sink.feed(message))
                .await
                .map_err(late)??;
            hub.sent(is_data);
        }
        timeout(SEND_LIMIT, sink.flush()).await.map_err(late)??;
        if hub.is_over() {
            return sink.close().await;
        }
        client.wake.notified().await;
    }
}

/// Takes what the client asks for, until the connection's end.
async fn receive(hub: &Hub, client: &Client, mut stream: SplitStream<Socket>) {
    while let Some(Ok(message)) = stream.next().await {
        match message {
            Message::Text(text) => client.told(&text, hub.channels()),
            Message::Binary(_) => {
                client.refuse("this server takes no messages");
                client.wake();
            }
            _ => {}
        }
    }
}
