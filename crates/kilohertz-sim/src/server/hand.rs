//! The hand's server. It has its own TCP port beside the arm's, its own states over UDP, and one client at a
//! time. It shares the thread of the arm's command channel. Its time follows the wall clock.

#![warn(clippy::indexing_slicing)]

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use franka::wire::gripper::{
    GRIPPER_VERSION, GraspRequest, GripperCommand, GripperCommandResponse, GripperConnectRequest,
    GripperConnectResponse, GripperConnectStatus, GripperMoveRequest, GripperState, GripperStatus,
};
use franka::wire::{GRIPPER_HEADER_LEN, HeaderLayout};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use zerocopy::little_endian::{F64, U16, U32};
use zerocopy::{FromBytes, IntoBytes};

use crate::error::SimulatorError;
use crate::fault::HandFault;
use crate::hand::{Fingers, Hand, HandRequest};
use crate::server::commands::{
    ACCEPT_PAUSE, CONNECT_PATIENCE, Client, Life, ended, has_left, write,
};

/// The longest request that is read. The longest valid one is a grasp with 50 bytes.
const LONGEST_REQUEST: usize = 256;
/// The interval at which the hand is advanced while a client is connected.
const TICK: Duration = Duration::from_millis(4);
/// The number of ticks per state: about 60 states a second, as with a real hand.
const TICKS_PER_STATE: u32 = 4;

/// The hand, shared by its server and the simulator's handle.
#[derive(Debug)]
pub(crate) struct SharedHand {
    began: Instant,
    inner: Mutex<Inner>,
    life: watch::Sender<Life>,
}

#[derive(Debug)]
struct Inner {
    hand: Hand,
    frozen: bool,
    deaf: bool,
    fails_next: bool,
    rejects_next: Option<u16>,
}

impl SharedHand {
    /// Returns an open hand around an object of this width \[m\].
    pub fn new(object: Option<f64>) -> SharedHand {
        SharedHand {
            began: Instant::now(),
            inner: Mutex::new(Inner {
                hand: Hand::new(object),
                frozen: false,
                deaf: false,
                fails_next: false,
                rejects_next: None,
            }),
            life: watch::Sender::new(Life::Running),
        }
    }

    /// Returns the hand, advanced to the present time.
    fn now(&self) -> MutexGuard<'_, Inner> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.hand.advance_to(self.began.elapsed());
        inner
    }

    pub fn fingers(&self) -> Fingers {
        self.now().hand.fingers()
    }

    pub fn place(&self, width: f64) -> Result<(), SimulatorError> {
        self.now().hand.place(width)
    }

    pub fn remove(&self) {
        self.now().hand.remove();
    }

    pub fn suffer(&self, fault: HandFault) {
        let mut inner = self.now();
        match fault {
            HandFault::Freeze => inner.frozen = true,
            HandFault::Deaf => inner.deaf = true,
            HandFault::FailNext => inner.fails_next = true,
            HandFault::RejectConnect { version } => inner.rejects_next = Some(version),
            HandFault::Die => self.end(Life::Dead),
        }
    }

    /// Returns an error if the hand is carrying out a command.
    pub fn check_idle(&self) -> Result<(), SimulatorError> {
        match self.now().hand.is_busy() {
            true => Err(SimulatorError::Busy {
                what: "the hand is in a motion",
            }),
            false => Ok(()),
        }
    }

    /// Opens the fingers around an object of this width \[m\], and ends all faults.
    pub fn reset(&self, object: Option<f64>) {
        let mut inner = self.now();
        inner.hand.reset(object);
        inner.frozen = false;
        inner.deaf = false;
        inner.fails_next = false;
        inner.rejects_next = None;
    }

    /// Ends the server. The first call decides in which way.
    pub fn end(&self, life: Life) {
        life.replace_running(&self.life);
    }
}

