//! Finds the sockets of a client that gives no access to them, among all sockets of this process.

#![allow(
    unsafe_code,
    reason = "a socket is duplicated by its number; the use is argued"
)]

use std::net::{Shutdown, SocketAddr};
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::sync::{Mutex, PoisonError};

use socket2::{Socket, Type};

use crate::error::{ArmError, ArmErrorCode};

/// Calls `wanted` with a duplicate of each socket of this process and its descriptor number. Duplicates
/// that `wanted` does not return are closed.
fn found<T>(mut wanted: impl FnMut(RawFd, Socket) -> Option<T>) -> Vec<T> {
    // Only one search runs at a time: it would also find the duplicates of another search.
    static SEARCH: Mutex<()> = Mutex::new(());
    let _alone = SEARCH.lock().unwrap_or_else(PoisonError::into_inner);
    let open = std::fs::read_dir("/proc/self/fd").into_iter().flatten();
    let numbers = open.flatten().filter_map(|entry| {
        let to = std::fs::read_link(entry.path()).ok()?;
        let is_socket = to.to_string_lossy().starts_with("socket:");
        let number = entry.file_name().to_str()?.parse::<RawFd>().ok();
        number.filter(|_| is_socket)
    });
    let sockets = numbers.filter_map(|number| {
        // SAFETY: the number is not -1, and belongs to a descriptor that was open a moment ago. It is
        // borrowed for one system call, which duplicates it. If its owner has closed it meanwhile, the call
        // fails or duplicates another file with that number, which is recognised by its addresses.
        let duplicate = unsafe { BorrowedFd::borrow_raw(number) }.try_clone_to_owned();
        wanted(number, Socket::from(duplicate.ok()?))
    });
    sockets.collect()
}

/// Returns a duplicate of the socket between `here` and `there`, if this process has it.
pub(crate) fn between(here: SocketAddr, there: SocketAddr) -> Option<Socket> {
    let found = found(|_, socket| (ends(&socket)? == (here, there)).then_some(socket));
    found.into_iter().next()
}

/// Both ends of the command socket of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line {
    /// The address of this end.
    pub here: SocketAddr,
    /// The address of the arm's end, as the connection has it, however the address was spelled.
    pub there: SocketAddr,
}

