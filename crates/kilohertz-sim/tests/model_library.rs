//! The model library that a simulated FER serves, loaded and called as a client does.
#![cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;

use common::{connect, options, wall_clock};
use franka::model::{Frame, Model};
use franka::wire::robot::ConnectRequest;
use franka::wire::robot::v5::{
    Command, LoadModelLibraryArchitecture, LoadModelLibraryRequest, LoadModelLibraryStatus,
    LoadModelLibrarySystem,
};
use franka::wire::{HeaderLayout, ROBOT_HEADER_LEN};
use kilohertz_sim::{Generation, Simulator, SimulatorError, SimulatorOptions};
use zerocopy::IntoBytes;

const EARTH: [f64; 3] = [0.3, -0.2, -9.81];

fn assert_near<const N: usize>(what: &str, served: &[f64; N], own: &[f64; N]) {
    for (nth, (served, own)) in served.iter().zip(own).enumerate() {
        assert!(
            (served - own).abs() < 1e-9,
            "{what}[{nth}]: {served} and {own}"
        );
    }
}

#[test]
fn what_a_fer_serves_is_the_model_that_moves_it() {
    let simulator = wall_clock(Generation::Fer);
    let robot = connect(&simulator).unwrap();
    let served = robot.load_model_from_robot().unwrap();
    let own = Model::native_fer();
    let mut noise = 5_u64;
    let mut random = |from: f64, to: f64| {
        noise = noise
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        from + (to - from) * (noise >> 40) as f64 / (1_u64 << 24) as f64
    };
    let tool = [
        0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.02, -0.03, 0.1, 1.0,
    ];
    let inertia = [0.01, 0.002, 0.0, 0.002, 0.02, 0.001, 0.0, 0.001, 0.015];
    for _ in 0..50 {
        let q = std::array::from_fn(|_| random(-2.5, 2.5));
        let dq = std::array::from_fn(|_| random(-2.0, 2.0));
        let (mass, centre) = (random(0.0, 3.0), std::array::from_fn(|_| random(-0.1, 0.1)));
        for frame in Frame::ALL {
            let both = [&served, &own].map(|model| {
                (
                    model.pose_q(frame, &q, &tool, &tool),
                    model.zero_jacobian_q(frame, &q, &tool, &tool),
                    model.body_jacobian_q(frame, &q, &tool, &tool),
                )
            });
            assert_near(&format!("pose of {frame:?}"), &both[0].0, &both[1].0);
            assert_near(
                &format!("zero Jacobian of {frame:?}"),
                &both[0].1,
                &both[1].1,
            );
            assert_near(
                &format!("body Jacobian of {frame:?}"),
                &both[0].2,
                &both[1].2,
            );
        }
        let both = [&served, &own].map(|model| {
            (
                model.mass_q(&q, &inertia, mass, &centre),
                model.coriolis_q(&q, &dq, &inertia, mass, &centre, &[0.0; 3]),
                model.gravity_q(&q, mass, &centre, &EARTH),
            )
        });
        assert_near("mass", &both[0].0, &both[1].0);
        assert_near("coriolis", &both[0].1, &both[1].1);
        assert_near("gravity", &both[0].2, &both[1].2);
    }
}

/// Writes a file that is removed with the returned value.
struct Written(std::path::PathBuf);

impl Written {
    fn new(name: &str, bytes: &[u8]) -> Written {
        let own = format!("kilohertz-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(own);
        std::fs::write(&path, bytes).unwrap();
        Written(path)
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn handed_in(path: &std::path::Path) -> Result<Simulator, SimulatorError> {
    Simulator::start(SimulatorOptions {
        model_library: Some(path.to_owned()),
        ..options(Generation::Fer)
    })
}

/// A shared object of this machine that is no model library.
fn some_library() -> Vec<u8> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let path = maps
        .split_whitespace()
        .find(|word| word.contains("/libc.so"));
    std::fs::read(path.expect("a C library")).unwrap()
}

#[test]
fn a_library_that_was_handed_in_is_served_instead() {
    let library = some_library();
    let file = Written::new("library.so", &library);
    let simulator = handed_in(&file.0).unwrap();
    let own = match cfg!(target_arch = "x86_64") {
        true => LoadModelLibraryArchitecture::X64,
        false => LoadModelLibraryArchitecture::ARM64,
    };
    let request = LoadModelLibraryRequest::new(own, LoadModelLibrarySystem::Linux);
    let mut stream = TcpStream::connect(simulator.address()).unwrap();
    let ask = |command: Command, payload: &[u8]| {
        let mut bytes = HeaderLayout::Robot.encode_header(command.to_u32(), 7, payload.len());
        bytes.extend_from_slice(payload);
        bytes
    };
    let connect = ConnectRequest::new(5, 9);
    stream
        .write_all(&ask(Command::Connect, connect.as_bytes()))
        .unwrap();
    let mut answer = [0; ROBOT_HEADER_LEN + 3];
    stream.read_exact(&mut answer).unwrap();
    stream
        .write_all(&ask(Command::LoadModelLibrary, request.as_bytes()))
        .unwrap();
    let mut served = vec![0; ROBOT_HEADER_LEN + 1 + library.len()];
    stream.read_exact(&mut served).unwrap();
    assert_eq!(
        served[ROBOT_HEADER_LEN],
        LoadModelLibraryStatus::Success.to_u8()
    );
    assert_eq!(served[ROBOT_HEADER_LEN + 1..], library);
}

#[test]
fn a_file_that_cannot_be_a_library_is_refused_by_name() {
    let text = Written::new("text.so", b"#!/bin/sh\n");
    let mut foreign = some_library();
    foreign[18] = 40;
    let foreign = Written::new("foreign.so", &foreign);
    let mut large = some_library();
    large.resize((32 << 20) + 1, 0);
    let large = Written::new("large.so", &large);
    let missing = std::path::Path::new("/nowhere/library.so");
    for (path, what) in [
        (missing, "not readable"),
        (std::path::Path::new("/"), "not a file"),
        (&text.0, "not an ELF file"),
        (&foreign.0, "another type of machine"),
        (
            &large.0,
            "too large (33554433 bytes); expected at most 33554432 bytes",
        ),
    ] {
        let refused = handed_in(path).unwrap_err();
        assert_eq!(refused.code(), "SIM_MODEL_LIBRARY");
        let text = refused.to_string();
        assert!(text.contains(what), "{text}");
        assert!(text.contains(&*path.to_string_lossy()), "{text}");
    }
    let fr3 = Simulator::start(SimulatorOptions {
        model_library: Some(missing.to_owned()),
        ..options(Generation::Fr3)
    });
    assert_eq!(fr3.unwrap_err().code(), "SIM_OPTION");
}
