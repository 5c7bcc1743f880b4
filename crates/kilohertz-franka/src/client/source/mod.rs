//! Lets the arm alone be heard, and answered, at the socket that its states come to.
//!
//! Both clients take in whatever anybody sends to their port, and answer whoever sent last. So the
//! kernel is told whom their socket lets in ([`filter`]): when connecting, from outside, because
//! they keep it to themselves; before the arm is told the port where that is known. Not by connecting
//! it: that would leave what is queued there, count nothing, and let one ICMP error end a motion.
//!
//! ```text
//! filter.rs   what a socket lets in, decided by the kernel
//! sockets.rs  the sockets that a client keeps to itself, found
//! ```

#![warn(clippy::indexing_slicing)]

pub(crate) mod filter;
pub(crate) mod sockets;

use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddrV4, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use kilohertz_core::robot::{Cycle, Flow, Tick};
use kilohertz_core::timing::time::Time;
use socket2::SockRef;

use crate::client::source::filter::{Accepted, Memory};
use crate::error::{ArmError, ArmErrorCode};

/// How often a state is looked for.
const LOOKING: Duration = Duration::from_millis(1);
/// More than a queue holds.
const MOST: usize = 100_000;
/// What a state takes up in the queue at most, with what the kernel keeps beside it: two fragments, a
/// page each.
const STATE_BYTES: u64 = 10_000;
/// How often the arm sends a state.
const PERIOD: Duration = Duration::from_millis(1);

/// A socket that lets in nothing but what one arm, or hand, sends.
#[derive(Debug)]
pub(crate) struct ArmSocket {
    socket: UdpSocket,
}

/// The same before it is known from which port it sends.
#[derive(Debug)]
pub(crate) struct HostSocket {
    socket: UdpSocket,
    host: Ipv4Addr,
}

impl HostSocket {
    /// Makes `socket` hear one host alone; nothing else is left in its queue.
    pub fn to(socket: OwnedFd, host: IpAddr) -> Result<HostSocket, ArmError> {
        let IpAddr::V4(host) = host.to_canonical() else {
            return Err(ArmError::new(
                ArmErrorCode::ConnectFailed,
                format!("{host} sends states over IPv4 alone: connect to its IPv4 address"),
            ));
        };
        let socket = UdpSocket::from(socket);
        only(&socket, Accepted::Host(host))?;
        Ok(HostSocket { socket, host })
    }

    /// Hears the port that the next state of `length` bytes comes from, and no other from then on.
    pub fn learned(self, length: usize, due: Instant) -> Result<ArmSocket, ArmError> {
        let state = awaited(due, || {
            let mut taken = (0..MOST).map_while(|_| filter::take(&self.socket));
            taken.find(|&(got, _)| got == length)
        });
        let Some((_, source)) = state else {
            return Err(ArmError::new(
                ArmErrorCode::ConnectFailed,
                format!(
                    "no state came from {} in time: commands go there, so states must come from \
                     there too. Connect to the address that the arm itself has, and see that \
                     nothing between rewrites where its UDP comes from",
                    self.host
                ),
            ));
        };
        self.at(source)
    }

    /// Hears one port from now on.
    pub fn at(self, source: SocketAddrV4) -> Result<ArmSocket, ArmError> {
        let HostSocket { socket, .. } = self;
        only(&socket, Accepted::Socket(source))?;
        Ok(ArmSocket { socket })
    }

    /// Hears nobody, and ends the wait of whoever reads the socket.
    pub fn deafen(&self) {
        deafen(&self.socket);
    }
}

fn deafen(socket: &UdpSocket) {
    // Whoever reads goes on as long as something is there to read. Where this is refused, it is read to its end.
    let _ = filtered(socket, Accepted::Nobody);
    // A socket for datagrams says that it was not connected, and its reader wakes all the same.
    let _ = SockRef::from(socket).shutdown(Shutdown::Both);
}

/// Lets in `heard`, and takes out what others have sent before.
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
                 Without that anybody can send states to it, so nothing is connected; a sandbox that \
                 forbids socket filters has to allow them"
            ),
        )
    })
}

/// Looks until there is something, or until `due`.
pub(crate) fn awaited<T>(due: Instant, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    loop {
        let found = look();
        if found.is_some() || Instant::now() >= due {
            return found;
        }
        thread::sleep(LOOKING);
    }
}

/// What a connection hears, and how much came from somebody else. The kernel counts what the filter
/// drops and what finds the queue full as one; told apart they are by when they can have happened:
///
/// - While a session drives the arm each cycle empties the queue. Where a cycle comes so late that the
///   queue can have been full, as many drops as the arm can have sent states in that time are not
///   counted.
/// - While nobody reads, the queue can only grow. Where it is not near full there was no other drop
///   than the filter's since it was emptied; where it is, none is counted.
///
/// So what is counted came from somebody else; some of what did may be missing.
#[derive(Debug, Default)]
pub(crate) struct StateSource {
    counted: Mutex<Counted>,
    /// When the loop had its newest cycle, in nanoseconds; 0 where there is no loop.
    cycle: AtomicU64,
    /// For how long the queue may have been full while a loop had it, in nanoseconds.
    full: AtomicU64,
    /// From how long on it may be, in nanoseconds.
    fills: AtomicU64,
}

#[derive(Debug, Default)]
struct Counted {
    socket: Option<UdpSocket>,
    foreign: u64,
    /// What the kernel's count was when it was looked at last.
    dropped: u32,
}

impl StateSource {
    /// Counts what `ear` does not let in, from now on.
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

    /// Hears nobody any more and ends the wait of whoever reads the socket, which is let go of.
    pub fn deafen(&self) {
        let mut counted = self.counted();
        self.settle(&mut counted);
        if let Some(socket) = counted.socket.take() {
            deafen(&socket);
        }
    }

    /// Lets go of the socket.
    pub fn end(&self) {
        let mut counted = self.counted();
        self.settle(&mut counted);
        counted.socket = None;
    }

    /// Datagrams from others than the arm that were dropped until now.
    pub fn foreign(&self) -> u64 {
        let mut counted = self.counted();
        self.settle(&mut counted);
        counted.foreign
    }

    /// Runs what empties the queue, while no loop has it.
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
        // What is half empty does not fill in half the time that filling takes.
        if has_room && took * 2 < self.fills.load(Ordering::Relaxed) {
            self.settle(&mut counted);
        } else if let Some(now) = counted.memory() {
            counted.dropped = now.dropped;
        }
        outcome
    }

    /// The body of a loop whose cycles empty the queue, until it is dropped. Just before, the queue was
    /// emptied.
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

    /// How many of the drops until now may be the arm's states.
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

    /// For how long the queue may have been full at `now`, in nanoseconds.
    fn late(&self, cycle: u64, now: Time) -> u64 {
        let since = now.as_nanos().saturating_sub(cycle);
        let is_late = since > self.fills.load(Ordering::Relaxed);
        if is_late { since } else { 0 }
    }

    /// A cycle of the loop: no lock, no system call.
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

/// A loop body whose cycles are noticed.
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
