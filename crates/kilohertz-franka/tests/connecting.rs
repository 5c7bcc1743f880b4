//! Connecting to an arm, and its errors.

mod common;

use std::net::TcpListener;
use std::time::Duration;

use common::*;
use kilohertz_franka::{Arm, ArmErrorCode, ConnectOptions, Generation};
use kilohertz_sim::Fault;

on_each_arm! {
    another_generation_than_the_one_asked_for_is_refused_by_both_names,
    an_arm_of_an_unknown_version_is_refused_with_its_version,
    connecting_leaves_the_callers_thread_as_it_was,
    a_second_client_is_told_that_another_is_connected,
}

fn with(timeout: Duration) -> ConnectOptions {
    ConnectOptions {
        timeout,
        ..ConnectOptions::default()
    }
}

fn refusal(address: &str, timeout: Duration) -> (ArmErrorCode, String) {
    let refused = Arm::connect(address, &with(timeout));
    let error = refused.err().expect("connected");
    (error.code, error.message)
}

#[test]
fn the_generation_of_an_arm_is_detected() {
    for (generation, version) in [(Generation::Fr3, 10), (Generation::Fer, 5)] {
        let rig = Rig::ALL
            .iter()
            .find(|rig| rig.generation() == generation)
            .unwrap();
        let simulator = lockstep(*rig);
        let options = with(NEVER);
        let arm = Arm::connect(&simulator.address().to_string(), &options).unwrap();
        assert_eq!(
            (arm.generation(), arm.server_version()),
            (generation, version)
        );
    }
}

fn another_generation_than_the_one_asked_for_is_refused_by_both_names(rig: Rig) {
    let simulator = lockstep(rig);
    let address = simulator.address().to_string();
    for generation in Generation::ALL {
        let options = ConnectOptions {
            generation: Some(generation),
            ..with(NEVER)
        };
        match Arm::connect(&address, &options) {
            Ok(arm) => assert_eq!(
                (arm.generation(), generation),
                (generation, rig.generation())
            ),
            Err(error) => {
                assert_ne!(generation, rig.generation());
                assert_eq!(error.code.as_str(), "FRANKA_GENERATION");
                for named in [
                    "generation fr3",
                    "version 10",
                    "generation fer",
                    "version 5",
                ] {
                    assert!(error.message.contains(named), "{error}");
                }
            }
        }
    }
    assert_eq!(simulator.counters().clients, 1);
}

fn an_arm_of_an_unknown_version_is_refused_with_its_version(rig: Rig) {
    let simulator = lockstep(rig);
    simulator
        .inject(Fault::RejectConnect { version: 9 })
        .unwrap();
    let error = try_connect(rig, &simulator).err().expect("connected");
    assert_eq!(error.code.as_str(), "FRANKA_INCOMPATIBLE_VERSION");
    assert!(error.message.contains("version 9"), "{error}");
    connect(rig, &simulator);
}

#[test]
fn an_address_where_nothing_listens_is_refused() {
    let unused = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let (code, message) = refusal(&unused.to_string(), NEVER);
    assert_eq!(code, ArmErrorCode::ConnectRefused, "{message}");
    assert!(message.contains(&unused.to_string()), "{message}");
}

#[test]
fn a_server_that_accepts_and_says_nothing_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let (code, message) = refusal(&address, Duration::from_millis(300));
    assert_eq!(code, ArmErrorCode::ConnectTimeout, "{message}");
}

#[test]
fn a_server_that_is_no_arm_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = std::thread::spawn(move || {
        use std::io::Write;
        let (mut client, _) = listener.accept().unwrap();
        let _ = client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let refused = Arm::connect(&address, &with(NEVER));
    assert!(refused.is_err());
    server.join().unwrap();
}

#[test]
fn a_host_without_an_address_fails() {
    let (code, message) = refusal("no such host", NEVER);
    assert_eq!(code, ArmErrorCode::ConnectFailed, "{message}");
}

fn connecting_leaves_the_callers_thread_as_it_was(rig: Rig) {
    let scheduling = || std::fs::read_to_string("/proc/thread-self/sched").unwrap_or_default();
    let policy = |text: String| {
        let line = text.lines().find(|line| line.starts_with("policy"));
        line.map(|line| {
            line.split_whitespace()
                .last()
                .unwrap_or_default()
                .to_owned()
        })
    };
    let before = policy(scheduling());
    let simulator = lockstep(rig);
    let _arm = connect(rig, &simulator);
    assert_eq!(policy(scheduling()), before);
}

#[cfg(feature = "libfranka-rs")]
#[test]
fn libfranka_rs_goes_to_a_fer_on_its_own_port_and_nowhere_else() {
    use kilohertz_franka::Client;
    use kilohertz_sim::SimulatorOptions;

    let libfranka = ConnectOptions {
        client: Client::LibfrankaRs,
        ..with(NEVER)
    };
    let refused = |address: &str, options: &ConnectOptions| {
        let error = Arm::connect(address, options).err().expect("connected");
        (error.code.as_str(), error.message)
    };
    let elsewhere = lockstep(Rig::Fer);
    let (code, message) = refused(&elsewhere.address().to_string(), &libfranka);
    assert_eq!(code, "FRANKA_CLIENT", "{message}");
    assert!(message.contains("1337"), "{message}");

    let fr3 = start_on_its_own_host(Rig::Fr3, SimulatorOptions::default());
    let address = fr3.address().to_string();
    let (code, message) = refused(&address, &libfranka);
    assert_eq!(code, "FRANKA_GENERATION", "{message}");
    for named in ["fr3", "version 10", "fer", "version 5", "franka-rs"] {
        assert!(message.contains(named), "{message}");
    }
    let pinned = ConnectOptions {
        generation: Some(Generation::Fr3),
        ..libfranka.clone()
    };
    assert_eq!(refused(&address, &pinned).0, "FRANKA_CLIENT");

    let fer = lockstep(Rig::Libfranka);
    let arm = connect(Rig::Libfranka, &fer);
    assert_eq!(arm.client_name(), Client::LibfrankaRs);
    assert_eq!(arm.generation(), Generation::Fer);
}

fn a_second_client_is_told_that_another_is_connected(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let (code, message) = refusal(&simulator.address().to_string(), NEVER);
    assert_eq!(code, ArmErrorCode::ConnectFailed, "{message}");
    assert!(message.contains("another client is connected"), "{message}");
    // The first client still works.
    arm.state().unwrap();
}
