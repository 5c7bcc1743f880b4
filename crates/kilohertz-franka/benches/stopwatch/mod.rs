//! The arm that measures the time, and the clients that are measured.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use franka::wire::robot::{ConnectResponse, ConnectStatus, v5, v10};
use franka::{
    FciVersion, FrankaResult, MoveControllerMode, MoveStatus, RealtimeConfig, motion_finished,
};
use kilohertz_core::channel::notify::start_notifier;
use kilohertz_core::policy::{Ask, Native};
use kilohertz_core::session::{Config, Session};
use kilohertz_core::stats::Recorder;
use kilohertz_core::thread::{RealtimeRequest, make_realtime};
use kilohertz_franka::{Arm, Client, ConnectOptions, Control, Generation};
use libfranka::MotionFinished;
use zerocopy::{FromBytes, IntoBytes};

use crate::pylibfranka::PyLibfranka;
use crate::repeats::Repeats;
use crate::rows::{is_for_peers, is_test, keep, median, percentile, print_machine, us};

const MS: Duration = Duration::from_millis(1);
const HOST: Ipv4Addr = Ipv4Addr::new(127, 13, 37, 1);
const PORT: u16 = 1337;

/// The clients that are timed, by their names in the rows, each with the FCI version of the arm.
const CLIENTS: [(&str, FciVersion); 7] = [
    ("kilohertz over franka-rs", FciVersion::V5),
    ("franka-rs alone", FciVersion::V5),
    ("kilohertz over libfranka-rs", FciVersion::V5),
    ("libfranka-rs alone", FciVersion::V5),
    ("fr3: kilohertz", FciVersion::V10),
    ("fr3: franka-rs alone", FciVersion::V10),
    ("fr3: pylibfranka alone", FciVersion::V10),
];

/// The arm's state, in the layout of each version.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one, and a box would be another way to it"
)]
enum State {
    V5(v5::RobotState),
    V10(v10::RobotState),
}

/// Evaluates an expression for the state of either version, with or without the version's types.
macro_rules! either {
    ($state:expr, $s:ident => $body:expr) => {
        match $state {
            State::V5($s) => $body,
            State::V10($s) => $body,
        }
    };
    ($state:expr, $version:ident, $s:ident => $body:expr) => {
        match $state {
            State::V5($s) => {
                use v5 as $version;
                $body
            }
            State::V10($s) => {
                use v10 as $version;
                $body
            }
        }
    };
}

impl State {
    fn of(version: FciVersion) -> State {
        let mut state = match version {
            FciVersion::V5 => State::V5(v5::RobotState::default()),
            FciVersion::V10 => State::V10(v10::RobotState::default()),
        };
        // Each frame that the arm reports must be a rigid transform.
        either!(&mut state, s => {
            for frame in [&mut s.O_T_EE, &mut s.O_T_EE_d, &mut s.O_T_EE_c, &mut s.F_T_EE] {
                for diagonal in [0, 5, 10, 15] {
                    frame[diagonal].set(1.0);
                }
            }
        });
        state.rest();
        state
    }

    fn rest(&mut self) {
        either!(self, wire, s => {
            s.robot_mode = v5::RobotMode::Idle.to_u8();
            s.motion_generator_mode = wire::MotionGeneratorMode::Idle.to_u8();
            s.controller_mode = wire::ControllerMode::Other.to_u8();
        });
    }

    fn moves(&mut self) {
        either!(self, wire, s => {
            s.robot_mode = v5::RobotMode::Move.to_u8();
            s.motion_generator_mode = wire::MotionGeneratorMode::JointVelocity.to_u8();
            s.controller_mode = wire::ControllerMode::JointImpedance.to_u8();
        });
    }

    fn number(&self) -> u64 {
        either!(self, s => s.message_id.get())
    }

    fn next(&mut self) {
        let next = self.number() + 1;
        either!(self, s => s.message_id.set(next));
    }

    fn bytes(&self) -> &[u8] {
        either!(self, s => s.as_bytes())
    }

    /// Returns which state a command answers, and whether it is the last command.
    fn answered_by(&self, datagram: &[u8]) -> Option<(u64, bool)> {
        either!(self, wire, _state => {
            let command = wire::RobotCommand::read_from_bytes(datagram).ok()?;
            let last = command.motion.motion_generation_finished != 0;
            Some((command.message_id.get(), last))
        })
    }

