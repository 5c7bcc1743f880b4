//! The plug of a connection: pulled when the arm does not answer.
//!
//! `franka-rs` waits for the answer to a request until the connection ends. An arm that hangs, or a
//! message that never comes to its end, would keep it waiting for ever; and `libfranka-rs` in a way
//! that no signal ends. Both keep their sockets to themselves, so that the process is searched for
//! them; shutting one down ends the wait with an error.

#![allow(
    unsafe_code,
    reason = "a socket is duplicated by its number; the use is argued"
)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use kilohertz_core::robot::{Cycle, Flow, Tick};
use kilohertz_core::time::Time;

use crate::error::{ArmError, ArmErrorCode};

/// How long the answer to a request may take: the arm comes to rest or moves back into its range
/// first.
pub(crate) const REQUEST: Duration = Duration::from_secs(10);
/// How long the next state may take that the client accepts, whatever it discards meanwhile.
pub(crate) const STATE: Duration = Duration::from_secs(1);
/// How often the watch looks.
const LOOKING: Duration = Duration::from_millis(100);
/// Where `libfranka` and its kin connect unless told otherwise.
const PORT: u16 = 1337;

/// That of the connection between this process and an arm. An arm has one client at a time.
#[derive(Debug, Default)]
pub(crate) struct Plug {
    arm: Vec<SocketAddr>,
}

impl Plug {
    /// That of the connection to `address` (`host` or `host:port`).
    pub fn of(address: &str) -> Plug {
        let resolved = address
            .to_socket_addrs()
            .or_else(|_| (address, PORT).to_socket_addrs());
        Plug {
            arm: resolved.into_iter().flatten().map(canonical).collect(),
        }
    }

    /// Where the arm may be found.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.arm
    }

    /// Ends the connection, and with it whatever waits on it.
    pub fn pull(&self) {
        for socket in sockets_to(&self.arm) {
            // It may have been shut down already, which is as good.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// Does what waits for the arm's answer, for at most [`REQUEST`] unless the limit is moved.
    pub fn limited<T>(
        &self,
        work: impl FnOnce(&Limit) -> Result<T, ArmError>,
    ) -> Result<T, ArmError> {
        let limit = Limit::new();
        thread::scope(|scope| {
            let watch = thread::Builder::new()
                .name("kilohertz-plug".to_owned())
                .spawn_scoped(scope, || limit.keep(self))
                .map_err(|error| {
                    ArmError::new(
                        ArmErrorCode::InvalidOperation,
                        format!("cannot start a thread: {error}"),
                    )
                })?;
            let done = Done(&limit, watch.thread().clone());
            let outcome = work(&limit);
            drop(done);
            outcome.map_err(|error| {
                if !limit.pulled.load(Ordering::Acquire) {
                    return error;
                }
                ArmError::new(
                    ArmErrorCode::ConnectionLost,
                    format!(
                        "the connection to the arm was lost: a request was not answered within \
                         {REQUEST:?}, or no newer state came within {STATE:?}; connect again"
                    ),
                )
            })
        })
    }
}

/// How long a call may go on.
pub(crate) struct Limit {
    /// The point in time, in nanoseconds of the clock.
    due: AtomicU64,
    over: AtomicBool,
    pulled: AtomicBool,
}

impl Limit {
    fn new() -> Limit {
        Limit {
            due: AtomicU64::new((Time::now() + REQUEST).as_nanos()),
            over: AtomicBool::new(false),
            pulled: AtomicBool::new(false),
        }
    }

    fn keep(&self, plug: &Plug) {
        while !self.over.load(Ordering::Acquire) {
            if Time::now().as_nanos() > self.due.load(Ordering::Acquire) {
                self.pulled.store(true, Ordering::Release);
                plug.pull();
                return;
            }
            thread::park_timeout(LOOKING);
        }
    }
}

/// The call is over, however it ends.
struct Done<'a>(&'a Limit, thread::Thread);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Release);
        self.1.unpark();
    }
}

/// A loop body that may take all the time it wants, while what the client does around it may not.
pub(crate) struct Unlimited<'a> {
    pub tick: &'a mut dyn Tick,
    pub limit: &'a Limit,
}

impl Tick for Unlimited<'_> {
    fn cycle(&mut self, cycle: Cycle<'_>) -> Flow {
        self.limit.due.store(u64::MAX, Ordering::Release);
        let flow = self.tick.cycle(cycle);
        let patience = match flow {
            Flow::Continue => STATE,
            Flow::Finish => REQUEST,
        };
        let due = Time::now() + patience;
        self.limit.due.store(due.as_nanos(), Ordering::Release);
        flow
    }

    fn sent(&mut self, at: Time) {
        self.tick.sent(at);
    }

    fn is_stopping(&self) -> bool {
        self.tick.is_stopping()
    }

    fn distrust(&mut self) {
        self.tick.distrust();
    }

    fn not_finite(&mut self, slots: u64) {
        self.tick.not_finite(slots);
    }
}

/// An address as the kernel tells it of a connection: who connects to no address in particular is
/// connected to this host.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip().to_canonical() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Duplicates of this process's TCP sockets that are connected to one of `peers`.
fn sockets_to(peers: &[SocketAddr]) -> Vec<TcpStream> {
    let streams = open_sockets().into_iter().map(|(_, socket)| socket.into());
    streams
        .filter(|stream: &TcpStream| {
            let peer = stream.peer_addr().map(canonical);
            peer.is_ok_and(|peer| peers.contains(&peer))
        })
        .collect()
}

/// Duplicates of this process's sockets, each with the name that the kernel gives to no other.
#[cfg(target_os = "linux")]
pub(crate) fn open_sockets() -> Vec<(String, OwnedFd)> {
    use std::os::fd::{BorrowedFd, RawFd};

    let Ok(open) = std::fs::read_dir("/proc/self/fd") else {
        return Vec::new();
    };
    open.flatten()
        .filter_map(|entry| {
            let name = std::fs::read_link(entry.path()).ok()?;
            let name = name.to_str().filter(|name| name.starts_with("socket:"))?;
            let number: RawFd = entry.file_name().to_str()?.parse().ok()?;
            // SAFETY: the number is that of a descriptor that was open a moment ago, and not -1. It
            // is borrowed for one system call, which duplicates it. Where its owner has closed it
            // meanwhile the call fails, or duplicates what took its number: the caller looks what it
            // is.
            let duplicate = unsafe { BorrowedFd::borrow_raw(number) }.try_clone_to_owned();
            Some((name.to_owned(), duplicate.ok()?))
        })
        .collect()
}

#[cfg(not(target_os = "linux"))]
fn open_sockets() -> Vec<(String, OwnedFd)> {
    Vec::new()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn the_socket_to_an_address_is_found_among_all_others() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let client = TcpStream::connect(address).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        let found = sockets_to(&[address]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].local_addr().unwrap(), client.local_addr().unwrap());
        Plug::of(&address.to_string()).pull();
        assert_eq!(server.read(&mut [0]).unwrap(), 0);
        drop((client, found));
        assert!(sockets_to(&[address]).is_empty());
    }
}
