//! The watchdog of a connection, which disconnects if the arm does not answer.
//!
//! Both clients wait for the answer to a request until the connection ends. They wait for a state as long
//! as datagrams come, even datagrams that they ignore. So they would wait forever if an arm hangs, if a
//! message never ends, or if states are old; and no signal ends a wait of `libfranka-rs`. Neither client
//! gives access to its sockets. The watchdog therefore finds the sockets that belong to the connection and
//! shuts them down, which ends each wait with an error.

#![warn(clippy::indexing_slicing)]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use kilohertz_core::robot::{Cycle, Flow, Tick};
use kilohertz_core::timing::time::Time;

use crate::client::source::sockets::Line;
use crate::client::source::{ArmSocket, StateSource};
use crate::error::{ArmError, ArmErrorCode};

/// How long the answer to a request may take: before it answers, the arm comes to rest or moves back into
/// its range.
pub(crate) const REQUEST: Duration = Duration::from_secs(10);
/// How long the next state of a motion may take, as in both clients.
pub(crate) const STATE: Duration = Duration::from_secs(1);
/// How long reading a state between motions may take: the first one empties the client's queue.
pub(crate) const READING: Duration = STATE.saturating_mul(2);
/// How often the watchdog checks.
const LOOKING: Duration = Duration::from_millis(100);

/// The watchdog of the connection to an arm.
#[derive(Debug, Default)]
pub(crate) struct Watchdog {
    line: Mutex<Option<Line>>,
    source: Arc<StateSource>,
}

impl Watchdog {
    /// Returns the watchdog of the connection with these sockets.
    pub fn of(line: Line, socket: ArmSocket) -> Watchdog {
        let watchdog = Watchdog::default();
        watchdog.attach(line, socket);
        watchdog
    }

    /// Sets the sockets of a new connection.
    pub fn attach(&self, line: Line, socket: ArmSocket) {
        self.connection(Some(line));
        self.source.of(socket);
    }

    /// Forgets the sockets of a connection that is over.
    #[cfg(feature = "libfranka-rs")]
    pub fn detach(&self) {
        self.connection(None);
        self.source.end();
    }

    fn connection(&self, line: Option<Line>) {
        *self.line.lock().unwrap_or_else(PoisonError::into_inner) = line;
    }

    /// Returns where the connection goes: the arm's end of its command socket; `None` once it is over.
    pub fn there(&self) -> Option<std::net::SocketAddr> {
        let line = *self.line.lock().unwrap_or_else(PoisonError::into_inner);
        line.map(|line| line.there)
    }

    /// Returns the source of the connection's states.
    pub fn source(&self) -> &Arc<StateSource> {
        &self.source
    }

    /// Ends the connection, and with it every wait on it.
    pub fn disconnect(&self) {
        let line = *self.line.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = line {
            line.cut();
        }
        self.source.deafen();
    }

    /// Does `work`, which waits for the arm's answer, for at most `patience` unless it changes the limit.
    pub fn limited<T>(
        &self,
        patience: Duration,
        work: impl FnOnce(&Limit) -> Result<T, ArmError>,
    ) -> Result<T, ArmError> {
        let limit = Limit::new(patience);
        thread::scope(|scope| {
            let watch = thread::Builder::new()
                .name("kilohertz-wdog".to_owned())
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
            outcome.map_err(|error| limit.meant(error))
        })
    }
}

/// The time limit of a call.
pub(crate) struct Limit {
    /// The end of the limit, in nanoseconds of the clock.
    due: AtomicU64,
    /// True if the call waits for a state.
    for_state: AtomicBool,
    over: AtomicBool,
    has_disconnected: AtomicBool,
}

impl Limit {
    fn new(patience: Duration) -> Limit {
        Limit {
            due: AtomicU64::new((Time::now() + patience).as_nanos()),
            for_state: AtomicBool::new(patience < REQUEST),
            over: AtomicBool::new(false),
            has_disconnected: AtomicBool::new(false),
        }
    }

    /// Gives the client this long from now on.
    fn allow(&self, patience: Duration) {
        self.for_state.store(patience < REQUEST, Ordering::Relaxed);
        let due = Time::now() + patience;
        self.due.store(due.as_nanos(), Ordering::Release);
    }

