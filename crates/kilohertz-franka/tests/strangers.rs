//! Datagrams that others than the arm send to this host are not read, not answered, and counted.
#![cfg(target_os = "linux")]

mod common;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use common::*;
use franka::wire::gripper::GripperState;
use franka::wire::robot::{v5, v10};
use kilohertz_core::policy::{Ask, Native};
use kilohertz_franka::hand::{Hand, HandOptions};
use kilohertz_franka::{Arm, Client, ConnectOptions, Control, Generation};
use kilohertz_sim::{Fault, SimulatorOptions};
use zerocopy::IntoBytes;
use zerocopy::little_endian::{F32, F64, U16, U32, U64};

on_each_arm! {
    what_strangers_send_during_a_motion_is_neither_seen_nor_answered_and_counted,
    what_strangers_send_while_an_arm_is_connected_to_is_not_believed,
    what_strangers_send_to_an_idle_arm_is_not_its_state,
    what_strangers_send_to_the_hand_is_not_its_state,
    states_that_a_full_queue_lost_do_not_count_as_foreign,
    two_arms_at_one_address_are_connected_to_at_the_same_time,
    a_new_connection_accepts_only_the_arm_too,
    connecting_and_closing_leave_no_descriptor_behind,
}

/// The width in a forged state of the hand, and joint positions that no arm has.
const FORGED: f64 = 99.0;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The tests use the sockets of the whole process, so they run one at a time.
fn alone() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the ports of this process's sockets that can receive states: those that are bound to all addresses.
fn ports() -> Vec<u16> {
    let own: Vec<String> = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .flatten()
        .filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    let table = std::fs::read_to_string("/proc/net/udp").unwrap();
    let rows = table.lines().skip(1);
    rows.filter_map(|row| {
        let columns: Vec<&str> = row.split_whitespace().collect();
        let port = columns[1].strip_prefix("00000000:")?;
        let inode = format!("socket:[{}]", columns[9]);
        own.contains(&inode)
            .then(|| u16::from_str_radix(port, 16).unwrap())
    })
    .collect()
}

/// A sender on this host, with an address that no arm has.
struct Stranger {
    socket: UdpSocket,
    number: Box<dyn FnMut() -> f64 + Send>,
}

impl Stranger {
    fn new(seed: u64) -> Stranger {
        let socket = UdpSocket::bind("127.0.0.9:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        Stranger {
            socket,
            number: Box::new(numbers(seed)),
        }
    }

    /// Returns a random number below `below`.
    fn below(&mut self, below: usize) -> usize {
        ((self.number)().abs() * 1e6) as usize % below
    }

    /// Returns a random datagram of those that strangers send.
    fn datagram(&mut self) -> Vec<u8> {
        let ids = [0, 1, 1 << 40, u64::MAX - 1, u64::MAX];
        let id = ids[self.below(ids.len())];
        match self.below(8) {
            0 => Vec::new(),
            1 => vec![0x5a],
            2 => vec![0xff; size_of::<v10::RobotState>()],
            3 => vec![0; size_of::<v5::RobotState>()],
            4 => forged(Generation::Fr3, id),
            5 => forged(Generation::Fer, id),
            6 => forged_hand(id as u32),
            _ => vec![7; self.below(3_000)],
        }
    }

    fn send(&mut self, to: u16) {
        let datagram = self.datagram();
        self.socket
            .send_to(&datagram, (Ipv4Addr::LOCALHOST, to))
            .unwrap();
    }

    /// Returns true if anything was sent to it.
    fn heard_something(&self) -> bool {
        self.socket.recv_from(&mut [0; 4_000]).is_ok()
    }
}

fn forged(generation: Generation, id: u64) -> Vec<u8> {
    macro_rules! state {
        ($wire:ident, $number:ident) => {{
            let mut state = $wire::RobotState::default();
            state.message_id = U64::new(id);
            state.q_d = [$number::new(FORGED as _); 7];
            state.q = [$number::new(FORGED as _); 7];
            state.as_bytes().to_vec()
        }};
    }
    match generation {
        Generation::Fr3 => state!(v10, F32),
        Generation::Fer => state!(v5, F64),
    }
}

