//! The connection between an arm and `franka-rs` while the two connect.
//!
//! `franka-rs` waits for the arm's answers without a time limit, keeps answers that it has not asked for,
//! and parses the arm's model unchecked. It also raises the thread on which it does so to the highest
//! realtime priority. So it is connected to a socket of this process instead. The arm's answers are read
//! here, limited in time and size, checked, and passed on. Then the arm's socket replaces the socket in
//! between, under the same descriptor number, and from then on the client and the arm talk to each other
//! directly.

#![warn(clippy::indexing_slicing)]
#![allow(
    unsafe_code,
    reason = "a socket takes another's place by its number; the use is argued"
)]

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::ops::RangeInclusive;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use franka::network::{DEFAULT_CONNECT_TIMEOUT, POLL_TIMEOUT};
use franka::wire::robot::codec::FciVersion;
use franka::wire::robot::{ConnectRequest, ConnectResponse, ConnectStatus};
use franka::wire::{HeaderLayout, ROBOT_COMMAND_PORT, ROBOT_HEADER_LEN};
use franka::{FrankaError, FrankaResult, RealtimeConfig, RobotOptions, VersionPolicy};
use kilohertz_core::number::number;
use kilohertz_core::shortage::advice;
use kilohertz_core::thread::make_ordinary;
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, TcpKeepalive, Type};
use zerocopy::FromBytes;

use crate::client::deadline::{Due, left};
use crate::client::source::sockets::{Line, bound_to, number_of};
use crate::client::source::{ArmSocket, HostSocket};
use crate::error::{ArmError, ArmErrorCode};
use crate::generation::Generation;
use crate::kinematics::urdf::{self, Urdf};

/// How often to check whether the client has connected.
const LOOKING: Duration = Duration::from_micros(200);
/// The longest request, in bytes, of a client that connects.
const LONGEST_REQUEST: usize = 64;
/// The length of the answer to `Connect`, in bytes.
const CONNECTED: usize = ROBOT_HEADER_LEN + size_of::<ConnectResponse>();

/// A connection to an arm that has answered.
pub(crate) struct Met {
    pub client: franka::Robot,
    /// The URDF that the arm serves, if it is an FR3.
    pub urdf: Option<Urdf>,
    pub line: Line,
    /// The socket that the arm's states come to.
    pub socket: ArmSocket,
}

/// Connects `franka-rs` to the arm at `address`, of this generation or of either, until `due`, which is at most
/// `timeout` from now. If that fails, nothing stays open.
pub(crate) fn meet(
    address: &str,
    generation: Option<Generation>,
    timeout: Duration,
    due: &Due,
) -> Result<Met, Failure> {
    let bridge = Bridge {
        address,
        timeout,
        due,
    };
    match generation {
        Some(generation) => bridge.meet(generation.wire()),
        None => match bridge.meet(FciVersion::V10) {
            Err(Failure::Client(FrankaError::IncompatibleVersion {
                server_version: 5, ..
            })) => bridge.meet(FciVersion::V5),
            other => other,
        },
    }
}

/// Returns the error for a host that took the connection and did not answer.
pub(crate) fn no_answer(address: &str, timeout: Duration) -> ArmError {
    ArmError::new(
        ArmErrorCode::ConnectTimeout,
        format!(
            "{address} took the connection but did not answer within {} s: check that it is a Franka arm \
             with FCI activated, and that no other client is connected to it",
            number(timeout.as_secs_f64())
        ),
    )
}

/// Why connecting failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The client's error about what the arm or the network has answered.
    Client(FrankaError),
    Arm(ArmError),
}

impl From<ArmError> for Failure {
    fn from(error: ArmError) -> Failure {
        Failure::Arm(error)
    }
}

struct Bridge<'a> {
    address: &'a str,
    timeout: Duration,
    due: &'a Due,
}

