//! What only FCI version 5 has, and how a client with one version is refused by the other.

mod common;

use common::{lockstep, wall_clock, with_robot};
use franka::wire::robot::codec::FciVersion;
use franka::{FrankaError, FrankaResult, RealtimeConfig, Robot, RobotOptions, VersionPolicy};
use kilohertz_sim::{Generation, Simulator};

fn connect_as(simulator: &Simulator, version: FciVersion) -> FrankaResult<u16> {
    let address = simulator.address().to_string();
    let client = std::thread::spawn(move || {
        let options =
            RobotOptions::new(RealtimeConfig::Ignore).with_version(VersionPolicy::Exact(version));
        Robot::with_options(&address, options).map(|robot| robot.server_version())
    });
    client.join().unwrap()
}

#[test]
fn each_arm_speaks_its_own_version_and_names_it_to_the_other() {
    for (arm, own, other) in [
        (Generation::Fr3, FciVersion::V10, FciVersion::V5),
        (Generation::Fer, FciVersion::V5, FciVersion::V10),
    ] {
        let simulator = wall_clock(arm);
        match connect_as(&simulator, other) {
            Err(FrankaError::IncompatibleVersion { server_version, .. }) => {
                assert_eq!(server_version, arm.fci_version());
            }
            answered => panic!("{answered:?}"),
        }
        assert_eq!(connect_as(&simulator, own).unwrap(), arm.fci_version());
        assert_eq!(simulator.counters().clients, 1);
    }
}

#[test]
fn filters_are_checked_and_walls_are_not_there() {
    let simulator = lockstep(Generation::Fer);
    with_robot(&simulator, |robot| {
        robot
            .set_filters(100.0, 100.0, 100.0, 100.0, 1000.0)
            .unwrap();
        match robot.set_filters(100.0, 0.0, 100.0, 100.0, 100.0) {
            Err(FrankaError::Command(text)) => assert!(text.contains("invalid argument"), "{text}"),
            other => panic!("{other:?}"),
        }
        let wall = robot.virtual_wall(0).unwrap();
        assert!(!wall.active);
    });
}

#[test]
fn the_commanded_pose_stays_where_torque_control_began() {
    let simulator = lockstep(Generation::Fer);
    with_robot(&simulator, |robot| {
        let mut control = robot.start_torque_control().unwrap();
        let start = control.read_once().unwrap().0;
        let mut last = start;
        for _ in 0..100 {
            let tau = [0.9, 0., 0., 0., 0., 0., 0.];
            control.write_once(&franka::Torques::new(tau)).unwrap();
            last = control.read_once().unwrap().0;
            assert_eq!(last.q_d, start.q_d);
        }
        assert!(last.dq[0] > 0.0, "{:?}", last.dq);
    });
}