fn forged_hand(id: u32) -> Vec<u8> {
    let state = GripperState {
        message_id: U32::new(id),
        width: F64::new(FORGED),
        max_width: F64::new(FORGED),
        is_grasped: 1,
        temperature: U16::new(99),
    };
    state.as_bytes().to_vec()
}

/// Strangers that send to every port of this process that can receive states, until they are stopped.
struct Flood {
    over: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    sender: thread::JoinHandle<Stranger>,
}

impl Flood {
    fn start(seed: u64, pause: Duration) -> Flood {
        let over = Arc::new(AtomicBool::new(false));
        let sent = Arc::new(AtomicU64::new(0));
        let (is_over, counted) = (Arc::clone(&over), Arc::clone(&sent));
        let sender = thread::spawn(move || {
            let mut stranger = Stranger::new(seed);
            while !is_over.load(Ordering::Acquire) {
                for port in ports() {
                    stranger.send(port);
                    counted.fetch_add(1, Ordering::AcqRel);
                }
                thread::sleep(pause);
            }
            stranger
        });
        Flood { over, sent, sender }
    }

    fn stop(self) -> (Stranger, u64) {
        self.over.store(true, Ordering::Release);
        let stranger = self.sender.join().unwrap();
        (stranger, self.sent.load(Ordering::Acquire))
    }
}

fn what_strangers_send_during_a_motion_is_neither_seen_nor_answered_and_counted(rig: Rig) {
    let _alone = alone();
    let simulator = by_the_wall_clock(rig);
    let arm = connect(rig, &simulator);
    let [port] = ports()[..] else {
        panic!("one arm has one socket: {:?}", ports());
    };
    let latest = Arc::new(AtomicU64::new(0));
    let (seen, forged) = (Arc::clone(&latest), Arc::new(AtomicU64::new(0)));
    let seen_forged = Arc::clone(&forged);
    let policy = Native::new(7, move |ask: &Ask<'_>, action: &mut [f64]| {
        seen.fetch_add(1, Ordering::AcqRel);
        let forged = |name| joints(ask.observation, name).contains(&FORGED);
        if forged("q") || forged("q_d") {
            seen_forged.fetch_add(1, Ordering::AcqRel);
        }
        action.fill(0.0);
        Ok(())
    });
    let session = session(&arm, Control::JointVelocity, config(), policy);
    eventually("a motion", || latest.load(Ordering::Acquire) > 50);
    assert_eq!(arm.foreign_datagrams(), 0);
    // When the port of one of them has been closed, ICMP errors come back. The other one stays open.
    let mut strangers = [Stranger::new(1), Stranger::new(2)];
    // After a stall of the machine some drops are not certain to be foreign, and are not counted. So the strangers
    // send until enough are.
    let mut sent = 0;
    while arm.foreign_datagrams() < 500 {
        assert!(sent < 100_000, "{} counted", arm.foreign_datagrams());
        strangers[sent as usize % 2].send(port);
        sent += 1;
        if sent % 100 == 0 {
            assert!(!strangers[0].heard_something());
            strangers[0] = Stranger::new(sent);
        }
        thread::sleep(Duration::from_micros(500));
    }
    assert!(!session.has_ended(), "{:?}", session.outcome());
    let during = arm.foreign_datagrams();
    let cycles = latest.load(Ordering::Acquire);
    eventually("the motion goes on", || {
        latest.load(Ordering::Acquire) > cycles + 50
    });
    session.request_stop();
    ended_well(&session);
    assert_eq!(forged.load(Ordering::Acquire), 0);
    assert!(strangers.iter().all(|stranger| !stranger.heard_something()));
    let counted = arm.foreign_datagrams();
    assert!(during <= counted, "{during}, then {counted}");
    // None is counted that was not sent.
    assert!(counted <= sent, "{counted} of {sent}");
    assert_eq!(simulator.counters().motions_finished, 1);
    arm.close();
    assert_eq!(arm.foreign_datagrams(), counted);
}

