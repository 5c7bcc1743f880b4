//! Finding the socket that a client has made for an arm's states, among all of this process.
//!
//! A client keeps its sockets to itself. They are those that were not there before it connected; what
//! else appears meanwhile is told apart by what it is, and where that does not suffice by whose states
//! wait in it. Two arms may have one address, so one client connects to an address at a time.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::error::{ArmError, ArmErrorCode};
use crate::hearing::awaited;
use crate::plug::{Plug, canonical, open_sockets};
use crate::source_filter::{first, has_filter, takes_datagrams};

/// The addresses that are being connected to, each with the number of the turn that it belongs to.
static TAKEN: Mutex<Vec<(u64, IpAddr)>> = Mutex::new(Vec::new());
static FREED: Condvar = Condvar::new();

fn taken() -> MutexGuard<'static, Vec<(u64, IpAddr)>> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The right to connect to an address, until this is dropped or given up.
#[derive(Debug)]
pub(crate) struct Turn {
    number: u64,
    arm: Vec<SocketAddr>,
    before: HashSet<String>,
}

impl Turn {
    /// Waits until nobody else connects to the address that `plug` is of; where that takes a while, says
    /// so first.
    pub fn wait(plug: &Plug, mut queued: impl FnMut()) -> Turn {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let arm = plug.addresses().to_vec();
        let is_arms = |&(_, ip): &(u64, IpAddr)| arm.iter().any(|address| address.ip() == ip);
        let mut taken = taken();
        while taken.iter().any(is_arms) {
            queued();
            taken = FREED.wait(taken).unwrap_or_else(PoisonError::into_inner);
        }
        taken.extend(arm.iter().map(|address| (number, address.ip())));
        drop(taken);
        let before = open_sockets().into_iter().map(|(name, _)| name).collect();
        Turn {
            number,
            arm,
            before,
        }
    }

    fn is_mine(&self) -> bool {
        taken().iter().any(|(number, _)| *number == self.number)
    }

    /// Lets the next one have the address; what is still connecting in this turn finds nothing any more.
    pub fn give_up(&self) {
        taken().retain(|(number, _)| *number != self.number);
        FREED.notify_all();
    }

    /// The socket that states come to of the client that has connected in this turn, and the arm's host.
    /// A state has `length` bytes.
    ///
    /// # Errors
    /// [`ArmErrorCode::ConnectFailed`] where it cannot be found, or something else may be it.
    pub fn found(&self, length: usize) -> Result<(OwnedFd, Ipv4Addr), ArmError> {
        if !self.is_mine() {
            return Err(lost("connecting was given up"));
        }
        let new = open_sockets()
            .into_iter()
            .filter(|(name, _)| !self.before.contains(name))
            .map(|(_, socket)| socket);
        let (datagrams, streams): (Vec<_>, Vec<_>) = new.partition(takes_datagrams);
        let hosts: HashSet<IpAddr> = streams
            .into_iter()
            .filter_map(|stream| TcpStream::from(stream).peer_addr().ok())
            .map(canonical)
            .filter(|peer| self.arm.contains(peer))
            .map(|peer| peer.ip())
            .collect();
        let mut hosts = hosts.into_iter();
        let (Some(IpAddr::V4(host)), None) = (hosts.next(), hosts.next()) else {
            return Err(lost("no TCP connection leads to one IPv4 address of it"));
        };
        let mut sockets: Vec<UdpSocket> = datagrams
            .into_iter()
            .map(UdpSocket::from)
            .filter(could_be_a_clients)
            .collect();
        let nth = match sockets.len() {
            0 => None,
            1 => Some(0),
            // Others are somebody else's, or those of another arm that is being connected to.
            _ => awaited(|| {
                let waits = |socket| {
                    first(socket).is_some_and(|(got, from)| (got, *from.ip()) == (length, host))
                };
                let mut waiting = (0..sockets.len()).filter(|&nth| waits(&sockets[nth]));
                waiting.next().xor(waiting.next())
            }),
        };
        nth.map(|nth| (sockets.swap_remove(nth).into(), host))
            .ok_or_else(|| {
                lost(&format!(
                    "/proc/self/fd has {} new sockets that it may be",
                    sockets.len()
                ))
            })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.give_up();
    }
}

/// Whether both clients' sockets look like this: bound to a port of all addresses, not connected.
fn could_be_a_clients(socket: &UdpSocket) -> bool {
    let everywhere = IpAddr::from(Ipv4Addr::UNSPECIFIED);
    socket.local_addr().is_ok_and(|at| at.ip() == everywhere)
        && socket.peer_addr().is_err()
        && !has_filter(socket)
}

/// The socket that is bound to `port`, as that of a client is whose port is known.
///
/// # Errors
/// [`ArmErrorCode::ConnectFailed`] where there is none.
pub(crate) fn bound_to(port: u16) -> Result<OwnedFd, ArmError> {
    let datagrams = open_sockets().into_iter().map(|(_, socket)| socket);
    datagrams
        .filter(takes_datagrams)
        .map(UdpSocket::from)
        .find(|socket| {
            let at = socket.local_addr();
            at.is_ok_and(|at| at.port() == port) && could_be_a_clients(socket)
        })
        .map(OwnedFd::from)
        .ok_or_else(|| lost("it is not among the sockets that /proc/self/fd has"))
}

fn lost(why: &str) -> ArmError {
    ArmError::new(
        ArmErrorCode::ConnectFailed,
        format!(
            "the socket for states cannot be closed to strangers, because it was not found: {why}. \
             Without that anybody can send states to it, so nothing is connected. Connect again; let \
             this process read /proc/self/fd"
        ),
    )
}
