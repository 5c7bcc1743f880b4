//! The arm that keeps the time, and who is timed.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use franka::wire::robot::{ConnectResponse, ConnectStatus, v5};
use franka::{MoveControllerMode, RealtimeConfig, motion_finished};
use kilohertz_core::courier::start_courier;
use kilohertz_core::policy::{Ask, Native};
use kilohertz_core::session::{Config, Session};
use kilohertz_core::stats::Recorder;
use kilohertz_core::thread::{RealtimeRequest, make_realtime};
use kilohertz_franka::{Arm, Client, ConnectOptions, Control};
use libfranka::MotionFinished;
use zerocopy::{FromBytes, IntoBytes};

use crate::rows::{is_test, keep, median, percentile, print_machine, us};

const MS: Duration = Duration::from_millis(1);
const HOST: Ipv4Addr = Ipv4Addr::new(127, 13, 37, 1);
const PORT: u16 = 1337;

/// The four that are timed, by the names in the rows.
const CLIENTS: [&str; 4] = [
    "kilohertz over franka-rs",
    "franka-rs alone",
    "kilohertz over libfranka-rs",
    "libfranka-rs alone",
];

/// One client, from its connection to its end; the times that its commands took [us].
struct Watched {
    stream: TcpStream,
    udp: UdpSocket,
    client: SocketAddr,
    state: v5::RobotState,
    /// Number of the running `Move`.
    motion: Option<u32>,
    took: Vec<f64>,
}

impl Watched {
    fn accept(listener: &TcpListener) -> std::io::Result<Watched> {
        let (mut stream, peer) = listener.accept()?;
        stream.set_nodelay(true)?;
        let mut request = [0; 16];
        stream.read_exact(&mut request)?;
        let port = u16::from_le_bytes([request[14], request[15]]);
        let response = ConnectResponse::new(ConnectStatus::Success, v5::ROBOT_VERSION);
        answer(&mut stream, &request, response.as_bytes())?;
        stream.set_nonblocking(true)?;
        let udp = UdpSocket::bind((HOST, 0))?;
        udp.set_read_timeout(Some(Duration::from_millis(200)))?;
        let state = v5::RobotState {
            robot_mode: v5::RobotMode::Idle.to_u8(),
            controller_mode: v5::ControllerMode::Other.to_u8(),
            ..v5::RobotState::default()
        };
        Ok(Watched {
            stream,
            udp,
            client: SocketAddr::new(peer.ip(), port),
            state,
            motion: None,
            took: Vec::new(),
        })
    }

    /// Until the client leaves.
    fn watch(mut self) -> std::io::Result<Vec<f64>> {
        let mut deadline = Instant::now();
        while self.take_requests()? {
            deadline = (deadline + MS).max(Instant::now());
            std::thread::sleep(deadline.saturating_duration_since(Instant::now()));
            let next = self.state.message_id.get() + 1;
            self.state.message_id.set(next);
            let sent = Instant::now();
            self.udp.send_to(self.state.as_bytes(), self.client)?;
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
                // A client that starts a motion reads states before it commands.
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            let command = v5::RobotCommand::read_from_bytes(&bytes[..length])
                .map_err(|_| std::io::Error::other("no command"))?;
            if command.message_id.get() < self.state.message_id.get() {
                continue;
            }
            self.took.push(us(sent.elapsed()));
            if command.motion.motion_generation_finished != 0 {
                self.end_motion(v5::MoveStatus::Success)?;
            }
            return Ok(());
        }
    }

    fn end_motion(&mut self, status: v5::MoveStatus) -> std::io::Result<()> {
        self.state.robot_mode = v5::RobotMode::Idle.to_u8();
        self.state.motion_generator_mode = v5::MotionGeneratorMode::Idle.to_u8();
        self.state.controller_mode = v5::ControllerMode::Other.to_u8();
        let Some(id) = self.motion.take() else {
            return Ok(());
        };
        let mut request = v5::Command::Move.to_u32().to_le_bytes().to_vec();
        request.extend_from_slice(&id.to_le_bytes());
        answer(&mut self.stream, &request, &[status.to_u8()])
    }

    /// Everything that the client has asked for by now; whether it is still there.
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
            match v5::Command::from_u32(command) {
                Some(v5::Command::Move) => {
                    answer(
                        &mut self.stream,
                        rest,
                        &[v5::MoveStatus::MotionStarted.to_u8()],
                    )?;
                    self.motion = Some(id);
                    self.state.robot_mode = v5::RobotMode::Move.to_u8();
                    self.state.motion_generator_mode =
                        v5::MotionGeneratorMode::JointVelocity.to_u8();
                    self.state.controller_mode = v5::ControllerMode::JointImpedance.to_u8();
                }
                Some(v5::Command::StopMove) => {
                    self.end_motion(v5::MoveStatus::Preempted)?;
                    answer(&mut self.stream, rest, &[0])?;
                }
                _ => return Err(std::io::Error::other("an unexpected request")),
            }
            rest = &rest[size.clamp(12, rest.len())..];
        }
        Ok(true)
    }
}