fn what_strangers_send_while_an_arm_is_connected_to_is_not_believed(rig: Rig) {
    let _alone = alone();
    let simulator = by_the_wall_clock(rig);
    let mut sent = 0;
    for round in 0..20 {
        let flood = Flood::start(round, Duration::from_micros(200));
        let arm = try_connect(rig, &simulator);
        if let Ok(arm) = &arm {
            for _ in 0..5 {
                assert!(!arm.state().unwrap().q.contains(&FORGED));
            }
        }
        let (stranger, in_this_round) = flood.stop();
        sent += in_this_round;
        if let Err(error) = arm {
            // The socket of `libfranka-rs` is found only after it has connected, and receives everything until
            // then.
            assert_eq!(rig.client(), Client::LibfrankaRs, "{error}");
            assert_eq!(error.code.as_str(), "FRANKA_CONNECT_FAILED", "{error}");
        }
        assert!(!stranger.heard_something());
    }
    assert!(sent > 20, "{sent}");
    let arm = connect(rig, &simulator);
    assert!(!arm.state().unwrap().q.contains(&FORGED));
}

fn what_strangers_send_to_an_idle_arm_is_not_its_state(rig: Rig) {
    let _alone = alone();
    let simulator = by_the_wall_clock(rig);
    let arm = connect(rig, &simulator);
    let port = ports()[0];
    send_until_counted(&arm, port, 3);
}

/// Sends to an arm that does not move until a hundred datagrams more are counted. Those that came while the machine
/// stalled are not certain to be foreign, and are not counted.
fn send_until_counted(arm: &Arm, port: u16, seed: u64) {
    let before = arm.foreign_datagrams();
    let counted = || arm.foreign_datagrams() - before;
    let mut stranger = Stranger::new(seed);
    let mut sent = 0;
    while counted() < 100 {
        assert!(sent < 20_000, "{} of {sent} counted", counted());
        stranger.send(port);
        sent += 1;
        assert!(!arm.state().unwrap().q.contains(&FORGED));
    }
    assert!(counted() <= sent, "{} of {sent}", counted());
    assert!(!stranger.heard_something());
}

fn what_strangers_send_to_the_hand_is_not_its_state(rig: Rig) {
    let _alone = alone();
    let simulator = by_the_wall_clock(rig);
    let options = HandOptions {
        timeout: Duration::from_secs(30),
        ..HandOptions::default()
    };
    for round in 0..5 {
        let flood = Flood::start(round, Duration::from_micros(200));
        let hand = Hand::connect(&simulator.address().to_string(), &options).unwrap();
        let (_, connecting) = flood.stop();
        let port = ports()[0];
        let mut stranger = Stranger::new(round);
        let sent = 200;
        thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..sent {
                    stranger.send(port);
                    thread::sleep(Duration::from_micros(500));
                }
            });
            assert!(hand.move_to(0.02 + 0.01 * round as f64, 0.1).unwrap());
            for _ in 0..10 {
                let state = hand.state().unwrap();
                assert!(state.width < 0.1 && state.max_width < 0.1, "{state:?}");
            }
        });
        let counted = hand.foreign_datagrams();
        assert!(
            (1..=sent + connecting).contains(&counted),
            "{counted} of {sent} and {connecting}"
        );
        assert!(!stranger.heard_something());
        hand.close().unwrap();
        assert_eq!(hand.foreign_datagrams(), counted);
    }
}

fn states_that_a_full_queue_lost_do_not_count_as_foreign(rig: Rig) {
    let _alone = alone();
    let simulator = by_the_wall_clock(rig);
    let arm = connect(rig, &simulator);
    for pause in [1, 40, 400, 3, 700] {
        thread::sleep(MS * pause);
        arm.state().unwrap();
        assert_eq!(arm.foreign_datagrams(), 0, "after {pause} ms");
    }
    // This policy keeps its loop from reading the queue for that time.
    let policy = standing(Control::JointVelocity, |tick| {
        if tick % 50 == 20 {
            thread::sleep(MS * 150);
        }
        Ok(())
    });
    let session = session(&arm, Control::JointVelocity, run_for(900), policy);
    ended_well(&session);
    assert_eq!(arm.foreign_datagrams(), 0);
}

