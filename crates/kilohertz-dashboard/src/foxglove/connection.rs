//! A connection from its handshake to its end.

use std::rc::Rc;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

use crate::foxglove::client::Client;
use crate::foxglove::hub::Hub;
use crate::foxglove::protocol;

/// How long a connection may take to become a WebSocket.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(5);
/// A connection that takes nothing for so long is ended.
const SEND_LIMIT: Duration = Duration::from_secs(30);
/// The largest message that is taken from a client \[bytes\].
const LARGEST_REQUEST: usize = 1 << 20;
/// The header in which both sides name protocols.
const PROTOCOLS: &str = "sec-websocket-protocol";

type Socket = WebSocketStream<TcpStream>;

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
        while let Some((message, is_data)) = hub.next_for(client) {
            timeout(SEND_LIMIT, sink.feed(message))
                .await
                .map_err(late)??;
            hub.sent(is_data);
        }
        timeout(SEND_LIMIT, sink.flush()).await.map_err(late)??;
        if hub.is_over() {
            return sink.close().await;
        }
        client.woken().await;
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