    /// Returns the command of version 5 that corresponds to a request number of this version.
    fn request(&self, number: u32) -> Option<v5::Command> {
        match self {
            State::V5(_) => v5::Command::from_u32(number),
            State::V10(_) => match v10::Command::from_u32(number)? {
                v10::Command::Move => Some(v5::Command::Move),
                v10::Command::StopMove => Some(v5::Command::StopMove),
                v10::Command::GetRobotModel => Some(v5::Command::LoadModelLibrary),
                _ => None,
            },
        }
    }

    fn status(&self, status: MoveStatus) -> u8 {
        match (self, status) {
            (State::V10(_), status) => status.to_u8(),
            (State::V5(_), MoveStatus::Preempted) => v5::MoveStatus::Preempted.to_u8(),
            (State::V5(_), MoveStatus::MotionStarted) => v5::MoveStatus::MotionStarted.to_u8(),
            (State::V5(_), _) => v5::MoveStatus::Success.to_u8(),
        }
    }
}

/// One client, from its connection to its end, and the times that its commands took [us].
struct Watched {
    stream: TcpStream,
    udp: UdpSocket,
    client: SocketAddr,
    state: State,
    /// The number of the running `Move` request.
    motion: Option<u32>,
    took: Vec<f64>,
}

impl Watched {
    /// Returns the next client; `None` if `nobody_comes` returns true.
    fn accept(
        listener: &TcpListener,
        version: FciVersion,
        nobody_comes: impl Fn() -> bool,
    ) -> std::io::Result<Option<Watched>> {
        let (mut stream, peer) = loop {
            match listener.accept() {
                Ok(client) => break client,
                Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
                Err(_) if nobody_comes() => return Ok(None),
                Err(_) => std::thread::sleep(MS),
            }
        };
        stream.set_nodelay(true)?;
        let mut request = [0; 16];
        stream.read_exact(&mut request)?;
        let port = u16::from_le_bytes([request[14], request[15]]);
        let number = match version {
            FciVersion::V5 => v5::ROBOT_VERSION,
            FciVersion::V10 => franka::wire::ROBOT_VERSION,
        };
        let response = ConnectResponse::new(ConnectStatus::Success, number);
        answer(&mut stream, &request, response.as_bytes())?;
        stream.set_nonblocking(true)?;
        let udp = UdpSocket::bind((HOST, 0))?;
        udp.set_read_timeout(Some(Duration::from_millis(200)))?;
        Ok(Some(Watched {
            stream,
            udp,
            client: SocketAddr::new(peer.ip(), port),
            state: State::of(version),
            motion: None,
            took: Vec::new(),
        }))
    }

    /// Runs until the client disconnects.
    fn watch(mut self) -> std::io::Result<Vec<f64>> {
        let mut deadline = Instant::now();
        while self.take_requests()? {
            deadline = (deadline + MS).max(Instant::now());
            std::thread::sleep(deadline.saturating_duration_since(Instant::now()));
            self.state.next();
            let sent = Instant::now();
            self.udp.send_to(self.state.bytes(), self.client)?;
            if self.motion.is_some() {
                self.await_command(sent)?;
            }
        }
        Ok(self.took)
    }

