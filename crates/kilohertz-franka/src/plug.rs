//! The plug of a connection: pulled when the arm does not answer.
//!
//! Both clients wait for the answer to a request until the connection ends, and for a state as long as
//! datagrams come, also those that they do not take. An arm that hangs, a message that never comes to its end, or
//! states that are old would keep them waiting for ever; `libfranka-rs` in a way that no signal ends. Both keep
//! their sockets to themselves, so that the process is searched for those that the connection had when it
//! was made; shutting them down ends each wait with an error.

#![allow(
    unsafe_code,
    reason = "a socket is duplicated by its number; the use is argued"
)]

use std::net::{Shutdown, SocketAddr};
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use kilohertz_core::robot::{Cycle, Flow, Tick};
use kilohertz_core::time::Time;
use socket2::{Socket, Type};

use crate::error::{ArmError, ArmErrorCode};

/// How long the answer to a request may take: the arm comes to rest or moves back into its range
/// first.
pub(crate) const REQUEST: Duration = Duration::from_secs(10);
/// How long the next state of a motion may take, as both clients have it.
pub(crate) const STATE: Duration = Duration::from_secs(1);
/// How often the watch looks.
const LOOKING: Duration = Duration::from_millis(100);

/// The two sockets of a connection between this process and an arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line {
    /// This end of the command socket.
    pub here: SocketAddr,
    /// The arm's end of it: where it connected to, however the address was spelled.
    pub there: SocketAddr,
    /// The port that the arm sends its states to.
    pub states: u16,
}

impl Line {
    /// Ends the connection, and with it whatever waits on it.
    pub fn cut(&self) {
        for (_, socket) in sockets() {
            let is_command = ends(&socket) == Some((self.here, self.there));
            let takes_states = states_port(&socket) == Some(self.states);
            if takes_states {
                // Whoever reads goes on as long as something is there to read.
                deafen(&socket);
            }
            if is_command || takes_states {
                // It may have been shut down already, which is as good. A socket for datagrams says that it
                // was not connected, and its reader wakes all the same.
                let _ = socket.shutdown(Shutdown::Both);
            }
        }
    }
}

/// What was there before a client that keeps its sockets to itself connects to an arm.
#[cfg(any(test, feature = "libfranka-rs"))]
pub(crate) struct Before {
    there: SocketAddr,
    here: Vec<SocketAddr>,
    states: Vec<u16>,
}

#[cfg(any(test, feature = "libfranka-rs"))]
impl Before {
    /// Looks at what there is now; the arm's end of the command socket will be `there`.
    pub fn connecting(there: SocketAddr) -> Before {
        let (here, states) = open_to(there);
        Before {
            there,
            here,
            states,
        }
    }

    /// The connection that has been made since, as far as it has come.
    pub fn made(&self) -> Option<Line> {
        let (here, states) = open_to(self.there);
        let here = here.into_iter().find(|here| !self.here.contains(here))?;
        let mut states = states.into_iter();
        Some(Line {
            here,
            there: self.there,
            // No socket has port 0.
            states: states.find(|port| !self.states.contains(port)).unwrap_or(0),
        })
    }
}

/// This end of each connection to `there`, and the ports on which datagrams from anybody are taken.
#[cfg(any(test, feature = "libfranka-rs"))]
fn open_to(there: SocketAddr) -> (Vec<SocketAddr>, Vec<u16>) {
    let (mut here, mut states) = (Vec::new(), Vec::new());
    for (_, socket) in sockets() {
        here.extend(ends(&socket).and_then(|(near, far)| (far == there).then_some(near)));
        states.extend(states_port(&socket));
    }
    (here, states)
}

/// That of the connection to an arm.
#[derive(Debug, Default)]
pub(crate) struct Plug {
    line: Mutex<Option<Line>>,
}

impl Plug {
    /// That of the connection with these sockets.
    pub fn of(line: Line) -> Plug {
        Plug {
            line: Mutex::new(Some(line)),
        }
    }

    /// The connection has these sockets now, or none.
    #[cfg(feature = "libfranka-rs")]
    pub fn is_now(&self, line: Option<Line>) {
        *self.line.lock().unwrap_or_else(PoisonError::into_inner) = line;
    }

    /// Ends the connection, and with it whatever waits on it.
    pub fn pull(&self) {
        let line = *self.line.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = line {
            line.cut();
        }
    }

    /// Does what waits for the arm's answer, for at most `patience` unless the limit is moved.
    pub fn limited<T>(
        &self,
        patience: Duration,
        work: impl FnOnce(&Limit) -> Result<T, ArmError>,
    ) -> Result<T, ArmError> {
        let limit = Limit::new(patience);
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
            outcome.map_err(|error| limit.meant(error))
        })
    }
}

/// How long a call may go on.
pub(crate) struct Limit {
    /// The point in time, in nanoseconds of the clock.
    due: AtomicU64,
    /// Whether it is a state that is waited for.
    for_state: AtomicBool,
    over: AtomicBool,
    pulled: AtomicBool,
}

impl Limit {
    fn new(patience: Duration) -> Limit {
        Limit {
            due: AtomicU64::new((Time::now() + patience).as_nanos()),
            for_state: AtomicBool::new(patience < REQUEST),
            over: AtomicBool::new(false),
            pulled: AtomicBool::new(false),
        }
    }

