//! Restricts the socket for states to the arm: only its datagrams are read and answered.
//!
//! Both clients accept datagrams from every sender, and answer the sender of the last one. So the kernel is
//! told from which sender their socket may receive ([`filter`]). This happens while connecting, from
//! outside, because the clients do not give access to the socket; and before the arm learns the port, if
//! the port is known. Connecting the UDP socket would not do: that leaves what is already queued, counts
//! nothing, and lets one ICMP error end a motion.
//!
//! ```text
//! filter.rs   which senders a socket accepts, decided by the kernel
//! sockets.rs  finds the sockets of a client that gives no access to them
//! ```

#![warn(clippy::indexing_slicing)]

pub(crate) mod filter;
pub(crate) mod sockets;

use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddrV4, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use kilohertz_core::robot::{Cycle, Flow, Tick};
use kilohertz_core::timing::time::Time;
use socket2::SockRef;

use crate::client::deadline::Due;
use crate::client::source::filter::{Accepted, Memory};
use crate::error::{ArmError, ArmErrorCode};

/// How often to check for a state.
const LOOKING: Duration = Duration::from_millis(1);
/// More datagrams than a queue holds.
const MOST: usize = 100_000;
/// The bytes that a state takes up in the queue at most, including the kernel's overhead: two fragments of
/// a page each.
const STATE_BYTES: u64 = 10_000;
/// How often the arm sends a state.
const PERIOD: Duration = Duration::from_millis(1);

/// A socket that accepts only what one arm, or hand, sends.
#[derive(Debug)]
pub(crate) struct ArmSocket {
    socket: UdpSocket,
}

/// A socket that accepts only what one host sends, because the arm's port is not known yet.
#[derive(Debug)]
pub(crate) struct HostSocket {
    socket: UdpSocket,
    host: Ipv4Addr,
}

impl HostSocket {
    /// Restricts `socket` to datagrams of one host, and empties its queue.
    pub fn to(socket: OwnedFd, host: IpAddr) -> Result<HostSocket, ArmError> {
        let IpAddr::V4(host) = host.to_canonical() else {
            return Err(ArmError::new(
                ArmErrorCode::ConnectFailed,
                format!("{host} sends states only over IPv4: connect to its IPv4 address"),
            ));
        };
        let socket = UdpSocket::from(socket);
        only(&socket, Accepted::Host(host))?;
        Ok(HostSocket { socket, host })
    }

    /// Learns the port from which the next state of `length` bytes comes, and accepts no other from then
    /// on.
    pub fn learned(self, length: usize, due: &Due) -> Result<ArmSocket, ArmError> {
        let state = awaited(due, || {
            let mut taken = (0..MOST).map_while(|_| filter::take(&self.socket));
            taken.find(|&(got, _)| got == length)
        });
        let Some((_, source)) = state else {
            return Err(ArmError::new(
                ArmErrorCode::ConnectFailed,
                format!(
                    "no state came from {} in time: commands go there, so states must come from \
                     there too. Connect to the address that the arm itself has, and check that \
                     no address translation changes the source of its UDP",
                    self.host
                ),
            ));
        };
        self.at(source)
    }

    /// Accepts only datagrams from this port from now on.
    pub fn at(self, source: SocketAddrV4) -> Result<ArmSocket, ArmError> {
        let HostSocket { socket, .. } = self;
        only(&socket, Accepted::Socket(source))?;
        Ok(ArmSocket { socket })
    }

    /// Accepts no datagrams any more, and ends the wait of the thread that reads the socket.
    pub fn deafen(&self) {
        deafen(&self.socket);
    }
}

fn deafen(socket: &UdpSocket) {
    // A reader goes on while datagrams are queued. If this fails, it reads until the queue is empty.
    let _ = filtered(socket, Accepted::Nobody);
    // For a UDP socket this returns an error, because it is not connected, but it wakes the reader all the
    // same.
    let _ = SockRef::from(socket).shutdown(Shutdown::Both);
}

/// Accepts only `accepted`, and removes what others have sent before.
fn only(socket: &UdpSocket, accepted: Accepted) -> Result<(), ArmError> {
    filtered(socket, accepted)?;
    let _ = (0..MOST).try_for_each(|_| filter::take(socket).map(drop));
    Ok(())
}

fn filtered(socket: &UdpSocket, accepted: Accepted) -> Result<(), ArmError> {
    filter::hear(socket, accepted).map_err(|error| {
        ArmError::new(
            ArmErrorCode::ConnectFailed,
            format!(
                "the socket for states cannot be closed to strangers: {error} (SO_ATTACH_FILTER). \
                 Without that any host can send states to it, so the connection was refused; a sandbox \
                 that forbids socket filters must allow them"
            ),
        )
    })
}

/// Calls `look` until it returns something, or until `due`.
pub(crate) fn awaited<T>(due: &Due, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    loop {
        let found = look();
        if found.is_some() || due.is_over() {
            return found;
        }
        thread::sleep(LOOKING);
    }
}

/// The source of a connection's states, which counts datagrams from other senders. The kernel has one count
/// of what the filter drops and of what finds the queue full. The two are told apart by when they can have
/// happened:
///
/// - While a session drives the arm, each cycle empties the queue. If a cycle comes so late that the queue
///   can have been full, as many drops as the arm can have sent states in that time are not counted.
/// - While no session reads, the queue can only grow. If it is not nearly full, only the filter has dropped
///   datagrams since the queue was emptied. If it is nearly full, none is counted.
///
/// So everything that is counted came from another sender, but the count may be too low.
#[derive(Debug, Default)]
pub(crate) struct StateSource {
    counted: Mutex<Counted>,
    /// The time of the loop's newest cycle, in nanoseconds; 0 if there is no loop.
    cycle: AtomicU64,
    /// For how long the queue may have been full while a loop was running, in nanoseconds.
    full: AtomicU64,
    /// How long it takes to fill the queue, in nanoseconds.
    fills: AtomicU64,
}