impl Line {
    /// Ends the connection, and with it every wait for an answer.
    pub fn cut(&self) {
        if let Some(socket) = between(self.here, self.there) {
            // It may have been shut down already, which is fine.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

/// Returns the descriptor number of the socket between `here` and `there`. No duplicate of it may exist.
pub(crate) fn number_of(here: SocketAddr, there: SocketAddr) -> Option<RawFd> {
    let found = found(|number, socket| (ends(&socket)? == (here, there)).then_some(number));
    found.into_iter().next()
}

/// Returns the addresses of both ends of a connection.
fn ends(socket: &Socket) -> Option<(SocketAddr, SocketAddr)> {
    let far = socket.peer_addr().ok()?.as_socket()?;
    Some((socket.local_addr().ok()?.as_socket()?, far))
}

/// Returns the port of a UDP socket that accepts datagrams from any sender, as the sockets of both clients
/// do.
fn open_port(socket: &Socket) -> Option<u16> {
    let of_datagrams = socket.r#type().is_ok_and(|of| of == Type::DGRAM);
    if !of_datagrams || socket.peer_addr().is_ok() {
        return None;
    }
    let at = socket.local_addr().ok()?.as_socket()?;
    at.ip().is_unspecified().then(|| at.port())
}

/// Returns a duplicate of the socket that states come to on `port`.
///
/// # Errors
/// [`ArmErrorCode::ConnectFailed`] if there is none.
pub(crate) fn bound_to(port: u16) -> Result<OwnedFd, ArmError> {
    let found = found(|_, socket| (open_port(&socket)? == port).then_some(socket));
    let mut found = found.into_iter().map(OwnedFd::from);
    found
        .next()
        .ok_or_else(|| lost("it is not among the sockets that /proc/self/fd has"))
}

fn lost(why: &str) -> ArmError {
    ArmError::new(
        ArmErrorCode::ConnectFailed,
        format!(
            "the socket for states cannot be closed to strangers, because it was not found: {why}. \
             Without that any host can send states to it, so the connection was refused. Connect again; \
             let this process read /proc/self/fd"
        ),
    )
}

/// Finds both sockets of `libfranka-rs`, which gives no access to them: they did not exist before it
/// connected.
#[cfg(feature = "libfranka-rs")]
mod before {
    use std::net::UdpSocket;
    use std::sync::{Condvar, MutexGuard};
    use std::time::Instant;

    use super::*;
    use crate::client::deadline::Due;
    use crate::client::source::awaited;
    use crate::client::source::filter::{first, has_filter};

    /// The arms to which a client is connecting. Only one client may connect to each, so that new sockets
    /// are known as its own.
    static CONNECTING: Mutex<Vec<SocketAddr>> = Mutex::new(Vec::new());
    static FREED: Condvar = Condvar::new();

    fn connecting() -> MutexGuard<'static, Vec<SocketAddr>> {
        CONNECTING.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sockets that existed before a client connects to an arm. No other client connects to that arm
    /// until this is dropped.
    pub(crate) struct Before {
        there: SocketAddr,
        here: Vec<SocketAddr>,
        ports: Vec<u16>,
    }

    impl Before {
        /// Records the present sockets; `there` will be the arm's end of the command socket. Returns `None`
        /// if another attempt lasts until `due`.
        pub fn connecting(there: SocketAddr, due: Instant) -> Option<Before> {
            let patience = due.saturating_duration_since(Instant::now());
            let (mut connecting, _) = FREED
                .wait_timeout_while(connecting(), patience, |arms| arms.contains(&there))
                .unwrap_or_else(PoisonError::into_inner);
            if connecting.contains(&there) {
                return None;
            }
            connecting.push(there);
            drop(connecting);
            Some(Before {
                there,
                here: ends_here(there),
                ports: found(|_, socket| open_port(&socket)),
            })
        }

        /// Returns the connection that has been made since; `None` if there are none or several.
        pub fn made(&self) -> Option<Line> {
            let mut new = ends_here(self.there);
            new.retain(|here| !self.here.contains(here));
            new.dedup();
            let [here] = new[..] else {
                return None;
            };
            Some(Line {
                here,
                there: self.there,
            })
        }

        /// Returns the socket for states of the client that has connected since. A state has `length`
        /// bytes.
        ///
        /// # Errors
        /// [`ArmErrorCode::ConnectFailed`] if it is not found until `due`.
        pub fn takes_states(&self, length: usize, due: Instant) -> Result<OwnedFd, ArmError> {
            let mut new: Vec<(u16, UdpSocket)> = found(|_, socket| {
                let port = open_port(&socket)?;
                let socket = UdpSocket::from(socket);
                // A socket with a filter already belongs to another connection.
                let is_new = !self.ports.contains(&port) && !has_filter(&socket);
                is_new.then_some((port, socket))
            });
            // Another search may hold a duplicate of the same socket until it has set the filter.
            new.sort_unstable_by_key(|(port, _)| *port);
            new.dedup_by_key(|(port, _)| *port);
            let nth = match new.len() {
                0 => None,
                1 => Some(0),
                // Another arm or a hand is being connected to at the same time.
                _ => awaited(&Due::at(due), || {
                    let waits = |(_, socket): &_| {
                        let (got, from) = first(socket)?;
                        Some(got == length && *from.ip() == self.there.ip())
                    };
                    let mut waiting =
                        (0..new.len()).filter(|&nth| new.get(nth).and_then(waits) == Some(true));
                    waiting.next().xor(waiting.next())
                }),
            };
            nth.map(|nth| new.swap_remove(nth).1.into()).ok_or_else(|| {
                let number = new.len();
                lost(&format!(
                    "/proc/self/fd has {number} new sockets that it may be"
                ))
            })
        }
    }

    impl Drop for Before {
        fn drop(&mut self) {
            connecting().retain(|arm| *arm != self.there);
            FREED.notify_all();
        }
    }

    /// Returns the addresses of this end of each connection to `there`, in order.
    fn ends_here(there: SocketAddr) -> Vec<SocketAddr> {
        let mut here = found(|_, socket| {
            let (here, to) = ends(&socket)?;
            (to == there).then_some(here)
        });
        here.sort_unstable();
        here
    }
}

#[cfg(feature = "libfranka-rs")]
pub(crate) use before::Before;

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};

    use super::*;

    #[test]
    fn sockets_are_found_by_what_they_are_bound_to_until_they_are_closed() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let there = listener.local_addr().unwrap();
        let client = TcpStream::connect(there).unwrap();
        let here = client.local_addr().unwrap();
        let states = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = states.local_addr().unwrap().port();
        assert!(between(here, there).is_some());
        bound_to(port).unwrap();
        drop((client, states));
        assert!(between(here, there).is_none());
        let error = bound_to(port).unwrap_err();
        assert_eq!(error.code, ArmErrorCode::ConnectFailed, "{error}");
    }

    #[test]
    fn a_number_is_the_owners_while_others_search() {
        use std::os::fd::AsRawFd;
        use std::sync::atomic::{AtomicBool, Ordering};
        use std::time::Duration;

        // When these sockets are dropped, lower descriptor numbers are free for the duplicates.
        let gaps: Vec<_> = (0..8).map(|_| UdpSocket::bind("127.0.0.1:0")).collect();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let there = listener.local_addr().unwrap();
        let client = TcpStream::connect(there).unwrap();
        let here = client.local_addr().unwrap();
        drop(gaps);
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Acquire) {
                    found(|_, socket| {
                        let is_clients = ends(&socket) == Some((here, there));
                        is_clients.then(|| std::thread::sleep(Duration::from_millis(1)))
                    });
                }
            });
            let other = (0..100).find(|_| number_of(here, there) != Some(client.as_raw_fd()));
            over.store(true, Ordering::Release);
            assert_eq!(other, None, "of a duplicate");
        });
    }

    #[cfg(feature = "libfranka-rs")]
    #[test]
    fn one_attempt_at_a_time_finds_the_connection_that_it_has_made() {
        use std::time::{Duration, Instant};

        let soon = || Instant::now() + Duration::from_millis(50);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let there = listener.local_addr().unwrap();
        let _healthy = TcpStream::connect(there).unwrap();
        let before = Before::connecting(there, soon()).unwrap();
        assert!(Before::connecting(there, soon()).is_none());
        assert_eq!(before.made(), None);
        let client = TcpStream::connect(there).unwrap();
        let line = before.made().unwrap();
        assert_eq!(
            (line.here, line.there),
            (client.local_addr().unwrap(), there)
        );
        let _other = TcpStream::connect(there).unwrap();
        assert_eq!(before.made(), None, "it may be either");
        drop(before);
        assert!(Before::connecting(there, soon()).is_some());
    }
}
