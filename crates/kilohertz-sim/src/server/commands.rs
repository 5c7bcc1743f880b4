//! The command channel: TCP, one client at a time, on tokio.
//!
//! This module frames messages, answers `Connect` and `GetRobotModel`, and passes everything else to the
//! arm's thread. A client can send any bytes; at worst it is disconnected.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use franka::model::FR3_URDF;
use franka::robot_state::IDENTITY_TRANSFORM;
use franka::wire::robot::v5::GetCartesianLimitResponse;
use franka::wire::robot::{ConnectRequest, ConnectResponse, ConnectStatus};
use franka::wire::{HeaderLayout, ROBOT_HEADER_LEN, f64s_to_wire};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc, watch};
use zerocopy::{FromBytes, IntoBytes};

use crate::generation::Generation;
use crate::server::message::Message;
use crate::server::model_library::ModelLibrary;
use crate::wire::messages::{Command, Reply, Status, Ticket};
use crate::wire::request::decode;

/// The longest request that is read. The longest valid one is `SetCollisionBehavior` with 428 bytes.
const LONGEST_REQUEST: usize = 4096;
/// How long a client may take from opening the connection to its `Connect`.
pub(crate) const CONNECT_PATIENCE: Duration = Duration::from_secs(2);

/// How long a client may take to read, so that there is room for an answer.
const READING_PATIENCE: Duration = Duration::from_secs(1);

/// The pause after a connection that the system could not accept.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// Whether the server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    Running,
    /// Close the open sockets.
    Stopped,
    /// Close the open sockets as if the power had failed.
    Dead,
}

impl Life {
    /// Ends a running server. The first end counts.
    pub fn replace_running(self, life: &watch::Sender<Life>) {
        life.send_if_modified(|now| {
            let running = *now == Life::Running;
            if running {
                *now = self;
            }
            running
        });
    }
}

/// The data that the TCP side shares with the simulator's handle.
#[derive(Debug)]
pub(crate) struct Gate {
    /// The version with which the next `Connect` is refused, plus 1; 0 refuses none.
    reject: AtomicU32,
    /// The delay of the answer to the next `Connect`.
    slow: Mutex<Duration>,
    /// Extra bytes for the client.
    noise: Mutex<Vec<u8>>,
    noisy: Notify,
    /// Notified when the connection is to be reset.
    reset: Notify,
    generation: Generation,
    library: ModelLibrary,
    /// The arm's thread.
    arm: Mutex<Sender<Message>>,
    life: watch::Sender<Life>,
}

impl Gate {
    pub fn new(generation: Generation, library: ModelLibrary, arm: Sender<Message>) -> Gate {
        Gate {
            reject: AtomicU32::new(0),
            slow: Mutex::default(),
            noise: Mutex::default(),
            noisy: Notify::new(),
            reset: Notify::new(),
            generation,
            library,
            arm: Mutex::new(arm),
            life: watch::Sender::new(Life::Running),
        }
    }

    pub fn reject_next(&self, version: u16) {
        self.reject.store(u32::from(version) + 1, Ordering::Relaxed);
    }

    pub fn answer_next_late(&self, by: Duration) {
        *self.slow.lock().unwrap_or_else(PoisonError::into_inner) = by;
    }

    /// Sends bytes to the client, or to the next one if no client is connected.
    pub fn say(&self, bytes: &[u8]) {
        let mut noise = self.noise.lock().unwrap_or_else(PoisonError::into_inner);
        noise.extend_from_slice(bytes);
        self.noisy.notify_one();
    }

    /// Resets the connection to the client, or to the next one if no client is connected.
    pub fn reset(&self) {
        self.reset.notify_one();
    }

    /// Forgets the faults that no client has met yet.
    pub fn clear(&self) {
        self.reject.store(0, Ordering::Relaxed);
        self.take_slowness();
        self.take_noise();
    }

