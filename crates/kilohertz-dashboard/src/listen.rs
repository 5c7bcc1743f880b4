//! Listening on a port of this host.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpListener};

kilohertz_core::named! {
    /// The kind of a [`ListenError`]. The strings of [`ListenErrorCode::as_str`] are stable.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum ListenErrorCode {
        /// Another program, or another session, listens on the port.
        InUse = "LISTEN_IN_USE",
        /// The operating system refused the address.
        Refused = "LISTEN_REFUSED",
    }
}

/// Why a port cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// Another program, or another session, listens on the port.
    #[error("port {} of {} is in use; choose {}", address.port(), address.ip(), instead(*free))]
    InUse {
        /// The address that was asked for.
        address: SocketAddr,
        /// The next port that is free.
        free: Option<u16>,
    },
    /// The operating system refused the address.
    #[error(
        "{address} cannot be listened on: {source}; choose an address of this host and a port that this user may use"
    )]
    Refused {
        /// The address that was asked for.
        address: SocketAddr,
        /// Why it was refused.
        source: io::Error,
    },
}

impl ListenError {
    /// Returns the kind of the error.
    pub fn code(&self) -> ListenErrorCode {
        match self {
            ListenError::InUse { .. } => ListenErrorCode::InUse,
            ListenError::Refused { .. } => ListenErrorCode::Refused,
        }
    }
}

fn instead(free: Option<u16>) -> String {
    match free {
        Some(port) => format!("another port, such as {port}, which is free, or 0 for any"),
        None => "another port, or 0 for any".to_owned(),
    }
}

/// How many ports behind one that is in use are tried for the error.
const TRIED: u16 = 200;

/// Listens on an address of this host. Port 0 stands for any that is free.
///
/// # Errors
/// Returns [`ListenError`] if that is not possible.
pub fn listen(host: IpAddr, port: u16) -> Result<TcpListener, ListenError> {
    let address = SocketAddr::new(host, port);
    TcpListener::bind(address).map_err(|source| match source.kind() {
        ErrorKind::AddrInUse => ListenError::InUse {
            address,
            free: next_free(host, port),
        },
        _ => ListenError::Refused { address, source },
    })
}

fn next_free(host: IpAddr, port: u16) -> Option<u16> {
    let tried = port.saturating_add(1)..=port.saturating_add(TRIED);
    tried
        .into_iter()
        .find(|&other| other != port && TcpListener::bind((host, other)).is_ok())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn a_port_in_use_is_refused_with_one_that_is_free() {
        let taken = listen(HERE, 0).expect("any port");
        let port = taken.local_addr().expect("an address").port();
        let error = listen(HERE, port).expect_err("it is in use");
        assert_eq!(error.code(), ListenErrorCode::InUse);
        let ListenError::InUse {
            free: Some(free), ..
        } = &error
        else {
            panic!("{error}");
        };
        assert!(*free > port, "{error}");
        assert!(error.to_string().contains(&free.to_string()), "{error}");
    }

    #[test]
    fn an_address_of_another_host_is_refused() {
        // Kept for documentation (RFC 5737): no host has it.
        let error = listen(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 0).expect_err("not ours");
        assert_eq!(error.code(), ListenErrorCode::Refused);
        assert!(error.to_string().contains("192.0.2.1:0"), "{error}");
    }
}