    fn keep(&self, watchdog: &Watchdog) {
        while !self.over.load(Ordering::Acquire) {
            if Time::now().as_nanos() > self.due.load(Ordering::Acquire) {
                self.has_disconnected.store(true, Ordering::Release);
                watchdog.disconnect();
                return;
            }
            thread::park_timeout(LOOKING);
        }
    }

    /// Returns what the client's error means if the watchdog has disconnected it.
    fn meant(&self, error: ArmError) -> ArmError {
        if !self.has_disconnected.load(Ordering::Acquire) {
            return error;
        }
        let why = if self.for_state.load(Ordering::Relaxed) {
            format!(
                "no new state came from it within {STATE:?}; check the network, and that no other host \
                 sends to this one"
            )
        } else {
            format!("it did not answer within {REQUEST:?}")
        };
        ArmError::new(
            ArmErrorCode::ConnectionLost,
            format!("the connection to the arm was lost: {why}; connect again"),
        )
    }
}

/// Ends the watch of a call when it is dropped.
struct Done<'a>(&'a Limit, thread::Thread);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Release);
        self.1.unpark();
    }
}

/// A loop that may take as long as it needs, while the client's part of the cycle has a limit.
pub(crate) struct Unlimited<'a> {
    pub tick: &'a mut dyn Tick,
    pub limit: &'a Limit,
}

impl Tick for Unlimited<'_> {
    fn cycle(&mut self, cycle: Cycle<'_>) -> Flow {
        self.limit.due.store(u64::MAX, Ordering::Release);
        let flow = self.tick.cycle(cycle);
        // The arm answers the end of a motion only once it stands still.
        self.limit.allow(match flow {
            Flow::Continue => STATE,
            Flow::Finish => REQUEST,
        });
        flow
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

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};

    use super::*;
    use crate::client::source::HostSocket;

    /// Returns a connection to `there`, as a client makes it, and its watchdog.
    fn watched(there: SocketAddr, arm: &UdpSocket) -> (TcpStream, UdpSocket, Watchdog) {
        let client = TcpStream::connect(there).unwrap();
        let states = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let line = Line {
            here: client.local_addr().unwrap(),
            there,
        };
        let socket = HostSocket::to(states.try_clone().unwrap().into(), there.ip()).unwrap();
        let SocketAddr::V4(source) = arm.local_addr().unwrap() else {
            panic!("IPv4");
        };
        (
            client,
            states,
            Watchdog::of(line, socket.at(source).unwrap()),
        )
    }

    #[test]
    fn one_connection_is_ended_and_the_others_to_the_same_arm_go_on() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let there = listener.local_addr().unwrap();
        let _healthy = TcpStream::connect(there).unwrap();
        let (mut other, _) = listener.accept().unwrap();
        let arm = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (_client, _states, watchdog) = watched(there, &arm);
        let (mut server, _) = listener.accept().unwrap();
        watchdog.disconnect();
        assert_eq!(server.read(&mut [0]).unwrap(), 0);
        other.set_read_timeout(Some(LOOKING)).unwrap();
        assert!(other.read(&mut [0]).is_err(), "the other one ended too");
    }

    #[test]
    fn who_waits_for_a_datagram_wakes_however_many_come_and_nobody_is_blamed_for_them() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let arm = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (_client, states, watchdog) = watched(listener.local_addr().unwrap(), &arm);
        let to = (Ipv4Addr::LOCALHOST, states.local_addr().unwrap().port());
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let reader =
                scope.spawn(|| while states.recv(&mut [0; 8]).is_ok_and(|length| length > 0) {});
            scope.spawn(|| {
                while !over.load(Ordering::Acquire) {
                    let _ = arm.send_to(b"nothing", to);
                }
            });
            thread::sleep(LOOKING);
            let was_reading = !reader.is_finished();
            watchdog.disconnect();
            let foreign = watchdog.source().foreign();
            thread::sleep(LOOKING * 5);
            let is_reading = !reader.is_finished();
            let since = watchdog.source().foreign() - foreign;
            over.store(true, Ordering::Release);
            assert!(was_reading && !is_reading, "{was_reading} {is_reading}");
            assert_eq!(since, 0);
        });
    }
}
