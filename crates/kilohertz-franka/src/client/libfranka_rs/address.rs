//! The addresses that `libfranka-rs` can connect to.

use std::net::{IpAddr, SocketAddr};

use crate::error::{ArmError, ArmErrorCode};
use crate::generation::Generation;

/// The only port that this client supports.
pub(super) const PORT: u16 = 1337;

/// Checks that the client can connect to an arm of this generation at `address`.
///
/// # Errors
/// [`ArmErrorCode::Client`] for a port or a generation that the client does not support.
pub(crate) fn check(address: &str, generation: Option<Generation>) -> Result<(), ArmError> {
    let refuse = |message| Err(ArmError::new(ArmErrorCode::Client, message));
    if generation == Some(Generation::Fr3) {
        return refuse(
            "client libfranka-rs supports only generation fer, and fr3 was asked for. Use franka-rs"
                .to_owned(),
        );
    }
    let (_, port) = split(address);
    if port != Some(PORT) {
        return refuse(format!(
            "client libfranka-rs supports only port {PORT}, and the address is {address}. Use \
             franka-rs; or, for a simulated arm, a separate loopback address, such as 127.0.0.2, with \
             port {PORT}"
        ));
    }
    Ok(())
}

/// Returns host and port of `host`, `host:port`, an IP address of either family, or `[IPv6]:port`. If the
/// text after the colon is not a port number, the port is `None`.
fn split(address: &str) -> (String, Option<u16>) {
    if let Ok(socket) = address.parse::<SocketAddr>() {
        (socket.ip().to_string(), Some(socket.port()))
    } else if let (Some((host, port)), Err(_)) =
        (address.rsplit_once(':'), address.parse::<IpAddr>())
    {
        (host.to_owned(), port.parse().ok())
    } else {
        (address.to_owned(), Some(PORT))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use proptest::{prop_assert, prop_assert_eq};

    use super::*;

    #[test]
    fn where_it_cannot_go_is_said_before_anything_is_connected() {
        let refused = |address, generation| check(address, generation).unwrap_err();
        for address in ["127.0.0.1:4711", "[::1]:80", "fer.local:1", "fer.local:x"] {
            let error = refused(address, None);
            assert_eq!(error.code.as_str(), "FRANKA_CLIENT", "{error}");
            assert!(error.message.contains(address), "{error}");
            assert!(error.message.contains("1337"), "{error}");
        }
        let fr3 = Some(Generation::Fr3);
        assert_eq!(refused("127.0.0.1", fr3).code, ArmErrorCode::Client);
        for address in [
            "127.0.0.2",
            "127.0.0.2:1337",
            "::1",
            "[::1]:1337",
            "fer.local",
        ] {
            check(address, None).unwrap();
        }
    }

    proptest! {
        #[test]
        fn an_address_of_any_form_is_split_into_host_and_port(
            ip in any::<IpAddr>(),
            port in any::<u16>(),
            name in "[a-z][a-z0-9.-]{0,20}",
            anything in "\\PC{0,40}",
        ) {
            prop_assert_eq!(split(&SocketAddr::new(ip, port).to_string()), (ip.to_string(), Some(port)));
            prop_assert_eq!(split(&ip.to_string()), (ip.to_string(), Some(PORT)));
            prop_assert_eq!(split(&format!("{name}:{port}")), (name.clone(), Some(port)));
            prop_assert_eq!(split(&name), (name, Some(PORT)));
            let (host, port) = split(&anything);
            prop_assert!(host.len() <= anything.len() && (port.is_some() || anything.contains(':')));
        }
    }
}