fn two_arms_at_one_address_are_connected_to_at_the_same_time(rig: Rig) {
    let _alone = alone();
    let host = match rig.generation() {
        Generation::Fr3 => "127.0.0.21",
        Generation::Fer => "127.0.0.22",
    };
    let others = Rig::ALL
        .iter()
        .filter(|other| other.client() == Rig::Fr3.client());
    let simulators: Vec<_> = others
        .cycle()
        .take(4)
        .map(|other| {
            let options = SimulatorOptions {
                host: host.parse::<IpAddr>().unwrap(),
                ..SimulatorOptions::default()
            };
            (*other, start(*other, options))
        })
        .collect();
    for _ in 0..5 {
        let arms: Vec<Arm> = thread::scope(|scope| {
            let connecting: Vec<_> = simulators
                .iter()
                .map(|(rig, simulator)| scope.spawn(move || connect(*rig, simulator)))
                .collect();
            connecting
                .into_iter()
                .map(|arm| arm.join().unwrap())
                .collect()
        });
        for (arm, (rig, simulator)) in arms.iter().zip(&simulators) {
            assert_eq!(arm.generation(), rig.generation());
            let off = arm.state().unwrap().q[3] - simulator.joints().q[3];
            assert!(off.abs() < 1e-2);
        }
    }
}

/// A client whose motion failed may have been replaced, and its socket with it.
fn a_new_connection_accepts_only_the_arm_too(rig: Rig) {
    let _alone = alone();
    let simulator = by_the_wall_clock(rig);
    let arm = connect(rig, &simulator);
    simulator.inject(Fault::UserStop(true)).unwrap();
    let policy = standing(Control::JointVelocity, |_| Ok(()));
    let failed = session(&arm, Control::JointVelocity, run_for(100), policy);
    assert!(ended(&failed).robot_error.is_some() || ended(&failed).cause.is_some());
    simulator.inject(Fault::UserStop(false)).unwrap();
    arm.state().unwrap();
    let [port] = ports()[..] else {
        panic!("one arm has one socket: {:?}", ports());
    };
    send_until_counted(&arm, port, 5);
}

fn connecting_and_closing_leave_no_descriptor_behind(rig: Rig) {
    let _alone = alone();
    let simulator = by_the_wall_clock(rig);
    let count = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    drop(connect(rig, &simulator));
    thread::sleep(MS * 100);
    let before = count();
    for _ in 0..10 {
        connect(rig, &simulator).state().unwrap();
        let options = HandOptions {
            timeout: Duration::from_secs(30),
            ..HandOptions::default()
        };
        let hand = Hand::connect(&simulator.address().to_string(), &options);
        hand.unwrap().state().unwrap();
    }
    eventually("all closed", || count() <= before);
    assert!(ports().is_empty());
}

#[test]
fn connecting_does_not_wait_for_a_silent_arm_at_the_same_address() {
    let _alone = alone();
    let simulator = by_the_wall_clock(Rig::Fr3);
    let silent = std::net::TcpListener::bind((simulator.address().ip(), 0)).unwrap();
    let silent_address = silent.local_addr().unwrap();
    let connecting = |address: SocketAddr| {
        let options = ConnectOptions {
            timeout: MS * 10_000,
            ..ConnectOptions::default()
        };
        Arm::connect(&address.to_string(), &options)
    };
    thread::scope(|scope| {
        let given_up = scope.spawn(|| connecting(silent_address));
        thread::sleep(MS * 100);
        connecting(simulator.address()).unwrap();
        assert!(!given_up.is_finished(), "it had to wait");
        let error = given_up.join().unwrap().err().expect("silent");
        assert_eq!(error.code.as_str(), "FRANKA_CONNECT_TIMEOUT", "{error}");
    });
}
