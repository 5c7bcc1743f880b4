//! The texts and frames of the protocol.
//!
//! `foxglove.sdk.v1` and the older `foxglove.websocket.v1` are the same for a server that has channels only.

use data_encoding::BASE64;
use kilohertz_record::encoder::{Channel, PROTOBUF};
use serde::Deserialize;
use serde_json::{Value, json};

/// The names of the protocol, the preferred one first.
pub(super) const NAMES: [&str; 2] = ["foxglove.sdk.v1", "foxglove.websocket.v1"];

/// What a frame with a message begins with.
const MESSAGE: u8 = 1;
/// The bytes of such a frame before the message.
pub(super) const HEAD: usize = 13;

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "op", rename_all = "camelCase")]
pub(super) enum Request {
    Subscribe {
        subscriptions: Vec<Subscription>,
    },
    #[serde(rename_all = "camelCase")]
    Unsubscribe {
        subscription_ids: Vec<u32>,
    },
    /// Something that this server does not have.
    #[serde(other)]
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Subscription {
    /// The number that the client gives to the subscription.
    pub id: u32,
    pub channel_id: u64,
}

/// Returns the protocol to speak with a client that offers these, separated by commas.
pub(super) fn chosen<'a>(offered: impl Iterator<Item = &'a str>) -> Option<&'static str> {
    offered
        .flat_map(|list| list.split(','))
        .filter_map(|one| NAMES.iter().position(|name| *name == one.trim()))
        .min()
        .map(|preferred| NAMES[preferred])
}

/// Returns the text that each connection begins with. `run` differs from run to run.
pub(super) fn server_info(run: &str) -> String {
    json!({
        "op": "serverInfo",
        "name": "kilohertz",
        "capabilities": [],
        "metadata": { "kilohertz": env!("CARGO_PKG_VERSION") },
        "sessionId": run,
    })
    .to_string()
}

/// Returns a channel as it is advertised.
pub(super) fn advertised(number: usize, channel: &Channel) -> Value {
    json!({
        "id": number,
        "topic": channel.topic,
        "encoding": PROTOBUF,
        "schemaName": channel.schema,
        "schemaEncoding": PROTOBUF,
        "schema": BASE64.encode(&channel.definition),
    })
}

/// Returns the text that tells of channels.
pub(super) fn advertise(channels: &[Value]) -> String {
    json!({ "op": "advertise", "channels": channels }).to_string()
}

/// Returns the text that tells a client why it does not get what it asked for.
pub(super) fn refusal(message: &str) -> String {
    json!({ "op": "status", "level": 2, "message": message }).to_string()
}

/// Returns a message as a frame.
pub(super) fn frame(subscription: u32, log_time: u64, message: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(HEAD + message.len());
    frame.push(MESSAGE);
    frame.extend(subscription.to_le_bytes());
    frame.extend(log_time.to_le_bytes());
    frame.extend(message);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newer_name_is_chosen_whole_and_in_any_order() {
        let choose = |offered: &[&'static str]| chosen(offered.iter().copied());
        assert_eq!(
            choose(&["foxglove.websocket.v1, foxglove.sdk.v1"]),
            Some(NAMES[0])
        );
        assert_eq!(
            choose(&["foxglove.websocket.v1", "foxglove.sdk.v1"]),
            Some(NAMES[0])
        );
        assert_eq!(choose(&["foxglove.websocket.v1"]), Some(NAMES[1]));
        assert_eq!(choose(&["foxglove.sdk.v1.1, chat"]), None);
        assert_eq!(choose(&[]), None);
    }

    #[test]
    fn requests_are_read_and_unknown_ones_known_as_such() {
        let read = |text: &str| serde_json::from_str::<Request>(text);
        let subscribe = read(r#"{"op":"subscribe","subscriptions":[{"id":7,"channelId":2}]}"#);
        let subscriptions = vec![Subscription {
            id: 7,
            channel_id: 2,
        }];
        assert_eq!(
            subscribe.expect("a request"),
            Request::Subscribe { subscriptions }
        );
        let unsubscribe = read(r#"{"op":"unsubscribe","subscriptionIds":[7]}"#);
        let subscription_ids = vec![7];
        assert_eq!(
            unsubscribe.expect("a request"),
            Request::Unsubscribe { subscription_ids }
        );
        let other = read(r#"{"op":"getParameters","parameterNames":[]}"#);
        assert_eq!(other.expect("a request"), Request::Other);
        for broken in [
            "",
            "1",
            "{}",
            r#"{"op":1}"#,
            r#"{"op":"subscribe"}"#,
            r#"{"op":"subscribe","subscriptions":[{"id":-1,"channelId":2}]}"#,
        ] {
            assert!(read(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn a_frame_has_the_subscription_and_the_time_before_the_message() {
        let frame = frame(0x0403_0201, 0x0807_0605_0403_0201, b"ab");
        assert_eq!(frame, [1, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8, b'a', b'b']);
    }
}