#[derive(Debug, Default)]
struct Counted {
    socket: Option<UdpSocket>,
    foreign: u64,
    /// The kernel's count when it was read last.
    dropped: u32,
}

impl StateSource {
    /// Counts what `socket` does not accept, from now on.
    pub fn of(&self, socket: ArmSocket) {
        let mut counted = self.counted();
        counted.socket = Some(socket.socket);
        if let Some(now) = counted.memory() {
            counted.dropped = now.dropped;
            let fills = u64::from(now.room) / STATE_BYTES;
            let fills = PERIOD.as_nanos() as u64 * fills.max(1);
            self.fills.store(fills, Ordering::Relaxed);
        }
    }

    /// Accepts no datagrams any more, ends the wait of the thread that reads the socket, and releases the
    /// socket.
    pub fn deafen(&self) {
        let mut counted = self.counted();
        self.settle(&mut counted);
        if let Some(socket) = counted.socket.take() {
            deafen(&socket);
        }
    }

    /// Releases the socket.
    pub fn end(&self) {
        let mut counted = self.counted();
        self.settle(&mut counted);
        counted.socket = None;
    }

    /// Returns how many datagrams from other senders than the arm were dropped until now.
    pub fn foreign(&self) -> u64 {
        let mut counted = self.counted();
        self.settle(&mut counted);
        counted.foreign
    }

    /// Runs `empty`, which empties the queue, while no loop runs.
    pub fn emptied<T>(&self, empty: impl FnOnce() -> T) -> T {
        let has_room = {
            let mut counted = self.counted();
            self.settle(&mut counted);
            let now = counted.memory();
            now.is_some_and(|now| u64::from(now.queued) * 2 <= u64::from(now.room))
        };
        let started = Time::now();
        let outcome = empty();
        let took = Time::now().since(started).as_nanos() as u64;
        let mut counted = self.counted();
        // A queue that is half empty does not get full in half the time that filling it takes.
        if has_room && took * 2 < self.fills.load(Ordering::Relaxed) {
            self.settle(&mut counted);
        } else if let Some(now) = counted.memory() {
            counted.dropped = now.dropped;
        }
        outcome
    }

    /// Returns a loop whose cycles empty the queue, until it is dropped. The queue must have been emptied
    /// just before.
    pub fn driven<'a>(&'a self, tick: &'a mut dyn Tick) -> CountedTick<'a> {
        self.full.store(0, Ordering::Relaxed);
        self.cycle.store(Time::now().as_nanos(), Ordering::Relaxed);
        CountedTick { tick, source: self }
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle(&self, counted: &mut Counted) {
        let Some(now) = counted.memory() else {
            return;
        };
        let new = u64::from(now.dropped.wrapping_sub(counted.dropped));
        counted.dropped = now.dropped;
        counted.foreign += new.saturating_sub(self.excused(now));
    }

    /// Returns how many of the drops until now may have been the arm's states.
    fn excused(&self, now: Memory) -> u64 {
        let cycle = self.cycle.load(Ordering::Relaxed);
        if cycle == 0 {
            let near_full = u64::from(now.queued) + 2 * STATE_BYTES > u64::from(now.room);
            return if near_full { u64::MAX } else { 0 };
        }
        let late = self.late(cycle, Time::now());
        let full = self.full.swap(0, Ordering::Relaxed).saturating_add(late);
        full.div_ceil(PERIOD.as_nanos() as u64)
    }

    /// Returns for how long the queue may have been full at `now`, in nanoseconds.
    fn late(&self, cycle: u64, now: Time) -> u64 {
        let since = now.as_nanos().saturating_sub(cycle);
        let is_late = since > self.fills.load(Ordering::Relaxed);
        if is_late { since } else { 0 }
    }

    /// Notes a cycle of the loop. Takes no lock and makes no system call.
    fn cycle(&self, started: Time) {
        let before = self
            .cycle
            .swap(started.as_nanos().max(1), Ordering::Relaxed);
        let late = self.late(before, started);
        if late > 0 {
            self.full.fetch_add(late, Ordering::Relaxed);
        }
    }
}

impl Counted {
    fn memory(&self) -> Option<Memory> {
        filter::memory(self.socket.as_ref()?).ok()
    }
}

/// A loop whose cycles are noted.
pub(crate) struct CountedTick<'a> {
    tick: &'a mut dyn Tick,
    source: &'a StateSource,
}

impl Drop for CountedTick<'_> {
    fn drop(&mut self) {
        let mut counted = self.source.counted();
        self.source.settle(&mut counted);
        self.source.cycle.store(0, Ordering::Relaxed);
    }
}

impl Tick for CountedTick<'_> {
    fn cycle(&mut self, cycle: Cycle<'_>) -> Flow {
        self.source.cycle(cycle.started);
        self.tick.cycle(cycle)
    }

    fn sent(&mut self, at: Time) {
        self.tick.sent(at);
    }

    fn distrust(&mut self) {
        self.tick.distrust();
    }

    fn not_finite(&mut self, slots: u64) {
        self.tick.not_finite(slots);
    }

    fn is_stopping(&self) -> bool {
        self.tick.is_stopping()
    }
}