    fn take_noise(&self) -> Vec<u8> {
        std::mem::take(&mut *self.noise.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn take_slowness(&self) -> Duration {
        std::mem::take(&mut *self.slow.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sends a message to the arm's thread. Returns false if the thread has ended.
    pub fn tell(&self, message: Message) -> bool {
        self.arm
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .send(message)
            .is_ok()
    }

    /// Ends the TCP side. The first call decides in which way.
    pub fn end(&self, life: Life) {
        life.replace_running(&self.life);
    }

    pub fn life(&self) -> Life {
        *self.life.borrow()
    }
}

/// Serves clients until the gate closes.
pub(crate) async fn serve(listener: TcpListener, gate: Arc<Gate>) {
    let mut life = gate.life.subscribe();
    let mut next = None;
    loop {
        let accepted = match next.take() {
            Some(client) => Ok(client),
            None => tokio::select! {
                biased;
                _ = ended(&mut life) => return,
                accepted = listener.accept() => accepted,
            },
        };
        match accepted {
            Ok(client) => {
                let attended = attend(client, &listener, &gate, &mut life).await;
                next = attended.unwrap_or_default();
            }
            // No file descriptor is left, or the client gave up. The listener still works.
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// A client's connection and address.
pub(crate) type Client = (TcpStream, SocketAddr);

pub(crate) async fn ended(life: &mut watch::Receiver<Life>) -> Life {
    match life.wait_for(|life| *life != Life::Running).await {
        Ok(life) => *life,
        Err(_) => Life::Stopped,
    }
}

/// Serves one client, from its connection to its end. Other clients are disconnected meanwhile. Returns the
/// next client if it is already connected at the end.
async fn attend(
    (mut stream, peer): Client,
    listener: &TcpListener,
    gate: &Gate,
    life: &mut watch::Receiver<Life>,
) -> io::Result<Option<Client>> {
    stream.set_nodelay(true)?;
    let (replies, mut outbox) = mpsc::unbounded_channel();
    let mut conversation = Conversation::new(peer, gate, replies);
    let patience = tokio::time::sleep(CONNECT_PATIENCE);
    tokio::pin!(patience);
    let mut buffer = [0_u8; 2048];
    loop {
        tokio::select! {
            // The end of this client is noticed before a new one, so a client that closes its connection and
            // opens the next is not disconnected.
            biased;
            how = ended(life) => {
                if how == Life::Dead {
                    let _ = stream.set_zero_linger();
                }
                return Ok(None);
            }
            read = stream.read(&mut buffer) => {
                let length = read?;
                if length == 0 {
                    return Ok(None);
                }
                conversation.receive(&buffer[..length]);
                loop {
                    let was_connected = conversation.connected();
                    let step = conversation.next();
                    if conversation.connected() && !was_connected {
                        tokio::select! {
                            _ = ended(life) => return Ok(None),
                            () = tokio::time::sleep(gate.take_slowness()) => {}
                        }
                    }
                    match step {
                        Step::Incomplete => break,
                        Step::Quiet => {}
                        Step::Answer(bytes) => write(&mut stream, &bytes).await?,
                        Step::Farewell(bytes) => {
                            write(&mut stream, &bytes).await?;
                            stream.shutdown().await?;
                            return Ok(None);
                        }
                    }
                }
            }
            () = gate.reset.notified() => {
                let _ = stream.set_zero_linger();
                return Ok(None);
            }
            () = gate.noisy.notified() => write(&mut stream, &gate.take_noise()).await?,
            Some(reply) = outbox.recv() => {
                let status = gate.generation.status(reply.status);
                let bytes = message(reply.ticket, &[status]);
                write(&mut stream, &bytes).await?;
            }
            newcomer = listener.accept() => match newcomer {
                Ok(next) if has_left(&stream).await => return Ok(Some(next)),
                Ok(_) => {}
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            () = &mut patience, if !conversation.connected() => return Ok(None),
        }
    }
}

/// Whether the client has closed its connection by now. It may have done so after its connection was checked
/// and before a new client was.
pub(crate) async fn has_left(stream: &TcpStream) -> bool {
    tokio::task::yield_now().await;
    let mut byte = [0];
    let look = tokio::time::timeout(Duration::ZERO, stream.peek(&mut byte));
    matches!(look.await, Ok(Ok(0) | Err(_)))
}

/// Writes all bytes, or gives up if the client does not read.
pub(crate) async fn write(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    tokio::time::timeout(READING_PATIENCE, stream.write_all(bytes)).await?
}

/// The conversation with a client so far.
pub(crate) struct Conversation<'a> {
    peer: SocketAddr,
    gate: &'a Gate,
    /// The channel for replies of the arm's thread. It is passed to that thread once the client is connected.
    replies: Option<mpsc::UnboundedSender<Reply>>,
    inbox: Vec<u8>,
}

/// The consequence of one message.
pub(crate) enum Step {
    /// No complete message has arrived.
    Incomplete,
    /// The arm's thread will answer.
    Quiet,
    Answer(Vec<u8>),
    /// The last answer, after which the connection is closed.
    Farewell(Vec<u8>),
}

impl<'a> Conversation<'a> {
    pub fn new(
        peer: SocketAddr,
        gate: &'a Gate,
        replies: mpsc::UnboundedSender<Reply>,
    ) -> Conversation<'a> {
        Conversation {
            peer,
            gate,
            replies: Some(replies),
            inbox: Vec::new(),
        }
    }

    fn connected(&self) -> bool {
        self.replies.is_none()
    }

    pub fn receive(&mut self, bytes: &[u8]) {
        self.inbox.extend_from_slice(bytes);
    }

    pub fn next(&mut self) -> Step {
        let Some((command, id, size)) = HeaderLayout::Robot.decode_header(&self.inbox) else {
            return Step::Incomplete;
        };
        let size = size as usize;
        if !(ROBOT_HEADER_LEN..=LONGEST_REQUEST).contains(&size) {
            return Step::Farewell(Vec::new());
        }
        if self.inbox.len() < size {
            return Step::Incomplete;
        }
        let payload: Vec<u8> = self.inbox[ROBOT_HEADER_LEN..size].to_vec();
        self.inbox.drain(..size);
        let generation = self.gate.generation;
        let ticket = Ticket { command, id };
        let status = |status| Step::Answer(message(ticket, &[generation.status(status)]));
        match (generation.command(command), self.connected()) {
            (Some(Command::Connect), false) => self.connect(ticket, &payload),
            (_, false) | (Some(Command::Connect), true) => Step::Farewell(Vec::new()),
            (Some(Command::GetRobotModel), true) => {
                let mut answer = vec![generation.status(Status::SUCCESS)];
                answer.extend_from_slice(FR3_URDF.as_bytes());
                Step::Answer(message(ticket, &answer))
            }
            (Some(Command::LoadModelLibrary), true) => {
                Step::Answer(message(ticket, &self.gate.library.answer(&payload)))
            }
            (Some(Command::GetCartesianLimit), true) => {
                Step::Answer(message(ticket, no_wall(generation).as_bytes()))
            }
            (Some(known), true) => match decode(generation, known, &payload) {
                Ok(request) => {
                    self.gate.tell(Message::Request { ticket, request });
                    Step::Quiet
                }
                Err(refusal) => status(refusal),
            },
            (None, true) => status(Status::NOT_POSSIBLE),
        }
    }

    fn connect(&mut self, ticket: Ticket, payload: &[u8]) -> Step {
        let own_version = self.gate.generation.fci_version();
        let answer = |status, version| {
            let response = ConnectResponse::new(status, version);
            message(ticket, response.as_bytes())
        };
        let Ok(request) = ConnectRequest::read_from_bytes(payload) else {
            return Step::Farewell(Vec::new());
        };
        let reject = self.gate.reject.swap(0, Ordering::Relaxed);
        if let Some(version) = reject.checked_sub(1) {
            let version = version as u16;
            return Step::Farewell(answer(ConnectStatus::IncompatibleLibraryVersion, version));
        }
        if request.version.get() != own_version {
            let status = ConnectStatus::IncompatibleLibraryVersion;
            return Step::Farewell(answer(status, own_version));
        }
        let udp = SocketAddr::new(self.peer.ip(), request.udp_port.get());
        if udp.port() == 0 {
            return Step::Farewell(Vec::new());
        }
        if let Some(replies) = self.replies.take() {
            self.gate.tell(Message::Connected { udp, replies });
        }
        Step::Answer(answer(ConnectStatus::Success, own_version))
    }
}

impl Drop for Conversation<'_> {
    fn drop(&mut self) {
        if self.connected() {
            self.gate.tell(Message::Disconnected);
        }
    }
}

fn message(ticket: Ticket, payload: &[u8]) -> Vec<u8> {
    let Ticket { command, id } = ticket;
    let mut bytes = HeaderLayout::Robot.encode_header(command, id, payload.len());
    bytes.extend_from_slice(payload);
    bytes
}

/// Returns a virtual wall that is switched off.
fn no_wall(generation: Generation) -> GetCartesianLimitResponse {
    GetCartesianLimitResponse {
        status: generation.status(Status::SUCCESS),
        object_world_size: f64s_to_wire(&[0.0; 3]),
        object_frame: f64s_to_wire(&IDENTITY_TRANSFORM),
        object_activation: 0,
    }
}