    fn await_command(&mut self, sent: Instant) -> std::io::Result<()> {
        let mut bytes = [0; 512];
        loop {
            let length = match self.udp.recv_from(&mut bytes) {
                Ok((length, _)) => length,
                // A client that starts a motion reads states before it sends commands.
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            let took = us(sent.elapsed());
            let (answered, last) = self
                .state
                .answered_by(&bytes[..length])
                .ok_or_else(|| std::io::Error::other("no command"))?;
            if answered < self.state.number() {
                continue;
            }
            self.took.push(took);
            if last {
                self.end_motion(MoveStatus::Success)?;
            }
            return Ok(());
        }
    }

    fn end_motion(&mut self, status: MoveStatus) -> std::io::Result<()> {
        self.state.rest();
        let Some(id) = self.motion.take() else {
            return Ok(());
        };
        let mut request = v5::Command::Move.to_u32().to_le_bytes().to_vec();
        request.extend_from_slice(&id.to_le_bytes());
        answer(&mut self.stream, &request, &[self.state.status(status)])
    }

    /// Handles all requests that the client has sent so far. Returns true if the client is still connected.
    fn take_requests(&mut self) -> std::io::Result<bool> {
        let mut bytes = [0; 1024];
        let length = match self.stream.read(&mut bytes) {
            Ok(0) => return Ok(false),
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
            Err(_) => return Ok(false),
        };
        let mut rest = &bytes[..length];
        while rest.len() >= 12 {
            let number = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| rest[at + i]));
            let (command, id, size) = (number(0), number(4), number(8) as usize);
            match self.state.request(command) {
                Some(v5::Command::Move) => {
                    let started = self.state.status(MoveStatus::MotionStarted);
                    answer(&mut self.stream, rest, &[started])?;
                    self.motion = Some(id);
                    self.state.moves();
                }
                Some(v5::Command::StopMove) => {
                    self.end_motion(MoveStatus::Preempted)?;
                    answer(&mut self.stream, rest, &[0])?;
                }
                Some(v5::Command::LoadModelLibrary) => {
                    let urdf = franka::model::FR3_URDF.as_bytes();
                    answer(&mut self.stream, rest, &[&[0], urdf].concat())?;
                }
                _ => return Err(std::io::Error::other("an unexpected request")),
            }
            rest = &rest[size.clamp(12, rest.len())..];
        }
        Ok(true)
    }
}

/// Answers a request. The answer needs the numbers of the command and of the request.
fn answer(stream: &mut TcpStream, request: &[u8], payload: &[u8]) -> std::io::Result<()> {
    let mut bytes = request[..8].to_vec();
    bytes.extend_from_slice(&(12 + payload.len() as u32).to_le_bytes());
    bytes.extend_from_slice(payload);
    stream.write_all(&bytes)
}

fn session(client: Client, version: FciVersion, ms: u32) -> Result<(), String> {
    let options = ConnectOptions {
        client,
        generation: Some(match version {
            FciVersion::V5 => Generation::Fer,
            FciVersion::V10 => Generation::Fr3,
        }),
        ..ConnectOptions::default()
    };
    let arm = Arm::connect(&HOST.to_string(), &options).map_err(told)?;
    let (robot, limits) = arm.robot(Control::JointVelocity).map_err(told)?;
    let policy = Native::new(7, |_: &Ask<'_>, action: &mut [f64]| {
        action.fill(0.0);
        Ok(())
    });
    let config = Config {
        run_for: Some(MS * ms),
        ..Config::default()
    };
    let recorder = Arc::new(Recorder::new(MS, 10_000));
    let notifier = start_notifier(|| {}, |_| {}).expect("a thread");
    let session = Session::start(robot, Box::new(policy), limits, config, recorder, notifier)
        .expect("a thread");
    while !session.join(Duration::from_secs(1)) {}
    let outcome = session.outcome().expect("it has ended");
    match &outcome.cause {
        Some(cause) => Err(format!("{cause:?}, {:?}", outcome.robot_error)),
        None => Ok(()),
    }
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn franka_rs_alone(version: FciVersion, ms: u32) -> FrankaResult<()> {
    let version = franka::VersionPolicy::Exact(version);
    let options = franka::RobotOptions::new(RealtimeConfig::Ignore).with_version(version);
    let robot = franka::Robot::with_options(&HOST.to_string(), options)?;
    let mut motion = robot.start_joint_velocity_control(MoveControllerMode::JointImpedance)?;
    let rest = franka::JointVelocities::new([0.0; 7]);
    for _ in 0..ms {
        motion.read_once()?;
        motion.write_once(&rest, None)?;
    }
    motion.read_once()?;
    motion.write_once(&motion_finished(rest), None)
}

