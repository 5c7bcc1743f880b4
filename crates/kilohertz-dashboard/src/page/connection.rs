//! A page that is open, from its handshake to its end.

use std::rc::Rc;
use std::time::Duration;

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use kilohertz_core::timing::time::Time;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::yield_now;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message};

use crate::page::client::{Client, Next, PING_EACH};
use crate::page::hub::Hub;
use crate::page::metered::Metered;
use crate::page::protocol::{Asked, Told};

/// A page that takes nothing for so long is left.
const SEND_LIMIT: Duration = Duration::from_secs(10);
/// The largest message that a page may send \[bytes\].
const LARGEST: usize = 4 << 10;
/// A page that says more than this in a second is left.
const MOST_IN_A_SECOND: u32 = 200;

/// Serves a page until it is closed. `has_controls` says whether it may hold the controls.
pub(super) async fn serve<T>(hub: Rc<Hub>, stream: T, has_controls: bool)
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let config = WebSocketConfig::default()
        .max_message_size(Some(LARGEST))
        .max_frame_size(Some(LARGEST));
    let socket =
        WebSocketStream::from_raw_socket(Metered::new(stream), Role::Server, Some(config)).await;
    let client = Rc::new(Client::new(hub.next_page(), has_controls));
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
    mut sink: impl Sink<Message, Error = tungstenite::Error> + Unpin,
) -> Result<(), tungstenite::Error> {
    let late = |_| tungstenite::Error::ConnectionClosed;
    loop {
        while let Some(next) = client.next(Time::now()) {
            match next {
                Next::All => {
                    hub.greet(client);
                    // Whatever is told, the others have their turn.
                    yield_now().await;
                }
                Next::Message(message) => timeout(SEND_LIMIT, sink.send(message))
                    .await
                    .map_err(late)??,
            }
        }
        if hub.is_over() {
            return timeout(SEND_LIMIT, sink.close()).await.map_err(late)?;
        }
        if client.is_lost(Time::now()) {
            return Err(tungstenite::Error::ConnectionClosed);
        }
        // A link on which nothing happens is asked whether it is there.
        let _ = timeout(PING_EACH, client.woken()).await;
    }
}

async fn receive(
    hub: &Hub,
    client: &Rc<Client>,
    mut stream: impl Stream<Item = Result<Message, tungstenite::Error>> + Unpin,
) {
    let (mut since, mut count) = (Time::now(), 0_u32);
    while let Some(Ok(message)) = stream.next().await {
        let now = Time::now();
        if let Message::Pong(ping) = &message {
            client.answered(ping, now);
            continue;
        }
        if now.since(since) >= Duration::from_secs(1) {
            (since, count) = (now, 0);
        }
        count = count.saturating_add(1);
        if count > MOST_IN_A_SECOND {
            return;
        }
        let refused = match &message {
            Message::Text(text) => match serde_json::from_str(text) {
                Ok(asked) => answer(hub, client, &asked, now).err(),
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
fn answer(hub: &Hub, client: &Rc<Client>, asked: &Asked, now: Time) -> Result<(), String> {
    if let Asked::Stop { arm, number } = asked {
        return hub.stop(client, *arm, *number);
    }
    if !client.has_controls {
        return Err("this page has no controls: it shows arms and stops them".to_owned());
    }
    let page = client.id;
    match *asked {
        Asked::Stop { .. } => Ok(()),
        Asked::Hold => hub.hold(page, now),
        Asked::Release => {
            hub.release(Some(page));
            Ok(())
        }
        Asked::Alive { beat } => {
            // One that has just lost them may have answered before it knew.
            let _ = hub.answered(page, beat);
            Ok(())
        }
        Asked::Do { arm, control } => hub.start(page, arm, control, now),
        Asked::Jog {
            arm,
            joint,
            direction,
            beat,
        } => {
            hub.answered(page, beat)?;
            hub.jog(page, arm, joint, direction, now)
        }
    }
}