    /// From now on, the client has this long.
    fn allow(&self, patience: Duration) {
        self.for_state.store(patience < REQUEST, Ordering::Relaxed);
        let due = Time::now() + patience;
        self.due.store(due.as_nanos(), Ordering::Release);
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

    /// What the client's error means where the plug was pulled.
    fn meant(&self, error: ArmError) -> ArmError {
        if !self.pulled.load(Ordering::Acquire) {
            return error;
        }
        let why = if self.for_state.load(Ordering::Relaxed) {
            format!(
                "no new state came from it within {STATE:?}, whatever else came; check the network, \
                 and that nobody else sends to this host"
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
        // The end of a motion is answered once the arm stands still.
        self.limit.allow(match flow {
            Flow::Continue => STATE,
            Flow::Finish => REQUEST,
        });
        flow
    }

    fn sent(&mut self, at: Time) {
        self.tick.sent(at);
    }

    fn is_stopping(&self) -> bool {
        self.tick.is_stopping()
    }
}

/// The number of the socket between `here` and `there`, where this process has it.
pub(crate) fn number_of(here: SocketAddr, there: SocketAddr) -> Option<RawFd> {
    let found = sockets().find(|(_, socket)| ends(socket) == Some((here, there)));
    found.map(|(number, _)| number)
}

/// Both ends of a connection.
fn ends(socket: &Socket) -> Option<(SocketAddr, SocketAddr)> {
    let far = socket.peer_addr().ok()?.as_socket()?;
    Some((socket.local_addr().ok()?.as_socket()?, far))
}

/// The port of a socket that takes datagrams from anybody.
fn states_port(socket: &Socket) -> Option<u16> {
    let of_datagrams = socket.r#type().is_ok_and(|of| of == Type::DGRAM);
    if !of_datagrams || socket.peer_addr().is_ok() {
        return None;
    }
    let port = socket.local_addr().ok()?.as_socket()?.port();
    (port != 0).then_some(port)
}

/// Lets no more datagrams in.
fn deafen(socket: &Socket) {
    // "Return: nothing of it".
    let nothing = libc::sock_filter {
        code: (libc::BPF_RET | libc::BPF_K) as u16,
        jt: 0,
        jf: 0,
        k: 0,
    };
    // Where it is refused, what is queued is read to its end before the reader wakes.
    let _ = socket.attach_filter(&[nothing]);
}

/// This process's sockets by their numbers, as duplicates.
fn sockets() -> impl Iterator<Item = (RawFd, Socket)> {
    let open = std::fs::read_dir("/proc/self/fd").into_iter().flatten();
    let numbers = open.flatten().filter_map(|entry| {
        let to = std::fs::read_link(entry.path()).ok()?;
        let is_socket = to.to_string_lossy().starts_with("socket:");
        let number = entry.file_name().to_str()?.parse::<RawFd>().ok();
        number.filter(|_| is_socket)
    });
    numbers.filter_map(|number| {
        // SAFETY: the number is that of a descriptor that was open a moment ago, and not -1. It
        // is borrowed for one system call, which duplicates it. Where its owner has closed it
        // meanwhile the call fails, or duplicates what took its number: its addresses tell.
        let duplicate = unsafe { BorrowedFd::borrow_raw(number) }.try_clone_to_owned();
        Some((number, Socket::from(duplicate.ok()?)))
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{TcpListener, TcpStream, UdpSocket};

    use super::*;

    #[test]
    fn one_connection_is_ended_and_the_others_to_the_same_arm_go_on() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let there = listener.local_addr().unwrap();
        let _healthy = TcpStream::connect(there).unwrap();
        let (mut other, _) = listener.accept().unwrap();
        let before = Before::connecting(there);
        assert_eq!(before.made(), None);
        let client = TcpStream::connect(there).unwrap();
        let states = UdpSocket::bind("0.0.0.0:0").unwrap();
        let (mut server, _) = listener.accept().unwrap();
        let line = before.made().unwrap();
        assert_eq!(line.here, client.local_addr().unwrap());
        assert!(number_of(line.here, there).is_some());

        let line = Line {
            states: states.local_addr().unwrap().port(),
            ..line
        };
        Plug::of(line).pull();
        assert_eq!(server.read(&mut [0]).unwrap(), 0);
        other.set_read_timeout(Some(LOOKING)).unwrap();
        assert!(other.read(&mut [0]).is_err(), "the other one ended too");
        drop(client);
        assert_eq!(number_of(line.here, there), None);
    }

    #[test]
    fn who_waits_for_a_datagram_wakes_however_many_come() {
        let states = UdpSocket::bind("127.0.0.1:0").unwrap();
        let at = states.local_addr().unwrap();
        let line = Line {
            here: at,
            there: at,
            states: at.port(),
        };
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let reader =
                scope.spawn(|| while states.recv(&mut [0; 8]).is_ok_and(|length| length > 0) {});
            scope.spawn(|| {
                let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
                while !over.load(Ordering::Acquire) {
                    let _ = stranger.send_to(b"nothing", at);
                }
            });
            thread::sleep(LOOKING);
            let was_reading = !reader.is_finished();
            line.cut();
            thread::sleep(LOOKING * 5);
            let is_reading = !reader.is_finished();
            over.store(true, Ordering::Release);
            assert!(was_reading && !is_reading, "{was_reading} {is_reading}");
        });
    }
}