impl Bridge<'_> {
    fn meet(&self, version: FciVersion) -> Result<Met, Failure> {
        let arm = reached(self.address, ROBOT_COMMAND_PORT, self.due);
        let mut arm = arm.map_err(|error| self.broken(&error))?;
        let door = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let door = door.map_err(|error| self.broken(&error))?;
        let here = door.local_addr().map_err(|error| self.broken(&error))?;
        let options = RobotOptions::new(RealtimeConfig::Ignore)
            .with_version(VersionPolicy::Exact(version))
            .with_log_size(0);
        let (report, reported) = mpsc::channel();
        let client = thread::Builder::new()
            .name("kilohertz-client".to_owned())
            .spawn(move || {
                // If connecting was given up, no thread waits for this any more.
                let _ = report.send(franka::Robot::with_options(&here.to_string(), options));
            })
            .map_err(|error| self.broken(&error))?;
        let (mut near, number) = self.client_at(&door, &client)?;
        // The client's thread raised its own priority before it connected.
        make_ordinary(&client);
        drop(door);

        let request = self
            .message(&mut near, ROBOT_HEADER_LEN..=LONGEST_REQUEST)
            .map_err(|broken| self.told(&broken))?;
        // The arm does not know yet where to send its states, so none of them is lost here and no forged
        // one is queued.
        let socket = self.socket(&request, &arm)?;
        let met = self.introduced(&mut near, &mut arm, &request, version, &reported);
        let (client, urdf) = met.inspect_err(|_| socket.deafen())?;
        let socket = socket.learned(Generation::of(version).state_length(), self.due)?;
        let line = self.handed_over(arm, number);
        Ok(Met {
            client,
            urdf,
            line: line.map_err(|error| self.broken(&error))?,
            socket,
        })
    }

    /// Restricts the socket that a request to connect names for states to the arm's host.
    fn socket(&self, request: &[u8], arm: &TcpStream) -> Result<HostSocket, Failure> {
        let connect = ConnectRequest::read_from_bytes(body(request));
        let port = connect.map_or(0, |connect| connect.udp_port.get());
        let host = arm.peer_addr().map_err(|error| self.broken(&error))?.ip();
        Ok(HostSocket::to(bound_to(port)?, host)?)
    }

    /// Passes messages between client and arm, from the request to connect to the client's first state.
    fn introduced(
        &self,
        near: &mut TcpStream,
        arm: &mut TcpStream,
        request: &[u8],
        version: FciVersion,
        reported: &mpsc::Receiver<FrankaResult<franka::Robot>>,
    ) -> Result<(franka::Robot, Option<Urdf>), Failure> {
        let answer = self.asked(arm, request, "Connect", CONNECTED..=CONNECTED)?;
        self.pass(near, &answer)?;
        let urdf = match version == FciVersion::V10 && is_fr3(&answer) {
            true => self.served(near, arm)?,
            false => None,
        };
        let client = loop {
            match reported.recv_timeout(self.due.next_look()) {
                Ok(client) => break client,
                Err(RecvTimeoutError::Timeout) if !self.due.is_over() => {}
                Err(_) => return Err(self.no_state().into()),
            }
        };
        match client {
            // Everything that the client has sent to the arm so far went through this bridge.
            Err(FrankaError::Network(text)) => Err(self.silent(&text).into()),
            client => Ok((client.map_err(Failure::Client)?, urdf)),
        }
    }

    /// Returns this end of the connection to the client, and the descriptor number of the client's socket.
    /// Any other connection is closed.
    fn client_at(
        &self,
        door: &TcpListener,
        client: &JoinHandle<()>,
    ) -> Result<(TcpStream, RawFd), Failure> {
        let broken = |error| self.broken(&error);
        let there = door.local_addr().map_err(broken)?;
        door.set_nonblocking(true).map_err(broken)?;
        loop {
            match door.accept() {
                Ok((near, here)) => {
                    if let Some(number) = number_of(here, there) {
                        near.set_nonblocking(false).map_err(broken)?;
                        return Ok((near, number));
                    }
                }
                Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(broken(error)),
                Err(_) if client.is_finished() => {
                    return Err(broken(io::Error::other("the client found no way")));
                }
                Err(_) if self.due.is_over() => {
                    return Err(self.no_answer().into());
                }
                Err(_) => thread::sleep(LOOKING),
            }
        }
    }

    /// Returns the model that the arm serves, checked before the client reads it. Returns `None` if the
    /// client did not ask for it; the client then reports why.
    fn served(&self, near: &mut TcpStream, arm: &mut TcpStream) -> Result<Option<Urdf>, Failure> {
        let request = match self.message(near, ROBOT_HEADER_LEN..=LONGEST_REQUEST) {
            Ok(request) => request,
            Err(Broken::Io(error)) if is_late(&error) => return Err(self.no_state().into()),
            Err(_) => return Ok(None),
        };
        let longest = ROBOT_HEADER_LEN + 1 + urdf::LONGEST;
        let lengths = ROBOT_HEADER_LEN + 1..=longest;
        let answer = self.asked(arm, &request, "the request for its model", lengths)?;
        let (&status, text) = body(&answer).split_first().unwrap_or((&0, &[]));
        let urdf = if status == 0 || !text.is_empty() {
            Some(Urdf::from_bytes(text)?)
        } else {
            None
        };
        self.pass(near, &answer)?;
        Ok(urdf)
    }

    /// Returns the arm's answer to a request of the client; `what` names the request.
    fn asked(
        &self,
        arm: &mut TcpStream,
        request: &[u8],
        what: &str,
        lengths: RangeInclusive<usize>,
    ) -> Result<Vec<u8>, Failure> {
        self.pass(arm, request)?;
        let message = self.message(arm, lengths);
        let answer = message.map_err(|broken| match broken {
            Broken::Length(..) => self.no_arm(format!("{what}: {broken}")).into(),
            Broken::Io(_) => self.told(&broken),
        })?;
        let (asked, answered) = (id(request), id(&answer));
        if asked != answered {
            let why = format!("{what} was answered as request {answered}; expected {asked}");
            return Err(self.no_arm(why).into());
        }
        Ok(answer)
    }

    fn pass(&self, to: &mut TcpStream, message: &[u8]) -> Result<(), Failure> {
        let written = to
            .set_write_timeout(Some(left(self.due.at)))
            .and_then(|()| to.write_all(message));
        written.map_err(|error| self.broken(&error))
    }

    /// Returns the next message, whose length must be in `lengths`.
    fn message(
        &self,
        from: &mut TcpStream,
        lengths: RangeInclusive<usize>,
    ) -> Result<Vec<u8>, Broken> {
        let mut message = vec![0; ROBOT_HEADER_LEN];
        self.fill(from, &mut message)?;
        let header = HeaderLayout::Robot.decode_header(&message);
        let length = header.map_or(0, |(_, _, size)| size as usize);
        if !lengths.contains(&length) {
            return Err(Broken::Length(length, lengths));
        }
        message.resize(length, 0);
        let missing = message.get_mut(ROBOT_HEADER_LEN..).unwrap_or_default();
        self.fill(from, missing)?;
        Ok(message)
    }

    fn fill(&self, from: &mut TcpStream, mut into: &mut [u8]) -> Result<(), Broken> {
        while !into.is_empty() {
            if self.due.is_over() {
                return Err(Broken::Io(ErrorKind::TimedOut.into()));
            }
            from.set_read_timeout(Some(self.due.next_look()))?;
            match from.read(into) {
                Ok(0) => return Err(Broken::Io(ErrorKind::UnexpectedEof.into())),
                Ok(read) => into = into.get_mut(read..).unwrap_or_default(),
                Err(error) if is_late(&error) || error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Broken::Io(error)),
            }
        }
        Ok(())
    }

    /// Replaces the client's socket with descriptor `number` by the arm's socket, with the options that the
    /// client sets.
    fn handed_over(&self, arm: TcpStream, number: RawFd) -> io::Result<Line> {
        arm.set_read_timeout(Some(POLL_TIMEOUT))?;
        arm.set_write_timeout(Some(DEFAULT_CONNECT_TIMEOUT))?;
        let line = Line {
            here: arm.local_addr()?,
            there: arm.peer_addr()?,
        };
        // SAFETY: `arm` is open. `number` is the descriptor of the socket in a client that has finished
        // connecting and that only this thread holds. So no other code uses or has closed the descriptor,
        // and the code that closes it later closes the arm's socket, as it should.
        let rc = unsafe { libc::dup3(arm.as_raw_fd(), number, libc::O_CLOEXEC) };
        if rc < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(line)
    }

    fn told(&self, broken: &Broken) -> Failure {
        match broken {
            Broken::Io(error) => self.broken(error),
            Broken::Length(..) => self.no_arm(broken.to_string()).into(),
        }
    }

    fn broken(&self, error: &io::Error) -> Failure {
        let text = match error.kind() {
            ErrorKind::TimedOut | ErrorKind::WouldBlock => return self.no_answer().into(),
            ErrorKind::ConnectionRefused => return self.refused().into(),
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
                "it closed the connection: another client is connected, or it is not a Franka arm with FCI \
                 activated. End the other client, or check the address"
                    .to_owned()
            }
            _ => format!("{error}{}", advice(error)),
        };
        Failure::Client(FrankaError::Network(text))
    }

    fn refused(&self) -> ArmError {
        ArmError::new(
            ArmErrorCode::ConnectRefused,
            format!(
                "{} refused the connection: check the address, and that the brakes are open and FCI is \
                 activated in Desk",
                self.address
            ),
        )
    }

    fn no_answer(&self) -> ArmError {
        no_answer(self.address, self.timeout)
    }

    fn no_state(&self) -> ArmError {
        ArmError::new(
            ArmErrorCode::ConnectTimeout,
            format!(
                "{} took the connection but sent no state within {} s: check that no firewall keeps \
                 UDP away",
                self.address,
                number(self.timeout.as_secs_f64())
            ),
        )
    }

    fn silent(&self, text: &str) -> ArmError {
        ArmError::new(
            ArmErrorCode::ConnectTimeout,
            format!(
                "{} took the connection but none of its states came: check that no firewall keeps UDP away \
                 ({text})",
                self.address
            ),
        )
    }

    fn no_arm(&self, why: String) -> ArmError {
        ArmError::new(
            ArmErrorCode::Protocol,
            format!(
                "{} does not answer as a Franka arm: {why}. Check the address, and that no other \
                 host answers there",
                self.address
            ),
        )
    }
}