/// Serves clients until the server is ended.
pub(crate) async fn serve(listener: TcpListener, socket: UdpSocket, hand: Arc<SharedHand>) {
    let mut life = hand.life.subscribe();
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
                let attended = attend(client, &listener, &socket, &hand, &mut life).await;
                next = attended.unwrap_or_default();
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Serves one client, from its connection to its end. Other clients are disconnected meanwhile.
async fn attend(
    (mut stream, peer): Client,
    listener: &TcpListener,
    socket: &UdpSocket,
    hand: &SharedHand,
    life: &mut watch::Receiver<Life>,
) -> io::Result<Option<Client>> {
    stream.set_nodelay(true)?;
    let mut conversation = Conversation {
        peer,
        hand,
        udp: None,
        inbox: Vec::new(),
        commands: Vec::new(),
    };
    let patience = tokio::time::sleep(CONNECT_PATIENCE);
    tokio::pin!(patience);
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut until_state = 0;
    let mut buffer = [0_u8; 512];
    loop {
        tokio::select! {
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
                conversation.inbox.extend(buffer.iter().take(length));
                if !conversation.listen(&mut stream).await? {
                    return Ok(None);
                }
                conversation.tell(socket, &mut stream, false).await?;
            }
            _ = ticks.tick(), if conversation.udp.is_some() => {
                let due = until_state == 0;
                until_state = if due { TICKS_PER_STATE - 1 } else { until_state - 1 };
                conversation.tell(socket, &mut stream, due).await?;
            }
            newcomer = listener.accept() => match newcomer {
                Ok(next) if has_left(&stream).await => return Ok(Some(next)),
                Ok(_) => {}
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            () = &mut patience, if conversation.udp.is_none() => return Ok(None),
        }
    }
}

/// The conversation with a client so far.
struct Conversation<'a> {
    peer: SocketAddr,
    hand: &'a SharedHand,
    /// The address to which states are sent, once the client is connected.
    udp: Option<SocketAddr>,
    inbox: Vec<u8>,
    /// The commands that are not answered yet, with their numbers.
    commands: Vec<(u32, u32)>,
}