/// Gives the thread the highest realtime priority, if that is permitted, as `franka-rs` does by itself.
fn libfranka_rs_alone(ms: u32) -> Result<(), String> {
    make_realtime(&RealtimeRequest {
        priority: Some(99),
        lock_memory: false,
        ..RealtimeRequest::default()
    });
    let realtime = libfranka::RealtimeConfig::Ignore;
    let mut robot = libfranka::Robot::new(&HOST.to_string(), realtime, 50).map_err(told)?;
    let mut left = ms;
    let rest = libfranka::JointVelocities::new([0.0; 7]);
    let callback = |_: &libfranka::RobotState, _: &Duration| {
        left -= 1;
        if left > 0 {
            rest
        } else {
            rest.motion_finished()
        }
    };
    robot
        .control_joint_velocities(
            callback,
            libfranka::ControllerMode::JointImpedance,
            false,
            libfranka::MAX_CUTOFF_FREQUENCY,
        )
        .map_err(told)
}

pub fn run() {
    print_machine();
    let (rounds, ms) = match (is_test(), is_for_peers()) {
        (true, _) => (1, 300),
        (false, true) => (5, 4_000),
        (false, false) => (7, 4_000),
    };
    // Beside peers only the clients of an FR3 are compared.
    let first = if is_for_peers() { 4 } else { 0 };
    let python = PyLibfranka::installed();
    if let Err(lacking) = &python {
        println!("without pylibfranka: {lacking}");
    }
    let listener = TcpListener::bind((HOST, PORT)).expect("the port");
    listener.set_nonblocking(true).expect("a socket");
    let mut repeats = Repeats::default();
    let mut raw = Vec::new();
    let mut rows: [Vec<[f64; 2]>; CLIENTS.len()] = Default::default();
    for round in 0..rounds {
        for (index, (name, _)) in CLIENTS.iter().enumerate().skip(first) {
            let mut took = match (index, &python) {
                (6, Err(_)) => continue,
                (_, python) => repeats
                    .until_measured(name, || timed(&listener, index, python.as_ref().ok(), ms)),
            };
            // The first commands of a client are left out.
            took.drain(..took.len().min(100));
            let figures = [50, 99].map(|percent| percentile(&mut took, percent));
            let [p50, p99] = figures;
            let max = percentile(&mut took, 100);
            raw.push(format!(
                "{round},{name},{p50:.2},{p99:.2},{max:.1},{}",
                took.len()
            ));
            rows[index].push(figures);
        }
    }
    println!(
        "\nstate sent to command received, at the arm; medians of {rounds} rounds of {ms} ticks"
    );
    println!("{:28} {:>9} {:>9}", "", "p50 us", "p99 us");
    let medians =
        rows.map(|rounds| [0, 1].map(|which| median(rounds.iter().map(|row| row[which]))));
    for ((name, _), [p50, p99]) in CLIENTS.iter().zip(medians).skip(first) {
        println!("{name:28} {p50:9.1} {p99:9.1}");
    }
    let [ours, alone, python] = [4, 5, 6].map(|index| medians[index]);
    println!(
        "fr3: {:.2}x of franka-rs alone at p50, {:.2}x at p99 (bar 1.15); {:.2}x and {:.2}x of \
         pylibfranka (bar 1)",
        ours[0] / alone[0],
        ours[1] / alone[1],
        ours[0] / python[0],
        ours[1] / python[1],
    );
    repeats.print();
    keep("clients", "round,client,p50_us,p99_us,max_us,ticks", &raw);
}

/// Returns how long the commands of one client took [us]. Only its longest connection counts, because
/// `franka-rs` connects first before `libfranka-rs` does.
fn timed(
    listener: &TcpListener,
    client: usize,
    python: Option<&PyLibfranka>,
    ms: u32,
) -> Result<Vec<f64>, String> {
    let (_, version) = CLIENTS[client];
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || match client {
            0 | 4 => session(Client::FrankaRs, version, ms),
            1 | 5 => franka_rs_alone(version, ms).map_err(told),
            2 => session(Client::LibfrankaRs, version, ms),
            3 => libfranka_rs_alone(ms),
            _ => python.expect("it is installed").run(&HOST.to_string(), ms),
        });
        let connections = if client == 2 { 2 } else { 1 };
        let watched: std::io::Result<Vec<_>> = (0..connections)
            .map_while(|_| Watched::accept(listener, version, || thread.is_finished()).transpose())
            .map(|client| client?.watch())
            .collect();
        thread.join().expect("the client does not panic")?;
        let longest = watched.map_err(told)?.into_iter().max_by_key(Vec::len);
        Ok(longest.unwrap_or_default())
    })
}
