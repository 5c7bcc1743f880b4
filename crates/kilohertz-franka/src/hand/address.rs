//! The address of a hand, and the errors of connecting to it.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use franka::wire::ROBOT_COMMAND_PORT;
use kilohertz_core::number::number;
use kilohertz_core::shortage::advice;

use crate::error::{ArmError, ArmErrorCode};

pub(super) fn no_answer(host: &str, port: u16, timeout: Duration) -> ArmError {
    ArmError::new(
        ArmErrorCode::ConnectTimeout,
        format!(
            "{} did not answer as a Franka Hand within {} s: check the network, that a hand is \
             mounted and set up in Desk, and that no firewall keeps UDP away",
            at(host, port),
            number(timeout.as_secs_f64())
        ),
    )
}

pub(super) fn connecting(host: &str, port: u16, error: &io::Error) -> ArmError {
    let place = at(host, port);
    match error.kind() {
        ErrorKind::ConnectionRefused => ArmError::new(
            ArmErrorCode::ConnectRefused,
            format!(
                "{place} refused the connection: check the address, that a Franka Hand is mounted \
                 and set up in Desk, and that FCI is activated"
            ),
        ),
        ErrorKind::TimedOut => ArmError::new(
            ArmErrorCode::ConnectTimeout,
            format!("{place} did not answer in time: check the network ({error})"),
        ),
        _ => ArmError::new(
            ArmErrorCode::ConnectFailed,
            format!(
                "cannot connect to the hand at {place}: {error}{}",
                advice(error)
            ),
        ),
    }
}

/// Where the hand of an arm is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub host: String,
    /// The hand's port.
    pub port: u16,
    /// The port of the arm.
    pub of_arm: u16,
}

/// Returns where the hand is that belongs to the arm at `address`.
pub(super) fn place(address: &str, port: Option<u16>) -> Result<Place, ArmError> {
    let (host, of_arm) = if let Ok(socket) = address.parse::<SocketAddr>() {
        (socket.ip().to_string(), socket.port())
    } else if address.parse::<IpAddr>().is_ok() {
        (address.to_owned(), ROBOT_COMMAND_PORT)
    } else if let Some((host, Ok(port))) = address
        .rsplit_once(':')
        .map(|(host, port)| (host, port.parse::<u16>()))
    {
        (host.to_owned(), port)
    } else {
        (address.to_owned(), ROBOT_COMMAND_PORT)
    };
    let next = port.or_else(|| of_arm.checked_add(1));
    let place = next.map(|port| Place { host, port, of_arm });
    place.ok_or_else(|| {
        ArmError::new(
            ArmErrorCode::ConnectFailed,
            format!(
                "{address} has no port after it, where the hand would be: give the hand's port"
            ),
        )
    })
}

pub(super) fn at(host: &str, port: u16) -> String {
    match host.parse::<IpAddr>() {
        Ok(ip) => SocketAddr::new(ip, port).to_string(),
        Err(_) => format!("{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hand_is_where_its_arm_is_on_the_next_port() {
        let found = |address| {
            let Place { host, port, of_arm } = place(address, None).unwrap();
            assert_eq!(of_arm + 1, port);
            (host, port)
        };
        assert_eq!(found("172.16.0.2"), ("172.16.0.2".into(), 1338));
        assert_eq!(found("172.16.0.2:1337"), ("172.16.0.2".into(), 1338));
        assert_eq!(found("robot.local"), ("robot.local".into(), 1338));
        assert_eq!(found("robot.local:4000"), ("robot.local".into(), 4001));
        assert_eq!(found("::1"), ("::1".into(), 1338));
        assert_eq!(found("[::1]:1337"), ("::1".into(), 1338));
        assert_eq!(at("::1", 1338), "[::1]:1338");
        let own = place("robot:5", Some(9)).unwrap();
        assert_eq!((&*own.host, own.port, own.of_arm), ("robot", 9, 5));
        assert!(place("robot:65535", None).is_err());
    }
}