impl Conversation<'_> {
    /// Handles complete messages. Returns false if the client has to be disconnected.
    async fn listen(&mut self, stream: &mut TcpStream) -> io::Result<bool> {
        while let Some((command, id, size)) = HeaderLayout::Gripper.decode_header(&self.inbox) {
            let size = size as usize;
            if !(GRIPPER_HEADER_LEN..=LONGEST_REQUEST).contains(&size) {
                return Ok(false);
            }
            if self.inbox.len() < size {
                return Ok(true);
            }
            let payload: Vec<u8> = self.inbox.drain(..size).skip(GRIPPER_HEADER_LEN).collect();
            let known = u16::try_from(command)
                .ok()
                .and_then(GripperCommand::from_u16);
            match (known, self.udp.is_some()) {
                (Some(GripperCommand::Connect), false) => {
                    let (stays, answer) = self.connect(&payload);
                    if let Some(answer) = answer {
                        write(stream, &message(command, id, answer.as_bytes())).await?;
                    }
                    if !stays {
                        return Ok(false);
                    }
                }
                (_, false) | (Some(GripperCommand::Connect), true) => return Ok(false),
                (known, true) => {
                    if let Some(answer) = self.take(command, id, known, &payload) {
                        write(stream, &answer).await?;
                    }
                }
            }
        }
        Ok(true)
    }

    fn connect(&mut self, payload: &[u8]) -> (bool, Option<GripperConnectResponse>) {
        let Ok(request) = GripperConnectRequest::read_from_bytes(payload) else {
            return (false, None);
        };
        let mut inner = self.hand.now();
        if inner.frozen {
            return (true, None);
        }
        let answer = |status: GripperConnectStatus, version| {
            Some(GripperConnectResponse {
                status: U16::new(status.to_u16()),
                version: U16::new(version),
            })
        };
        let rejects = inner.rejects_next.take();
        if rejects.is_some() || request.version.get() != GRIPPER_VERSION {
            let status = GripperConnectStatus::IncompatibleLibraryVersion;
            return (false, answer(status, rejects.unwrap_or(GRIPPER_VERSION)));
        }
        if request.udp_port.get() == 0 {
            return (false, None);
        }
        self.udp = Some(SocketAddr::new(self.peer.ip(), request.udp_port.get()));
        (true, answer(GripperConnectStatus::Success, GRIPPER_VERSION))
    }

    /// Passes a command to the hand. Returns the answer if the command is refused.
    fn take(
        &mut self,
        command: u32,
        id: u32,
        known: Option<GripperCommand>,
        payload: &[u8],
    ) -> Option<Vec<u8>> {
        let mut inner = self.hand.now();
        if inner.frozen || inner.deaf {
            return None;
        }
        let fails = std::mem::take(&mut inner.fails_next);
        match known.and_then(|known| decode(known, payload)) {
            Some(request) if !fails => {
                self.commands.push((id, command));
                inner.hand.request(id, request);
                None
            }
            _ => Some(answer(command, id, GripperStatus::Fail)),
        }
    }

    /// Sends the state if it is due or if there are answers. Then sends the answers.
    async fn tell(
        &mut self,
        socket: &UdpSocket,
        stream: &mut TcpStream,
        state_is_due: bool,
    ) -> io::Result<()> {
        let (frozen, answers, fingers) = {
            let mut inner = self.hand.now();
            let answers: Vec<_> = inner.hand.answers().collect();
            (inner.frozen, answers, inner.hand.fingers())
        };
        let Some(udp) = self.udp.filter(|_| !frozen) else {
            return Ok(());
        };
        if state_is_due || !answers.is_empty() {
            // A state that cannot be sent is lost, as on any network.
            let _ = socket.send_to(state_of(&fingers).as_bytes(), udp);
        }
        for (id, status) in answers {
            if let Some(at) = self.commands.iter().position(|(known, _)| *known == id) {
                let (_, command) = self.commands.swap_remove(at);
                write(stream, &answer(command, id, status)).await?;
            }
        }
        Ok(())
    }
}

impl Drop for Conversation<'_> {
    fn drop(&mut self) {
        if self.udp.is_some() {
            self.hand.now().hand.disconnect();
        }
    }
}

fn decode(command: GripperCommand, payload: &[u8]) -> Option<HandRequest> {
    Some(match command {
        GripperCommand::Connect => return None,
        GripperCommand::Homing => HandRequest::Homing,
        GripperCommand::Stop => HandRequest::Stop,
        GripperCommand::Move => {
            let request = GripperMoveRequest::read_from_bytes(payload).ok()?;
            HandRequest::Move {
                width: request.width.get(),
                speed: request.speed.get(),
            }
        }
        GripperCommand::Grasp => {
            let request = GraspRequest::read_from_bytes(payload).ok()?;
            HandRequest::Grasp {
                width: request.width.get(),
                inner: request.epsilon_inner.get(),
                outer: request.epsilon_outer.get(),
                speed: request.speed.get(),
                force: request.force.get(),
            }
        }
    })
}

fn state_of(fingers: &Fingers) -> GripperState {
    GripperState {
        message_id: U32::new(fingers.time.as_millis() as u32),
        width: F64::new(fingers.width),
        max_width: F64::new(fingers.max_width),
        is_grasped: u8::from(fingers.is_grasped),
        temperature: U16::new(fingers.temperature),
    }
}

fn answer(command: u32, id: u32, status: GripperStatus) -> Vec<u8> {
    let response = GripperCommandResponse {
        status: U16::new(status.to_u16()),
    };
    message(command, id, response.as_bytes())
}

fn message(command: u32, id: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = HeaderLayout::Gripper.encode_header(command, id, payload.len());
    bytes.extend_from_slice(payload);
    bytes
}
