//! A page that is open, from its handshake to its end.

use std::rc::Rc;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message};

use crate::page::client::{Client, Next};
use crate::page::hub::Hub;
use crate::page::protocol::{Asked, Told};

/// A page that takes nothing for so long is left.
const SEND_LIMIT: Duration = Duration::from_secs(10);
/// The largest message that a page may send \[bytes\].
const LARGEST: usize = 4 << 10;

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Serves a page until it is closed.
pub(super) async fn serve(hub: Rc<Hub>, upgraded: Upgraded) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(LARGEST))
        .max_frame_size(Some(LARGEST));
    let io = TokioIo::new(upgraded);
    let socket: Socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
    let client = Rc::new(Client::default());
    let (sink, stream) = socket.split();
    hub.join(&client);
    // An error of either side ends the connection; the page notices that and connects again.
    tokio::select! {
        _ = send(&hub, &client, sink) => {}
        () = receive(&hub, &client, stream) => {}
    }
    hub.leave(&client);
}

async fn send(
    hub: &Hub,
    client: &Client,
    mut sink: SplitSink<Socket, Message>,
) -> Result<(), tungstenite::Error> {
    let late = |_| tungstenite::Error::ConnectionClosed;
    loop {
        while let Some(next) = client.next() {
            match next {
                Next::All => hub.greet(client),
                Next::Message(message) => timeout(SEND_LIMIT, sink.send(message))
                    .await
                    .map_err(late)??,
            }
        }
        if hub.is_over() {
            return timeout(SEND_LIMIT, sink.close()).await.map_err(late)?;
        }
        client.woken().await;
    }
}

async fn receive(hub: &Hub, client: &Client, mut stream: SplitStream<Socket>) {
    while let Some(Ok(message)) = stream.next().await {
        let refused = match &message {
            Message::Text(text) => match serde_json::from_str(text) {
                Ok(asked) => answer(hub, &asked).err(),
                Err(error) => Some(format!("a text cannot be read: {error}")),
            },
            Message::Binary(_) => Some("binary messages are not read".to_owned()),
            _ => None,
        };
        if let Some(text) = refused {
            client.tell(Told::Refused { text }.json());
        }
    }
}

/// Does what a page asks for, or says why not.
fn answer(hub: &Hub, asked: &Asked) -> Result<(), String> {
    match asked {
        Asked::Stop { arm } => hub.stop(*arm),
        Asked::Alive => Ok(()),
        Asked::Hold | Asked::Release | Asked::Do { .. } | Asked::Jog { .. } => {
            Err("this page has no controls: it shows arms and stops them".to_owned())
        }
    }
}