/// Connects to `address`, on `port` unless the address has one, with the socket options that `franka-rs`
/// uses.
pub(crate) fn reached(address: &str, port: u16, due: &Due) -> io::Result<TcpStream> {
    let found = address.to_socket_addrs();
    let found = found.or_else(|_| (address, port).to_socket_addrs())?;
    let mut last = io::Error::other("the host has no address; check its name");
    for place in found {
        match connected(place, due) {
            Ok(socket) => {
                socket.set_nodelay(true)?;
                let second = Duration::from_secs(1);
                let alive = TcpKeepalive::new().with_time(second).with_interval(second);
                // Without keepalive, a lost connection is noticed because states stop coming.
                let _ = SockRef::from(&socket).set_tcp_keepalive(&alive.with_retries(3));
                return Ok(socket);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Connects to `place` until `due`.
fn connected(place: SocketAddr, due: &Due) -> io::Result<TcpStream> {
    let socket = Socket::new(
        Domain::for_address(place),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    if let Err(error) = socket.connect(&SockAddr::from(place))
        && error.raw_os_error() != Some(libc::EINPROGRESS)
    {
        return Err(error);
    }
    let mut pause = LOOKING;
    while let Err(error) = socket.peer_addr() {
        if let Some(error) = socket.take_error()? {
            return Err(error);
        }
        if error.kind() != ErrorKind::NotConnected {
            return Err(error);
        }
        if due.is_over() {
            return Err(ErrorKind::TimedOut.into());
        }
        thread::sleep(pause);
        pause = pause.saturating_mul(2).min(due.next_look());
    }
    socket.set_nonblocking(false)?;
    Ok(socket.into())
}

/// Why no message came.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("a message of {0} bytes came; expected {min} to {max}", min = .1.start(), max = .1.end())]
    Length(usize, RangeInclusive<usize>),
}

fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// Returns what follows the header of a message.
fn body(message: &[u8]) -> &[u8] {
    message.get(ROBOT_HEADER_LEN..).unwrap_or_default()
}

/// Returns the number of the request that a message is or answers.
fn id(message: &[u8]) -> u32 {
    let header = HeaderLayout::Robot.decode_header(message);
    header.map_or(0, |(_, id, _)| id)
}

/// Returns true if the answer to `Connect` is that of an FR3, which is then asked for its model.
fn is_fr3(answer: &[u8]) -> bool {
    ConnectResponse::read_from_bytes(body(answer)).is_ok_and(|answer| {
        ConnectStatus::from_u8(answer.status) == Some(ConnectStatus::Success)
            && answer.version.get() == Generation::Fr3.fci_version()
    })
}