/// Answers a request, of which it needs the number of the command and its own.
fn answer(stream: &mut TcpStream, request: &[u8], payload: &[u8]) -> std::io::Result<()> {
    let mut bytes = request[..8].to_vec();
    bytes.extend_from_slice(&(12 + payload.len() as u32).to_le_bytes());
    bytes.extend_from_slice(payload);
    stream.write_all(&bytes)
}

fn session(client: Client, ms: u32) {
    let options = ConnectOptions {
        client,
        generation: Some(kilohertz_franka::Generation::Fer),
        ..ConnectOptions::default()
    };
    let arm = Arm::connect(&HOST.to_string(), &options).expect("a connection");
    let (robot, limits) = arm.robot(Control::JointVelocity).expect("an idle arm");
    let policy = Native::new(7, |_: &Ask<'_>, action: &mut [f64]| {
        action.fill(0.0);
        Ok(())
    });
    let config = Config {
        run_for: Some(MS * ms),
        ..Config::default()
    };
    let recorder = Arc::new(Recorder::new(MS, 10_000));
    let bell = start_courier(|| {}, |_| {}).expect("a thread");
    let session =
        Session::start(robot, Box::new(policy), limits, config, recorder, bell).expect("a thread");
    while !session.join(Duration::from_secs(1)) {}
    let outcome = session.outcome().expect("it has ended");
    assert!(outcome.cause.is_none(), "{outcome:?}");
}

fn franka_rs_alone(ms: u32) {
    let version = franka::VersionPolicy::Exact(franka::FciVersion::V5);
    let options = franka::RobotOptions::new(RealtimeConfig::Ignore).with_version(version);
    let robot = franka::Robot::with_options(&HOST.to_string(), options).expect("a connection");
    let mut motion = robot
        .start_joint_velocity_control(MoveControllerMode::JointImpedance)
        .expect("a motion");
    let rest = franka::JointVelocities::new([0.0; 7]);
    for _ in 0..ms {
        motion.read_once().expect("a state");
        motion.write_once(&rest, None).expect("a command");
    }
    motion.read_once().expect("a state");
    motion
        .write_once(&motion_finished(rest), None)
        .expect("an end");
}

/// As `franka-rs` does of itself, its thread is put on the highest realtime priority, if it may be.
fn libfranka_rs_alone(ms: u32) {
    make_realtime(&RealtimeRequest {
        priority: Some(99),
        lock_memory: false,
        ..RealtimeRequest::default()
    });
    let realtime = libfranka::RealtimeConfig::Ignore;
    let mut robot = libfranka::Robot::new(&HOST.to_string(), realtime, 50).expect("a connection");
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
        .expect("a motion");
}

pub fn run() {
    print_machine();
    let (rounds, ms) = if is_test() { (1, 300) } else { (7, 4_000) };
    let listener = TcpListener::bind((HOST, PORT)).expect("the port");
    let mut raw = Vec::new();
    let mut rows: [Vec<[f64; 2]>; 4] = Default::default();
    for round in 0..rounds {
        for (index, name) in CLIENTS.iter().enumerate() {
            let mut took = timed(&listener, index, ms);
            // What the client needs to get going is left out.
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
    for (name, rounds) in CLIENTS.iter().zip(&rows) {
        let [p50, p99] = [0, 1].map(|which| median(rounds.iter().map(|row| row[which])));
        println!("{name:28} {p50:9.1} {p99:9.1}");
    }
    keep("clients", "round,client,p50_us,p99_us,max_us,ticks", &raw);
}

/// What the commands of one client took [us]; the longest of its connections, because
/// `libfranka-rs` is let in after a look by `franka-rs`.
fn timed(listener: &TcpListener, client: usize, ms: u32) -> Vec<f64> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || match client {
            0 => session(Client::FrankaRs, ms),
            1 => franka_rs_alone(ms),
            2 => session(Client::LibfrankaRs, ms),
            _ => libfranka_rs_alone(ms),
        });
        let connections = if client == 2 { 2 } else { 1 };
        let watched = (0..connections).map(|_| {
            let client = Watched::accept(listener).expect("a client");
            client.watch().expect("it keeps to the protocol")
        });
        let longest = watched.max_by_key(Vec::len).unwrap_or_default();
        thread.join().expect("the client does not panic");
        longest
    })
}
